"""Rotation in four steps, by an issuer and by hand. The letters are those of the invariants."""

from __future__ import annotations

import pytest

from qlf.errors import ProviderError
from qlf.ledger.keys.model import KeyBusy, KeyMissing, Stage
from qlf.ledger.keys.rotation import Rotator, TestFailed

GRACE = 600


@pytest.fixture
def rotator(store, provider, clock, events):
    """A credential that the provider issued, and the rotator for it."""
    store.add("main", "openai_compatible", provider.create("first"))

    def make(**changes):
        options = {"issuer": provider, "grace_seconds": GRACE, "on_event": events.append, "now": clock}
        return Rotator(store, **{**options, **changes})

    return make


def current(store):
    return store.current("main").fields["api_key"].reveal()


def stages(store):
    return {one.version: one.stage.value for one in store.info("main")}


def test_a_whole_rotation(rotator, store, provider, clock):
    old = current(store)
    progress = rotator().advance("main")
    assert (progress.state, progress.current.version) == ("grace", 2)
    assert stages(store) == {1: "previous", 2: "current"}
    clock.seconds += GRACE
    progress = rotator().advance("main")
    assert (progress.state, [one.version for one in progress.revoked]) == ("done", [1])
    assert stages(store) == {1: "revoked", 2: "current"}
    assert provider.active == {current(store)}
    assert old not in provider.active


def test_i1_at_every_step_current_is_accepted_by_the_provider(rotator, store, provider, clock):
    seen = []

    def check(step):
        assert current(store) in provider.active, step
        seen.append(step)

    rotator(checkpoint=check).advance("main")
    clock.seconds += GRACE
    rotator(checkpoint=check).advance("main")
    assert seen == [
        "begun",
        "token-recorded",
        "created",
        "staged",
        "tested",
        "promoted",
        "revoked-at-provider",
        "revoked",
    ]


def test_i2_there_is_one_current_and_at_most_one_pending_at_every_step(rotator, store, clock):
    def check(step):
        found = list(stages(store).values())
        assert found.count("current") == 1, step
        assert found.count("pending") <= 1, step

    rotator(checkpoint=check).advance("main")
    clock.seconds += GRACE
    rotator(checkpoint=check).advance("main")


def test_i3_the_token_is_recorded_before_the_provider_is_asked(rotator, store, provider):
    class Asked:
        def create(self, token):
            assert store.token("main") == token
            return provider.create(token)

        test, revoke = provider.test, provider.revoke

    rotator(issuer=Asked()).advance("main")
    assert store.token("main") == ""


def test_i3_a_rotation_that_was_cut_off_asks_with_the_same_token(rotator, store, provider):
    class Lost:
        def create(self, token):
            provider.create(token)
            raise ConnectionError("no answer")

    for _ in range(3):
        with pytest.raises(ConnectionError):
            rotator(issuer=Lost()).advance("main")
    rotator().advance("main")
    assert len(provider.read()) == 2


def test_the_next_rotation_has_a_token_of_its_own(rotator, store, provider, clock):
    for _ in range(2):
        rotator().advance("main")
        clock.seconds += GRACE
        rotator().advance("main")
    assert len(provider.read()) == 3
    assert provider.active == {current(store)}
    assert store.current("main").version == 3


def test_a_previous_key_that_was_ended_by_hand_leaves_no_old_token_behind(rotator, store, provider):
    rotator().advance("main")
    store.revoke("main", 1)
    before = current(store)
    rotator().advance("main")
    assert current(store) != before


def test_i4_the_previous_key_stays_valid_for_the_grace_period(rotator, store, provider, clock):
    in_flight = store.current("main")
    rotator().advance("main")
    clock.seconds += GRACE - 1
    progress = rotator().advance("main")
    assert progress.state == "grace"
    provider.test(in_flight.fields)
    assert store.get("main", 1).fields == in_flight.fields
    clock.seconds += 1
    assert rotator().advance("main").state == "done"


def test_i5_nothing_is_ended_while_the_new_key_is_not_accepted(rotator, store, provider, clock):
    rotator().advance("main")
    clock.seconds += GRACE
    old = store.get("main", 1)
    provider.revoke(store.current("main").fields)
    with pytest.raises(TestFailed, match="main@2"):
        rotator().advance("main")
    provider.test(old.fields)
    assert stages(store)[1] == "previous"


