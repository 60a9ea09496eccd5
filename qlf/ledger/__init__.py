"""The books: an audit log that cannot be changed unseen, spend against budgets, and sealed keys."""
