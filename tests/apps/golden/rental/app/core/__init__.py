"""What every layer may use: settings, errors, logs, cryptography; nothing of the domain."""
