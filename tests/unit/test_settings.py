"""Settings: folders, checks that name the variable, the Prefect API, the one reader of the environment."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from qlf.errors import UsageError
from qlf.settings import Settings, load

ROOT = Path(__file__).resolve().parents[2]
INSIDE = {"qlf/settings/environment.py", "qlf/settings/prefect.py"}
OUTSIDE = {
    # Runs as a program inside the sandbox, to see which variables came through.
    "qlf/sandbox/probe.py",
}
HOME = {"HOME": "/home/someone"}


def test_folders_follow_the_xdg_specification() -> None:
    settings = load({**HOME, "XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s", "XDG_DATA_HOME": "/d"})
    assert (settings.cache_dir, settings.state_dir, settings.data_dir) == (
        Path("/c/qlf"),
        Path("/s/qlf"),
        Path("/d/qlf"),
    )


def test_folders_without_variables_are_those_of_the_specification() -> None:
    settings = load(HOME)
    assert settings.cache_dir == Path("/home/someone/.cache/qlf")
    assert settings.state_dir == Path("/home/someone/.local/state/qlf")
    assert settings.data_dir == Path("/home/someone/.local/share/qlf")


def test_relative_xdg_folders_are_ignored() -> None:
    assert load({**HOME, "XDG_CACHE_HOME": "cache"}).cache_dir == Path("/home/someone/.cache/qlf")


def test_qlf_home_holds_everything() -> None:
    settings = load({**HOME, "QLF_HOME": "~/q", "XDG_CACHE_HOME": "/c"})
    assert settings.cache_dir == Path("/home/someone/q/cache")
    assert settings.state_dir == Path("/home/someone/q/state")


def test_relative_qlf_home_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({**HOME, "QLF_HOME": "here"}).cache_dir == tmp_path / "here" / "cache"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load({**HOME, "QLF_HOME": "", "PREFECT_API_URL": "", "NO_COLOR": ""}) == load(HOME)


@pytest.mark.parametrize("value", ["0", "65", "-1", "four", "1e1", "٤", "4" * 40])
def test_a_wrong_number_names_its_variable(value: str) -> None:
    with pytest.raises(UsageError, match="QLF_THREADS") as caught:
        load({**HOME, "QLF_THREADS": value})
    assert caught.value.hint == "set it to a whole number from 1 to 64"


def test_a_wrong_choice_names_its_variable_and_the_choices() -> None:
    with pytest.raises(UsageError, match="QLF_SANDBOX") as caught:
        load({**HOME, "QLF_SANDBOX": "off"})
    assert "auto, strict" in (caught.value.hint or "")


def test_unknown_variables_of_our_own_are_told() -> None:
    assert load({**HOME, "QLF_THREAD": "3", "QLF_HOMES": "x"}).unknown == ("QLF_HOMES", "QLF_THREAD")


def test_the_prefect_api_comes_from_its_variable() -> None:
    api = load(
        {**HOME, "PREFECT_API_URL": "http://127.0.0.1:4200/api/", "PREFECT_API_AUTH_STRING": "a:b"}
    ).prefect
    assert api is not None
    assert (api.url, api.ui, api.origin) == (
        "http://127.0.0.1:4200/api",
        "http://127.0.0.1:4200",
        "PREFECT_API_URL",
    )
    assert api.headers == {"Authorization": "Basic YTpi"}


@pytest.mark.parametrize(
    "url", ["4200", "ftp://x/api", "http://", "http://h:99999/api", "http://h/a b", "http://[x"]
)
def test_an_unusable_api_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="PREFECT_API_URL") as caught:
        load(
            {**HOME, "PREFECT_API_URL": url.replace("http://", "http://user:secret@") if "h/" in url else url}
        )
    assert "secret" not in str(caught.value)


def test_the_prefect_api_comes_from_the_active_profile(tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text(
        'active = "local"\n[profiles.local]\nPREFECT_API_URL = "http://127.0.0.1:4300/api"\n'
        '[profiles.other]\nPREFECT_API_URL = "https://api.example.test/api"\nPREFECT_API_KEY = "k"\n'
    )
    api = load({**HOME, "PREFECT_HOME": str(tmp_path)}).prefect
    assert api is not None
    assert (api.url, api.origin) == ("http://127.0.0.1:4300/api", "the Prefect profile 'local'")
    other = load({**HOME, "PREFECT_HOME": str(tmp_path), "PREFECT_PROFILE": "other"}).prefect
    assert other is not None
    assert other.headers == {"Authorization": "Bearer k"}


def test_a_profile_without_an_api_means_none(tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text('active = "ephemeral"\n[profiles.ephemeral]\nX = "1"\n')
    assert load({**HOME, "PREFECT_HOME": str(tmp_path)}).prefect is None


def test_damaged_profiles_are_told(tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text("[[[")
    with pytest.raises(UsageError, match=r"profiles\.toml"):
        load({**HOME, "PREFECT_HOME": str(tmp_path)})


def test_secrets_are_not_in_the_representation() -> None:
    canary = "canary-5e1f"
    settings = load(
        {
            **HOME,
            "PREFECT_API_URL": "http://127.0.0.1:1/api",
            "PREFECT_API_AUTH_STRING": f"u:{canary}",
            "PREFECT_API_KEY": canary,
            "PIP_INDEX_URL": f"https://u:{canary}@index.test/",
        }
    )
    assert canary not in repr(settings)


def test_tools_get_what_they_need_and_nothing_else() -> None:
    settings = load(
        {
            **HOME,
            "PATH": "/bin",
            "UV_INDEX": "i",
            "https_proxy": "p",
            "AWS_SECRET_ACCESS_KEY": "s",
            "LANG": "de",
        }
    )
    assert settings.tools == {
        "HOME": "/home/someone",
        "PATH": "/bin",
        "UV_INDEX": "i",
        "https_proxy": "p",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, None), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"FORCE_COLOR": "1"}, True)],
)
def test_colour_is_decided_by_the_user_or_left_to_the_terminal(
    given: dict[str, str], expected: bool | None
) -> None:
    assert load({**HOME, **given}).color is expected


def test_settings_do_not_change() -> None:
    settings = load(HOME)
    with pytest.raises(AttributeError):
        settings.threads = 3  # type: ignore[misc]
    assert isinstance(settings, Settings)


def test_only_the_settings_touch_the_environment() -> None:
    """`os.environ` and its functions appear in `qlf.settings` and in no other code of this process."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    found = []
    for package in ("qlf", "flows", "tasks", "blocks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_bytes())):
                attribute = isinstance(node, ast.Attribute) and node.attr in names
                imported = (
                    isinstance(node, ast.ImportFrom)
                    and node.module == "os"
                    and names & {a.name for a in node.names}
                )
                name = path.relative_to(ROOT).as_posix()
                if (attribute or imported) and name not in INSIDE | OUTSIDE:
                    found.append(f"{name}: {ast.unparse(node)}")
    assert found == []


def test_configuration_has_a_folder_of_its_own() -> None:
    assert load({**HOME, "XDG_CONFIG_HOME": "/k"}).config_dir == Path("/k/qlf")
    assert load({**HOME, "QLF_HOME": "/q"}).config_dir == Path("/q/config")


def test_two_sources_of_the_key_encryption_key_are_refused() -> None:
    with pytest.raises(UsageError, match="QLF_KEK and QLF_KEK_FILE are both set"):
        load({**HOME, "QLF_KEK": "canary-value", "QLF_KEK_FILE": "/k"})


def test_keys_of_the_environment_do_not_show_in_the_settings() -> None:
    settings = load({**HOME, "QLF_KEK": "canary-one", "OPENAI_API_KEY": "canary-two"})
    assert settings.kek.value == "canary-one"
    assert settings.provider_env == {"OPENAI_API_KEY": "canary-two"}
    assert "canary" not in repr(settings)
    assert not any("canary" in value for value in settings.tools.values())


def test_a_wrong_flag_names_its_variable() -> None:
    with pytest.raises(UsageError, match="QLF_PRODUCTION"):
        load({**HOME, "QLF_PRODUCTION": "yes"})
