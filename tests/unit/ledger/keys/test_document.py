"""A credential with all its versions in one document, filled in by a person or sealed."""

from __future__ import annotations

import pytest

from qlf.ledger.keys.document import STATE, VERSION, read_document, rewrap_document, used_keks, write_document
from qlf.ledger.keys.kek import KekRing, make_kek
from qlf.ledger.keys.kek_file import KekFile
from qlf.ledger.keys.model import KeyStoreError, SealBroken, Stage

CANARY = "canary-77aa-canary-77aa"
KIND = "openai_compatible"


@pytest.fixture
def kek(ring):
    return ring.ensure()[0]


def read(data, ring, *, name="main", kind=KIND, now=100):
    return read_document(name, kind, data, ring, now=now)


def value(versions):
    return versions.of(Stage.CURRENT).fields["api_key"].reveal()


def test_a_value_in_clear_works_and_is_said_to_be_in_clear(ring):
    versions = read({"api_key": CANARY, VERSION: 1, STATE: None, "endpoint": "x"}, ring)
    assert (value(versions), versions.in_clear, versions.last) == (CANARY, True, 1)


def test_a_line_end_that_was_pasted_along_is_dropped(ring):
    assert value(read({"api_key": f" {CANARY}\n"}, ring)) == CANARY


def test_a_sealed_document_holds_nothing_in_clear_and_reads_the_same(ring, kek):
    sealed = write_document(read({"api_key": CANARY}, ring), kek)
    assert CANARY not in repr(sealed)
    again = read(sealed, ring, now=500)
    assert (value(again), again.in_clear, again.of(Stage.CURRENT).created) == (CANARY, False, 100)
    assert used_keks(KIND, sealed) == {kek.id}


def test_a_value_that_a_person_put_over_a_sealed_one_is_the_next_version(ring, kek):
    sealed = write_document(read({"api_key": "first-value"}, ring), kek)
    edited = read({**sealed, "api_key": CANARY}, ring)
    assert (value(edited), edited.in_clear) == (CANARY, True)
    assert edited.of(Stage.CURRENT).version == 2
    assert read(write_document(edited, kek), ring).of(Stage.CURRENT).version == 2


def test_one_of_two_fields_replaced_by_hand(ring, kek):
    data = {"access_key_id": "AKIA-one", "secret_access_key": "secret-one"}
    sealed = write_document(read(data, ring, kind="bedrock"), kek)
    edited = read({**sealed, "secret_access_key": "secret-two"}, ring, kind="bedrock")
    fields = {name: one.reveal() for name, one in edited.of(Stage.CURRENT).fields.items()}
    assert fields == {"access_key_id": "AKIA-one", "secret_access_key": "secret-two"}


@pytest.mark.parametrize(
    "change",
    [
        lambda one, two: {**one, "api_key": two["api_key"]},
        lambda one, two: {**one, STATE: two[STATE]},
        lambda one, two: {**one, VERSION: 2},
        lambda one, two: {**one, "api_key": one[STATE]},
        lambda one, two: {**one, STATE: 7},
    ],
)
def test_sealed_values_do_not_fit_elsewhere(ring, kek, change):
    one = write_document(read({"api_key": "one-value"}, ring), kek)
    two = write_document(read({"api_key": "two-value"}, ring, name="other"), kek)
    with pytest.raises(SealBroken):
        read(change(one, two), ring)


def test_a_sealed_value_does_not_fit_another_kind(ring, kek):
    one = write_document(read({"api_key": "one-value"}, ring), kek)
    with pytest.raises(SealBroken):
        read(one, ring, kind="azure_openai")


def test_a_document_that_lacks_a_field_is_refused(ring):
    with pytest.raises(KeyStoreError, match="needs the field 'secret_access_key'"):
        read({"access_key_id": "AKIA"}, ring, kind="bedrock")


def test_an_empty_document_holds_no_version(ring):
    assert read({"api_key": None, VERSION: 1}, ring).held == ()


def test_rewrapping_leaves_a_value_in_clear_alone(ring, kek):
    new = make_kek()
    sealed = write_document(read({"api_key": CANARY}, ring), kek)
    changed = rewrap_document("main", KIND, {**sealed, "endpoint": "x"}, ring, new)
    assert set(changed) == {"api_key", STATE}
    assert used_keks(KIND, {**sealed, **changed}) == {new.id}
    assert rewrap_document("main", KIND, {"api_key": CANARY}, ring, new) == {}


def test_the_kek_of_a_document_is_told_without_opening_it(ring, kek, tmp_path):
    sealed = write_document(read({"api_key": CANARY}, ring), kek)
    empty = KekRing([KekFile(tmp_path / "none", required=False)])
    assert used_keks(KIND, sealed) == {kek.id}
    with pytest.raises(KeyStoreError):
        read(sealed, empty)
