"""Values and rules that everything above shares: the spec, file trees, findings, canonical forms."""
