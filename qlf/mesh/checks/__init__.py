"""Single checks, each a function from text to findings, that the gates put together."""
