"""Overlays shipped with `qlf`, as data."""
