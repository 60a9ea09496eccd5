"""Spans and metrics of calls, by OpenTelemetry's GenAI conventions.

Without an OpenTelemetry SDK in the process the calls below do nothing and cost about a microsecond.
Prompts and answers are never recorded: only counts, names and durations are.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qlf.core.metering import Usage
from qlf.core.otel import OPERATION, PROVIDERS, Attr, Metric
from qlf.llm.deployment import Deployment
from qlf.llm.request import Call

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["CallSpan", "Telemetry"]

# Bucket borders that the conventions give for durations (seconds) and tokens.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


@dataclass(slots=True)
class CallSpan:
    """One call, from asking to answering; its attempts are child spans."""

    telemetry: Telemetry
    span: Span
    labels: dict[str, Any]
    ended: bool = False

    def answered(
        self,
        *,
        usage: Usage,
        model: str,
        response_id: str,
        stop: str,
        cost_micros: int,
        seconds: float,
        source: str,
        attempts: int,
        first_token_seconds: float | None,
    ) -> None:
        """Record the answer and end the span."""
        made = self.telemetry
        labels = {**self.labels, Attr.RESPONSE_MODEL: model}
        if self.span.is_recording():
            self.span.set_attributes(
                {
                    Attr.RESPONSE_MODEL: model,
                    Attr.RESPONSE_ID: response_id,
                    Attr.FINISH_REASONS: (stop,),
                    Attr.INPUT_TOKENS: usage.input_tokens,
                    Attr.OUTPUT_TOKENS: usage.output_tokens,
                    Attr.CACHE_READ_TOKENS: usage.cache_read_tokens,
                    Attr.CACHE_WRITE_TOKENS: usage.cache_write_tokens,
                    Attr.REASONING_TOKENS: usage.reasoning_tokens,
                    Attr.COST: cost_micros,
                    Attr.CACHE: source,
                    Attr.ATTEMPTS: attempts,
                }
            )
            if first_token_seconds is not None:
                self.span.set_attribute(Attr.TIME_TO_FIRST_CHUNK, first_token_seconds)
        self.span.end()
        self.ended = True
        made.duration.record(seconds, labels)
        if source == "provider":
            # An answer from the cache used no tokens: counting them again would bill them twice.
            made.tokens.record(usage.input_tokens, {**labels, Attr.TOKEN_TYPE: "input"})
            made.tokens.record(usage.output_tokens, {**labels, Attr.TOKEN_TYPE: "output"})
            made.cost.add(cost_micros, labels)
            if first_token_seconds is not None:
                made.first_chunk.record(first_token_seconds, labels)
        made.cache.add(1, {**self.labels, Attr.CACHE: source})

    def failed(self, error: BaseException, seconds: float) -> None:
        """Record how the call failed and end the span. The message of the error is left out."""
        from opentelemetry.trace import Status, StatusCode

        kind = str(getattr(error, "kind", type(error).__name__))
        self.span.set_attribute(Attr.ERROR_TYPE, kind)
        self.span.set_status(Status(StatusCode.ERROR))
        self.span.end()
        self.ended = True
        self.telemetry.duration.record(seconds, {**self.labels, Attr.ERROR_TYPE: kind})

    def current(self) -> AbstractContextManager[Span]:
        """Make this the span under which the attempts nest."""
        from opentelemetry.trace import INVALID_SPAN, use_span

        if self.span is INVALID_SPAN:
            # Nobody listens, so nothing can nest.
            return nullcontext(self.span)
        return use_span(self.span, end_on_exit=False, record_exception=False, set_status_on_exception=False)


class Telemetry:
    """The instruments of one gateway.

    Args:
        tracers: Where spans go; the process's own provider when left out.
        meters: Where metrics go; the process's own provider when left out.
    """

    def __init__(self, tracers: TracerProvider | None = None, meters: MeterProvider | None = None) -> None:
        from opentelemetry import metrics, trace

        self._tracer = trace.get_tracer("qlf.llm", tracer_provider=tracers)
        meter = metrics.get_meter("qlf.llm", meter_provider=meters)
        self.duration: Histogram = meter.create_histogram(
            Metric.DURATION, "s", "Duration of a call", explicit_bucket_boundaries_advisory=_SECONDS
        )
        self.tokens: Histogram = meter.create_histogram(
            Metric.TOKEN_USAGE, "{token}", "Tokens used", explicit_bucket_boundaries_advisory=_TOKENS
        )
        self.first_chunk: Histogram = meter.create_histogram(
            Metric.TIME_TO_FIRST_CHUNK,
            "s",
            "Time to the first piece",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.queue: Histogram = meter.create_histogram(
            Metric.QUEUE, "s", "Time in the queue", explicit_bucket_boundaries_advisory=_SECONDS
        )
        self.cost = meter.create_counter(Metric.COST, "{micro_usd}", "Cost in USD micros")
        self.cache = meter.create_counter(Metric.CACHE, "{call}", "Calls, by what answered them")
        self.failures = meter.create_counter(Metric.ATTEMPT_FAILURES, "{attempt}", "Failed attempts by cause")

    def call(self, call: Call, model: str, *, stream: bool) -> CallSpan:
        """Start the span of a call."""
        who = call.attribution
        labels: dict[str, Any] = {Attr.OPERATION_NAME: OPERATION, Attr.REQUEST_MODEL: model}
        if who.agent:
            labels[Attr.AGENT_NAME] = who.agent
        span = self._tracer.start_span(f"{OPERATION} {model}", attributes=labels)
        if span.is_recording():
            span.set_attributes(_request_attributes(call, stream=stream))
        return CallSpan(self, span, labels)

    def attempt(self, deployment: Deployment, number: int, queued_seconds: float) -> Span:
        """Start the span of one attempt; the caller ends it."""
        labels = attempt_labels(deployment)
        self.queue.record(queued_seconds, labels)
        return self._tracer.start_span(
            f"attempt {deployment.name}",
            attributes={**labels, Attr.ATTEMPTS: number, Attr.QUEUED: queued_seconds},
        )

    def attempt_failed(self, span: Span, deployment: Deployment, kind: str) -> None:
        """End the span of a failed attempt."""
        span.set_attribute(Attr.ERROR_TYPE, kind)
        span.end()
        self.failures.add(1, {**attempt_labels(deployment), Attr.ERROR_TYPE: kind})


def attempt_labels(deployment: Deployment) -> dict[str, str]:
    """What tells attempts apart: provider, deployment, model."""
    return {
        Attr.PROVIDER_NAME: PROVIDERS[deployment.provider.kind],
        Attr.DEPLOYMENT: deployment.name,
        Attr.REQUEST_MODEL: deployment.model,
    }


def _request_attributes(call: Call, *, stream: bool) -> Mapping[str, Any]:
    request, who = call.request, call.attribution
    found: dict[str, Any] = {
        Attr.REQUEST_MAX_TOKENS: request.max_output_tokens,
        Attr.REQUEST_TEMPERATURE: request.temperature,
        Attr.REQUEST_TOP_P: request.top_p,
        Attr.REQUEST_SEED: request.seed,
        Attr.REQUEST_STREAM: stream,
        Attr.OUTPUT_TYPE: "json" if request.schema is not None else "text",
        Attr.WORKFLOW_NAME: who.flow or None,
        Attr.RUN: who.run or None,
        Attr.PROJECT: who.project or None,
        Attr.TENANT: who.tenant or None,
        Attr.OVERLAY: who.overlay or None,
    }
    return {name: value for name, value in found.items() if value is not None}
