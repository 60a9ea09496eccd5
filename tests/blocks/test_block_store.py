"""Credentials in Prefect blocks, against the REST API and without importing Prefect."""

from __future__ import annotations

import logging
import secrets
import subprocess
import sys

import httpx
import pytest

from qlf.errors import EnvironmentUnavailable, KeyStoreError
from qlf.ledger.keys.kek_rotation import rotate_kek
from qlf.ledger.keys.model import KeyBusy, KeyExists, KeyMissing, SealBroken, Stage
from qlf.ledger.keys.rotation import Rotator
from qlf.ledger.keys.secret import SecretText

CANARY = "canary-1d40-canary-1d40"
KIND = "openai_compatible"


def fields(text=CANARY):
    return {"api_key": SecretText(text)}


def value(store, name="main"):
    return store.current(name).fields["api_key"].reveal()


def test_a_key_is_kept_sealed_in_one_block(blocks_store, fake):
    made = blocks_store.add("main", KIND, fields())
    assert (made.key_id, made.stage, made.tail) == ("main@1", Stage.CURRENT, "1d40")
    assert value(blocks_store) == CANARY
    assert CANARY not in repr(fake.documents)
    assert fake.data("main")["api_key"].startswith("qlf:sealed:1:")


def test_non_secret_fields_of_a_new_block_are_kept_as_they_are(open_blocks, fake):
    open_blocks(extra={"region": "eu-central-1"}).add(
        "aws", "bedrock", {"access_key_id": SecretText("AKIA"), "secret_access_key": SecretText("s" * 40)}
    )
    assert fake.data("aws")["region"] == "eu-central-1"
    assert "s" * 40 not in repr(fake.documents)


def test_a_block_filled_in_by_hand_works_at_once_and_is_sealed_at_its_first_use(blocks_store, fake, events):
    fake.by_hand("main", KIND, api_key=CANARY, endpoint="http://model")
    assert [(one.key_id, one.kek) for one in blocks_store.list()] == [("main@1", "")]
    assert CANARY in repr(fake.documents), "looking at it changes nothing"
    assert value(blocks_store) == CANARY
    assert CANARY not in repr(fake.documents)
    assert fake.data("main")["endpoint"] == "http://model"
    assert value(blocks_store) == CANARY
    assert [event.action for event in events] == ["kek-created", "sealed"]


def test_a_value_put_over_a_sealed_one_by_hand_is_the_next_version(blocks_store, fake):
    blocks_store.add("main", KIND, fields("first-value"))
    fake.data("main")["api_key"] = CANARY
    key = blocks_store.current("main")
    assert (key.key_id, key.fields["api_key"].reveal()) == ("main@2", CANARY)
    assert CANARY not in repr(fake.documents)
    assert blocks_store.current("main").key_id == "main@2"


def test_where_the_write_back_fails_the_key_works_with_a_warning(blocks_store, fake, caplog):
    fake.by_hand("main", KIND, api_key=CANARY)
    fake.fail = lambda request: httpx.Response(403, text=CANARY) if request.method == "PATCH" else None
    with caplog.at_level(logging.WARNING):
        assert value(blocks_store) == CANARY
    assert "stays in clear in Prefect" in caplog.text
    assert CANARY not in caplog.text


def test_a_value_copied_from_another_block_is_refused(blocks_store, fake):
    blocks_store.add("main", KIND, fields("value-one"))
    blocks_store.add("other", KIND, fields("value-two"))
    fake.data("main")["api_key"] = fake.data("other")["api_key"]
    with pytest.raises(SealBroken):
        blocks_store.current("main")
    assert len(blocks_store.list()) == 2, "the list still shows both"


def test_a_whole_rotation_by_hand(blocks_store, fake):
    blocks_store.add("main", KIND, fields("value-one"))
    rotator = Rotator(
        blocks_store, tester=lambda kind, tried: None, grace_seconds=0, now=lambda: 1_800_000_001
    )
    rotator.stage("main", fields())
    assert value(blocks_store) == "value-one"
    assert CANARY not in repr(fake.documents)
    assert rotator.advance("main").state == "due"
    assert value(blocks_store) == CANARY
    assert blocks_store.get("main", 1).fields["api_key"].reveal() == "value-one"
    blocks_store.revoke("main", 1)
    with pytest.raises(KeyMissing):
        blocks_store.get("main", 1)
    assert [(one.version, one.stage.value) for one in blocks_store.info("main")] == [
        (1, "revoked"),
        (2, "current"),
    ]


class Cut(BaseException):
    pass


