"""Changing the KEK: every data key is wrapped anew, and the old KEK goes when nothing needs it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from qlf.ledger.keys.kek import Kek, KekRing, KekSource
from qlf.ledger.keys.model import KekMissing, KeyEvent, OnEvent
from qlf.ledger.keys.protocol import Checkpoint, CredentialStore, nothing

__all__ = ["Rewrapped", "retire_kek", "rotate_kek"]


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What a change of the KEK did."""

    kek: str
    """Id of the KEK that seals everything now."""
    made_in: str
    """Where it was made; empty if it was there already."""
    wrapped: tuple[tuple[str, int], ...]
    """How many data keys were wrapped, by store."""
    old: tuple[str, ...]
    """Ids of the KEKs that were in use before. Backups from before still need them."""


def rotate_kek(
    ring: KekRing,
    stores: Sequence[CredentialStore],
    *,
    source: KekSource | None = None,
    on_event: OnEvent | None = None,
    checkpoint: Checkpoint = nothing,
) -> Rewrapped:
    """Wrap every data key of `stores` with a new KEK, or go on with a change that was cut off.

    The newest KEK at hand is taken when a store does not use it yet: a user put it there, or a run that was
    cut off made it. Otherwise a new one is made.

    Args:
        ring: The KEKs, old ones too.
        stores: All stores that this ring seals.
        source: Take the KEK of this source instead; it is made there if there is none.
        on_event: Told of a KEK that was made.
        checkpoint: Called between durable steps.

    Raises:
        KeyBusy: If another process rotates in one of the stores.
        KekMissing: If a KEK that is needed is not at hand, or none can be made.
    """
    with ExitStack() as held:
        for store in stores:
            held.enter_context(store.lock())
        used = [list(store.keks()) for store in stores]
        new, made_in = _choose(ring, source, used)
        if made_in:
            if on_event is not None:
                on_event(KeyEvent("kek-created", new.id, details={"source": made_in}))
            checkpoint("made")
        wrapped = tuple((store.kept_in, store.rewrap(new, checkpoint=checkpoint)) for store in stores)
        checkpoint("wrapped")
    old = tuple(dict.fromkeys(kek for keks in used for kek in keks if kek != new.id))
    return Rewrapped(new.id, made_in, wrapped, old)


def retire_kek(
    ring: KekRing, stores: Sequence[CredentialStore], kek_id: str, *, on_event: OnEvent | None = None
) -> tuple[str, ...]:
    """Forget an old KEK, and return the names of the sources that a person must take it from.

    Raises:
        KekMissing: If a sealed value still needs it, or it is the one for new values.
    """
    with ExitStack() as held:
        for store in stores:
            held.enter_context(store.lock())
            keks = store.keks()
            if keks.get(kek_id):
                raise KekMissing(
                    f"the KEK {kek_id} still seals {keks[kek_id]} keys in the {store.kept_in} store",
                    hint="wrap them anew first: qlf keys rotate --kek",
                )
            if next(iter(keks), None) == kek_id:
                raise KekMissing(
                    f"the KEK {kek_id} is the one for new keys", hint="change it first: qlf keys rotate --kek"
                )
        if all(source.find(kek_id) is None for source in ring.sources):
            raise KekMissing(f"there is no KEK {kek_id[:100]!r} at hand", hint="see: qlf keys list --json")
        if on_event is not None:
            on_event(KeyEvent("kek-retired", kek_id))
        return ring.remove(kek_id)


def _choose(ring: KekRing, source: KekSource | None, used: list[list[str]]) -> tuple[Kek, str]:
    if source is not None:
        ring.adopt(source)
        held = source.load()
        return (held[0], "") if held else (source.create(), source.name)
    newest = ring.newest()
    if newest is not None and any(kek != newest.id for keks in used for kek in keks):
        return newest, ""
    new, made_in = ring.create()
    return new, made_in.name
