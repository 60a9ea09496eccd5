"""Provider credentials under envelope encryption, with rotation."""
