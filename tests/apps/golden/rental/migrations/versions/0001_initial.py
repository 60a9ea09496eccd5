"""Create the first tables."""

import sqlalchemy as sa
from alembic import op

from app.db.types import Exact, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, those that are referred to first."""
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("full_name", sa.String(120), nullable=False),
        sa.Column("role", sa.String(48), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("last_login_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.CheckConstraint("length(email) BETWEEN 3 AND 254", name=op.f("ck_users_email_length")),
        sa.CheckConstraint(
            "length(full_name) BETWEEN 1 AND 120", name=op.f("ck_users_full_name_length")
        ),
        sa.CheckConstraint("role IN ('admin', 'staff')", name=op.f("ck_users_role")),
    )
    op.create_index(op.f("ix_users_created_at"), "users", ["created_at"])

    op.create_table(
        "user_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("ip_address", sa.String(45), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_sessions")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "length(ip_address) <= 45", name=op.f("ck_user_sessions_ip_address_length")
        ),
        sa.CheckConstraint(
            "length(user_agent) <= 200", name=op.f("ck_user_sessions_user_agent_length")
        ),
    )
    op.create_index(op.f("ix_user_sessions_created_at"), "user_sessions", ["created_at"])
    op.create_index(op.f("ix_user_sessions_user_id"), "user_sessions", ["user_id"])

    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_session_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.ForeignKeyConstraint(
            ["user_session_id"],
            ["user_sessions.id"],
            name=op.f("fk_refresh_tokens_user_session_id"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_refresh_tokens_fingerprint")),
    )
    op.create_index(op.f("ix_refresh_tokens_created_at"), "refresh_tokens", ["created_at"])
    op.create_index(
        op.f("ix_refresh_tokens_user_session_id"), "refresh_tokens", ["user_session_id"]
    )

    op.create_table(
        "login_throttles",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("window_started_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_throttles")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_login_throttles_attempts_positive")),
    )
    op.create_index(
        op.f("ix_login_throttles_window_started_at"), "login_throttles", ["window_started_at"]
    )

    op.create_table(
        "customers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("full_name", sa.String(120), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("phone", sa.String(24), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("email", name=op.f("uq_customers_email")),
        sa.CheckConstraint(
            "length(full_name) BETWEEN 1 AND 120", name=op.f("ck_customers_full_name_length")
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_customers_email_lower")),
        sa.CheckConstraint(
            "length(email) BETWEEN 3 AND 254", name=op.f("ck_customers_email_length")
        ),
        sa.CheckConstraint(
            "length(phone) BETWEEN 5 AND 24", name=op.f("ck_customers_phone_length")
        ),
        sa.CheckConstraint("length(notes) <= 2000", name=op.f("ck_customers_notes_length")),
    )
    op.create_index(op.f("ix_customers_created_at"), "customers", ["created_at"])

    op.create_table(
        "items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("serial_no", sa.String(64), nullable=False),
        sa.Column("serial_no_folded", sa.String(192), nullable=False),
        sa.Column("daily_rate", Exact(12, 2), nullable=False),
        sa.Column("condition", sa.String(48), nullable=False),
        sa.Column("is_available", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
        sa.UniqueConstraint("serial_no_folded", name=op.f("uq_items_serial_no_folded")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 120", name=op.f("ck_items_name_length")),
        sa.CheckConstraint(
            "length(serial_no) BETWEEN 1 AND 64", name=op.f("ck_items_serial_no_length")
        ),
        sa.CheckConstraint("daily_rate >= 0", name=op.f("ck_items_daily_rate_range")),
        sa.CheckConstraint(
            "condition IN ('new', 'good', 'worn', 'damaged')", name=op.f("ck_items_condition")
        ),
    )
    op.create_index(op.f("ix_items_created_at"), "items", ["created_at"])

    op.create_table(
        "rentals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.Column("deposit", Exact(12, 2), nullable=False),
        sa.Column("status", sa.String(48), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rentals")),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_rentals_customer_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["items.id"], name=op.f("fk_rentals_item_id"), ondelete="RESTRICT"
        ),
        sa.CheckConstraint("deposit >= 0", name=op.f("ck_rentals_deposit_range")),
        sa.CheckConstraint("start_date <= end_date", name=op.f("ck_rentals_rental_dates_ordered")),
        sa.CheckConstraint(
            "status IN ('reserved', 'picked_up', 'returned', 'cancelled')",
            name=op.f("ck_rentals_status"),
        ),
    )
    op.create_index(op.f("ix_rentals_created_at"), "rentals", ["created_at"])
    op.create_index(op.f("ix_rentals_customer_id"), "rentals", ["customer_id"])
    op.create_index(op.f("ix_rentals_item_id"), "rentals", ["item_id"])

    op.create_table(
        "damage_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rental_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("repair_cost", Exact(12, 2), nullable=False),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_damage_reports")),
        sa.ForeignKeyConstraint(
            ["rental_id"],
            ["rentals.id"],
            name=op.f("fk_damage_reports_rental_id"),
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(
            "length(description) BETWEEN 1 AND 2000",
            name=op.f("ck_damage_reports_description_length"),
        ),
        sa.CheckConstraint("repair_cost >= 0", name=op.f("ck_damage_reports_repair_cost_range")),
    )
    op.create_index(op.f("ix_damage_reports_created_at"), "damage_reports", ["created_at"])
    op.create_index(op.f("ix_damage_reports_rental_id"), "damage_reports", ["rental_id"])


def downgrade() -> None:
    """Drop the tables, those that refer to others first."""
    op.drop_table("damage_reports")
    op.drop_table("rentals")
    op.drop_table("items")
    op.drop_table("customers")
    op.drop_table("login_throttles")
    op.drop_table("refresh_tokens")
    op.drop_table("user_sessions")
    op.drop_table("users")
