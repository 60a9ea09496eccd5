"""The version of the API, which begins every path of it."""

API_PREFIX = "/api/v1"
