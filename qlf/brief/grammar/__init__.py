"""What a brief says, read by rules: one family of rules a module, each giving facts with their place."""
