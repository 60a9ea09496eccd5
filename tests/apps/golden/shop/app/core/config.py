"""Settings, read once from the environment (and `.env`) into a frozen value."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MIN_SECRET_LENGTH = 32
MIN_SECRET_DISTINCT_CHARACTERS = 10
MAKE_A_KEY = 'make one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
PLACEHOLDERS = ("change", "secret", "default", "example", "password", "placeholder")


class SettingsError(Exception):
    """The environment does not describe an application that may start."""


class Settings(BaseSettings):
    """Everything that may differ between two installations of this application."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    app_env: Literal["development", "test", "production"] = "production"
    """Production unless told otherwise: forgetting a variable must not weaken anything."""
    database_url: str = "sqlite:///./app.db"
    secret_key: SecretStr
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    registration_open: bool = True
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins a browser may call from, comma-separated. Empty: same origin only."""
    max_body_bytes: int = Field(default=1_048_576, ge=1_024)

    access_token_minutes: int = Field(default=15, ge=1, le=15)
    refresh_token_days: int = Field(default=14, ge=1, le=90)
    """How long a session may stay unused."""
    session_days: int = Field(default=30, ge=1, le=365)
    """How long a session may live at all, however often it is refreshed."""

    login_max_failures: int = Field(default=5, ge=1)
    """Failed logins for one e-mail address before it is locked."""
    login_max_failures_per_address: int = Field(default=50, ge=1)
    """Failed logins from one network address before it is locked."""
    login_window_minutes: int = Field(default=15, ge=1)
    """Both the window in which failures are counted and the length of the lock."""
    registrations_per_address: int = Field(default=20, ge=1)

    argon2_time_cost: int = Field(default=2, ge=1)
    argon2_memory_kib: int = Field(default=19_456, ge=8)
    argon2_parallelism: int = Field(default=1, ge=1)

    database_pool_size: int = Field(default=10, ge=1)
    database_timeout_seconds: int = Field(default=10, ge=1)
    """Longest wait for a connection, a lock or a statement."""

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(origin.strip() for origin in value.split(",") if origin.strip())
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_exact(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            scheme, _, host = origin.partition("://")
            if scheme not in {"http", "https"} or not host or set(host) & set("/*@?# "):
                raise ValueError(f"{origin!r} is not an origin such as https://shop.example")
        return value

    @field_validator("database_url")
    @classmethod
    def _driver_is_installed(cls, value: str) -> str:
        # Hosting platforms hand out both spellings; SQLAlchemy needs the driver named.
        for prefix in ("postgres://", "postgresql://"):
            if value.startswith(prefix):
                return f"postgresql+psycopg://{value.removeprefix(prefix)}"
        if not value.startswith(("sqlite:", "postgresql+psycopg:")):
            raise ValueError("must start with sqlite:/// or postgresql://")
        return value

    @field_validator("secret_key")
    @classmethod
    def _secret_is_long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < MIN_SECRET_LENGTH:
            raise ValueError(f"must have at least {MIN_SECRET_LENGTH} characters; {MAKE_A_KEY}")
        return value

    @model_validator(mode="after")
    def _production_is_strict(self) -> Self:
        if not self.is_production:
            return self
        secret = self.secret_key.get_secret_value()
        if len(set(secret)) < MIN_SECRET_DISTINCT_CHARACTERS or any(
            word in secret.lower() for word in PLACEHOLDERS
        ):
            raise ValueError(f"SECRET_KEY is guessable; {MAKE_A_KEY}")
        if self.argon2_memory_kib * self.argon2_time_cost < 19_456 * 2:
            raise ValueError("the ARGON2_ cost is below 19456 KiB at 2 passes")
        return self

    @property
    def is_production(self) -> bool:
        """Whether weak settings are refused and HSTS is sent."""
        return self.app_env == "production"


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: in one sentence a person can act on, never showing a value.
    """
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    reasons = []
    for item in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in item["loc"]).upper()
        if item["type"] == "missing":
            advice = MAKE_A_KEY if name == "SECRET_KEY" else "set it in the environment"
            reasons.append(f"{name} is not set; {advice}")
        else:
            message = item["msg"].removeprefix("Value error, ")
            reasons.append(f"{name} {message}".strip())
    return "The application cannot start: " + "; ".join(reasons) + "."
