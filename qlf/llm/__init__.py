"""The gateway to models: routing, pacing, budget, cache and telemetry of every call that an agent makes."""
