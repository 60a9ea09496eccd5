"""A provider to try things on: the wire formats of Bedrock and OpenAI over HTTP, with faults on a script."""
