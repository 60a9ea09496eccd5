"""Addresses below `/__fake__/` that show and change what the fake provider does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import orjson

from qlf.errors import InputError
from qlf.llm.fake.engine import Engine
from qlf.llm.fake.http import Performance, Request, whole
from qlf.llm.fake.script import Script, parse_script

__all__ = ["Control", "read_script"]


class Control:
    """`GET log|bill|script|status`, `POST script|reset`.

    Args:
        engine: What is shown.
        load: Begins anew with a script.
    """

    def __init__(self, engine: Engine, load: Callable[[Script], None]) -> None:
        self._engine = engine
        self._load = load

    def handle(self, request: Request, path: tuple[str, ...]) -> Performance:
        """The answer to one request."""
        asked = (request.method, "/".join(path))
        if asked == ("GET", "log"):
            return self._log(request)
        if asked == ("GET", "bill"):
            return _json(200, self._engine.records.to_json())
        if asked == ("GET", "script"):
            return _json(200, self._engine.script.model_dump(mode="json", exclude_unset=True))
        if asked == ("GET", "status"):
            return _json(200, self._status())
        if asked == ("POST", "reset"):
            self._load(self._engine.script)
            return _json(200, {"reset": True})
        if asked == ("POST", "script"):
            try:
                script = read_script(request.body)
            except InputError as error:
                return _json(400, {"error": {"message": error.message}})
            self._load(script)
            return _json(200, {"loaded": True})
        known = "GET log, bill, script, status; POST script, reset"
        return _json(
            404, {"error": {"message": f"there is no such address below /__fake__/; known: {known}"}}
        )

    def _log(self, request: Request) -> Performance:
        """All requests, or those after the number given as `after`."""
        after = request.query.get("after", "0")
        first = int(after) if after.isascii() and after.isdigit() and len(after) < 16 else 0
        log = [one.to_json() for one in self._engine.records.log if one.id > first]
        return _json(200, {"requests": log})

    def _status(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "requests": self._engine.records.count,
            "seconds": round(self._engine.now() - self._engine.started, 3),
            "cpu_seconds": round(time.process_time(), 6),
        }


def read_script(body: bytes) -> Script:
    """A script that was sent over HTTP, as JSON or as YAML.

    Raises:
        InputError: When it is neither, or wrong.
    """
    from qlf.core.yaml import load_yaml, plain

    try:
        return parse_script(orjson.loads(body))
    except orjson.JSONDecodeError:
        pass
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("the script is neither JSON nor YAML in UTF-8") from error
    return parse_script(plain(load_yaml(text, name="the script")))


def _json(status: int, document: Any) -> Performance:
    return whole(status, [("content-type", "application/json")], orjson.dumps(document))
