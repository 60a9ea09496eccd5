"""`providers.yaml` and the environment as configurations."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qlf.errors import ProviderError
from qlf.llm.config_env import config_from_environment
from qlf.llm.config_file import parse_config
from qlf.llm.config_read import load_config
from qlf.llm.endpoint import endpoint_problem

FILE = """
providers:
  bedrock-us: {kind: bedrock, region: us-east-1, credential: aws-main}
  azure-we:
    kind: azure_openai
    endpoint: https://example.openai.azure.com/
    api_version: 2024-10-21
    credential: azure-main
  local: {kind: openai_compatible, endpoint: "http://127.0.0.1:8080/v1"}
deployments:
  - {provider: bedrock-us, model: claude-sonnet-5-5, rpm: 100, tpm: 200000, concurrency: 8}
  - {provider: azure-we, model: gpt-5.4, remote: my-gpt}
  - {provider: local, model: smol, remote: smol.gguf, price: free}
  - {provider: bedrock-us, model: claude-haiku-4-5, name: cheap, price: {input: 0.25, output: "1.25"}}
models:
  smol: {tier: fast, context_tokens: 8192}
classes:
  - [claude-haiku-4-5, smol]
tiers: {balanced: [claude-sonnet]}
strategy: lowest_cost
cache: {max_bytes: 1000000}
"""
KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789ABCD"


def refusal(text: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        parse_config(text)
    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_whole_file_becomes_typed_values():
    config = parse_config(FILE)
    sonnet, gpt, smol, cheap = config.deployments
    assert sonnet.name == "bedrock-us/claude-sonnet-5-5"
    assert sonnet.remote == "us.anthropic.claude-sonnet-5-5"
    assert (sonnet.requests_per_minute, sonnet.tokens_per_minute, sonnet.concurrency) == (100, 200_000, 8)
    assert sonnet.output_burndown == 5
    assert gpt.provider.endpoint == "https://example.openai.azure.com"
    assert gpt.provider.api_version == "2024-10-21"
    assert gpt.features.max_completion_tokens
    assert not gpt.features.sampling
    assert sonnet.features.native_schema is True
    assert sonnet.features.cache_points
    assert config.prices["cheap"].input == Decimal("0.25")
    assert config.prices[smol.name].output == 0
    assert cheap.features.native_schema is None
    assert config.models["smol"].is_answered_by("smol.gguf")
    assert not config.models["smol"].is_answered_by("other")
    assert config.classes == (frozenset({"claude-haiku-4-5", "smol"}),)
    assert config.strategy == "lowest_cost"
    assert config.cache.max_bytes == 1_000_000


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("us-east-1", "us-est-1", "line 3: providers.bedrock-us.region is 'us-est-1'.*did you mean"),
        ("kind: bedrock,", "kind: bedrok,", "line 3: .*'bedrok', which is none of bedrock.*mean 'bedrock'"),
        ("rpm: 100", "rpn: 100", "line 11: deployments.0.rpn is no setting; did you mean 'rpm'"),
        ("rpm: 100", "rpm: 0", "line 11: deployments.0.rpm is wrong"),
        ("rpm: 100", "rpm: true", "line 11: deployments.0.rpm is wrong"),
        ("rpm: 100", "rpm: 1.5", "line 11: deployments.0.rpm is wrong"),
        ("model: claude-sonnet-5-5", "model: claude-sonet-5-5", "did you mean 'claude-sonnet-5-5'"),
        ("model: smol", "model: claude-3-5", "is the alias 'claude-3-5'"),
        ("provider: local", "provider: loca", "'loca', which is no provider of this file.*'local'"),
        ("name: cheap", "name: local/smol", "has the name 'local/smol', as another has"),
        ("price: free", "price: gratis", "'gratis', which is none of free"),
        ('output: "1.25"', "output: -1", "deployments.3.price.output is wrong"),
        ('output: "1.25"', "output: .nan", "deployments.3.price.output is wrong"),
        (', output: "1.25"', "", "deployments.3.price.output is missing"),
        ("remote: my-gpt", "rpm: 1", "deployments.1.remote is missing"),
        ("    api_version: 2024-10-21\n", "", "api_version is missing: a provider of kind azure_openai"),
        ("[claude-sonnet]", "[claude-sonnet, nonsense]", "tiers.balanced.1 is 'nonsense'"),
        ("strategy: lowest_cost", "strategy: cheapest", "strategy is 'cheapest', which is none of"),
        ("tiers: {balanced", "tiers: {balancd", "tiers.balancd is 'balancd'|tiers.balancd"),
        ("- [claude-haiku-4-5, smol]", "- [smol]", "classes.0 is wrong"),
        ("providers:\n", "providers:\n  x: 1\n", "providers.x"),
    ],
)
def test_every_mistake_is_one_sentence_with_its_place(old: str, new: str, said: str):
    import re

    assert old in FILE
    error = refusal(FILE.replace(old, new, 1))
    assert re.search(said, str(error)), str(error)


def test_a_key_in_the_file_is_refused_and_not_repeated():
    for text in (
        FILE.replace("price: free", f"api_key: {KEY}"),
        FILE.replace("credential: aws-main", f"credential: {KEY}"),
        FILE.replace("kind: bedrock,", f"kind: {KEY},"),
        FILE.replace("model: smol", f"model: {KEY}"),
        FILE.replace("providers:\n", f"{KEY}: 1\nproviders:\n"),
        FILE.replace("http://127.0.0.1:8080", f"https://user:{KEY}@host"),
    ):
        error = refusal(text)
        assert KEY not in f"{error} {error.hint} {error!r}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "a: b",
        "providers: {}\ndeployments: []",
        "providers: [",
        "providers: !!python/object:os.system {}",
        "a: &x [1]\nb: *x",
        "providers: {a: {kind: bedrock}, a: {kind: bedrock}}",
        "\0",
        "? [a]\n: b",
        "- " * 5000,
        "{" * 100,
        "providers: 2001-99-99",
        "providers: -_",
        "0x_:",
        "? - _-:",
        "#\x85T1}-%&00o-~~=0x{<\x85\nb\t&=.inf]`",
    ],
)
def test_what_is_no_configuration_is_refused(text: str):
    refusal(text)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path):
    path = tmp_path / "providers.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ProviderError, match="is not UTF-8"):
        load_config(tmp_path, {})
    path.write_bytes(b" " * 2_000_000)
    with pytest.raises(ProviderError, match="larger"):
        load_config(path, {})
    with pytest.raises(ProviderError, match="cannot be read"):
        load_config(path / "below", {})


def test_the_file_wins_over_the_environment(tmp_path: Path):
    (tmp_path / "providers.yaml").write_text(FILE)
    config = load_config(tmp_path, {"OPENAI_API_KEY": "k"})
    assert "openai" not in config.providers
    assert config.origin.endswith("providers.yaml")


def test_without_a_file_the_environment_is_used_and_told(tmp_path: Path):
    env = {
        "AWS_PROFILE": "p",
        "AWS_REGION": "eu-central-1",
        "AZURE_OPENAI_ENDPOINT": "https://a.openai.azure.com",
        "AZURE_OPENAI_API_KEY": "secret-one",
        "AZURE_OPENAI_DEPLOYMENT": "gpt-5.4",
        "OPENAI_API_VERSION": "2024-10-21",
        "OPENAI_API_KEY": "secret-two",
    }
    config = load_config(tmp_path, env)
    assert set(config.providers) == {"bedrock", "azure", "openai"}
    assert config.providers["azure"].credential == "env:AZURE_OPENAI_API_KEY"
    assert "come from the environment" in config.notices[-1]
    assert "eu.anthropic.claude-sonnet-5-5" in {one.remote for one in config.deployments}
    assert "secret" not in repr(config)


def test_half_a_configuration_in_the_environment_is_told_and_left_out():
    config = config_from_environment(
        {
            "AWS_PROFILE": "p",
            "AZURE_OPENAI_ENDPOINT": "https://a.openai.azure.com",
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": "http://localhost:11434/v1",
        }
    )
    assert config.deployments == ()
    assert len(config.notices) == 3
    assert "AWS_REGION" in config.notices[0]
    assert "AZURE_OPENAI_DEPLOYMENT" in config.notices[1]


def test_a_wrong_value_in_the_environment_is_an_error():
    with pytest.raises(ProviderError, match=r"AWS_REGION is 'us-eastt-1'.*did you mean 'us-east-1'"):
        config_from_environment({"AWS_PROFILE": "p", "AWS_REGION": "us-eastt-1"})
    with pytest.raises(ProviderError, match="OPENAI_BASE_URL is not encrypted"):
        config_from_environment({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://example.com/v1"})


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/v1",
        "https://169.254.169.254",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]",
        "https://[::ffff:169.254.169.254]",
        "https://2852039166",
        "https://0xA9FEA9FE",
        "https://169.254.43518",
        "https://metadata.google.internal",
        "https://metadata.google.internal.",
        "https://100.100.100.200",
        "https://0.0.0.0",
        "http://example.com",
        "http://10.0.0.1/v1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "https://user:pass@example.com",
        "https://user@example.com",
        "https://example.com/?a=b",
        "https://example.com/#a",
        "https://example.com:0",
        "https://example.com:99999",
        "https://",
        "ftp://example.com",
        "file:///etc/passwd",
        "//example.com",
        "https://exa mple.com",
        "https://example.com\n",
        "https://exämple.com",
        "https://" + "a" * 600,
    ],
)
def test_addresses_that_no_key_may_be_sent_to(address: str):
    assert endpoint_problem(address) is not None


@pytest.mark.parametrize(
    "address",
    [
        "https://example.openai.azure.com",
        "https://api.openai.com/v1",
        "http://127.0.0.1:8080/v1",
        "http://localhost:11434",
        "http://[::1]:80/v1",
        "https://10.0.0.7:8443/v1",
        "https://ace.de",
    ],
)
def test_addresses_that_are_fine(address: str):
    assert endpoint_problem(address) is None


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
_NAMES = st.sampled_from(
    [
        "providers",
        "deployments",
        "models",
        "tiers",
        "classes",
        "strategy",
        "cache",
        "kind",
        "region",
        "price",
        "name",
    ]
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_NAMES | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(_TREES)
def test_no_tree_of_values_raises_anything_but_a_provider_error(tree: object):
    import json

    with contextlib.suppress(ProviderError):
        parse_config(json.dumps(tree))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_no_text_raises_anything_but_a_provider_error(text: str):
    with contextlib.suppress(ProviderError):
        parse_config(text)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(FILE) - 1), st.text(max_size=4), st.integers(0, 12))
def test_no_damage_to_a_good_file_raises_anything_but_a_provider_error(place: int, text: str, gone: int):
    with contextlib.suppress(ProviderError):
        parse_config(FILE[:place] + text + FILE[place + gone :])
