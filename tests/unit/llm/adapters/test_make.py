"""Making adapters, and what stands in memory before one is made."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from qlf.errors import KeyStoreError
from qlf.llm.credential import ApiKey, AwsKeys


def test_no_sdk_is_loaded_before_an_adapter_is_made():
    code = (
        "import sys, qlf.llm.adapters.make, qlf.llm.credential;"
        "heavy = {'openai', 'boto3', 'botocore', 'aiohttp', 'httpx2', 'jsonschema', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", ["openai_compatible", "azure_openai"])
def test_an_adapter_for_one_kind_does_not_load_the_sdk_of_another(kind):
    code = (
        "import sys; from qlf.llm.adapters.make import make_adapter;"
        "from qlf.llm.deployment import Provider; from qlf.llm.credential import ApiKey;"
        f"make_adapter(Provider('p', {kind!r}, endpoint='https://h/v1'), ApiKey('k'));"
        "print('boto3' in sys.modules, 'jsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


def test_a_credential_does_not_show_its_values():
    keys = [ApiKey("sk-canary", "k#1"), AwsKeys("AKIA-canary", "canary", "canary", "k#2")]
    assert "canary" not in f"{keys!r} {keys[0]} {keys[1]}"
    assert "k#1" in repr(keys[0])
    assert pickle.loads(pickle.dumps(keys)) == keys


@pytest.mark.parametrize("value", ["", "sk canary", "sk-canary\n", "canary\r\nX: y", "cañary", "x" * 20_000])
def test_a_value_that_no_key_has_is_refused_without_being_shown(value):
    for make in (ApiKey, lambda text: AwsKeys("AKIA", text), lambda text: AwsKeys("AKIA", "s", text)):
        with pytest.raises(KeyStoreError) as caught:
            make(value)
        assert "canary" not in str(caught.value)
