"""Estimates of tokens and of runs."""

from __future__ import annotations

from functools import lru_cache

from hypothesis import given
from hypothesis import strategies as st

from qlf.core.metering import Usage
from qlf.llm.config import GatewayConfig
from qlf.llm.config_file import parse_config
from qlf.llm.estimate import Planned, input_tokens, likely_input_tokens, run
from qlf.llm.prices import Prices
from qlf.llm.request import Message, ModelRequest, Schema


@lru_cache(maxsize=1)
def config() -> GatewayConfig:
    return parse_config(
        "providers:\n  aws: {kind: bedrock, region: us-east-1}\n"
        "deployments:\n  - {provider: aws, model: claude-sonnet-5-5}\n"
    )


def request(text: str, *, system: str = "", schema: Schema | None = None) -> ModelRequest:
    return ModelRequest((Message("user", text),), 100, system=system, schema=schema)


@given(st.text(), st.text())
def test_the_bound_is_never_below_one_token_for_each_byte(text: str, system: str):
    bound = input_tokens(request(text, system=system))
    assert bound >= len(text.encode(errors="surrogatepass")) + len(system.encode(errors="surrogatepass"))
    assert likely_input_tokens(request(text, system=system)) <= bound


def test_english_text_is_likely_a_third_of_its_bytes():
    text = "The quick brown fox jumps over the lazy dog. " * 100
    # Four characters and a half a token is usual for English, so this errs upwards.
    assert len(text) / 4.5 < likely_input_tokens(request(text)) < len(text) / 2.5


@given(st.text(min_size=1), st.text(min_size=1))
def test_more_text_is_never_fewer_tokens(text: str, more: str):
    assert input_tokens(request(text + more)) > input_tokens(request(text))
    assert likely_input_tokens(request(text + more)) >= likely_input_tokens(request(text))


def test_a_schema_counts():
    schema = Schema("answer", {"type": "object", "properties": {"a": {"type": "string"}}})
    assert input_tokens(request("a", schema=schema)) > input_tokens(request("a")) + 500


def test_a_run_has_a_least_an_expected_and_a_most():
    prices = Prices(config())
    deployment = config().deployments[0]
    estimate = run(
        [
            Planned("spec", deployment, 3000, 1000, rounds=2, max_rounds=4),
            Planned("backend", deployment, 9000, 8000, likely_input_tokens=2000, likely_output_tokens=4000),
        ],
        prices,
    )
    assert 0 < estimate.min_micros < estimate.expected_micros < estimate.max_micros
    spec, backend = estimate.agents
    assert spec.max_micros == 4 * prices.worst_case_micros(deployment, 3000, 1000)
    assert backend.expected_micros == prices.cost_micros(deployment, Usage(2000, 4000))
    assert estimate.price_table.startswith("genai-prices")
    assert spec.model == "claude-sonnet-5-5"


@given(st.integers(0, 10**5), st.integers(0, 10**4), st.integers(1, 5), st.integers(1, 9))
def test_the_three_numbers_are_always_in_order(into: int, out: int, rounds: int, most: int):
    planned = Planned("a", config().deployments[0], into, out, rounds=rounds, max_rounds=most)
    estimate = run([planned], Prices(config()))
    assert estimate.min_micros <= estimate.expected_micros <= estimate.max_micros
