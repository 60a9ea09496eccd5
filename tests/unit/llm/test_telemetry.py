"""Telemetry of calls: names of the conventions, no texts, nothing counted twice."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes, server_attributes

from qlf.core.metering import Attribution, Usage
from qlf.core.otel import PROVIDERS, Attr, Metric
from qlf.llm.deployment import Deployment, Provider
from qlf.llm.failure import Failure, FailureKind
from qlf.llm.request import Call, Message, ModelRequest
from qlf.llm.telemetry import Telemetry

CALL = Call(
    ModelRequest((Message("user", "canary prompt"),), 100, temperature=0.0),
    "balanced",
    Attribution(run="r1", agent="backend", tenant="t1"),
)
DEPLOYMENT = Deployment("eu", Provider("azure", "azure_openai"), "gpt-4.1", "gpt41-eu")


class Watched:
    def __init__(self):
        self.spans = InMemorySpanExporter()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.reader = InMemoryMetricReader()
        self.telemetry = Telemetry(tracers, MeterProvider([self.reader]))

    def points(self):
        data = self.reader.get_metrics_data()
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def watched():
    return Watched()


def answer(span, source="provider"):
    span.answered(
        usage=Usage(1000, 200, cache_read_tokens=400),
        model="gpt-4.1-2025-04-14",
        response_id="r",
        stop="end",
        cost_micros=3600,
        seconds=1.5,
        source=source,
        attempts=1,
        first_token_seconds=0.2,
    )


def test_names_are_those_of_the_conventions():
    known = {
        value
        for module in (gen_ai_attributes, gen_ai_metrics, error_attributes, server_attributes)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    ours = {
        value
        for names in (Attr, Metric)
        for name, value in vars(names).items()
        if name.isupper() and not value.startswith("qlf.")
    }
    assert ours <= known, ours - known
    providers = {item.value for item in gen_ai_attributes.GenAiProviderNameValues}
    assert set(PROVIDERS.values()) <= providers


def test_an_answered_call_is_one_span_with_its_usage(watched):
    answer(watched.telemetry.call(CALL, "gpt-4.1", stream=True))
    (span,) = watched.spans.get_finished_spans()
    assert span.name == "chat gpt-4.1"
    assert span.attributes[Attr.RESPONSE_MODEL] == "gpt-4.1-2025-04-14"
    assert span.attributes[Attr.CACHE_READ_TOKENS] == 400
    assert span.attributes[Attr.TENANT] == "t1"
    assert span.attributes[Attr.COST] == 3600


def test_no_text_of_the_prompt_is_recorded(watched):
    span = watched.telemetry.call(CALL, "gpt-4.1", stream=False)
    span.failed(Failure(FailureKind.BAD_REQUEST, "canary prompt in a message"), 0.1)
    (done,) = watched.spans.get_finished_spans()
    assert "canary" not in done.to_json()
    assert done.attributes[Attr.ERROR_TYPE] == "bad_request"


def test_tokens_and_cost_are_counted_for_answers_of_providers_only(watched):
    answer(watched.telemetry.call(CALL, "gpt-4.1", stream=False))
    answer(watched.telemetry.call(CALL, "gpt-4.1", stream=False), source="cache")
    points = watched.points()
    assert sorted(point.sum for point in points[Metric.TOKEN_USAGE]) == [200, 1000]
    assert [point.value for point in points[Metric.COST]] == [3600]
    assert {point.attributes[Attr.CACHE]: point.value for point in points[Metric.CACHE]} == {
        "provider": 1,
        "cache": 1,
    }


def test_attempts_nest_under_their_call_and_tell_their_deployment(watched):
    call = watched.telemetry.call(CALL, "gpt-4.1", stream=False)
    with call.current():
        attempt = watched.telemetry.attempt(DEPLOYMENT, 1, 0.25)
        watched.telemetry.attempt_failed(attempt, DEPLOYMENT, "throttled")
    answer(call)
    inner, outer = watched.spans.get_finished_spans()
    assert inner.parent.span_id == outer.context.span_id
    assert inner.attributes[Attr.PROVIDER_NAME] == "azure.ai.openai"
    assert inner.attributes[Attr.ERROR_TYPE] == "throttled"
    assert watched.points()[Metric.QUEUE][0].sum == 0.25
