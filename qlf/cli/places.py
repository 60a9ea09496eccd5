"""Where everything about models is kept: one definition for all commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qlf.cli.run import Run
    from qlf.engine.gateway import ModelPlaces

__all__ = ["places_of"]


def places_of(run: Run) -> ModelPlaces:
    """Where everything about models is kept for this user."""
    from qlf.engine.gateway import ModelPlaces

    settings = run.settings
    return ModelPlaces(
        config_dir=settings.config_dir,
        ledger=settings.state_dir / "ledger" / "ledger.db",
        heads=settings.data_dir / "ledger-heads.jsonl",
        answers=settings.cache_dir / "answers",
        provider_env=settings.provider_env,
    )
