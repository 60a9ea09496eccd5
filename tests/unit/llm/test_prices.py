"""Prices: exact, rounded once, never less reserved than charged, unknown is an error."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qlf.core.metering import Usage
from qlf.errors import ProviderError
from qlf.llm.config_env import config_from_environment
from qlf.llm.config_file import parse_config
from qlf.llm.deployment import Deployment
from qlf.llm.prices import Prices, Rate

PROFILE = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:us-east-1:1:"
FILE = f"""
providers:
  aws: {{kind: bedrock, region: us-east-1}}
  az: {{kind: azure_openai, endpoint: "https://a.openai.azure.com", api_version: v}}
  own: {{kind: openai_compatible, endpoint: "http://127.0.0.1:1/v1"}}
deployments:
  - {{provider: aws, model: claude-sonnet-4-5, name: geo}}
  - {{provider: aws, model: claude-sonnet-4-5, name: global, remote: "{PROFILE}"}}
  - {{provider: aws, model: claude-sonnet-4-5, name: arn, remote: "{ARN}inference-profile/{PROFILE}"}}
  - {{provider: aws, model: claude-sonnet-4-5, name: made, remote: "{ARN}application-inference-profile/a"}}
  - {{provider: az, model: gpt-4o, name: az, remote: my-deployment}}
  - {{provider: own, model: gpt-4o, name: own, remote: gpt-4o}}
  - {{provider: own, model: smol, name: free, remote: x, price: free}}
  - {{provider: own, model: smol, name: stated, remote: y, price: {{input: .1, output: .4, cache_read: .01}}}}
