"""Demo scenarios shipped with `qlf`, as data."""
