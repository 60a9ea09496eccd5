"""The client's bounds against an application that means harm."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qlf.mesh import http
from qlf.mesh.http import Client, NoAnswer

Serve = Callable[[bytes], Client]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A server that says the same to everybody, then closes."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def start(answer: bytes) -> Client:
            def run() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    try:
                        connection.sendall(answer)
                    except OSError:
                        return

            threading.Thread(target=run, daemon=True).start()
            return Client(path)

        yield start


def test_an_answer_is_read_whole(serve: Serve) -> None:
    with serve(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/JSON; x=y\r\nContent-Length: 2\r\n\r\n{}"
    ) as client:
        answer = client.send("GET", "/")
    assert (answer.status, answer.media_type, answer.json()) == (200, "application/json", {})


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    with serve(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n") as client:
        assert client.send("GET", "/").status == 302


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]
)
def test_half_an_answer_is_none(serve: Serve, answer: bytes) -> None:
    with serve(answer) as client, pytest.raises(NoAnswer, match="connection broke"):
        client.send("GET", "/")


def test_an_endless_answer_is_cut(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 1000)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    with serve(head + b"x" * 100_000) as client, pytest.raises(NoAnswer, match="more than 1000 bytes"):
        client.send("GET", "/")


def test_a_server_that_never_answers_is_left(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_TIMEOUT_SECONDS", 0.2)
    with serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") as client, pytest.raises(NoAnswer):
        client.send("GET", "/")


def test_json_that_would_break_the_parser_is_none() -> None:
    assert http.Answer(200, {}, b"[" * 200_000).json() is None
    assert http.Answer(200, {}, b"\xff").json() is None
