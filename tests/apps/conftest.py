"""The golden applications have tests of their own, which run in their own environment."""

collect_ignore = ["golden"]
