"""What the fake provider saw and what it would bill."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from qlf.llm.fake.script import Price

__all__ = ["BillLine", "Record", "Records"]

_KEPT = 200_000
_PER_MICRO = 10**6
_HALF = 2 * _PER_MICRO


@dataclass(slots=True)
class Record:
    """One request."""

    id: int
    """From 1, in the order of arrival."""
    request_id: str
    """As the client was told."""
    wire: str
    deployment: str
    ordinal: int
    """Within the deployment, from 1; 0 when there is no such deployment."""
    stream: bool
    seconds: float
    """Since the script was loaded."""
    outcome: str = "answered"
    """`answered`, the kind of the fault, or the kind of the refusal."""
    status: int = 200
    billed: bool = False
    input_tokens: int = 0
    """All input, cached or not."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    micros: int = 0
    """In USD micros, when the script knows the price."""
    batch: bool = False
    digest: str = ""

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(slots=True)
class BillLine:
    """A sum over the requests of one deployment that ended alike."""

    deployment: str
    outcome: str
    requests: int = 0
    billed: int = 0
    """How many of them are billed."""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    micros: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Records:
    """The log of all requests and the bill; the bill stays whole when the log forgets its oldest lines."""

    def __init__(self) -> None:
        self._log: deque[Record] = deque(maxlen=_KEPT)
        self._bill: dict[tuple[str, str], BillLine] = {}
        self.count = 0

    @property
    def log(self) -> tuple[Record, ...]:
        """The requests in order, the last 200,000 at most."""
        return tuple(self._log.copy())

    @property
    def bill(self) -> tuple[BillLine, ...]:
        """Sums by deployment and outcome, sorted."""
        return tuple(line for _, line in sorted(self._bill.copy().items()))

    @property
    def micros(self) -> int:
        """Everything billed, in USD micros."""
        return sum(line.micros for line in self.bill)

    def add(self, record: Record) -> None:
        """Take a finished request in."""
        self._log.append(record)
        self.count += 1
        key = (record.deployment, record.outcome)
        line = self._bill.get(key)
        if line is None:
            line = self._bill[key] = BillLine(*key)
        line.requests += 1
        if record.billed:
            line.billed += 1
            line.input_tokens += record.input_tokens
            line.output_tokens += record.output_tokens
            line.cache_read_tokens += record.cache_read_tokens
            line.cache_write_tokens += record.cache_write_tokens
            line.micros += record.micros

    def to_json(self) -> dict[str, Any]:
        """The bill as JSON."""
        lines = self.bill
        return {
            "requests": sum(line.requests for line in lines),
            "billed": sum(line.billed for line in lines),
            "input_tokens": sum(line.input_tokens for line in lines),
            "output_tokens": sum(line.output_tokens for line in lines),
            "micros": sum(line.micros for line in lines),
            "lines": [line.to_json() for line in lines],
        }


class Tariff:
    """The price of a deployment in whole units of a millionth of a micro-dollar, so that sums are exact."""

    def __init__(self, price: Price) -> None:
        self._input = _unit(price.input)
        self._output = _unit(price.output)
        self._read = _unit(price.cache_read if price.cache_read is not None else price.input)
        self._write = _unit(price.cache_write if price.cache_write is not None else price.input)

    def micros(self, counts: Mapping[str, int], *, batch: bool) -> int:
        """The price of one request in USD micros, rounded once, half up; batches cost half.

        Args:
            counts: `input`, `output`, `cache_read`, `cache_write`; input holds the cached tokens too.
            batch: Whether it was part of a batch.
        """
        read, write = counts["cache_read"], counts["cache_write"]
        fresh = counts["input"] - read - write
        sums = fresh * self._input + counts["output"] * self._output + read * self._read + write * self._write
        return (sums * (1 if batch else 2) + _PER_MICRO) // _HALF


def _unit(amount: Decimal) -> int:
    return int(amount * _PER_MICRO)
