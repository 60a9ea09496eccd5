"""`qlf keys` as a user meets it; and a canary that is found nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlf.errors import ProviderError
from qlf.ledger.keys.kek import make_kek

CANARY = "sk-proj-Canary7f3d2a91c0b84e65Canary7f3d2a91c0b84e65"
SECOND = "sk-proj-Second90c1b2a3d4e5f607Second90c1b2a3d4e5f607"
Cli = Callable[..., Any]


@pytest.fixture
def add(cli: Cli) -> Callable[..., Any]:
    def run(name: str = "main", key: str = CANARY, *more: str) -> Any:
        return cli("keys", "add", name, "--kind", "openai_compatible", "--stdin", *more, stdin=key.encode())

    return run


@pytest.fixture
def tested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every key is accepted, and noted, until a test puts `refuse` in."""
    from qlf.cli import keys_stores

    seen: list[str] = []

    def tester(kind: str, fields: Any) -> None:
        if "refuse" in seen:
            raise ProviderError(f"401: the key {fields['api_key'].reveal()} has expired")
        seen.append(fields["api_key"].reveal())

    monkeypatch.setattr(keys_stores, "_hooks", lambda run: keys_stores.Hooks(tester=lambda name: tester))
    return seen


def keks(home: Path) -> list[str]:
    return (home / "config/kek").read_text().split()


def test_a_first_key_makes_a_kek_and_says_so_in_one_line(add, own_home):
    answer = add()
    assert (answer.code, answer.out) == (0, "")
    assert answer.err.count("made a key-encryption key") == 1
    assert "main@1 is kept sealed" in answer.err
    assert "made a key" not in add("second").err
    assert (own_home / "config/kek").stat().st_mode & 0o777 == 0o600
    assert (own_home / "config").stat().st_mode & 0o777 == 0o700
    assert (own_home / "data/keys/keys.db").stat().st_mode & 0o777 == 0o600


def test_in_production_no_kek_is_made(add, own_home, monkeypatch):
    monkeypatch.setenv("QLF_PRODUCTION", "1")
    answer = add()
    assert answer.code == 5
    assert "no KEK is configured" in answer.err
    assert "QLF_KEK_FILE" in answer.err
    assert not (own_home / "config").exists()


def test_in_production_a_configured_kek_is_used(add, cli, own_home, monkeypatch, tmp_path):
    mount = tmp_path / "mount"
    mount.write_text(make_kek().secret.hex())
    mount.chmod(0o400)
    monkeypatch.setenv("QLF_PRODUCTION", "1")
    monkeypatch.setenv("QLF_KEK_FILE", str(mount))
    assert add().code == 0
    mount.chmod(0o440)
    answer = add("second")
    assert (answer.code, "can be read by other users" in answer.err) == (5, True)


def test_the_list_names_keys_and_shows_no_value(add, cli):
    add()
    answer = cli("keys", "list")
    assert answer.code == 0
    assert re.search(r"main@1 +openai_compatible +current +…4e65 +local", answer.out)
    assert max(map(len, answer.out.splitlines())) <= 80
    document = cli("keys", "list", "--json").document
    assert [one["key"] for one in document["keys"]] == ["main@1"]
    assert list(document["keks"]["local"].values()) == [1]


def test_an_empty_list_says_how_to_add(cli):
    answer = cli("keys", "list")
    assert (answer.code, answer.out) == (0, "")
    assert "qlf keys add" in answer.err
    assert cli("keys", "list", "--json").document == {"keys": [], "keks": {"local": {}}}


def test_a_name_that_is_taken_and_one_that_is_not_there(add, cli):
    add()
    answer = add()
    assert (answer.code, "there is a key 'main' already" in answer.err) == (5, True)
    for arguments in (("rotate", "other"), ("revoke", "other", "--yes")):
        answer = cli("keys", *arguments)
        assert (answer.code, "there is no key 'other'" in answer.err) == (5, True)


