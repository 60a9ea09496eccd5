"""The HTTP surface: which address means what, and whether the caller may."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from qlf.llm.fake.ask import Ask, Refused, read_chat, read_converse
from qlf.llm.fake.batches import Batches
from qlf.llm.fake.bedrock_wire import strict_converse
from qlf.llm.fake.control import Control
from qlf.llm.fake.engine import Engine
from qlf.llm.fake.errors import Problem
from qlf.llm.fake.fault import Wire
from qlf.llm.fake.http import Performance, Request, whole
from qlf.llm.fake.openai_wire import strict_parameters
from qlf.llm.fake.script import Script

__all__ = ["Surface"]

_CREDENTIAL = re.compile(r"\bCredential=([^/,\s]{1,256})/")


class Surface:
    """Answers requests of all routes.

    A path may begin with `/accounts/{name}`, so that one server can play several accounts or regions; the
    deployments there are called `{name}/{deployment}`.

    Args:
        engine: Does the work.
        on_script: Told when another script was loaded over HTTP.
    """

    def __init__(self, engine: Engine, on_script: Callable[[], None] | None = None) -> None:
        self.engine = engine
        self._batches = Batches(engine)
        self._control = Control(engine, self.load)
        self._on_script = on_script

    def load(self, script: Script) -> None:
        """Begin anew with this script."""
        self.engine.load(script)
        self._batches = Batches(self.engine)
        if self._on_script is not None:
            self._on_script()

    def handle(self, request: Request) -> Performance:
        """The answer to one request."""
        path = request.segments
        account = ""
        if len(path) > 2 and path[0] == "accounts":
            account, path = path[1], path[2:]
        if path[:1] == ("__fake__",):
            return self._control.handle(request, path[1:])
        if path[:1] == ("model",) and len(path) >= 3:
            return self._bedrock(request, path, account)
        if path[:1] == ("openai",):
            return self._azure(request, path[1:], account)
        if path[:1] == ("v1",):
            return self._openai(request, path[1:], account)
        return self._nowhere(request, Wire.OPENAI)

    def _openai(self, request: Request, path: tuple[str, ...], account: str) -> Performance:
        refused = self._refused_key(request, Wire.OPENAI)
        if refused is not None:
            return refused
        if path == ("chat", "completions") and request.method == "POST":
            return self._chat(request, Wire.OPENAI, None, account, "")
        if path[:1] == ("models",) and request.method == "GET":
            return self._models(path[1:])
        if path[:1] in (("files",), ("batches",)):
            return self._batches.handle(request, Wire.OPENAI, path, account)
        return self._nowhere(request, Wire.OPENAI)

    def _azure(self, request: Request, path: tuple[str, ...], account: str) -> Performance:
        version = request.query.get("api-version", "")
        if path[:1] == ("v1",):
            # The newer surface, which needs no version and names the deployment in the body.
            path, version = path[1:], version or "preview"
        if not version:
            return self._nowhere(request, Wire.AZURE)
        refused = self._refused_key(request, Wire.AZURE)
        if refused is not None:
            return refused
        if len(path) == 4 and path[0] == "deployments" and path[2:] == ("chat", "completions"):
            if request.method == "POST":
                return self._chat(request, Wire.AZURE, path[1], account, version)
        elif path == ("chat", "completions") and request.method == "POST":
            return self._chat(request, Wire.AZURE, None, account, version)
        elif path[:1] == ("models",) and request.method == "GET":
            return self._models(path[1:])
        elif path[:1] in (("files",), ("batches",)):
            return self._batches.handle(request, Wire.AZURE, path, account)
        return self._nowhere(request, Wire.AZURE)

    def _bedrock(self, request: Request, path: tuple[str, ...], account: str) -> Performance:
        action = path[-1]
        if action not in ("converse", "converse-stream") or request.method != "POST":
            return self._nowhere(request, Wire.BEDROCK)
        refused = self._refused_key(request, Wire.BEDROCK)
        if refused is not None:
            return refused
        model = "/".join(path[1:-1])
        stream = action == "converse-stream"
        try:
            ask = read_converse(request.body, model=model, stream=stream, account=account)
        except Refused as error:
            return self._invalid(Wire.BEDROCK, error, _full(account, model), stream=stream)
        return self.engine.perform(ask, _parameters(self.engine.script, ask, request.body))

    def _chat(
        self, request: Request, wire: Wire, deployment: str | None, account: str, version: str
    ) -> Performance:
        try:
            ask = read_chat(
                request.body, wire=wire, deployment=deployment, account=account, api_version=version
            )
        except Refused as error:
            return self._invalid(wire, error, _full(account, deployment or ""), stream=False)
        return self.engine.perform(ask, _parameters(self.engine.script, ask, request.body))

    def _models(self, rest: tuple[str, ...]) -> Performance:
        names = self.engine.known()
        made = [
            {"id": name, "object": "model", "created": self.engine.script.created, "owned_by": "fake"}
            for name in names
        ]
        if not rest:
            return _json({"object": "list", "data": made})
        wanted = "/".join(rest)
        found = [one for one in made if one["id"] == wanted]
        if found:
            return _json(found[0])
        problem = Problem(404, "not_found", values=(("name", wanted),))
        return self._refuse(Wire.OPENAI, problem, outcome="not_found")

    def _refused_key(self, request: Request, wire: Wire) -> Performance | None:
        keys = self.engine.script.keys
        if not keys.accepted and not keys.expired:
            return None
        given = _key(request, wire)
        status = 403 if wire is Wire.BEDROCK else 401
        if given is None:
            kind = "missing_key"
        elif given in keys.expired:
            kind = "expired_key"
        elif keys.accepted and given not in keys.accepted:
            kind = "bad_key"
        else:
            return None
        # OpenAI shows both ends of the key in its message; whoever logs the message logs them.
        shown = f"{given[:8]}{'*' * 12}{given[-4:]}" if given and len(given) > 12 else "****"
        return self._refuse(wire, Problem(status, kind, values=(("key", shown),)), outcome=kind)

    def _invalid(self, wire: Wire, error: Refused, deployment: str, *, stream: bool) -> Performance:
        problem = Problem(400, "invalid", error.message, error.code, error.param)
        record = self.engine.record(wire, deployment=deployment, stream=stream)
        return self.engine.refuse(record, wire, problem, outcome="invalid")

    def _nowhere(self, request: Request, wire: Wire) -> Performance:
        problem = Problem(404, "no_route", values=(("method", request.method), ("path", request.path)))
        return self._refuse(wire, problem, outcome="no_route")

    def _refuse(self, wire: Wire, problem: Problem, *, outcome: str) -> Performance:
        return self.engine.refuse(self.engine.record(wire), wire, problem, outcome=outcome)


def _full(account: str, deployment: str) -> str:
    return f"{account}/{deployment}" if account else deployment


def _json(document: Any) -> Performance:
    return whole(200, [("content-type", "application/json")], orjson.dumps(document))


def _parameters(script: Script, ask: Ask, body: bytes) -> Callable[[str], Problem | None] | None:
    """Looks for parameters that the model does not take; asked once its real name is known."""

    def look(model: str) -> Problem | None:
        behaviour = script.behaviour(ask.deployment)
        if behaviour is None or not behaviour.strict_parameters:
            return None
        document = orjson.loads(body)
        if ask.wire is Wire.BEDROCK:
            refused = strict_converse(model, document)
            return None if refused is None else Problem(400, "invalid", refused)
        found = strict_parameters(model, document)
        return None if found is None else Problem(400, "invalid", found[0], found[2], found[1])

    return look


def _key(request: Request, wire: Wire) -> str | None:
    """The API key, or the id of the AWS access key that signed the request."""
    headers = request.headers
    authorization = headers.get("authorization", "")
    if authorization.startswith("Bearer "):
        return authorization[7:].strip()
    if wire is Wire.BEDROCK:
        found = _CREDENTIAL.search(authorization)
        return found[1] if found is not None and authorization.startswith("AWS4-HMAC-SHA256 ") else None
    return headers.get("api-key")
