"""From a request for an answer to what is sent back: keys, limits, faults, answer, bill."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from qlf.llm.fake.answering import Answerer, Made
from qlf.llm.fake.ask import Ask
from qlf.llm.fake.errors import Problem, problem_body, problem_headers
from qlf.llm.fake.fault import (
    ContentFilter,
    Drop,
    ErrorStatus,
    ExpiredKey,
    Fault,
    Hang,
    Html,
    Quota,
    Refusal,
    RefuseConnections,
    Throttled,
    TooLong,
    Truncated,
    When,
    Wire,
)
from qlf.llm.fake.http import End, Performance, whole
from qlf.llm.fake.limiter import Limiter, Verdict
from qlf.llm.fake.prefixes import Prefixes
from qlf.llm.fake.rates import rate_headers, retry_headers, spoken_seconds
from qlf.llm.fake.records import Record, Records, Tariff
from qlf.llm.fake.render import Stage, render
from qlf.llm.fake.script import Behaviour, Script

__all__ = ["Engine"]

_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>Service notice</title></head><body><h1>The gateway could not reach "
    b"the service.</h1></body></html>\n"
)


@dataclass(slots=True)
class _Site:
    """What is known of one deployment."""

    name: str
    behaviour: Behaviour
    openai: Limiter
    bedrock: Limiter
    prefixes: Prefixes
    tariff: Tariff | None = None
    ordinal: int = 0


class Engine:
    """All state of a fake provider behind its HTTP surface.

    Args:
        script: What it does.
        now: Seconds of a clock that never goes back.
        on_record: Told of every request once it is decided what becomes of it.
    """

    def __init__(
        self,
        script: Script,
        *,
        now: Callable[[], float] = time.monotonic,
        on_record: Callable[[Record], None] | None = None,
    ) -> None:
        self.now = now
        self.on_record = on_record
        self.load(script)

    def load(self, script: Script) -> None:
        """Begin anew with this script: time, counts, limits and log."""
        self.script = script
        self.started = self.now()
        self.records = Records()
        self._answerer = Answerer(script)
        self._sites: dict[str, _Site] = {}
        self._numbers = 0
        self._seed = script.seed.to_bytes(8)
        self._faults: list[tuple[Fault, bytes, list[int]]] = [
            (fault, self._seed + number.to_bytes(4), [0])
            for number, fault in enumerate(script.faults)
            if not isinstance(fault, RefuseConnections)
        ]

    def next_id(self) -> tuple[int, str]:
        """Number and hexadecimal id of the next request."""
        self._numbers += 1
        return self._numbers, blake2b(self._seed + self._numbers.to_bytes(8), digest_size=16).hexdigest()

    def record(self, wire: Wire, *, deployment: str = "", stream: bool = False) -> Record:
        """A record for a request that has just come in."""
        number, digest = self.next_id()
        seconds = round(self.now() - self.started, 6)
        return Record(number, _request_id(wire, digest), wire.value, deployment, 0, stream, seconds)

    def refuse(self, record: Record, wire: Wire, problem: Problem, *, outcome: str) -> Performance:
        """An error answer, and its record."""
        record.status, record.outcome = problem.status, outcome
        self._done(record)
        return whole(
            problem.status, problem_headers(wire, problem, record.request_id), problem_body(wire, problem)
        )

    def perform(
        self, ask: Ask, document_problem: Callable[[str], Problem | None] | None = None
    ) -> Performance:
        """The answer to a request whose key was accepted."""
        record = self.record(ask.wire, deployment=ask.deployment, stream=ask.stream)
        site = self._site(ask.deployment)
        if site is None:
            return self.refuse(record, ask.wire, _unknown(ask), outcome="not_found")
        decided = self._decide(ask, site, record, document_problem)
        if isinstance(decided, Performance):
            return decided
        self._done(record)
        return self._render(ask, site, record, decided)

    def batch_line(self, ask: Ask) -> tuple[int, str, dict[str, Any]]:
        """One line of a batch: status, request id and body. Billed at half the price."""
        record = self.record(ask.wire, deployment=ask.deployment)
        record.batch = True
        site = self._site(ask.deployment)
        problem: Problem | None = None
        if site is None:
            problem, record.outcome = _unknown(ask), "not_found"
        else:
            site.ordinal += 1
            record.ordinal = site.ordinal
            fault = self._fault(ask, site)
            problem = _fault_problem(fault, ask) if fault is not None else None
            record.outcome = fault.kind if problem is not None and fault is not None else "answered"
        if problem is not None or site is None:
            record.status = problem.status if problem is not None else 500
            self._done(record)
            import orjson

            body: dict[str, Any] = orjson.loads(problem_body(ask.wire, problem or Problem(500, "other")))
            return record.status, record.request_id, body
        made = self._answerer.answer(ask, site.behaviour)
        self._bill(record, site, made)
        self._done(record)
        from qlf.llm.fake.openai_wire import chat_body
        from qlf.llm.fake.render import identity

        who = identity(ask, site.behaviour, record.request_id, self.script.created, None)
        return 200, record.request_id, chat_body(ask, made, who, with_usage=True, with_choices=True)

    def known(self) -> tuple[str, ...]:
        """Names of the deployments that are listed or were asked."""
        names = dict.fromkeys(one.name for one in self.script.deployments)
        return tuple(dict.fromkeys((*names, *self._sites)))

    def _site(self, name: str) -> _Site | None:
        site = self._sites.get(name)
        if site is None:
            behaviour = self.script.behaviour(name)
            if behaviour is None:
                return None
            site = _Site(
                name,
                behaviour,
                Limiter(behaviour.limits, refund=False),
                Limiter(behaviour.limits, refund=True),
                Prefixes(behaviour.prompt_cache_tokens),
                tariff=Tariff(behaviour.price) if behaviour.price is not None else None,
            )
            self._sites[name] = site
        return site

    def _decide(
        self,
        ask: Ask,
        site: _Site,
        record: Record,
        document_problem: Callable[[str], Problem | None] | None,
    ) -> Performance | _Decision:
        site.ordinal += 1
        record.ordinal = site.ordinal
        record.digest = ask.digest.hex()
        behaviour, wire = site.behaviour, ask.wire
        fault = self._fault(ask, site) if self._faults else None
        if isinstance(fault, Drop):
            record.status, record.outcome = 0, fault.kind
            self._done(record)
            return Performance([b""], end=End.RESET)
        if isinstance(fault, Html):
            record.status, record.outcome = fault.status, fault.kind
            self._done(record)
            return whole(fault.status, [("content-type", "text/html; charset=utf-8")], _HTML)
        if fault is not None:
            problem = _fault_problem(fault, ask)
            if problem is not None:
                if isinstance(fault, ContentFilter) and fault.billed:
                    record.billed, record.input_tokens = True, ask.input_tokens
                    self._price(record, site)
                return self.refuse(record, wire, problem, outcome=fault.kind)
        problem = document_problem(behaviour.model or ask.model) if document_problem is not None else None
        if problem is not None:
            return self.refuse(record, wire, problem, outcome="invalid")
        if behaviour.context_tokens is not None:
            size = ask.input_tokens + (ask.max_tokens or 0 if wire is not Wire.BEDROCK else 0)
            if size > behaviour.context_tokens:
                values = (("limit", str(behaviour.context_tokens)), ("size", str(size)))
                return self.refuse(record, wire, Problem(400, "too_long", values=values), outcome="too_long")
        limiter = site.bedrock if wire is Wire.BEDROCK else site.openai
        verdict: Verdict | None = None
        now = 0.0
        most = ask.max_tokens if ask.max_tokens is not None else behaviour.answer_bytes // 4 + 1
        if limiter.limits_any:
            now = self.now()
            verdict = limiter.admit(now, input_tokens=ask.input_tokens, max_output=most)
            if not verdict.passed:
                return self._throttle(ask, site, record, verdict)
        made = self._answerer.answer(ask, behaviour)
        if isinstance(fault, Truncated):
            half = made.text.encode()[: len(made.text.encode()) // 2]
            made.text, made.stop = half.decode("utf-8", "ignore"), "max_tokens"
            made.output_tokens = -(-len(half) // 4) + made.reasoning
        elif isinstance(fault, Refusal):
            made.text, made.stop, made.tool = fault.text, "refusal", ""
            made.output_tokens = -(-len(fault.text.encode()) // 4)
        elif isinstance(fault, ContentFilter):
            made.stop, made.tool = ("guardrail" if fault.at == "prompt" else "content_filter"), ""
            if fault.at == "prompt":
                made.text = "Sorry, the model cannot answer this question."
            else:
                made.text = made.text[: len(made.text) // 2]
            made.output_tokens = -(-len(made.text.encode()) // 4) + made.reasoning
        if behaviour.prompt_cache:
            made.cache_read, made.cache_write = site.prefixes.count(ask)
        if verdict is not None:
            limiter.settle(now, input_tokens=ask.input_tokens, max_output=most, output=made.output_tokens)
        if fault is not None:
            record.outcome = fault.kind
        if not isinstance(fault, Hang) or fault.billed:
            self._bill(record, site, made)
        return _Decision(made, fault, verdict)

    def _fault(self, ask: Ask, site: _Site) -> Fault | None:
        seconds = self.now() - self.started
        for fault, luck, times in self._faults:
            if fault.times is not None and times[0] >= fault.times:
                continue
            when: When = fault
            if when.holds(
                wire=ask.wire,
                stream=ask.stream,
                deployment=site.name,
                ordinal=site.ordinal,
                seconds=seconds,
                luck=luck,
            ):
                times[0] += 1
                return fault
        return None

    def _throttle(self, ask: Ask, site: _Site, record: Record, verdict: Verdict) -> Performance:
        limits = site.behaviour.limits
        limit = limits.requests_per_minute if verdict.what == "requests" else limits.tokens_per_minute
        values = (
            ("name", ask.model),
            ("limit", str(limit)),
            ("wait", spoken_seconds(verdict.wait_seconds)),
            ("seconds", str(max(1, round(verdict.wait_seconds + 0.499)))),
            ("version", ask.api_version),
        )
        headers: tuple[tuple[str, str], ...] = ()
        if ask.wire is not Wire.BEDROCK:
            headers = (
                *retry_headers("milliseconds", verdict.wait_seconds),
                *rate_headers(ask.wire, limits, verdict),
            )
        problem = Problem(429, verdict.what, values=values, headers=headers)
        return self.refuse(record, ask.wire, problem, outcome="rate_limited")

    def _bill(self, record: Record, site: _Site, made: Made) -> None:
        record.billed = True
        record.input_tokens, record.output_tokens = made.input_tokens, made.output_tokens
        record.cache_read_tokens, record.cache_write_tokens = made.cache_read, made.cache_write
        self._price(record, site)

    def _price(self, record: Record, site: _Site) -> None:
        if site.tariff is not None:
            counts = {
                "input": record.input_tokens,
                "output": record.output_tokens,
                "cache_read": record.cache_read_tokens,
                "cache_write": record.cache_write_tokens,
            }
            record.micros = site.tariff.micros(counts, batch=record.batch)

    def _done(self, record: Record) -> None:
        self.records.add(record)
        if self.on_record is not None:
            self.on_record(record)

    def _render(self, ask: Ask, site: _Site, record: Record, decision: _Decision) -> Performance:
        headers: list[tuple[str, str]] = []
        if decision.verdict is not None and ask.wire is not Wire.BEDROCK:
            headers = rate_headers(ask.wire, site.behaviour.limits, decision.verdict)
        stage = Stage(
            ask,
            decision.made,
            site.behaviour,
            decision.fault,
            record.request_id,
            self.script.created,
            headers,
        )
        return render(stage)


@dataclass(slots=True)
class _Decision:
    made: Made
    fault: Fault | None
    verdict: Verdict | None


def _unknown(ask: Ask) -> Problem:
    status = 400 if ask.wire is Wire.BEDROCK else 404
    return Problem(status, "not_found", values=(("name", ask.model),))


def _request_id(wire: Wire, digest: str) -> str:
    if wire is Wire.OPENAI:
        return f"req_{digest}"
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


def _fault_problem(fault: Fault, ask: Ask) -> Problem | None:
    """The error that a fault means, if it means one instead of an answer."""
    if isinstance(fault, Throttled):
        values = (
            ("name", ask.model),
            ("wait", spoken_seconds(fault.seconds)),
            ("seconds", str(max(1, round(fault.seconds)))),
            ("version", ask.api_version),
        )
        headers = tuple(retry_headers(fault.retry_after, fault.seconds))
        return Problem(429, "requests", code=fault.code, headers=headers, values=values)
    if isinstance(fault, Quota):
        return Problem(429, "quota")
    if isinstance(fault, ErrorStatus):
        wait = fault.retry_after_seconds
        return Problem(
            fault.status,
            "other",
            fault.message or "",
            fault.code,
            headers=tuple(retry_headers("seconds", wait)) if wait is not None else (),
        )
    if isinstance(fault, ExpiredKey):
        return Problem(403 if ask.wire is Wire.BEDROCK else 401, "expired_key", values=(("key", "expired"),))
    if isinstance(fault, TooLong):
        size = str(max(8193, ask.input_tokens))
        return Problem(400, "too_long", values=(("limit", "8192"), ("size", size)))
    if isinstance(fault, ContentFilter) and fault.at == "prompt" and ask.wire is not Wire.BEDROCK:
        return Problem(400, "content_filter")
    return None