@pytest.mark.parametrize(
    ("kind", "text", "fields"),
    [
        ("openai_compatible", f"{CANARY}\n", ["api_key"]),
        ("azure_openai", json.dumps({"api_key": CANARY}), ["api_key"]),
        (
            "bedrock",
            f"access_key_id=AKIAX\nsecret_access_key={CANARY}\n",
            ["access_key_id", "secret_access_key"],
        ),
        (
            "bedrock",
            json.dumps({"access_key_id": "A", "secret_access_key": "B", "session_token": "C"}),
            ["session_token"],
        ),
    ],
)
def test_standard_input_in_its_forms(cli, kind, text, fields):
    answer = cli("keys", "add", "main", "--kind", kind, "--stdin", "--json", stdin=text.encode())
    assert answer.code == 0, answer.err
    assert (answer.document["key"], answer.document["store"]) == ("main@1", "local")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" \n",
        b"{",
        b'{"api_key": 1}',
        b'{"api_key": "a", "api_key": "b"}',
        b"\xff\xfe",
        b"a b",
        b'{"api_key": ' + b"[" * 9_000,
        b"x" * 70_000,
    ],
)
def test_what_is_no_key_on_standard_input_is_one_sentence(cli, text):
    answer = cli("keys", "add", "main", "--kind", "openai_compatible", "--stdin", stdin=text)
    assert answer.code == 5
    assert answer.err.startswith("qlf: ")
    assert len(answer.err) < 400


def test_variables_of_providers_are_taken(cli, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("OPENAI_OTHER", CANARY)
    take = ("--from-env", "AWS_ACCESS_KEY_ID", "--from-env", "AWS_SECRET_ACCESS_KEY")
    assert cli("keys", "add", "aws", "--kind", "bedrock", *take).code == 0
    assert cli("keys", "add", "one", "--kind", "openai_compatible", "--from-env", "OPENAI_OTHER").code == 0
    assert (
        cli("keys", "add", "two", "--kind", "azure_openai", "--from-env", "api_key=OPENAI_API_KEY").code == 0
    )
    answer = cli("keys", "add", "three", "--kind", "azure_openai", "--from-env", "HOME")
    assert (answer.code, "'HOME' is not set, or is not one of a model provider" in answer.err) == (2, True)
    answer = cli("keys", "add", "four", "--kind", "bedrock", "--from-env", "OPENAI_OTHER")
    assert (answer.code, "which field" in answer.err) == (2, True)


def test_without_a_terminal_there_is_nobody_to_ask(cli):
    answer = cli("keys", "add", "main", "--kind", "openai_compatible", stdin=b"")
    assert (answer.code, "there is no terminal" in answer.err) == (2, True)


def test_a_rotation_by_hand_stages_tests_and_promotes(add, cli, tested):
    add()
    answer = cli("keys", "rotate", "main", "--new", "-", stdin=SECOND.encode())
    assert answer.code == 0
    assert tested == [SECOND]
    assert "main@2 is current" in answer.err
    assert "then here: qlf keys revoke main@1" in answer.err
    document = cli("keys", "list", "--json").document
    assert [one["stage"] for one in document["keys"]] == ["previous", "current"]
    answer = cli("keys", "revoke", "main@1", "--yes")
    assert "end it at the provider too" in answer.err
    assert "main@1" not in cli("keys", "list").out
    assert "main@1" in cli("keys", "list", "--all").out


def test_a_new_key_that_is_refused_leaves_the_current_one(add, cli, tested):
    add()
    tested.append("refuse")
    answer = cli("keys", "rotate", "main", "--new", "-", "--debug", stdin=SECOND.encode())
    assert answer.code == 5
    assert "the test of main@2 failed: 401: the key [hidden] has expired" in answer.err
    assert SECOND not in answer.err
    tested.remove("refuse")
    answer = cli("keys", "rotate", "main", "--json")
    assert (answer.document["state"], answer.document["current"]["key"]) == ("grace", "main@2")


def test_a_staged_key_can_be_dropped(add, cli, tested):
    add()
    tested.append("refuse")
    cli("keys", "rotate", "main", "--new", "-", stdin=SECOND.encode())
    answer = cli("keys", "rotate", "main", "--abandon")
    assert (answer.code, "main@2 is dropped" in answer.err) == (0, True)
    assert cli("keys", "rotate", "main").code == 5


def test_a_key_that_nobody_can_test_is_used_only_when_the_user_says_so(add, cli):
    add()
    answer = cli("keys", "rotate", "main", "--new", "-", stdin=SECOND.encode())
    assert (answer.code, "nothing to test it with" in answer.err) == (5, True)
    answer = cli("keys", "rotate", "main", "--untested", "--grace", "0")
    assert (answer.code, "warning: the new key was not tested" in answer.err) == (0, True)
    assert "end main@1 (ends in …4e65) now" in answer.err


def test_the_kek_is_changed_and_the_old_one_forgotten(add, cli, own_home):
    add()
    old = next(iter(cli("keys", "list", "--json").document["keks"]["local"]))
    before = keks(own_home)
    answer = cli("keys", "rotate", "--kek", "--json")
    new = answer.document["kek"]
    assert (answer.document["wrapped"], answer.document["old"]) == ({"local": 1}, [old])
    assert keks(own_home)[1:] == before
    answer = cli("keys", "rotate", "--kek", "--retire", new)
    assert (answer.code, f"the KEK {new} still seals 1 keys" in answer.err) == (5, True)
    assert cli("keys", "rotate", "--kek", "--retire", old).code == 0
    assert len(keks(own_home)) == 1
    assert cli("keys", "rotate", "main").code == 5


def test_the_kek_moves_to_a_file_of_the_users_choice(add, cli, own_home, tmp_path, monkeypatch):
    add()
    answer = cli("keys", "rotate", "--kek", "--new-kek", f"file:{tmp_path}/mount/kek")
    assert answer.code == 0
    assert f"configure it: QLF_KEK_FILE={tmp_path}/mount/kek" in answer.err
    (own_home / "config/kek").unlink()
    monkeypatch.setenv("QLF_KEK_FILE", f"{tmp_path}/mount/kek")
    assert cli("keys", "rotate", "main", "--new", "-", stdin=SECOND.encode()).code == 5
    assert cli("keys", "rotate", "main", "--untested").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("rotate",),
        ("rotate", "main", "--kek"),
        ("rotate", "main", "--retire", "0123456789abcdef"),
        ("rotate", "main", "--new", "-", "--abandon"),
        ("rotate", "main", "--grace", "soon"),
        ("revoke", "main"),
        ("revoke", "main@x"),
        ("revoke", "main@1", "--forget", "--yes"),
        ("add", "main"),
        ("add", "main", "--kind", "openai_compatible", "--field", "session_token"),
        ("add", "main", "--kind", "openai_compatible", "--stdin", "--from-env", "OPENAI_API_KEY"),
    ],
)
def test_contradictions_end_with_2_and_change_nothing(add, cli, arguments):
    add()
    before = cli("keys", "list", "--all", "--json").document
    answer = cli("keys", *arguments, stdin=b"")
    assert (answer.code, answer.out) == (2, "")
    assert cli("keys", "list", "--all", "--json").document == before


