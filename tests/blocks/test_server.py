"""The blocks against a real Prefect server, started and stopped by `qlf up` and `qlf down`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

CANARY = "sk-proj-Server41d7c8e2f90b3a65Server41d7c8e2f90b3a65"
SECOND = "sk-proj-Second52e8d9f3a01c4b76Second52e8d9f3a01c4b76"
QLF = [sys.executable, "-c", "import sys; from qlf.cli import main; sys.exit(main())"]

USE = """
import asyncio, json, sys
from prefect.blocks.core import Block

block = Block.load("qlf-openai-compatible-credentials/" + sys.argv[1])
first = block.credential()
async def later():
    import blocks

    again = await blocks.OpenAICompatibleCredentials.aload(sys.argv[1])
    return again.credential()
second = asyncio.run(later())
assert first.value == second.value
print(json.dumps([first.key_id, second.key_id, len(first.value), repr(block), repr(first)]))
"""


class Server:
    """A server of `qlf up` with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        keep = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
        self.environment = {
            **keep,
            "HOME": str(home / "user"),
            "QLF_HOME": str(home / "qlf"),
            "PREFECT_HOME": str(home / "prefect"),
        }

    def qlf(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*QLF, *arguments], env=self.environment, input=stdin, capture_output=True, text=True, timeout=200
        )

    def start(self) -> None:
        done = self.qlf("up", "--json")
        assert done.returncode == 0, done.stderr
        self.url = json.loads(done.stdout)["url"]
        lines = self.qlf("up", "--env").stdout.split("export ")
        self.connected = dict(line.strip().split("=", 1) for line in lines if line.strip())

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**self.environment, **self.connected},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def api(self, path: str, body: dict[str, Any]) -> Any:
        import base64

        auth = base64.b64encode(self.connected["PREFECT_API_AUTH_STRING"].encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {auth}"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def data(self, name: str) -> dict[str, Any]:
        found = self.api("/block_documents/filter", {"include_secrets": True})
        return next(one["data"] for one in found if one["name"] == name)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("server"))
    try:
        made.start()
        yield made
    finally:
        made.qlf("down")


@pytest.fixture(scope="module")
def by_hand(server: Server) -> Callable[[str, str], None]:
    """Fills a block in as the user interface of Prefect does."""
    program = Path(sys.executable).with_name("prefect")
    done = subprocess.run(
        [program, "block", "register", "-m", "blocks"],
        env={**server.environment, **server.connected},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Successfully registered 3 blocks" in done.stdout

    def fill(name: str, value: str) -> None:
        slug = {"block_types": {"slug": {"any_": ["qlf-openai-compatible-credentials"]}}}
        block_type = server.api("/block_types/filter", slug)[0]
        schemas = {"block_schemas": {"block_type_id": {"any_": [block_type["id"]]}}}
        schema = server.api("/block_schemas/filter", schemas)[0]
        server.api(
            "/block_documents/",
            {
                "name": name,
                "data": {"endpoint": "http://127.0.0.1:9/v1", "api_key": value},
                "block_type_id": block_type["id"],
                "block_schema_id": schema["id"],
            },
        )

    return fill


def test_a_block_filled_in_by_hand_works_and_is_sealed_at_its_first_use(server, by_hand):
    by_hand("hand", CANARY)
    assert server.data("hand")["api_key"] == CANARY
    done = server.python(USE, "hand")
    assert done.returncode == 0, done.stderr
    first, second, length, *shown = json.loads(done.stdout)
    assert (first, second, length) == ("hand@1", "hand@1", len(CANARY))
    assert CANARY not in repr(shown)
    sealed = server.data("hand")
    assert sealed["api_key"].startswith("qlf:sealed:1:")
    assert sealed["endpoint"] == "http://127.0.0.1:9/v1"
    assert CANARY not in json.dumps(sealed)


def test_the_command_line_and_the_block_share_a_key(server, by_hand):
    added = server.qlf("keys", "add", "shared", "--kind", "openai_compatible", "--stdin", stdin=CANARY)
    assert "kept sealed in the Prefect block" in added.stderr, added.stderr
    rotated = server.qlf("keys", "rotate", "shared", "--new", "-", stdin=SECOND)
    assert (rotated.returncode, "nothing to test it with" in rotated.stderr) == (5, True)
    assert server.qlf("keys", "rotate", "shared", "--untested").returncode == 0
    done = server.python(USE, "shared")
    assert json.loads(done.stdout)[:3] == ["shared@2", "shared@2", len(SECOND)]
    changed = server.qlf("keys", "rotate", "--kek", "--json")
    assert json.loads(changed.stdout)["wrapped"]["prefect"] >= 1
    assert json.loads(server.python(USE, "shared").stdout)[0] == "shared@2"
    assert server.qlf("keys", "revoke", "shared@1", "--yes").returncode == 0


def test_a_first_key_registers_the_block_types_itself(tmp_path):
    fresh = Server(tmp_path)
    try:
        fresh.start()
        added = fresh.qlf("keys", "add", "main", "--kind", "azure_openai", "--stdin", stdin=CANARY)
        assert added.returncode == 0, added.stderr
        assert fresh.data("main")["api_key"].startswith("qlf:sealed:1:")
    finally:
        fresh.qlf("down")


def test_no_value_is_in_any_file_or_answer_of_the_server(server, by_hand):
    by_hand("last", SECOND)
    assert server.python(USE, "last").returncode == 0
    everything = json.dumps(server.api("/block_documents/filter", {"include_secrets": True}))
    assert CANARY not in everything
    assert SECOND not in everything
    server.qlf("down")
    found = [
        path
        for path in server.home.rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() for word in (CANARY, SECOND))
    ]
    assert found == []
    assert list(server.home.rglob("prefect.db")), "the database was looked at"
