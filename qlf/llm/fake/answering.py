"""What is answered: scripted, made to meet a schema, or a text that follows from the request alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any

import orjson

from qlf.llm.fake.ask import Ask, tokens_in
from qlf.llm.fake.instance import instance
from qlf.llm.fake.script import Answer, Behaviour, Match, Script

__all__ = ["Answerer", "Made", "made_text"]

_WORDS = (
    *("amber", "basin", "cedar", "delta", "ember", "field", "grove", "haven", "inlet", "jetty", "knoll"),
    *(
        "larch",
        "maple",
        "north",
        "orchard",
        "plain",
        "quarry",
        "ridge",
        "slope",
        "timber",
        "upland",
        "valley",
    ),
    *("willow", "yarrow", "zephyr", "brook", "cliff", "dune", "ferry", "glade", "harbor", "island"),
)


@dataclass(slots=True)
class Made:
    """An answer before it is put into a wire format."""

    text: str
    stop: str
    """`end`, `stop_sequence`, `max_tokens`, `content_filter`, `refusal` or `tool`."""
    input_tokens: int
    output_tokens: int
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    tool: str = ""
    """Name of the tool that is used; the text is its input as JSON."""
    stop_text: str = ""
    """The stop sequence that was met."""


class Answerer:
    """Finds the answer to a request.

    Args:
        script: Its answers are tried in order.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._rules = [
            (rule, re.compile(rule.when.message_matches) if rule.when.message_matches else None)
            for rule in script.answers
        ]
        self._met = [0] * len(self._rules)
        self._seed = script.seed.to_bytes(8)

    def answer(self, ask: Ask, behaviour: Behaviour) -> Made:
        """The answer, cut at stop sequences and at `max_tokens`."""
        rule = self._rule(ask) if self._rules else None
        text, stop = self._text(ask, behaviour, rule), rule.stop if rule is not None else "end"
        made = Made(text, stop, ask.input_tokens, 0, reasoning=behaviour.reasoning_tokens)
        if ask.tool:
            made.tool, made.stop = ask.schema_name, "tool" if stop == "end" else stop
        for sequence in ask.stop:
            at = made.text.find(sequence)
            if at >= 0 and not made.tool:
                made.text, made.stop, made.stop_text = made.text[:at], "stop_sequence", sequence
        encoded = made.text.encode("utf-8", "surrogatepass")
        room = None if ask.max_tokens is None else max(0, ask.max_tokens - made.reasoning)
        if room is not None and tokens_in(len(encoded)) > room:
            encoded = encoded[: room * 4]
            made.text, made.stop = encoded.decode("utf-8", "ignore"), "max_tokens"
            made.reasoning = min(made.reasoning, ask.max_tokens or 0)
        made.output_tokens = tokens_in(len(encoded)) + made.reasoning
        if rule is not None and rule.output_tokens is not None:
            made.output_tokens = rule.output_tokens
        return made

    def _rule(self, ask: Ask) -> Answer | None:
        for number, (rule, pattern) in enumerate(self._rules):
            if _meets(rule.when, pattern, ask):
                self._met[number] += 1
                if rule.when.request is None or rule.when.request == self._met[number]:
                    return rule
        return None

    def _text(self, ask: Ask, behaviour: Behaviour, rule: Answer | None) -> str:
        if rule is not None:
            if rule.text is not None:
                return rule.text
            if "data" in rule.model_fields_set:
                return _json(rule.data)
            if rule.size is not None and ask.schema is None:
                return made_text(self._seed, ask.digest, rule.size)
        if ask.schema is not None:
            return _json(instance(ask.schema, self._seed + ask.digest))
        text = made_text(self._seed, ask.digest, behaviour.answer_bytes)
        return orjson.dumps({"answer": text}).decode() if ask.json_object else text


def _meets(when: Match, pattern: re.Pattern[str] | None, ask: Ask) -> bool:
    return (
        (when.deployment is None or when.deployment == ask.deployment)
        and (when.schema_name is None or (ask.schema is not None and when.schema_name == ask.schema_name))
        and (when.system_contains is None or when.system_contains in ask.system)
        and (when.message_contains is None or when.message_contains in ask.last)
        and (pattern is None or pattern.search(ask.last) is not None)
    )


def made_text(seed: bytes, digest: bytes, size: int) -> str:
    """An ASCII text of exactly `size` bytes that differs from request to request."""
    mark = blake2b(digest, digest_size=8, key=seed).hexdigest()
    words = _words()
    start = int(mark[:6], 16) % len(words)
    needed = size - len(mark) - 2
    if needed <= 0:
        return f"{mark}: "[:size]
    times = 1 + (start + needed) // len(words)
    return f"{mark}: {(words * (times + 1))[start : start + needed]}"


@cache
def _words() -> str:
    """About 16 KiB of words in an order that is fixed."""
    made: list[str] = []
    for number in range(128):
        digest = blake2b(number.to_bytes(2), digest_size=22).digest()
        made += [_WORDS[byte % len(_WORDS)] for byte in digest]
    return " ".join(made) + ". "


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Whole numbers of more than 64 bits.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_of(text: str) -> Any:
    """The input of a tool as JSON; the text itself where it is none, as models do when they fail."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"text": text}
