"""`qlf keys rotate --kek`: change the key-encryption key, and forget an old one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qlf.cli.keys_stores import open_stores
from qlf.errors import EnvironmentUnavailable

if TYPE_CHECKING:
    from qlf.cli.run import Run

__all__ = ["change_kek"]


def change_kek(run: Run, *, new_kek: str | None, retire: str | None, only: str | None, as_json: bool) -> int:
    """Wrap every data key with a new KEK, or forget an old KEK.

    Args:
        run: The run.
        new_kek: Where the new KEK is or goes, such as `file:PATH`; the configured source without it.
        retire: The id of the KEK to forget instead.
        only: One store, where both are meant without it.
        as_json: Whether to print a document.

    Raises:
        EnvironmentUnavailable: If a Prefect API that may hold sealed keys does not answer.
    """
    from qlf.ledger.keys.kek_rotation import retire_kek, rotate_kek
    from qlf.ledger.keys.ring import source_of

    screen = run.screen
    with open_stores(run) as stores:
        if stores.unreachable and only is None:
            raise EnvironmentUnavailable(
                f"the Prefect API {stores.unreachable}, and blocks there may need the old KEK",
                hint="start it, or change the local store alone: --store local",
            )
        chosen = stores.all(only)
        if retire is not None:
            kept = retire_kek(stores.ring, chosen, retire, on_event=stores.on_event)
            if as_json:
                screen.document({"retired": retire, "remove_by_hand": list(kept)})
                return 0
            for name in kept:
                screen.say(f"take it out of {name} by hand")
            screen.say(f"the KEK {retire} is forgotten; backups that need it cannot be opened here", "good")
            return 0
        settings = run.settings
        source = (
            None
            if new_kek is None
            else source_of(new_kek, config_dir=settings.config_dir, data_dir=settings.data_dir)
        )
        done = rotate_kek(stores.ring, chosen, source=source, on_event=stores.on_event)
    if as_json:
        screen.document({"kek": done.kek, "wrapped": dict(done.wrapped), "old": list(done.old)})
        return 0
    counts = ", ".join(f"{count} in the {store} store" for store, count in done.wrapped)
    screen.say(f"the KEK is now {done.kek}; keys wrapped anew: {counts}", "good")
    if new_kek is not None:
        screen.say(f"from now on configure it: {_setting(new_kek)}", "warn")
    for kek in done.old:
        screen.say(f"backups from before need {kek}; when none is left: qlf keys rotate --kek --retire {kek}")
    return 0


def _setting(source: str) -> str:
    kind, _, rest = source.partition(":")
    name = {"file": "FILE", "keyring": "KEYRING", "command": "COMMAND", "age": "AGE_IDENTITY"}[kind]
    return f"QLF_KEK_{name}={rest}"
