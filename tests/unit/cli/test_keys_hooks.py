"""Keys together with the rest: a rotation is tested by a real call, and the ledger records every event."""

from __future__ import annotations

import pytest

from qlf.ledger.reader import LedgerReader
from qlf.llm.fake.hosting import serve_in_thread
from qlf.llm.fake.script import parse_script

OLD = "sk-proj-Old07f3d2a91c0b84e65Old07f3d2a91c0b84e65"
NEW = "sk-proj-New90c1b2a3d4e5f607New90c1b2a3d4e5f607"


@pytest.fixture
def provider(own_home):
    with serve_in_thread(
        parse_script({"keys": {"accepted": [NEW]}, "defaults": {"model": "gpt-4.1"}})
    ) as fake:
        folder = own_home / "config"
        folder.mkdir(parents=True, mode=0o700)
        (folder / "providers.yaml").write_text(
            f"providers:\n  here: {{kind: openai_compatible, endpoint: '{fake.url}/v1', credential: main}}\n"
            "deployments:\n"
            "  - {provider: here, model: gpt-4.1, remote: gpt-4.1, price: {input: 2, output: 8}}\n"
        )
        yield fake


def rotate(cli, value):
    cli("keys", "add", "main", "--kind", "openai_compatible", "--stdin", stdin=OLD.encode())
    return cli("keys", "rotate", "main", "--new", "-", "--json", stdin=value.encode())


def test_a_new_key_is_tested_by_a_real_call_and_then_used(cli, provider):
    answer = rotate(cli, NEW)
    assert answer.code == 0, answer.err
    assert answer.document["current"]["version"] == 2
    assert [record.status for record in provider.log] == [200]
    assert cli("providers", "check").code == 0


def test_a_new_key_that_the_provider_refuses_is_not_used(cli, provider):
    answer = rotate(cli, "sk-proj-Bad0c1b2a3d4e5f607Bad0c1b2a3d4e5f607")
    assert answer.code == 5
    assert cli("keys", "list", "--json").document["keys"][0]["stage"] == "current"
    assert [record.status for record in provider.log] == [401]
    assert "sk-proj" not in answer.err


def test_every_event_of_a_key_is_in_the_ledger(cli, provider, own_home):
    rotate(cli, NEW)
    with LedgerReader(own_home / "state/ledger/ledger.db") as ledger:
        entries = list(ledger.entries())
    actions = [entry.fields["action"] for entry in entries if entry.kind == "key-event"]
    assert actions == ["kek-created", "added", "staged", "tested", "promoted"]
    assert "intent" in [entry.kind for entry in entries], "the test call is paid and recorded like any other"
    assert cli("audit", "verify").code == 0
