"""The KEKs of this configuration: what the user named, or the file of a developer."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from qlf.ledger.keys.kek import KekRing, KekSource
from qlf.ledger.keys.kek_file import KekFile, KekValue
from qlf.ledger.keys.model import KekMissing
from qlf.ledger.keys.secret import SecretText

__all__ = ["KekConfig", "make_ring", "source_of"]


class KekConfig(Protocol):
    """Where the KEK comes from; at most one is set, none means the developer's file."""

    @property
    def value(self) -> str | None:
        """The KEK itself, or several with commas between, the newest first."""
        ...

    @property
    def file(self) -> Path | None:
        """A file that holds it."""
        ...

    @property
    def passphrase(self) -> str | None:
        """It is derived from this."""
        ...

    @property
    def keyring(self) -> str | None:
        """The service under which the keyring of the operating system holds it."""
        ...

    @property
    def command(self) -> str | None:
        """A program that prints it."""
        ...

    @property
    def age_identity(self) -> Path | None:
        """The age identity that it is encrypted to."""
        ...


def make_ring(config: KekConfig, *, config_dir: Path, data_dir: Path, production: bool) -> KekRing:
    """The ring of KEKs for these settings. Nothing is read or made before a KEK is needed.

    The developer's file stays at hand beside a configured source, so that what was sealed before the
    source was configured opens until it is wrapped anew.

    Raises:
        KekMissing: If a setting is unusable, or the KEK would lie beside the keys that it seals.
    """
    developer = KekFile(config_dir / "kek", required=False)
    configured = _configured(config, config_dir)
    if config.file is not None:
        _apart(config.file, data_dir)
    if configured is not None:
        left_over = [developer] if developer.path.exists() else []
        return KekRing([configured, *left_over], may_create=not production)
    if production:
        return KekRing([developer] if developer.path.exists() else [])
    return KekRing([developer], may_create=True)


def source_of(text: str, *, config_dir: Path, data_dir: Path) -> KekSource:
    """The source that a text such as `file:PATH` names; a file may be a new one.

    Raises:
        KekMissing: If it names none.
    """
    kind, _, rest = text.partition(":")
    if rest and kind == "file":
        path = Path(rest).expanduser().absolute()
        _apart(path, data_dir)
        return KekFile(path, required=False)
    if rest and kind in ("keyring", "command", "age"):
        from qlf.ledger.keys.kek_foreign import KekAge, KekCommand, KekKeyring

        if kind == "age":
            return KekAge(Path(rest).expanduser().absolute(), config_dir / "kek.age")
        return KekKeyring(rest) if kind == "keyring" else KekCommand(rest)
    raise KekMissing(
        "that names no source of a KEK",
        hint="use file:PATH, keyring:SERVICE, command:PROGRAM or age:IDENTITY_FILE; never the KEK itself",
    )


def _configured(config: KekConfig, config_dir: Path) -> KekSource | None:
    if config.value is not None:
        return KekValue(SecretText(config.value))
    if config.file is not None:
        return KekFile(config.file, required=True)
    if config.passphrase is not None:
        from qlf.ledger.keys.kek_derived import KekPassphrase

        return KekPassphrase(SecretText(config.passphrase), config_dir / "kek.salt")
    if config.keyring is not None or config.command is not None or config.age_identity is not None:
        from qlf.ledger.keys.kek_foreign import KekAge, KekCommand, KekKeyring

        if config.keyring is not None:
            return KekKeyring(config.keyring)
        if config.command is not None:
            return KekCommand(config.command)
        if config.age_identity is not None:
            return KekAge(config.age_identity, config_dir / "kek.age")
    return None


def _apart(file: Path, data_dir: Path) -> None:
    """Whoever copies the data folder must not copy the KEK with it."""
    if file.resolve().is_relative_to(data_dir.resolve()):
        raise KekMissing(
            "the file with the KEK lies in the data folder, beside the keys that it seals",
            hint="move it elsewhere; a backup of the data must not hold it",
        )
