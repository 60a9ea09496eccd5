"""What is written down of the local server, who may read it, and what is believed when it is read."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from qlf.cli.api import choose_api, require_answer, shown
from qlf.cli.screen import Screen
from qlf.cli.server import state
from qlf.cli.server.process import start_mark
from qlf.errors import EnvironmentUnavailable, OutputError
from qlf.settings import PrefectApi, Settings, load


@pytest.fixture
def settings(own_home: Path) -> Settings:
    return load({"HOME": "/nowhere", "QLF_HOME": str(own_home)})


def _server(**changes: object) -> state.Server:
    mark = start_mark(os.getpid())
    assert mark is not None
    facts: dict[str, object] = {"pid": os.getpid(), "mark": mark, "port": 1, "protected": True}
    return state.Server(**{**facts, **changes})  # type: ignore[arg-type]


def test_secrets_are_made_once_and_for_the_user_alone(settings: Settings) -> None:
    made = state.make_secrets(settings)
    again = state.make_secrets(settings)
    assert (made.auth, made.encryption_key) == (again.auth, again.encryption_key)
    path = state.folder(settings) / "secrets.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert made.auth not in repr(made)


def test_the_encryption_key_is_one_that_the_server_takes(settings: Settings) -> None:
    from cryptography.fernet import Fernet

    cipher = Fernet(state.make_secrets(settings).encryption_key)
    assert cipher.decrypt(cipher.encrypt(b"x")) == b"x"


def test_a_running_server_is_found_with_its_password(settings: Settings) -> None:
    made = state.make_secrets(settings)
    state.remember(settings, _server())
    api = state.running(settings)
    assert api is not None
    assert (api.url, api.auth, api.explicit) == ("http://127.0.0.1:1/api", made.auth, False)


def test_a_server_without_a_password_gets_none(settings: Settings) -> None:
    state.make_secrets(settings)
    state.remember(settings, _server(protected=False))
    api = state.running(settings)
    assert api is not None
    assert api.auth is None


def test_another_process_with_the_same_id_is_not_the_server(settings: Settings) -> None:
    state.remember(settings, _server(mark="some boot:1"))
    assert state.recorded(settings) is not None
    assert state.running(settings) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"pid": 1}', '{"pid": -1, "mark": "m", "port": 1, "protected": true}', "\x00"]
)
def test_a_damaged_record_counts_as_none(settings: Settings, text: str) -> None:
    path = state.folder(settings) / "server.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert state.recorded(settings) is None
    assert state.running(settings) is None


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = load({"HOME": "/nowhere", "QLF_HOME": str(tmp_path / "file")})
    with pytest.raises(OutputError, match="cannot be written"):
        state.make_secrets(settings)


def test_without_prefect_a_run_is_inline_and_one_line_says_so(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert choose_api(settings, Screen(), inline=False) is None
    assert capsys.readouterr().err == "running inline: no Prefect API is configured (`qlf up` starts one)\n"


def test_a_server_that_has_ended_means_inline_and_one_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    state.remember(settings, _server(mark="gone"))
    assert choose_api(settings, Screen(), inline=False) is None
    assert capsys.readouterr().err.count("\n") == 1


def test_inline_wins_over_everything_and_needs_no_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    state.remember(settings, _server())
    assert choose_api(settings, Screen(), inline=True) is None
    assert capsys.readouterr().err == ""


def test_an_api_of_the_user_that_is_dead_is_an_error_with_a_way_out() -> None:
    api = PrefectApi(url="http://user:canary@127.0.0.1:1/api", origin="PREFECT_API_URL")
    with pytest.raises(EnvironmentUnavailable) as caught:
        require_answer(api, Screen())
    assert (
        str(caught.value) == "the Prefect API http://127.0.0.1:1/api (from PREFECT_API_URL) does not answer"
    )
    assert "--inline" in (caught.value.hint or "")
    assert "canary" not in shown(api)


def test_an_api_of_ours_that_is_dead_means_inline(capsys: pytest.CaptureFixture[str]) -> None:
    api = PrefectApi(url="http://127.0.0.1:1/api", origin="qlf up", explicit=False)
    assert require_answer(api, Screen()) is None
    assert capsys.readouterr().err.startswith("running inline: ")


def test_the_record_holds_no_secret(settings: Settings) -> None:
    made = state.make_secrets(settings)
    state.remember(settings, _server())
    record = (state.folder(settings) / "server.json").read_text()
    assert made.auth.partition(":")[2] not in record
    assert set(json.loads(record)) == {"pid", "mark", "port", "protected"}
