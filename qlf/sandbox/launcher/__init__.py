"""The program that stands between `qlf` and a command: it builds the walls, watches and clears up.

It runs in an interpreter of its own, isolated from every installed package, so it imports the standard
library alone. A plan in JSON tells it what to do; it decides nothing.
"""
