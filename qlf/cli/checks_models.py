"""What `qlf doctor` asks about models: providers, the key that seals their keys, the ledger."""

from __future__ import annotations

from qlf.cli.check import Check
from qlf.errors import QlfError
from qlf.settings import Settings

__all__ = ["models"]


def models(settings: Settings) -> list[Check]:
    """The checks; none of them asks a provider, and none is essential."""
    return [_providers(settings), _kek(settings), _ledger(settings)]


def _providers(settings: Settings) -> Check:
    from qlf.llm.config_read import load_config

    cost = "no model can be asked; `qlf providers example` prints a file to start from"
    try:
        config = load_config(settings.config_dir, settings.provider_env)
    except QlfError as error:
        return Check(
            "model providers", "missing", error.message, "no model can be asked until it is repaired"
        )
    count = len(config.deployments)
    if not count:
        return Check("model providers", "missing", "none configured", cost)
    return Check("model providers", "ok", f"{count} deployment{'s' * (count > 1)} from {config.origin}")


def _kek(settings: Settings) -> Check:
    from qlf.ledger.keys.ring import make_ring

    try:
        found = make_ring(
            settings.kek,
            config_dir=settings.config_dir,
            data_dir=settings.data_dir,
            production=settings.production,
        ).newest()
    except QlfError as error:
        return Check(
            "key-encryption key", "missing", error.message, error.hint or "no stored key can be opened"
        )
    if found is None:
        return Check(
            "key-encryption key",
            "not-asked",
            "none yet",
            "the first `qlf keys add` makes one on this machine",
        )
    return Check("key-encryption key", "ok", found.id)


def _ledger(settings: Settings) -> Check:
    from qlf.ledger.reader import LedgerReader

    path = settings.state_dir / "ledger" / "ledger.db"
    if not path.exists():
        return Check("ledger", "not-asked", "no model was asked yet", "the first call makes it")
    try:
        with LedgerReader(path) as ledger:
            return Check("ledger", "ok", f"{ledger.size:,} entries; `qlf audit verify` checks them")
    except QlfError as error:
        return Check("ledger", "missing", error.message, "no model is asked without it")
