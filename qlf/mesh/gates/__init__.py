"""The gates, one a module, each a `GATE`."""
