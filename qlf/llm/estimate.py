"""How many tokens a request has and what a run will cost, known before anything is sent.

There is no tokenizer here; each vendor has its own and changes it with its models. Two numbers stand in:

- `input_tokens` is a bound from above: every tokenizer in use falls back to bytes, so that a token is at
  least one byte of the UTF-8 text, and each message adds a few tokens of its own. Money is reserved by it.
- `likely_input_tokens` is what to expect of English text and code: a token for three bytes of ASCII, and
  one for every other character and a half. It is used where too much costs throughput, as in pacing.

The bound does not hold for tokenizers that first rewrite the text into a longer one, such as the
compatibility decomposition of Unicode; none of the vendors in the catalogue is known to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qlf.core.canonical import canonical_json
from qlf.core.metering import Usage
from qlf.llm.deployment import Deployment
from qlf.llm.prices import Prices
from qlf.llm.request import ModelRequest

__all__ = [
    "AgentEstimate",
    "Planned",
    "RunEstimate",
    "input_tokens",
    "likely_input_tokens",
    "run",
    "token_bounds",
]

REQUEST_TOKENS = 32
"""Tokens around the whole request: begin and end marks, the role that answers."""
MESSAGE_TOKENS = 16
"""Tokens around a message: its role and its marks."""
SCHEMA_TOKENS = 512
"""Tokens of the instructions that a provider adds to hold the answer to a schema. Anthropic states up to 346
for a forced tool."""


def input_tokens(request: ModelRequest) -> int:
    """The most input tokens that the request can have."""
    return token_bounds(request)[0]


def likely_input_tokens(request: ModelRequest) -> int:
    """The input tokens to expect of it; may be wrong in both directions, mostly too high."""
    return token_bounds(request)[1]


def token_bounds(request: ModelRequest) -> tuple[int, int]:
    """The most input tokens that the request can have, and those to expect."""
    most = REQUEST_TOKENS + MESSAGE_TOKENS * (len(request.messages) + bool(request.system))
    schema = request.schema
    if schema is not None:
        most += SCHEMA_TOKENS
    likely = most
    for text in (request.system, *[message.text for message in request.messages]):
        if text.isascii():
            length = ascii_bytes = len(text)
        else:
            data = text.encode("utf-8", "surrogatepass")
            length, ascii_bytes = len(data), len(data.translate(None, _NOT_ASCII))
        most += length
        likely += -(-ascii_bytes // 3) + -(-(length - ascii_bytes) // 2)
    if schema is not None:
        # Written with blanks and line breaks a schema is longer than its canonical form.
        document = canonical_json(dict(schema.document)) * 2
        for data in (schema.name.encode(), document):
            ascii_bytes = len(data.translate(None, _NOT_ASCII))
            most += len(data)
            likely += -(-ascii_bytes // 3) + -(-(len(data) - ascii_bytes) // 2)
    return most, likely


_NOT_ASCII = bytes(range(128, 256))


@dataclass(frozen=True, slots=True)
class Planned:
    """What one agent is going to ask in a run."""

    agent: str
    deployment: Deployment
    """The dearest of the candidates, for a bound from above."""
    input_tokens: int
    """Of one round, a bound from above."""
    max_output_tokens: int
    likely_input_tokens: int | None = None
    """Of one round; a third of the bound without it."""
    likely_output_tokens: int | None = None
    """Of one round; a half of the most without it."""
    rounds: int = 1
    """The rounds to expect: the first answer and the repairs that usually follow."""
    max_rounds: int | None = None
    """The most rounds; as `rounds` without it."""


@dataclass(frozen=True, slots=True)
class AgentEstimate:
    """What an agent may cost, in USD micros."""

    agent: str
    model: str
    min_micros: int
    """One round, its input read from the provider's cache."""
    expected_micros: int
    """The rounds to expect, nothing cached."""
    max_micros: int
    """Every round allowed, each as dear as it can be. No run costs more."""


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """What a run may cost if no answer is in the cache; with one it is less."""

    agents: tuple[AgentEstimate, ...]
    price_table: str

    @property
    def min_micros(self) -> int:
        """The sum of the least."""
        return sum(one.min_micros for one in self.agents)

    @property
    def expected_micros(self) -> int:
        """The sum of what is to be expected."""
        return sum(one.expected_micros for one in self.agents)

    @property
    def max_micros(self) -> int:
        """The sum of the most."""
        return sum(one.max_micros for one in self.agents)


def run(planned: Iterable[Planned], prices: Prices) -> RunEstimate:
    """Estimate a run.

    Raises:
        ProviderError: If a price is not known.
    """
    return RunEstimate(tuple(_agent(one, prices) for one in planned), str(prices.table()))


def _agent(planned: Planned, prices: Prices) -> AgentEstimate:
    into, out = planned.input_tokens, planned.max_output_tokens
    likely_into, likely_out = planned.likely_input_tokens, planned.likely_output_tokens
    likely_into = -(-into // 3) if likely_into is None else min(into, likely_into)
    likely_out = -(-out // 2) if likely_out is None else min(out, likely_out)
    rounds = max(1, planned.rounds)
    plain = prices.cost_micros(planned.deployment, Usage(likely_into, likely_out))
    read = Usage(likely_into, likely_out, cache_read_tokens=likely_into)
    cached = prices.cost_micros(planned.deployment, read)
    most = prices.worst_case_micros(planned.deployment, into, out)
    return AgentEstimate(
        agent=planned.agent,
        model=planned.deployment.model,
        min_micros=min(plain, cached),
        expected_micros=rounds * plain,
        max_micros=max(rounds, planned.max_rounds or rounds) * most,
    )
