"""Which calls go to a batch, who has a batch API, and what it costs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from qlf.core.metering import Usage
from qlf.errors import ProviderError
from qlf.llm.batch_plan import estimate_calls, route
from qlf.llm.catalogue import resolve
from qlf.llm.config_env import config_from_environment
from qlf.llm.config_file import parse_config
from qlf.llm.prices import Prices

FILE = """
providers:
  openai: {kind: openai_compatible, endpoint: "https://api.openai.com/v1", credential: k}
  azure: {kind: azure_openai, endpoint: "https://x.openai.azure.com", api_version: "1", credential: k}
  here: {kind: openai_compatible, endpoint: "http://127.0.0.1:1/v1"}
deployments:
  - {name: o, provider: openai, model: gpt-4.1, price: {input: 4, output: 8}}
  - {name: a, provider: azure, model: gpt-4.1, remote: mine, price: {input: 2, output: 8}}
  - {name: b, provider: azure, model: gpt-4.1, remote: mine, batch: many, price: {input: 2, output: 8}}
  - {name: h, provider: here, model: gpt-4.1, remote: x, price: free}
  - {name: i, provider: here, model: gpt-4.1, remote: x, batch: y, price: {input: 1, output: 8}}
  - {name: j, provider: here, model: gpt-4.1, remote: x, batch: y, price: {input: 3, output: 8},
     batch_price: 0.25}
"""


@pytest.fixture
def config():
    return parse_config(FILE, name="providers.yaml")


def find(config, name="gpt-4.1"):
    return resolve(name, config, date(2026, 1, 1))


def test_who_has_a_batch_api_and_at_which_price(config):
    offers = {one.name: one.batch and (one.batch.remote, one.batch.price) for one in config.deployments}
    assert offers == {
        "o": ("gpt-4.1", Decimal("0.5")),
        "a": None,
        "b": ("many", Decimal("0.5")),
        "h": None,
        "i": ("y", Decimal(1)),
        "j": ("y", Decimal("0.25")),
    }
    found = config_from_environment({"OPENAI_API_KEY": "k"}).deployments
    assert all(one.batch is not None and one.batch.remote == one.remote for one in found)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{provider: b, model: claude-haiku-5-5, batch: x}", "means nothing for Amazon Bedrock"),
        ("{provider: b, model: claude-haiku-5-5, batch_price: 2}", "batch_price"),
        ("{provider: b, model: claude-haiku-5-5, batch: 3}", "batch"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(line, said):
    text = f"providers:\n  b: {{kind: bedrock, region: eu-central-1}}\ndeployments:\n  - {line}\n"
    with pytest.raises(ProviderError, match="line 4") as caught:
        parse_config(text, name="providers.yaml")
    assert said in str(caught.value)


def test_a_batch_is_priced_by_its_share_and_rounded_once(config):
    prices, deployment = Prices(config), config.deployment("o")
    usage = Usage(input_tokens=3, output_tokens=1)
    assert prices.cost_micros(deployment, usage) == 20
    assert prices.cost_micros(deployment, usage, batch=True) == 10
    assert prices.worst_case_micros(deployment, 3, 1, batch=True) == 10
    third = config.deployment("j")
    assert prices.cost_micros(third, Usage(1, 0), batch=True) == 1
    assert prices.worst_case_micros(third, 1, 0, batch=True) == 1
    assert prices.cost_micros(config.deployment("a"), usage, batch=True) == 14, "without an offer, in full"


def test_the_cheapest_batch_of_the_model_is_taken(config, bench):
    prices, resolved = Prices(config), find(config)
    assert route(bench.call(), resolved, prices, "auto").batch.name == "j"
    assert route(bench.call(), resolved, prices, "direct").batch is None
    assert route(bench.call(cached=False), resolved, prices, "auto").batch is None
    with pytest.raises(ProviderError, match="takes this call in a batch"):
        route(bench.call(cached=False), resolved, prices, "batch")


def test_an_estimate_counts_each_answer_once_and_bounds_the_cost(config, bench):
    prices = Prices(config)
    asked = [bench.call("a"), bench.call("b"), bench.call("a"), bench.call("kept")]
    kept = route(asked[3], find(config), prices, "auto").key

    def estimate(prefer):
        return estimate_calls(asked, lambda name: find(config, name), prices, prefer, kept.__eq__)

    batch, direct = estimate("auto"), estimate("direct")
    assert (batch.calls, batch.kept, batch.batch, batch.direct) == (4, 2, 2, 0)
    assert (direct.kept, direct.batch, direct.direct) == (2, 0, 2)
    assert 0 < batch.expected_micros < batch.max_micros < direct.max_micros
