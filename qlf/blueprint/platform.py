"""What every application has, whatever its spec says."""

__all__ = ["ACCOUNT_FIELDS"]

ACCOUNT_FIELDS = frozenset(
    {
        *("e_mail", "email", "email_address", "full_name", "hashed_password", "is_active", "last_login_at"),
        *("mail", "name", "password", "password_hash", "role"),
    }
)
"""What every account has anyway; the spec may say it again. A plain `name` is the full name."""