def test_i5_a_new_key_that_is_not_accepted_never_becomes_current(rotator, store, provider, events):
    class Refusing:
        create, revoke = provider.create, provider.revoke

        def test(self, fields):
            raise PermissionError(f"key {fields['api_key'].reveal()} is wrong")

    with pytest.raises(TestFailed, match=r"the test of main@2 failed \(PermissionError\)") as caught:
        rotator(issuer=Refusing()).advance("main")
    assert stages(store) == {1: "current", 2: "pending"}
    pending = store.get("main", 2).fields["api_key"].reveal()
    assert pending not in str(caught.value)
    assert caught.value.__cause__ is None
    assert events[-1].action == "test-failed"
    assert rotator().advance("main").current.version == 2


def test_i8_of_two_rotators_one_wins(rotator, store, open_store, provider):
    other = Rotator(open_store(), issuer=provider, grace_seconds=GRACE)
    refused = []

    def meanwhile(step):
        with pytest.raises(KeyBusy, match="another process is rotating"):
            other.advance("main")
        refused.append(step)

    rotator(checkpoint=meanwhile).advance("main")
    assert len(refused) == 6
    assert len(provider.read()) == 2


def test_an_abandoned_rotation_leaves_nothing_at_the_provider(rotator, store, provider):
    class Refusing:
        create, revoke = provider.create, provider.revoke

        def test(self, fields):
            raise PermissionError

    with pytest.raises(TestFailed):
        rotator(issuer=Refusing()).advance("main")
    assert rotator().abandon("main").version == 2
    assert provider.active == {current(store)}
    assert stages(store) == {1: "current", 2: "revoked"}
    assert store.token("main") == ""
    assert rotator().abandon("main") is None


def test_a_key_that_was_issued_and_never_learnt_of_is_abandoned_too(rotator, store, provider):
    class Lost:
        def create(self, token):
            provider.create(token)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        rotator(issuer=Lost()).advance("main")
    assert len(provider.active) == 2
    rotator().abandon("main")
    assert provider.active == {current(store)}


# By hand


def accept(kind, fields):
    assert kind == "openai_compatible"


def test_by_hand_a_value_is_staged_tested_and_promoted(rotator, store, secret, clock):
    by_hand = rotator(issuer=None, tester=accept)
    staged = by_hand.stage("main", secret("the-new-value"))
    assert (staged.state, staged.pending.version) == ("staged", 2)
    assert current(store) != "the-new-value"
    assert by_hand.advance("main").state == "grace"
    assert current(store) == "the-new-value"
    clock.seconds += GRACE
    progress = by_hand.advance("main")
    assert progress.state == "due"
    assert [one.key_id for one in progress.previous] == ["main@1"]
    assert stages(store)[1] == "previous", "a person ends it at the provider first"


def test_by_hand_nothing_is_promoted_that_no_one_could_test(rotator, store, secret):
    by_hand = rotator(issuer=None)
    by_hand.stage("main", secret("the-new-value"))
    with pytest.raises(TestFailed, match="was not tested: no provider is configured"):
        by_hand.advance("main")
    assert stages(store) == {1: "current", 2: "pending"}
    assert by_hand.promote_untested("main").current.version == 2


def test_by_hand_the_reason_of_the_provider_is_told_without_the_key(rotator, store, secret):
    def refuse(kind, fields):
        raise ProviderError(f"401 for {fields['api_key'].reveal()}: expired")

    by_hand = rotator(issuer=None, tester=refuse)
    by_hand.stage("main", secret("the-new-value"))
    with pytest.raises(TestFailed, match=r"401 for \[hidden\]: expired; nothing was changed"):
        by_hand.advance("main")
    assert by_hand.abandon("main").stage is Stage.PENDING
    assert stages(store) == {1: "current", 2: "revoked"}


def test_there_is_nothing_to_go_on_with(rotator, store):
    with pytest.raises(KeyMissing, match="no new value of 'main' is waiting"):
        rotator(issuer=None, tester=accept).advance("main")
    with pytest.raises(KeyMissing):
        rotator().advance("other")
