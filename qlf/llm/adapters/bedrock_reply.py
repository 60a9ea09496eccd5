"""What Bedrock's Converse answered, whole or in events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from qlf.core.metering import Usage
from qlf.llm.adapters import fields
from qlf.llm.adapters.fields import Misshapen
from qlf.llm.reply import Reply, StopReason

__all__ = ["StreamedConverse", "parse_converse", "parse_usage"]

_STOPS = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "max_tokens": StopReason.MAX_TOKENS,
    "model_context_window_exceeded": StopReason.MAX_TOKENS,
    "guardrail_intervened": StopReason.CONTENT_FILTER,
    "content_filtered": StopReason.CONTENT_FILTER,
    "refusal": StopReason.REFUSAL,
}
_KNOWN_BAD = frozenset({"tool_use", "malformed_model_output", "malformed_tool_use"})


def _stop(reason: str, *, tool: bool) -> StopReason:
    if reason == "tool_use" and tool:
        return StopReason.END
    if reason not in _STOPS:
        known = reason if reason in _KNOWN_BAD else "one that is not known"
        raise Misshapen(f"it stopped for a reason that was not asked for: {known}")
    return _STOPS[reason]


def parse_usage(body: dict[str, Any]) -> Usage | None:
    """The tokens used; `None` where they are missing. Bedrock counts cached input apart from the rest."""
    usage = fields.mapping(body, "usage")
    if not usage:
        return None
    read, written = (
        fields.count(usage, "cacheReadInputTokens"),
        fields.count(usage, "cacheWriteInputTokens"),
    )
    return Usage(
        input_tokens=fields.count(usage, "inputTokens") + read + written,
        output_tokens=fields.count(usage, "outputTokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def _model(body: dict[str, Any]) -> str:
    """The model behind a prompt router; other answers do not name theirs."""
    return fields.label(fields.mapping(fields.mapping(body, "trace"), "promptRouter"), "invokedModelId")


def parse_converse(body: dict[str, Any], *, tool: bool) -> Reply | None:
    """The answer; `None` if it never came to its end.

    Args:
        body: The parsed body.
        tool: Whether the model was made to call a tool with its answer.

    Raises:
        Misshapen: If it is not what the format promises.
    """
    reason = fields.text(body, "stopReason")
    if not reason:
        return None
    message = fields.mapping(fields.mapping(body, "output"), "message")
    texts: list[str] = []
    inputs: list[dict[str, Any]] = []
    for block in fields.items(message, "content"):
        if "toolUse" in block:
            inputs.append(fields.mapping(fields.mapping(block, "toolUse"), "input"))
        texts.append(fields.text(block, "text"))
    if inputs and not tool:
        raise Misshapen("it called a tool, and none was offered")
    usage = parse_usage(body)
    return Reply(
        text=orjson.dumps(inputs[0]).decode() if inputs else "".join(texts),
        stop=_stop(reason, tool=tool),
        usage=usage if usage is not None else Usage(),
        model=_model(body),
        usage_reported=usage is not None,
    )


@dataclass(slots=True)
class StreamedConverse:
    """An answer that is put together from its events."""

    tool: bool
    """Whether the model was made to call a tool with its answer."""
    texts: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    stop: StopReason | None = None
    usage: Usage | None = None
    model: str = ""
    ended: bool = False
    """Whether the metadata came: it is the last event."""

    def add(self, event: str, body: dict[str, Any]) -> str:
        """Take one event; the text that it adds. Unknown kinds are passed over, as the SDK does."""
        if event == "contentBlockDelta":
            delta = fields.mapping(body, "delta")
            text = fields.text(delta, "text")
            if text:
                self.texts.append(text)
                # Beside a forced tool, text is only the model's talk about it.
                return "" if self.tool else text
            if "toolUse" in delta:
                if not self.tool:
                    raise Misshapen("it called a tool, and none was offered")
                text = fields.text(fields.mapping(delta, "toolUse"), "input")
                self.inputs.append(text)
            return text
        if event == "messageStop":
            self.stop = _stop(fields.text(body, "stopReason"), tool=self.tool)
        elif event == "metadata":
            self.usage = parse_usage(body)
            self.model = _model(body)
            self.ended = True
        return ""

    def reply(self) -> Reply | None:
        """The whole answer; `None` if it did not come to its end."""
        if self.stop is None or not self.ended:
            return None
        return Reply(
            text="".join(self.inputs or self.texts),
            stop=self.stop,
            usage=self.usage if self.usage is not None else Usage(),
            model=self.model,
            usage_reported=self.usage is not None,
        )
