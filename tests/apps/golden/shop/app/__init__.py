"""Shop, as an HTTP API."""

__version__ = "0.1.0"