@pytest.mark.parametrize(
    "point",
    ["begun", "token-recorded", "created", "staged", "tested", "promoted", "revoked-at-provider", "revoked"],
)
def test_a_rotation_cut_off_anywhere_goes_on_and_leaves_no_orphan(open_blocks, point):
    issued: dict[str, str] = {"first": "key-first"}
    active = {"key-first"}

    class Issuer:
        def create(self, token):
            if token not in issued:
                issued[token] = f"key-{secrets.token_hex(8)}"
                active.add(issued[token])
            return fields(issued[token])

        def test(self, tried):
            assert tried["api_key"].reveal() in active

        def revoke(self, ended):
            active.discard(ended["api_key"].reveal())

    clock = [1_800_000_000]

    def cut(step):
        assert value(open_blocks()) in active
        if step == point:
            raise Cut

    def rotator(checkpoint=lambda step: None):
        store = open_blocks(now=lambda: clock[0])
        return Rotator(store, issuer=Issuer(), grace_seconds=60, checkpoint=checkpoint, now=lambda: clock[0])

    open_blocks().add("main", KIND, fields("key-first"))
    try:
        rotator(cut).advance("main")
        clock[0] += 60
        rotator(cut).advance("main")
    except Cut:
        assert value(open_blocks()) in active
    while [one.stage.value for one in open_blocks().info("main")] != ["revoked", "current"]:
        rotator().advance("main")
        clock[0] += 60
    assert active == {value(open_blocks())}
    assert len(issued) == 2


def test_two_rotators_on_one_machine_one_wins(open_blocks):
    open_blocks().add("main", KIND, fields())
    with open_blocks().lock(), pytest.raises(KeyBusy):
        Rotator(open_blocks(), tester=lambda kind, tried: None).stage("main", fields())


def test_the_kek_of_all_blocks_is_changed(blocks_store, ring, fake):
    blocks_store.add("main", KIND, fields())
    blocks_store.add("second", "azure_openai", fields("second-value"))
    fake.by_hand("clear", KIND, api_key="in-clear")
    done = rotate_kek(ring, [blocks_store])
    assert done.wrapped == (("prefect", 2),)
    assert blocks_store.keks() == {done.kek: 2}
    assert (value(blocks_store), value(blocks_store, "second")) == (CANARY, "second-value")


def test_a_name_is_taken_once_whatever_the_kind(blocks_store, fake):
    blocks_store.add("main", KIND, fields())
    for kind in (KIND, "azure_openai"):
        with pytest.raises(KeyExists):
            blocks_store.add("main", kind, fields())
    fake.by_hand("main", "azure_openai", api_key="x")
    with pytest.raises(KeyStoreError, match="2 credential blocks are called 'main'"):
        blocks_store.current("main")


def test_a_revoked_key_may_be_added_again_and_its_number_never_comes_again(blocks_store, fake):
    blocks_store.add("main", KIND, fields())
    blocks_store.revoke("main")
    assert fake.data("main")["api_key"] is None
    assert blocks_store.add("main", KIND, fields("again-value")).version == 2
    assert blocks_store.delete("main") == 2
    assert not fake.documents


def test_many_blocks_are_listed_over_pages(blocks_store, fake, monkeypatch):
    monkeypatch.setattr("blocks.documents._PAGE", 2)
    for number in range(5):
        fake.by_hand(f"key-{number}", KIND, api_key="x")
    assert len(blocks_store.list()) == 5


def test_a_busy_server_is_asked_again(blocks_store, fake):
    blocks_store.add("main", KIND, fields())
    answers = [httpx.Response(503), httpx.Response(503), None]
    fake.fail = lambda request: answers.pop(0) if answers else None
    assert value(blocks_store) == CANARY


@pytest.mark.parametrize(
    ("status", "error"), [(401, "credentials of the API"), (500, "log of the Prefect server"), (503, "log")]
)
def test_a_refusal_of_the_api_is_one_sentence(blocks_store, fake, monkeypatch, status, error):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    fake.fail = lambda request: httpx.Response(status, text=CANARY)
    with pytest.raises(KeyStoreError) as caught:
        blocks_store.current("main")
    assert error in str(caught.value.hint)
    assert CANARY not in str(caught.value)


def test_an_api_that_does_not_answer_is_one_sentence(blocks_store, fake):
    def refuse(request):
        raise httpx.ConnectError("refused")

    fake.fail = refuse
    with pytest.raises(EnvironmentUnavailable, match="does not answer"):
        blocks_store.list()


def test_a_change_that_cannot_be_recorded_does_not_happen(open_blocks, fake):
    def refuse(event):
        raise OSError("the audit log is full")

    open_blocks().add("main", KIND, fields("value-one"))
    before = repr(fake.documents)
    store = open_blocks(on_event=refuse)
    for change in (
        lambda: store.add("other", KIND, fields()),
        lambda: store.stage("main", fields()),
        lambda: store.revoke("main"),
        lambda: store.delete("main"),
    ):
        with pytest.raises(OSError, match="audit log"):
            change()
    assert repr(fake.documents) == before


def test_neither_the_package_nor_the_store_imports_prefect():
    code = (
        "import sys, blocks, blocks.store, blocks.documents;"
        "print('prefect' in sys.modules, 'httpx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
