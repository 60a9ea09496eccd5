"""The block classes: what they show, what they hand to the adapters, and that Prefect finds them."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import blocks
from qlf.errors import KeyStoreError
from qlf.llm.credential import ApiKey, AwsKeys

CANARY = "canary-8c11-canary-8c11"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("QLF_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("QLF_HOME", str(tmp_path / "home"))


@pytest.fixture
def openai():
    from pydantic import SecretStr

    return blocks.OpenAICompatibleCredentials(endpoint="http://model/v1", api_key=SecretStr(CANARY))


def test_prefect_finds_every_block_in_the_package():
    from prefect.blocks.core import Block

    found = {name for name, one in inspect.getmembers(blocks) if Block.is_block_class(one)}
    assert found == {"AzureOpenAICredentials", "BedrockCredentials", "OpenAICompatibleCredentials"}
    with pytest.raises(AttributeError):
        _ = blocks.NoSuchBlock


def test_prefect_knows_the_blocks_by_their_slug_without_their_module():
    code = (
        "from prefect.blocks.core import Block;"
        "print(Block.get_block_class_from_key('qlf-bedrock-credentials').__name__)"
    )
    home = {"PREFECT_HOME": os.environ["QLF_HOME"]}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **home}
    )
    assert done.stdout.strip() == "BedrockCredentials", done.stderr


def test_slugs_and_kinds_agree_with_the_store():
    from blocks.credentials import TYPES
    from blocks.documents import SLUGS

    assert {kind: one.get_block_type_slug() for kind, one in TYPES.items()} == SLUGS


def test_the_secret_fields_of_each_kind_are_fields_of_its_block():
    from blocks.credentials import TYPES
    from qlf.ledger.keys.model import FIELDS

    for kind, block in TYPES.items():
        secret = set(block.model_json_schema()["secret_fields"])
        assert secret == {*FIELDS[kind].required, *FIELDS[kind].optional, "key_state"}


def test_a_block_gives_what_the_adapters_take(openai):
    credential, provider = openai.credential(), openai.provider()
    assert isinstance(credential, ApiKey)
    assert credential.value == CANARY
    assert (provider.kind, provider.endpoint) == ("openai_compatible", "http://model/v1")


def test_a_block_for_bedrock():
    from pydantic import SecretStr

    block = blocks.BedrockCredentials(
        region="eu-central-1", access_key_id=SecretStr("AKIA"), secret_access_key=SecretStr(CANARY)
    )
    credential = block.credential()
    assert isinstance(credential, AwsKeys)
    assert (credential.secret_access_key, credential.session_token) == (CANARY, None)
    assert block.provider().region == "eu-central-1"


def test_a_block_shows_no_secret(openai):
    for shown in (
        repr(openai),
        str(openai),
        openai.model_dump_json(),
        repr(openai.credential()),
        repr(openai.open()),
    ):
        assert CANARY not in shown


def test_an_empty_block_says_what_to_do():
    with pytest.raises(KeyStoreError, match="holds no credential"):
        blocks.OpenAICompatibleCredentials(endpoint="http://model/v1").credential()


def test_sealed_values_of_another_block_are_refused(openai):
    from pydantic import SecretStr

    from blocks.ring import configured_ring
    from qlf.ledger.keys.envelope import seal

    kek, _ = configured_ring().ensure()
    sealed = seal(CANARY.encode(), kek, name="openai_compatible/other#api_key", version=1)
    openai.api_key = SecretStr(sealed)
    with pytest.raises(KeyStoreError, match="sealed for something else"):
        openai.credential()
