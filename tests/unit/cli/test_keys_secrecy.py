"""A key among the arguments is refused, and a canary key is found nowhere."""

from __future__ import annotations

import os
import pty
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlf.cli.keys_input import looks_like_key
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


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "main", "--kind", "openai_compatible", CANARY),
        ("add", CANARY, "--kind", "openai_compatible"),
        ("add", "main", "--key", "hunter2"),
        ("add", "main", "--api-key=hunter2"),
        ("add", "main", "--kind", "openai_compatible", "hunter2", "hunter3"),
        ("add", "main", "--secret", "hunter2"),
        ("rotate", "main", "--new", CANARY),
        ("rotate", "main", "--new", "hunter2"),
        ("rotate", "--kek", "--new-kek", "ZmFrZS1rZXktZmFrZS1rZXktZmFrZS1rZXktMDEyMzQ="),
        ("revoke", "main", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("list", "0123456789abcdef0123456789abcdef"),
        ("--debug", "add", "main", CANARY),
        ("add", "main", "--kind", CANARY, "--debug"),
    ],
)
def test_a_key_that_is_an_argument_is_refused_and_not_repeated(cli, own_home, arguments):
    answer = cli("keys", *arguments)
    assert answer.code == 2
    shown = answer.out + answer.err
    assert not any(word in shown for word in (CANARY, "hunter", "wJalr", "ZmFrZ", "0123456789"))
    assert not (own_home / "data").exists()


@pytest.mark.parametrize(
    "argument",
    [
        "my-very-long-provider-name-for-production-in-europe-2026",
        "--from-env=AWS_SECRET_ACCESS_KEY",
        "AZURE_OPENAI_API_KEY_OF_THE_TEAM",
        "0123456789abcdef",
        "argon2id-1.0123456789abcdef0123456789abcdef.0123456789abcdef",
        "file:/run/secrets/0123456789abcdef0123456789abcdef/kek",
        "main@12",
        "--new-kek",
        "https://resource.openai.azure.com/openai",
    ],
)
def test_what_is_no_key_is_not_taken_for_one(argument):
    assert not looks_like_key(argument)


def everywhere(*folders: Path) -> list[Path]:
    return [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() for word in (CANARY, SECOND))
    ]


def test_i10_the_canary_is_found_nowhere(cli, add, tested, tmp_path, own_home, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    said = [
        add("main", CANARY, "--debug", "-v"),
        add("main", CANARY, "--debug"),
        add("bad", f"{CANARY} {CANARY}", "--debug"),
        add("bad", f'{{"api_key": "{CANARY}", "x": {{}}}}', "--debug"),
        add("bad", f'{{"{CANARY}": "{CANARY}"}}', "--debug"),
        cli("keys", "add", "bad", "--kind", "bedrock", "--stdin", "--debug", stdin=CANARY.encode()),
        cli("keys", "add", "env", "--kind", "openai_compatible", "--from-env", "OPENAI_API_KEY", "--debug"),
        cli("keys", "add", CANARY, "--debug"),
        cli("keys", "rotate", "main", "--new", "-", "--debug", stdin=SECOND.encode()),
        cli("keys", "list", "--all", "--json"),
        cli("keys", "rotate", "--kek", "--debug"),
        cli("keys", "revoke", "main@1", "--yes", "--json"),
    ]
    tested.append("refuse")
    said.append(cli("keys", "rotate", "main", "--new", "-", "--debug", stdin=CANARY.encode()))
    (own_home / "config/kek").write_text(make_kek().secret.hex())
    said.append(cli("keys", "rotate", "main", "--debug"))
    assert {answer.code for answer in said} == {0, 2, 5}
    for answer in said:
        assert CANARY not in answer.out + answer.err
        assert SECOND not in answer.out + answer.err
    assert everywhere(tmp_path) == []


def test_i10_neither_the_process_list_nor_a_core_dump_can_hold_it(program, own_home, tmp_path):
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    running = program(
        *("keys", "add", "main", "--kind", "openai_compatible", "--stdin"),
        stdin=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
    )
    assert running.stdin is not None
    running.stdin.write(CANARY.encode())
    running.stdin.flush()
    limits = Path(f"/proc/{running.pid}/limits")
    deadline = time.monotonic() + 20
    while not re.search(r"Max core file size +0 ", limits.read_text()):
        assert time.monotonic() < deadline, "core dumps stayed on"
        assert running.poll() is None
        time.sleep(0.02)
    lists = b"".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    assert CANARY.encode() not in lists
    out, err = running.communicate()
    assert running.returncode == 0, err
    assert CANARY.encode() not in out + err
    assert everywhere(tmp_path) == []


def test_i10_a_hidden_prompt_does_not_echo(own_home, tmp_path):
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", "import sys; from qlf.cli import main; sys.exit(main())"]
    running = subprocess.Popen(
        [*command, "keys", "add", "main", "--kind", "openai_compatible"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    shown = b""
    try:
        while b"api key: " not in shown:
            shown += os.read(leader, 1_000)
        os.write(leader, f"{CANARY}\n".encode())
        while True:
            try:
                more = os.read(leader, 1_000)
            except OSError:
                break
            shown += more
            if not more:
                break
    finally:
        running.wait(20)
        os.close(leader)
    assert running.returncode == 0, shown
    assert b"main@1 is kept sealed" in shown
    assert CANARY.encode() not in shown
    assert everywhere(tmp_path) == []


def test_the_help_of_keys_needs_no_cryptography():
    code = (
        "import sys, contextlib, io\n"
        "from qlf.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()): main(['keys', 'add', '--help'])\n"
        "print([m for m in ('cryptography', 'pydantic', 'httpx', 'prefect', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
