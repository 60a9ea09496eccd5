"""What a request asks for, read from either of the wire formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from qlf.llm.fake.fault import Wire

__all__ = ["Ask", "Refused", "read_chat", "read_converse", "tokens_in"]


class Refused(Exception):
    """The request is not what the wire format promises.

    Args:
        message: As the provider would say it.
        param: OpenAI: the parameter at fault.
        code: OpenAI: the code of the error.
    """

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


@dataclass(slots=True)
class Ask:
    """One request for an answer."""

    wire: Wire
    deployment: str
    model: str
    stream: bool
    digest: bytes
    """Of everything that can change the answer; the same for a stream and a whole answer."""
    system: str = ""
    last: str = ""
    """Text of the last message."""
    input_tokens: int = 0
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    schema: Any = None
    schema_name: str = ""
    tool: bool = False
    """Whether the schema is that of a tool whose use is forced."""
    json_object: bool = False
    include_usage: bool = False
    prefix: bytes = b""
    """OpenAI: all text, where a common beginning is cached."""
    marks: list[tuple[int, bytes]] = field(default_factory=list)
    """Bedrock: tokens up to each cache point, and the digest of what is before it."""
    api_version: str = ""
    account: str = ""


def tokens_in(size: int) -> int:
    """Tokens in a text of `size` bytes: four bytes each, rounded up."""
    return -(-size // 4)


def read_chat(
    body: bytes, *, wire: Wire, deployment: str | None, account: str = "", api_version: str = ""
) -> Ask:
    """Read the body of a chat completion.

    Args:
        body: JSON.
        wire: OpenAI or Azure.
        deployment: Azure: from the address; OpenAI: none, the body names it.
        account: From the address.
        api_version: Azure: from the address.

    Raises:
        Refused: As OpenAI refuses it.
    """
    document = _object(body)
    model = deployment if deployment is not None else document.get("model")
    if not isinstance(model, str) or not model:
        raise Refused("you must provide a model parameter")
    messages = document.get("messages")
    if not isinstance(messages, list):
        raise Refused(
            "Missing required parameter: 'messages'.", param="messages", code="missing_required_parameter"
        )
    if not messages:
        raise Refused(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty "
            "array instead.",
            param="messages",
            code="empty_array",
        )
    if document.get("n") not in (None, 1):
        raise Refused("Invalid 'n': this server gives one answer.", param="n", code="invalid_value")
    system: list[str] = []
    texts: list[str] = []
    for number, message in enumerate(messages):
        role, text = _chat_message(message, number)
        texts.append(text)
        if role in ("system", "developer"):
            system.append(text)
    everything = "\0".join(texts).encode("utf-8", "surrogatepass")
    ask = Ask(
        wire=wire,
        deployment=f"{account}/{model}" if account else model,
        model=model,
        stream=document.get("stream") is True,
        digest=_digest(document, ("stream", "stream_options", "user", "metadata", "store", "service_tier")),
        system="\n".join(system),
        last=texts[-1],
        input_tokens=tokens_in(len(everything) - len(texts) + 1),
        max_tokens=_tokens(document, "max_completion_tokens") or _tokens(document, "max_tokens"),
        stop=_stops(document.get("stop")),
        prefix=everything,
        account=account,
        api_version=api_version,
    )
    options = document.get("stream_options")
    if options is not None:
        if not ask.stream:
            raise Refused(
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                param="stream_options",
            )
        ask.include_usage = isinstance(options, dict) and options.get("include_usage") is True
    _chat_format(ask, document)
    return ask


def _chat_message(message: Any, number: int) -> tuple[str, str]:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ("system", "developer", "user", "assistant", "tool", "function"):
        raise Refused(
            f"Invalid value: {role!r}. Supported values are: 'system', 'assistant', 'user', 'function', "
            "'tool', and 'developer'.",
            param=f"messages[{number}].role",
            code="invalid_value",
        )
    content = message.get("content")
    if isinstance(content, str):
        return role, content
    if isinstance(content, list):
        return role, "".join(
            part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    if content is None and role == "assistant":
        return role, ""
    raise Refused(
        f"Invalid type for 'messages[{number}].content': expected one of a string or array of objects.",
        param=f"messages[{number}].content",
        code="invalid_type",
    )


def _chat_format(ask: Ask, document: dict[str, Any]) -> None:
    choice = document.get("tool_choice")
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        name = choice["function"].get("name")
        for tool in _list(document.get("tools")):
            function = tool.get("function") if isinstance(tool, dict) else None
            if isinstance(function, dict) and function.get("name") == name:
                ask.schema, ask.schema_name, ask.tool = function.get("parameters") or {}, str(name), True
                return
        raise Refused("Tool choice is not in 'tools'.", param="tool_choice", code="invalid_value")
    wanted = document.get("response_format")
    if not isinstance(wanted, dict):
        return
    if wanted.get("type") == "json_object":
        ask.json_object = True
    elif wanted.get("type") == "json_schema":
        given = wanted.get("json_schema")
        if not isinstance(given, dict) or not isinstance(given.get("name"), str):
            raise Refused(
                "Missing required parameter: 'response_format.json_schema.name'.",
                param="response_format.json_schema.name",
                code="missing_required_parameter",
            )
        schema = given.get("schema") if given.get("schema") is not None else {}
        if given.get("strict") is True:
            from qlf.llm.fake.strict import strict_problem

            problem = strict_problem(schema)
            if problem:
                raise Refused(
                    f"Invalid schema for response_format '{given['name']}': {problem}",
                    param="response_format",
                    code="invalid_json_schema",
                )
        ask.schema, ask.schema_name = schema, given["name"]


def read_converse(body: bytes, *, model: str, stream: bool, account: str = "") -> Ask:
    """Read the body of Bedrock's Converse or ConverseStream.

    Raises:
        Refused: As Bedrock refuses it (ValidationException).
    """
    document = _object(body)
    messages = document.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("The model returned the following errors: messages: at least one message is required")
    digest = blake2b(model.encode(), digest_size=16)
    marks: list[tuple[int, bytes]] = []
    size = 0

    def walk(blocks: Any, where: str) -> str:
        nonlocal size
        if not isinstance(blocks, list):
            raise Refused(
                f"Malformed input request: {where} must be an array, please reformat and try again."
            )
        texts: list[str] = []
        for number, block in enumerate(blocks):
            if not isinstance(block, dict) or not block:
                raise Refused(f"Malformed input request: {where}.{number}, please reformat and try again.")
            if "cachePoint" in block:
                marks.append((tokens_in(size), digest.digest()))
                continue
            text = block.get("text")
            if isinstance(text, str):
                if not text.strip():
                    raise Refused(
                        f"The text field in the ContentBlock object at {where}.{number} is blank. Add text "
                        "to the text field, and try again."
                    )
            else:
                text = orjson.dumps(block, option=orjson.OPT_SORT_KEYS).decode()
            data = text.encode("utf-8", "surrogatepass")
            size += len(data)
            digest.update(b"\0" + data)
            texts.append(text)
        return "".join(texts)

    system = walk(document["system"], "system") if document.get("system") is not None else ""
    last = ""
    for number, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("user", "assistant"):
            raise Refused(f"Malformed input request: messages.{number}.role must be user or assistant.")
        if number == 0 and role != "user":
            raise Refused(
                "A conversation must start with a user message. Try again with a conversation that starts "
                "with a user message."
            )
        digest.update(role.encode())
        last = walk(message.get("content"), f"messages.{number}.content")
    settings = document.get("inferenceConfig")
    settings = settings if isinstance(settings, dict) else {}
    ask = Ask(
        wire=Wire.BEDROCK,
        deployment=f"{account}/{model}" if account else model,
        model=model,
        stream=stream,
        digest=b"",
        system=system,
        last=last,
        input_tokens=tokens_in(size),
        max_tokens=_tokens(settings, "maxTokens"),
        stop=_stops(settings.get("stopSequences")),
        marks=marks,
        account=account,
    )
    _converse_format(ask, document)
    rest = orjson.dumps(
        [settings, document.get("toolConfig"), document.get("outputConfig")], option=orjson.OPT_SORT_KEYS
    )
    digest.update(b"\0" + rest)
    ask.digest = digest.digest()
    return ask


def _converse_format(ask: Ask, document: dict[str, Any]) -> None:
    tools = document.get("toolConfig")
    choice = tools.get("toolChoice") if isinstance(tools, dict) else None
    if isinstance(tools, dict) and isinstance(choice, dict) and ("tool" in choice or "any" in choice):
        wanted = _dict(choice.get("tool")).get("name")
        for tool in _list(tools.get("tools")):
            spec = tool.get("toolSpec") if isinstance(tool, dict) else None
            if isinstance(spec, dict) and wanted in (None, spec.get("name")):
                schema = _dict(spec.get("inputSchema")).get("json")
                ask.schema, ask.schema_name, ask.tool = schema or {}, str(spec.get("name")), True
                return
        raise Refused("The toolChoice names a tool that is not in toolConfig.tools.")
    output = document.get("outputConfig")
    wanted_format = output.get("textFormat") if isinstance(output, dict) else None
    if isinstance(wanted_format, dict):
        given = _dict(_dict(wanted_format.get("structure")).get("jsonSchema"))
        try:
            ask.schema = orjson.loads(given.get("schema") or "")
        except (orjson.JSONDecodeError, TypeError) as error:
            raise Refused("The schema in outputConfig.textFormat.structure.jsonSchema is no JSON.") from error
        ask.schema_name = str(given.get("name") or "")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
            "your HTTP library correctly.)"
        ) from error
    if not isinstance(document, dict):
        raise Refused("The body of the request must be a JSON object.")
    return document


def _digest(document: dict[str, Any], without: tuple[str, ...]) -> bytes:
    kept = {key: value for key, value in document.items() if key not in without}
    return blake2b(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _tokens(document: dict[str, Any], name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Refused(
            f"Invalid '{name}': integer below minimum value. Expected a value >= 1.",
            param=name,
            code="integer_below_min_value",
        )
    return value


def _stops(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(one for one in value if isinstance(one, str) and one) if isinstance(value, list) else ()
