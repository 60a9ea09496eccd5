"""Settings: what an installation may be, and what is refused before it starts."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.config import SettingsError, load_settings

GOOD_KEY = "q8Jz-4mVx2-Lw7Tn-0bRk5-Yc3Hs-9dFg1"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("APP_ENV", "SECRET_KEY", "DATABASE_URL", "CORS_ORIGINS"):
        monkeypatch.delenv(name, raising=False)


def test_missing_key_is_explained_in_one_sentence() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(env_file=None)

    assert "SECRET_KEY is not set; make one with: python -c" in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        "a" * 40,
        "changethis-changethis-changethis-0123456789",
        "my-secret-key-0123456789-abcdefghij",
        "0101010101010101010101010101010101010101",
    ],
)
def test_production_refuses_a_guessable_key(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("SECRET_KEY", key)

    with pytest.raises(SettingsError, match="SECRET_KEY is guessable") as caught:
        load_settings(env_file=None)

    assert key not in str(caught.value)


@pytest.mark.parametrize("environment", ["development", "test", "production"])
def test_short_key_is_refused_everywhere(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    monkeypatch.setenv("APP_ENV", environment)
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY[:31])

    with pytest.raises(SettingsError, match="SECRET_KEY must have at least 32 characters"):
        load_settings(env_file=None)


def test_environment_is_production_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)

    assert load_settings(env_file=None).is_production


def test_production_refuses_cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)
    monkeypatch.setenv("ARGON2_MEMORY_KIB", "8")

    with pytest.raises(SettingsError, match="ARGON2_ cost"):
        load_settings(env_file=None)


def test_access_token_cannot_live_longer_than_a_quarter_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)
    monkeypatch.setenv("ACCESS_TOKEN_MINUTES", "16")

    with pytest.raises(SettingsError, match="ACCESS_TOKEN_MINUTES"):
        load_settings(env_file=None)


@pytest.mark.parametrize(
    "origins", ["*", "https://*.example", "web.example", "https://web.example/path", "https://"]
)
def test_origin_that_is_not_exact_is_refused(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)
    monkeypatch.setenv("CORS_ORIGINS", origins)

    with pytest.raises(SettingsError, match="is not an origin"):
        load_settings(env_file=None)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u@db/app", "postgresql+psycopg://u@db/app"),
        ("postgresql://u@db/app", "postgresql+psycopg://u@db/app"),
        ("sqlite:///./app.db", "sqlite:///./app.db"),
    ],
)
def test_database_url_gets_its_driver(
    monkeypatch: pytest.MonkeyPatch, given: str, used: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)
    monkeypatch.setenv("DATABASE_URL", given)

    assert load_settings(env_file=None).database_url == used


def test_database_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)
    monkeypatch.setenv("DATABASE_URL", "mysql://root:password@db/app")

    with pytest.raises(SettingsError, match="DATABASE_URL must start with") as caught:
        load_settings(env_file=None)

    assert "root:password" not in str(caught.value)


def test_settings_do_not_show_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)

    assert GOOD_KEY not in repr(load_settings(env_file=None))


def test_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"SECRET_KEY={GOOD_KEY}\nAPP_ENV=development\nLOG_LEVEL=DEBUG\n")
    monkeypatch.setenv("LOG_LEVEL", "WARNING")

    settings = load_settings(env_file=file)

    assert (settings.app_env, settings.log_level) == ("development", "WARNING")


def test_server_refuses_to_start_without_a_key(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", "from app.main import app"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "SECRET_KEY is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_make_writes_an_environment_file_for_one_person(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = ["make", "--silent", "--file", str(root / "Makefile"), ".env"]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        subprocess.run(command, cwd=tmp_path / name, check=True)

    first, second = (tmp_path / name / ".env" for name in ("one", "two"))
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert first.read_text() != second.read_text()
    assert load_settings(env_file=first).app_env == "development"
