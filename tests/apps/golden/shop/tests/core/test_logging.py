"""Log lines: JSON, one line each."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from app.core.logging import JsonFormatter, configure_logging, request_id


@pytest.fixture
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    access = logging.getLogger("uvicorn.access").disabled
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = access


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("app.test", logging.INFO, "file", 1, message, (), None)
    made.__dict__.update(extra)
    return made


def test_line_ends_are_escaped() -> None:
    line = JsonFormatter().format(record('a\r\n{"level": "ERROR"}\u2028b'))

    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"].startswith("a\r\n")


def test_line_carries_the_request_id() -> None:
    token = request_id.set("trace-0001")
    line = json.loads(JsonFormatter().format(record("hello", route="/x")))
    request_id.reset(token)

    assert line["request_id"] == "trace-0001"
    assert line["route"] == "/x"
    assert line["time"].endswith("+00:00")


def test_unlisted_extra_is_dropped() -> None:
    assert "password" not in JsonFormatter().format(record("hello", password="x"))


@pytest.mark.usefixtures("_restored")
def test_configured_logging_writes_exceptions_on_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("INFO")

    logging.getLogger("uvicorn.access").info("dropped")
    logging.getLogger("app").debug("dropped too")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("kept")

    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert "ValueError: broken" in json.loads(lines[0])["exception"]