models: {{smol: {{}}}}
"""


@lru_cache(maxsize=1)
def priced() -> tuple[Prices, dict[str, Deployment]]:
    config = parse_config(FILE)
    return Prices(config), {one.name: one for one in config.deployments}


@lru_cache(maxsize=1)
def everything() -> tuple[Prices, tuple[Deployment, ...]]:
    config = config_from_environment({"AWS_PROFILE": "p", "AWS_REGION": "eu-west-1", "OPENAI_API_KEY": "k"})
    return Prices(config), config.deployments


def base(name: str) -> Decimal:
    prices, deployments = priced()
    return prices.rates(deployments[name]).input.base


def test_a_profile_is_priced_by_its_geography_and_an_unknown_one_by_the_dearer():
    assert (base("geo"), base("global"), base("arn"), base("made")) == (
        Decimal("3.3"),
        Decimal(3),
        Decimal(3),
        Decimal("3.3"),
    )


def test_an_azure_deployment_is_priced_by_its_model_not_by_its_name():
    assert base("az") == Decimal("2.5")


def test_an_unknown_price_is_an_error_that_says_how_to_declare_one():
    prices, deployments = priced()
    with pytest.raises(ProviderError, match="no price is known for the deployment 'own'") as caught:
        prices.worst_case_micros(deployments["own"], 1, 1)
    assert "price:" in str(caught.value.hint)
    assert caught.value.exit_code == 5


def test_a_model_of_ones_own_never_takes_the_price_of_one_of_the_same_name():
    config = parse_config(FILE.replace("models: {smol: {}}", "models: {smol: {}, gpt-4o: {}}"))
    with pytest.raises(ProviderError, match="no price is known"):
        Prices(config).rates(next(one for one in config.deployments if one.name == "az"))


def test_only_what_is_declared_free_costs_nothing():
    prices, deployments = priced()
    assert prices.cost_micros(deployments["free"], Usage(10**9, 10**9)) == 0
    assert prices.worst_case_micros(deployments["stated"], 1, 1) == 1


def test_cached_tokens_are_priced_as_such_and_only_once():
    prices, deployments = priced()
    usage = Usage(input_tokens=1000, output_tokens=10, cache_read_tokens=400, cache_write_tokens=100)
    # 500 plain, 400 read, 100 written, 10 out: 500 x 3.3 + 400 x 0.33 + 100 x 4.125 + 10 x 16.5
    assert prices.cost_micros(deployments["geo"], usage) == 2360
    stated = prices.cost_micros(deployments["stated"], Usage(1_000_000, 0, cache_read_tokens=1_000_000))
    assert stated == 10_000


@pytest.mark.parametrize(
    "usage",
    [
        Usage(10, 1, cache_read_tokens=11),
        Usage(-1, 0),
        Usage(10, 0, cache_read_tokens=6, cache_write_tokens=6),
    ],
)
def test_a_usage_that_contradicts_itself_is_refused(usage: Usage):
    prices, deployments = priced()
    with pytest.raises(ValueError, match="usage"):
        prices.cost_micros(deployments["geo"], usage)


def test_all_tokens_of_a_long_request_are_on_the_higher_step():
    rate = Rate(Decimal(1), ((100, Decimal(2)), (200, Decimal(3))))
    assert [rate.at(tokens) for tokens in (0, 100, 101, 200, 201)] == [1, 1, 2, 2, 3]


def test_the_table_is_named_and_changes_with_what_is_declared():
    one = Prices(parse_config(FILE)).table()
    other = Prices(parse_config(FILE.replace("output: .4", "output: .5"))).table()
    plain = everything()[0].table()
    assert one.name == "genai-prices " + plain.name.split()[1] + " and declared prices"
    assert len({one.digest, other.digest, plain.digest}) == 3
    assert Prices(parse_config(FILE)).table() == one


def test_a_price_that_changes_on_a_day_is_taken_for_the_moment_of_the_request():
    prices, deployments = everything()
    sol = next(one for one in deployments if one.name == "openai/gpt-5.6-sol")
    early = prices.rates(sol, datetime(2026, 7, 1, tzinfo=UTC))
    late = prices.rates(sol, datetime(2026, 11, 1, tzinfo=UTC))
    assert early.input.base > late.input.base


TOKENS = st.integers(0, 400_000)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), TOKENS, TOKENS, st.integers(0, 100), st.integers(0, 100), TOKENS, TOKENS)
def test_no_attempt_costs_more_than_was_reserved(
    which: int, reserved: int, output: int, read: int, write: int, more: int, used_output: int
):
    prices, deployments = everything()
    deployment = deployments[which % len(deployments)]
    total = min(reserved, more)
    reads = total * read // 200
    usage = Usage(
        total,
        min(output, used_output),
        cache_read_tokens=reads,
        cache_write_tokens=(total - reads) * write // 100,
    )
    assert prices.cost_micros(deployment, usage) <= prices.worst_case_micros(deployment, reserved, output)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), TOKENS, TOKENS, st.integers(0, 100), st.integers(0, 100))
def test_costs_agree_with_the_table_own_arithmetic(
    which: int, total: int, output: int, read: int, write: int
):
    from genai_prices import Usage as TableUsage
    from genai_prices import calc_price

    prices, deployments = everything()
    deployment = deployments[which % len(deployments)]
    reads = total * read // 200
    writes = (total - reads) * write // 100
    provider = "aws" if deployment.provider.kind == "bedrock" else "openai"
    counted = TableUsage(
        input_tokens=total, output_tokens=output, cache_read_tokens=reads, cache_write_tokens=writes
    )
    wanted = calc_price(counted, deployment.remote, provider_id=provider).total_price * 1_000_000
    exact = prices.rates(deployment).cost(
        Usage(total, output, cache_read_tokens=reads, cache_write_tokens=writes)
    )
    assert exact == wanted
    assert exact.quantize(Decimal(1), ROUND_HALF_UP) <= exact.quantize(Decimal(1), ROUND_CEILING)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TOKENS, TOKENS), max_size=20))
def test_a_sum_of_costs_is_off_by_half_a_micro_each_at_most(parts: list[tuple[int, int]]):
    prices, deployments = priced()
    geo = deployments["geo"]
    total = sum(prices.cost_micros(geo, Usage(*part)) for part in parts)
    exact = sum((prices.rates(geo).cost(Usage(*part)) for part in parts), Decimal(0))
    assert abs(total - exact) <= Decimal(len(parts)) / 2
