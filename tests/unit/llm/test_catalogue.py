"""The catalogue, and what a name resolves to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from qlf.errors import ProviderError
from qlf.llm.catalogue import catalogue, resolve
from qlf.llm.config import GatewayConfig
from qlf.llm.config_env import config_from_environment
from qlf.llm.config_file import parse_config
from qlf.llm.deployment import Provider
from qlf.llm.models import surface_of

TODAY = date(2026, 11, 22)
ALIASES = [
    "claude-haiku",
    "claude-sonnet",
    "claude-3-5",
    "claude-3-7",
    "claude-3-haiku",
    "gpt-3.5",
    "gpt-3.5-turbo",
    "gpt-4",
    "gpt-4o",
    "gpt-4.1",
    "gpt-5",
    "gpt-5-mini",
    "o4-mini",
]


@pytest.fixture(scope="module")
def both() -> GatewayConfig:
    return config_from_environment({"AWS_PROFILE": "p", "AWS_REGION": "eu-west-1", "OPENAI_API_KEY": "k"})


def bedrock(*models: str, extra: str = "") -> GatewayConfig:
    rows = "\n".join(f"  - {{provider: aws, model: {name}}}" for name in models)
    return parse_config(
        f"providers:\n  aws: {{kind: bedrock, region: us-east-1}}\ndeployments:\n{rows}\n{extra}"
    )


def test_every_successor_and_alias_is_a_model_and_successors_keep_the_tier():
    known = catalogue()
    for model in known.models.values():
        for name in model.successors:
            assert known.models[name].tier == model.tier, (model.name, name)
            assert model.name not in known.models[name].successors
    assert all(name in known.models for meant in known.aliases.values() for name in meant)
    assert not set(known.aliases) & set(known.models)


def test_every_date_has_a_source_and_what_ends_has_a_successor():
    for model in catalogue().models.values():
        assert all(end.source for end in model.ends.values())
        if any(end.announced for end in model.ends.values()):
            assert model.successors, model.name


@pytest.mark.parametrize("name", ALIASES)
def test_every_name_of_the_mission_resolves_today(both: GatewayConfig, name: str):
    found = resolve(name, both, TODAY)
    assert found.candidates
    for one in found.candidates:
        assert both.models[one.model].ended(one.provider, TODAY) is None
    if found.model != name and name not in ("claude-haiku", "claude-sonnet"):
        assert found.notice is not None
        assert found.model in found.notice


def test_a_retired_model_resolves_to_its_successor_and_says_so():
    found = resolve("claude-3-5", bedrock("claude-sonnet-4-5"), TODAY)
    assert (found.model, found.via) == ("claude-sonnet-4-5", "alias")
    assert found.notice == "claude-3-5 (claude-3-5-sonnet) was retired on 2026-03-01; using claude-sonnet-4-5"


def test_before_its_end_the_model_itself_is_meant():
    config = bedrock("claude-3-7-sonnet", "claude-sonnet-4-5")
    assert resolve("claude-3-7", config, date(2026, 1, 1)).model == "claude-3-7-sonnet"
    assert resolve("claude-3-7", config, date(2026, 4, 28)).model == "claude-sonnet-4-5"


def test_a_model_that_is_offered_but_not_configured_is_never_replaced():
    with pytest.raises(ProviderError, match="no deployment of claude-opus-5 is configured") as caught:
        resolve("claude-opus-5", bedrock("claude-opus-5-5", "claude-sonnet-5-5"), TODAY)
    assert caught.value.hint == "configured are: claude-opus-5-5, claude-sonnet-5-5"
    assert caught.value.exit_code == 5


def test_a_retired_model_without_a_configured_successor_is_an_error_that_lists_what_there_is():
    with pytest.raises(ProviderError, match="retired on 2026-09-10") as caught:
        resolve("claude-3-haiku", bedrock("claude-sonnet-5-5"), TODAY)
    assert "claude-sonnet-5-5" in str(caught.value.hint)


def test_a_retired_model_is_never_replaced_by_another_tier():
    with pytest.raises(ProviderError):
        resolve("claude-3-5", bedrock("claude-haiku-5-5", "claude-opus-5-5"), TODAY)


def test_a_retired_model_that_is_configured_all_the_same_may_be_tried():
    found = resolve("claude-3-7-sonnet", bedrock("claude-3-7-sonnet"), TODAY)
    assert found.model == "claude-3-7-sonnet"
    assert "no longer offered since 2026-04-28" in str(found.notice)


def test_ends_differ_between_providers(both: GatewayConfig):
    azure = parse_config(
        "providers:\n  az: {kind: azure_openai, endpoint: 'https://a.openai.azure.com', api_version: v}\n"
        "deployments:\n  - {provider: az, model: gpt-4o, remote: mine}\n"
        "  - {provider: az, model: gpt-5.4-mini, remote: other}\n"
    )
    assert resolve("gpt-4o", azure, TODAY).model == "gpt-5.4-mini"
    assert resolve("gpt-4o", both, TODAY).model == "gpt-4o"


def test_a_model_that_ends_soon_is_used_with_a_word_of_warning(both: GatewayConfig):
    assert resolve("gpt-5", both, TODAY).notice == "gpt-5 is offered until 2026-12-11 only"


def test_a_server_of_ones_own_never_ends_a_model():
    config = parse_config(
        "providers:\n  own: {kind: openai_compatible, endpoint: 'http://127.0.0.1:1/v1'}\n"
        "deployments:\n  - {provider: own, model: gpt-4, remote: g}\n"
    )
    assert surface_of(config.providers["own"]) is None
    assert resolve("gpt-4", config, TODAY).notice is None


def test_candidates_are_of_the_quality_class_and_of_no_other():
    extra = "classes:\n  - [claude-sonnet-5-5, claude-sonnet-5]\n"
    config = bedrock("claude-sonnet-5", "claude-sonnet-4-6", "claude-sonnet-5-5", extra=extra)
    found = resolve("claude-sonnet-5-5", config, TODAY)
    assert found.quality_class == {"claude-sonnet-5", "claude-sonnet-5-5"}
    assert [one.model for one in found.candidates] == ["claude-sonnet-5", "claude-sonnet-5-5"]
    alone = resolve("claude-sonnet-4-6", config, TODAY)
    assert [one.model for one in alone.candidates] == ["claude-sonnet-4-6"]


def test_a_declared_tier_is_followed_in_order_and_a_gap_is_told():
    extra = "tiers: {balanced: [claude-sonnet-5-5, claude-sonnet-4-6]}\n"
    found = resolve("balanced", bedrock("claude-sonnet-4-6", extra=extra), TODAY)
    assert (found.model, found.via) == ("claude-sonnet-4-6", "tier")
    assert "claude-sonnet-5-5 of the tier 'balanced' has no deployment" in str(found.notice)


def test_a_tier_takes_the_first_of_the_catalogue_that_is_configured(both: GatewayConfig):
    assert [resolve(tier, both, TODAY).model for tier in ("fast", "balanced", "advanced")] == [
        "claude-haiku-5-5",
        "claude-sonnet-5-5",
        "claude-opus-5-5",
    ]


def test_unknown_names_get_the_nearest_one_and_exit_code_five(both: GatewayConfig):
    with pytest.raises(ProviderError, match="did you mean 'claude-sonnet'") as caught:
        resolve("claude-sonet", both, TODAY)
    assert caught.value.exit_code == 5
    with pytest.raises(ProviderError, match="no provider of models is configured"):
        resolve("fast", replace(both, deployments=()), TODAY)


@pytest.mark.parametrize(
    ("model", "named", "same"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o", "", True),
        ("gpt-4o", "gpt-4o-mini-2024-07-18", False),
        ("gpt-4o", "gpt-4.1", False),
        ("gpt-4.1", "gpt-4x1", False),
        ("gpt-5", "gpt-5-mini", False),
        ("gpt-3.5-turbo", "gpt-35-turbo", True),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-0125", True),
        ("gpt-4", "gpt-4-0613", True),
        ("gpt-4", "gpt-4o", False),
        ("claude-sonnet-4-5", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("claude-sonnet-4", "claude-sonnet-4-5-20250929", False),
    ],
)
def test_the_answering_model_is_recognised_by_its_name(model: str, named: str, same: bool):
    assert catalogue().models[model].is_answered_by(named) is same


def test_known_regions_hold_the_usual_ones():
    assert {"us-east-1", "eu-central-1", "ap-southeast-2"} <= catalogue().bedrock_regions
    assert surface_of(Provider("x", "openai_compatible", endpoint="https://api.openai.com/v1")) == "openai"
