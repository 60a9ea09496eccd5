"""Prefect flows: order, concurrency, parameters and artifacts."""