def test_a_revoked_name_can_be_forgotten_and_added_again(add, cli):
    add()
    assert cli("keys", "revoke", "main", "--yes", "--forget", "--json").document["forgotten"] is True
    assert cli("keys", "list", "--all").out == ""
    assert "main@2" in add().err


def test_a_prefect_api_that_does_not_answer(add, cli, monkeypatch):
    assert add().code == 0
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    answer = add("second")
    assert (answer.code, "the Prefect API http://127.0.0.1:9/api" in answer.err) == (7, True)
    assert add("second", CANARY, "--store", "local").code == 0
    answer = cli("keys", "list")
    assert answer.out.count("@1") == 2
    assert "warning: keys in Prefect are not shown" in answer.err
    answer = cli("keys", "rotate", "--kek")
    assert (answer.code, "blocks there may need the old KEK" in answer.err) == (7, True)
    assert cli("keys", "list", "--store", "prefect").code == 7


def test_two_sources_of_the_kek_and_one_that_is_none(add, monkeypatch):
    monkeypatch.setenv("QLF_KEK", CANARY)
    answer = add()
    assert (answer.code, "QLF_KEK holds something that is no KEK" in answer.err) == (5, True)
    assert CANARY not in answer.err
    monkeypatch.setenv("QLF_KEK_FILE", "/x")
    assert add().code == 2


def test_a_damaged_store_is_one_sentence(add, cli, own_home):
    add()
    for path in (own_home / "data/keys").glob("keys.db*"):
        path.write_bytes(b"damaged " * 1_000)
    answer = cli("keys", "list")
    assert answer.code == 5
    assert "cannot be used" in answer.err
    assert "restore it from a backup" in answer.err
