"""Prefect blocks of `qlf`: credentials, stores and clusters as typed configuration."""
