"""The KEKs that this process is configured with."""

from __future__ import annotations

from qlf.ledger.keys.kek import KekRing
from qlf.ledger.keys.ring import make_ring
from qlf.settings import load

__all__ = ["configured_ring"]


def configured_ring() -> KekRing:
    """The ring of KEKs by the settings of this process.

    Raises:
        KekMissing: If a setting is unusable.
    """
    settings = load()
    return make_ring(
        settings.kek,
        config_dir=settings.config_dir,
        data_dir=settings.data_dir,
        production=settings.production,
    )
