"""The script of a fake provider: who is deployed there, what they answer, how fast, and what goes wrong."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from qlf.core.yaml import load_yaml, plain
from qlf.errors import InputError
from qlf.llm.fake.fault import Fault

__all__ = [
    "Answer",
    "Batch",
    "Behaviour",
    "Deployment",
    "Keys",
    "Limits",
    "Match",
    "Price",
    "Script",
    "load_script",
    "parse_script",
]

_Name = Annotated[str, Field(min_length=1, max_length=2048)]
_Usd = Annotated[Decimal, Field(ge=0, le=10_000, decimal_places=6)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Part):
    """Rate limits of a deployment."""

    requests_per_minute: int | None = Field(None, ge=1, le=10_000_000)
    tokens_per_minute: int | None = Field(None, ge=1, le=10**12)
    method: Literal["fixed_window", "sliding_window", "token_bucket"] = Field(
        "fixed_window", description="How requests are counted; Azure evaluates fixed windows of 1 s or 10 s."
    )
    window_seconds: float = Field(1.0, gt=0, le=60, description="Requests: limit/60 for each second of it.")
    token_window_seconds: float = Field(60.0, gt=0, le=60, description="Tokens: the same.")
    count_refused: bool = Field(
        default=False, description="Whether refused requests count too, as OpenAI does."
    )
    output_burndown: int = Field(1, ge=1, le=100, description="Quota that one output token takes.")
    refund: bool | None = Field(
        None, description="Give back what was reserved and not used; Bedrock does, the others do not."
    )
    headers: Literal["true", "unknown", "none"] = Field(
        "true", description="Rate-limit headers: the true values, -1, or none. Bedrock never has any."
    )


class Price(_Part):
    """USD for a million tokens; that is micro-dollars for one."""

    input: _Usd = Decimal(0)
    output: _Usd = Decimal(0)
    cache_read: _Usd | None = Field(None, description="As input when not given.")
    cache_write: _Usd | None = Field(None, description="As input when not given.")


class Behaviour(_Part):
    """How a deployment behaves when nothing goes wrong."""

    model: str | None = Field(None, max_length=256, description="The model's name; as asked when not given.")
    first_byte_seconds: float = Field(0.0, ge=0, le=3600)
    chunk_seconds: float = Field(0.0, ge=0, le=3600, description="Streams: before each piece of text.")
    chunk_chars: int = Field(40, ge=1, le=1_000_000, description="Streams: length of a piece of text.")
    answer_bytes: int = Field(400, ge=1, le=10_000_000, description="Length of an answer nobody scripted.")
    reasoning_tokens: int = Field(0, ge=0, le=1_000_000, description="Added to the output tokens.")
    context_tokens: int | None = Field(None, ge=1, description="Longer requests are refused.")
    prompt_cache: bool = Field(default=True, description="Count prefixes seen before as cached input.")
    prompt_cache_tokens: int = Field(1024, ge=1, description="Shorter prefixes are not cached.")
    strict_parameters: bool = Field(
        default=True, description="Refuse parameters that the real model refuses."
    )
    limits: Limits = Limits()
    price: Price | None = None


class Deployment(Behaviour):
    """One deployment: OpenAI model, Azure deployment, or Bedrock model id, profile or ARN."""

    name: _Name = Field(description="As in the address; below an account: `account/name`.")


class Match(_Part):
    """Which requests an answer is for; all that is given must hold."""

    deployment: str | None = Field(None, description="Exact name of the deployment.")
    system_contains: str | None = None
    message_contains: str | None = Field(None, description="In the last message.")
    message_matches: str | None = Field(None, max_length=1000, description="Regular expression, searched.")
    request: int | None = Field(None, ge=1, description="The n-th request that meets the rest.")
    schema_name: str | None = Field(None, description="Name of the JSON Schema or tool asked for.")

    @field_validator("message_matches")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"no regular expression: {error}") from error
        return value


class Answer(_Part):
    """What to say. Without `text` and `data` a schema is met, or a text of `size` bytes is made."""

    when: Match = Match()
    text: str | None = Field(None, max_length=10_000_000)
    data: Any = Field(None, description="Answered as JSON text, or as the input of the tool asked for.")
    size: int | None = Field(None, ge=1, le=10_000_000)
    stop: Literal["end", "max_tokens", "content_filter", "refusal"] = "end"
    output_tokens: int | None = Field(None, ge=0, le=10**9, description="Instead of the count.")

    @model_validator(mode="after")
    def _one_kind(self) -> Answer:
        given = {"text", "data", "size"} & self.model_fields_set
        if len(given) > 1:
            raise ValueError(f"only one of text, data and size may be given, not {sorted(given)}")
        return self


class Keys(_Part):
    """Which credentials are accepted: API keys, or AWS access key ids. Empty means any or none."""

    accepted: tuple[_Name, ...] = ()
    expired: tuple[_Name, ...] = ()


class Batch(_Part):
    """How batches go."""

    seconds: float = Field(0.0, ge=0, le=86_400, description="From creation to the end.")
    outcome: Literal["completed", "failed", "expired"] = Field(
        "completed", description="`expired`: only the first half of the lines was worked on."
    )


class Script(_Part):
    """Everything a fake provider does."""

    version: Literal[1] = 1
    seed: int = Field(0, ge=0, le=2**63 - 1)
    created: int = Field(
        1_750_000_000, ge=0, description="Time stamp of all answers, in seconds of UNIX time."
    )
    open: bool | None = Field(
        None, description="Answer for deployments that are not listed; only when none is listed by default."
    )
    defaults: Behaviour = Behaviour()
    deployments: tuple[Deployment, ...] = ()
    answers: tuple[Answer, ...] = ()
    faults: tuple[Fault, ...] = ()
    keys: Keys = Keys()
    batch: Batch = Batch()

    @model_validator(mode="after")
    def _no_name_twice(self) -> Script:
        names = [one.name for one in self.deployments]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"deployment {twice[0]!r} is listed twice")
        return self

    @property
    def answers_any(self) -> bool:
        """Whether deployments that are not listed are answered for."""
        return not self.deployments if self.open is None else self.open

    def behaviour(self, name: str) -> Behaviour | None:
        """That of a deployment, with the defaults where it says nothing; `None` when there is no such one."""
        for one in self.deployments:
            if one.name == name:
                said = {field: getattr(one, field) for field in one.model_fields_set if field != "name"}
                return self.defaults.model_copy(update=said)
        return self.defaults if self.answers_any else None


def parse_script(document: Any, *, name: str = "the script") -> Script:
    """Check a script that was read from YAML or JSON.

    Raises:
        InputError: One sentence that names the first place that is wrong and counts the others.
    """
    try:
        return Script.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        first = found[0]
        place = ".".join(str(part) for part in first["loc"]) or "its top"
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        problem = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{name} is wrong at {place}: {problem}{more}") from error


def load_script(path: Path) -> Script:
    """Read a script from a YAML file.

    Raises:
        InputError: When it cannot be read, is no YAML, or is wrong.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"the script {str(path)!r} cannot be read: {reason}") from error
    return parse_script(
        plain(load_yaml(text, name=f"the script {path.name!r}")), name=f"the script {path.name!r}"
    )
