"""Drives a running application over HTTP the way a user's program would, from outside of its sandbox."""
