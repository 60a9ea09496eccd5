"""Prefect tasks: one for each node of a plan. A body calls `qlf` and returns a value."""
