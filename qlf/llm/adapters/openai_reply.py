"""What a server of the chat-completions format answered, whole or in pieces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qlf.core.metering import Usage
from qlf.llm.adapters import fields
from qlf.llm.adapters.fields import Misshapen
from qlf.llm.reply import Reply, StopReason

__all__ = ["StreamedReply", "parse_reply", "parse_usage"]

_STOPS = {
    "stop": StopReason.END,
    "length": StopReason.MAX_TOKENS,
    "content_filter": StopReason.CONTENT_FILTER,
}


def _stop(choice: dict[str, Any]) -> StopReason | None:
    """Why it stopped; `None` while it did not.

    vLLM tells which stop string was met, in a field of its own; others do not tell.
    """
    reason = fields.text(choice, "finish_reason")
    if not reason:
        return None
    if reason not in _STOPS:
        known = reason if reason in {"tool_calls", "function_call"} else "one that is not known"
        raise Misshapen(f"it stopped for a reason that was not asked for: {known}")
    if reason == "stop" and type(choice.get("stop_reason")) is str:
        return StopReason.STOP_SEQUENCE
    return _STOPS[reason]


def parse_usage(body: dict[str, Any]) -> Usage | None:
    """The tokens used; `None` where the server did not count."""
    usage = fields.mapping(body, "usage")
    if not usage:
        return None
    prompt, completion = fields.count(usage, "prompt_tokens"), fields.count(usage, "completion_tokens")
    cached = fields.count(fields.mapping(usage, "prompt_tokens_details"), "cached_tokens")
    reasoning = fields.count(fields.mapping(usage, "completion_tokens_details"), "reasoning_tokens")
    if cached > prompt:
        raise Misshapen("'cached_tokens' is more than 'prompt_tokens'")
    return Usage(
        input_tokens=prompt,
        output_tokens=completion,
        cache_read_tokens=cached,
        reasoning_tokens=min(reasoning, completion),
    )


def parse_reply(body: dict[str, Any]) -> Reply | None:
    """The answer; `None` if it never came to its end.

    Raises:
        Misshapen: If it is not what the format promises.
    """
    choices = fields.items(body, "choices")
    if not choices:
        raise Misshapen("'choices' is empty")
    choice = choices[0]
    stop = _stop(choice)
    if stop is None:
        return None
    message = fields.mapping(choice, "message")
    refusal, content = fields.text(message, "refusal"), fields.text(message, "content")
    if refusal:
        stop = StopReason.REFUSAL
    usage = parse_usage(body)
    return Reply(
        text=refusal or content,
        stop=stop,
        usage=usage if usage is not None else Usage(),
        model=fields.label(body, "model"),
        response_id=fields.label(body, "id"),
        usage_reported=usage is not None,
    )


@dataclass(slots=True)
class StreamedReply:
    """An answer that is put together from its chunks."""

    texts: list[str] = field(default_factory=list)
    stop: StopReason | None = None
    refused: bool = False
    usage: Usage | None = None
    model: str = ""
    response_id: str = ""
    done: bool = False
    """Whether the stream said that nothing follows."""

    def add(self, chunk: dict[str, Any]) -> str:
        """Take one chunk; the text that it adds.

        Azure's first chunk has no choices: it tells what the filter found in the prompt. The one with the
        usage has none either.
        """
        if not self.model:
            self.model = fields.label(chunk, "model")
        if not self.response_id:
            self.response_id = fields.label(chunk, "id")
        if chunk.get("usage") is not None:
            self.usage = parse_usage(chunk) or self.usage
        choices = fields.items(chunk, "choices")
        if not choices:
            return ""
        choice = choices[0]
        if choice.get("finish_reason") is not None:
            self.stop = _stop(choice) or self.stop
        delta = fields.mapping(choice, "delta")
        added = fields.text(delta, "content")
        if delta.get("refusal"):
            self.refused = True
            added += fields.text(delta, "refusal")
        if added:
            self.texts.append(added)
        return added

    def reply(self) -> Reply | None:
        """The whole answer; `None` if it did not come to its end."""
        if self.stop is None or not (self.done or self.usage is not None):
            return None
        return Reply(
            text="".join(self.texts),
            stop=StopReason.REFUSAL if self.refused else self.stop,
            usage=self.usage if self.usage is not None else Usage(),
            model=self.model,
            response_id=self.response_id,
            usage_reported=self.usage is not None,
        )
