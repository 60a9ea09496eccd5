"""The routes: they read the request, ask for the right, call one use case, and answer."""
