"""Changing the KEK: every key opens at every instant, and the old KEK goes when nothing needs it."""

from __future__ import annotations

import shutil

import pytest

from qlf.ledger.keys import store as store_module
from qlf.ledger.keys.kek import KekRing, kek_text, make_kek
from qlf.ledger.keys.kek_file import KekFile, KekValue
from qlf.ledger.keys.kek_rotation import retire_kek, rotate_kek
from qlf.ledger.keys.model import KekMissing, KeyBusy
from qlf.ledger.keys.secret import SecretText
from qlf.ledger.keys.store import KeyStore

COUNT = 25


@pytest.fixture
def full(store, secret, monkeypatch):
    monkeypatch.setattr(store_module, "BATCH", 10)
    for number in range(COUNT):
        store.add(f"key-{number}", "openai_compatible", secret(f"value-{number:04}"))
    return store


def opened(store):
    return {store.current(f"key-{number}").fields["api_key"].reveal() for number in range(COUNT)}


def values():
    return {f"value-{number:04}" for number in range(COUNT)}


def test_every_key_is_wrapped_anew_and_opens(full, ring):
    before = next(iter(full.keks()))
    done = rotate_kek(ring, [full])
    assert (done.wrapped, done.old) == ((("local", COUNT),), (before,))
    assert full.keks() == {done.kek: COUNT}
    assert opened(full) == values()


def test_i6_every_key_opens_at_every_step_for_readers_old_and_new(full, ring, open_store):
    reader = open_store()
    steps = []

    def check(step):
        # A reader that started before finds the KEK by its id; one that starts now does too.
        assert opened(reader) == opened(open_store()) == values()
        steps.append((step, *sorted(full.keks().values())))

    rotate_kek(ring, [full], checkpoint=check)
    assert steps == [
        ("made", 25),
        ("chosen", 0, 25),
        ("batch", 10, 15),
        ("batch", 5, 20),
        ("batch", 25),
        ("wrapped", 25),
    ]


def test_i6_a_change_that_was_cut_off_goes_on_with_the_same_kek(full, ring):
    class Cut(BaseException):
        pass

    made = set()
    for point in ("made", "chosen", "batch", "batch"):

        def cut(step, point=point):
            if step == point:
                raise Cut

        with pytest.raises(Cut):
            rotate_kek(ring, [full], checkpoint=cut)
        made.add(ring.newest().id)
        assert opened(full) == values()
    assert sorted(full.keks().values()) == [5, 20]
    done = rotate_kek(ring, [full])
    assert made == {done.kek}
    assert full.keks() == {done.kek: COUNT}


def test_a_key_added_in_the_middle_is_sealed_with_the_new_kek(full, ring, open_store, secret):
    other = open_store()
    added = []

    def add(step):
        if step == "batch":
            added.append(other.add(f"late-{len(added)}", "openai_compatible", secret()).kek)

    done = rotate_kek(ring, [full], checkpoint=add)
    assert set(added) == {done.kek}
    assert set(full.keks()) == {done.kek}


def test_i7_a_kek_is_forgotten_only_when_nothing_needs_it(full, ring, tmp_path):
    old = next(iter(full.keks()))
    new = ring.create()[0]
    with pytest.raises(KekMissing, match=f"the KEK {old} still seals {COUNT} keys"):
        retire_kek(ring, [full], old)
    rotate_kek(ring, [full])
    with pytest.raises(KekMissing, match=f"the KEK {new.id} still seals"):
        retire_kek(ring, [full], new.id)
    assert retire_kek(ring, [full], old) == ()
    assert [kek.id for kek in KekFile(tmp_path / "config/kek", required=True).load()] == [new.id]
    assert opened(full) == values()
    with pytest.raises(KekMissing, match="there is no KEK"):
        retire_kek(ring, [full], old)


def test_i7_the_kek_of_an_empty_store_is_kept_for_the_next_key(store, ring, secret):
    store.add("main", "openai_compatible", secret())
    kek = next(iter(store.keks()))
    store.delete("main")
    with pytest.raises(KekMissing, match="is the one for new keys"):
        retire_kek(ring, [store], kek)


def test_i8_of_two_changes_one_wins(full, ring, open_store):
    refused = []

    def meanwhile(step):
        with pytest.raises(KeyBusy):
            rotate_kek(ring, [open_store()])
        refused.append(step)

    done = rotate_kek(ring, [full], checkpoint=meanwhile)
    assert len(refused) == 6
    assert ring.newest().id == done.kek


def test_i9_a_backup_from_before_opens_as_long_as_the_old_kek_is_kept(full, ring, tmp_path, clock):
    shutil.copytree(full.path.parent, tmp_path / "backup")
    rotate_kek(ring, [full])
    rotate_kek(ring, [full])
    fresh = KekRing([KekFile(tmp_path / "config/kek", required=True)])
    with KeyStore(tmp_path / "backup/keys.db", fresh, now=clock) as restored:
        assert opened(restored) == values()
        done = rotate_kek(fresh, [restored])
        assert done.kek == next(iter(full.keks())), "the newest KEK is taken, none is made"
        assert opened(restored) == values()


def test_a_kek_that_the_user_put_in_front_is_taken(tmp_path, secret, clock):
    old, new = make_kek(), make_kek()
    path = tmp_path / "keys.db"
    with KeyStore(path, KekRing([KekValue(SecretText(kek_text([old])))]), now=clock) as store:
        store.add("main", "openai_compatible", secret())
    both = KekRing([KekValue(SecretText(kek_text([new, old])))])
    with KeyStore(path, both, now=clock) as store:
        store.add("second", "openai_compatible", secret())
        assert store.keks() == {old.id: 2}, "until the change, new keys are sealed as the others are"
        assert rotate_kek(both, [store]).kek == new.id
        assert store.keks() == {new.id: 2}
        with pytest.raises(KekMissing, match="no KEK can be made"):
            rotate_kek(both, [store])
        assert retire_kek(both, [store], old.id) == ("QLF_KEK",)


def test_a_kek_moves_to_another_source(full, ring, tmp_path):
    elsewhere = KekFile(tmp_path / "mount/kek", required=False)
    done = rotate_kek(ring, [full], source=elsewhere)
    assert [kek.id for kek in elsewhere.load()] == [done.kek]
    with KeyStore(full.path, KekRing([elsewhere])) as store:
        assert store.keks() == {done.kek: COUNT}
        assert opened(store) == values()


def test_two_stores_are_wrapped_together(full, ring, tmp_path, secret):
    with KeyStore(tmp_path / "second/keys.db", ring) as second:
        second.add("main", "openai_compatible", secret())
        done = rotate_kek(ring, [full, second])
        assert done.wrapped == (("local", COUNT), ("local", 1))
        assert full.keks().keys() == second.keks().keys() == {done.kek}


def test_a_kek_that_was_made_is_told(full, ring, events):
    events.clear()
    done = rotate_kek(ring, [full], on_event=events.append)
    assert [event.action for event in events] == ["kek-created", "rewrapped", "rewrapped", "rewrapped"]
    assert events[0].key == done.kek
    assert sum(int(event.details["keys"]) for event in events[1:]) == COUNT
