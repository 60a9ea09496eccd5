"""`qlf audit`: the record of every call to a model: read it, check it, prove it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qlf.cli.audit_report import export, report
from qlf.cli.group import Command, Group, run_of

if TYPE_CHECKING:
    from qlf.cli.run import Run
    from qlf.ledger.entry import Entry
    from qlf.ledger.heads import Head

__all__ = ["audit"]


@click.group("audit", cls=Group)
def audit() -> None:
    """Read, check and report the record of every call to a model.

    Each entry is linked to the one before it, and signed heads over all of them are exported. A change
    is found by `qlf audit verify`; with a head that is kept on another machine also a cut-off end and a
    ledger written anew by someone who holds the signing key.
    """


audit.add_command(report)
audit.add_command(export)


@audit.command("tail", cls=Command)
@click.option(
    "-n", "--lines", type=click.IntRange(0, 1_000_000), default=20, show_default=True, help="How many."
)
@click.option("-f", "--follow", is_flag=True, help="Go on as entries are written.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on each line.")
@click.pass_context
def tail(context: click.Context, *, lines: int, follow: bool, as_json: bool) -> int:
    """Show the latest entries."""
    import json
    import time

    from qlf.cli.screen import visible
    from qlf.ledger.export import entry_json
    from qlf.ledger.reader import LedgerReader

    run = run_of(context)
    with LedgerReader(ledger_path(run)) as reader:
        seen = max(0, reader.size() - lines)
        while True:
            for entry in reader.entries(after=seen):
                seen = entry.seq
                run.screen.result(
                    json.dumps(entry_json(entry), ensure_ascii=True) if as_json else visible(_line(entry))
                )
            if not follow:
                return 0
            sys.stdout.flush()
            time.sleep(0.25)


@audit.command("verify", cls=Command, short_help="Check entries, links, signatures and sums.")
@click.option(
    "--head",
    "head_file",
    metavar="FILE|-",
    help="Heads that were kept elsewhere, one on each line. The exported ones are always compared.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def verify(context: click.Context, *, head_file: str | None, as_json: bool) -> int:
    """Check every entry, link, signature and sum; exit 5 if anything is wrong."""
    from qlf.cli.places import places_of
    from qlf.errors import LedgerUnavailable
    from qlf.ledger.heads import load_public
    from qlf.ledger.reader import LedgerReader
    from qlf.ledger.verify import verify as check

    run = run_of(context)
    places, screen = places_of(run), run.screen
    exported = places.heads
    heads = _heads(exported, missing=True)
    if not heads:
        screen.warn(f"no exported heads are at {exported}, so a ledger written anew would not be seen")
    heads += _heads(head_file) if head_file else []
    with LedgerReader(ledger_path(run)) as reader:
        found = check(
            reader,
            public_key=load_public(places.signing_key),
            heads=heads,
            progress=_progress(run),
        )
    if as_json:
        screen.document(
            {
                "intact": found.intact,
                "entries": found.entries,
                "root": found.root,
                "heads": found.heads,
                "problem": found.problem or None,
                "first_broken_seq": found.seq or None,
                "notes": list(found.notes),
            }
        )
    if not found.intact:
        raise LedgerUnavailable(
            f"the ledger is not what was written: {found.problem}",
            hint="keep the file as evidence, and compare it with a copy or with heads kept elsewhere",
        )
    if not as_json:
        screen.say(f"{found.entries:,} entries and {found.heads} signed heads fit", "good")
        for note in found.notes:
            screen.warn(note)
        screen.result(f"{found.root}  {found.entries}")
    return 0


@audit.command("head", cls=Command, short_help="Print the latest signed head, to be kept elsewhere.")
@click.pass_context
def head(context: click.Context) -> int:
    """Print the latest signed head, to be kept where nobody who can change the ledger can reach it."""
    from qlf.ledger.reader import LedgerReader

    run = run_of(context)
    with LedgerReader(ledger_path(run)) as reader:
        heads = list(reader.heads())
    if heads:
        run.screen.result(heads[-1].to_line().decode())
    else:
        run.screen.warn("no head was signed yet")
    return 0


@audit.command("prove", cls=Command, short_help="Print the proof that an entry is in the ledger.")
@click.argument("seq", type=click.IntRange(1, 2**53))
@click.pass_context
def prove(context: click.Context, *, seq: int) -> int:
    """Print the proof that entry SEQ is in the ledger (RFC 9162), for someone who holds a signed head."""
    from base64 import b64encode

    from qlf.ledger.merkle import leaf_hash
    from qlf.ledger.reader import LedgerReader

    run = run_of(context)
    with LedgerReader(ledger_path(run)) as reader:
        latest = max((one.size for one in reader.heads()), default=0)
        # Against the latest head, because its root is signed; else against the ledger as it is.
        proof = reader.prove(seq, latest if latest >= seq else None)
        signed = next((one.to_json() for one in reader.heads() if one.size == proof.size), None)
    run.screen.document(
        {
            "seq": seq,
            "leaf_index": proof.index,
            "tree_size": proof.size,
            "leaf_hash": leaf_hash(proof.entry).hex(),
            "inclusion_path": [node.hex() for node in proof.path],
            "root": proof.root.hex(),
            "entry": b64encode(proof.entry).decode("ascii"),
            "head": signed,
        }
    )
    return 0


def ledger_path(run: Run) -> Path:
    """Where the ledger of this user is."""
    from qlf.cli.places import places_of

    return places_of(run).ledger


def _heads(name: Path | str, *, missing: bool = False) -> list[Head]:
    from qlf.errors import InputError, LedgerUnavailable
    from qlf.ledger.heads import parse_heads

    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except FileNotFoundError:
        if missing:
            return []
        raise InputError(f"there is no file {str(name)!r}", hint="give the file with the heads") from None
    except OSError as error:
        raise InputError(f"the heads {str(name)!r} cannot be read: {error.strerror}") from error
    try:
        return parse_heads(data)
    except ValueError as error:
        where = "standard input" if name == "-" else repr(str(name))
        raise LedgerUnavailable(
            f"the heads in {where} cannot be compared: {error}", hint="give a file that `qlf` exported"
        ) from error


def _progress(run: Run) -> Any:
    if not run.screen.live:
        return None

    def tell(done: int, total: int) -> None:
        if done % 100_000 == 0:
            run.screen.say(f"{done:,} of {total:,} entries")

    return tell


def _line(entry: Entry) -> str:
    from qlf.ledger.export import utc
    from qlf.ledger.money import format_usd

    def money(name: str) -> str:
        return format_usd(int(entry.fields.get(name, 0)))

    get = entry.fields.get
    whom = " ".join(str(get(name)) for name in ("project", "agent", "model", "deployment") if get(name))
    what = {
        "start": lambda: f"ledger {get('ledger')}",
        "intent": lambda: f"{whom} reserves {money('reserve')}, attempt {get('attempt')}",
        "outcome": lambda: (
            f"of {get('intent')}: {get('ending')}, {money('charge')}"
            + (f", {get('input', 0)} tokens in, {get('output', 0)} out" if get("input") else "")
            + (f", {get('error')}" if get("error") else "")
            + (f", {money('excess')} above its reservation" if get("excess") else "")
        ),
        "served": lambda: f"{whom} from {get('source')}, saves {money('saved')}",
        "refused": lambda: (
            f"{whom} asked {money('asked')}; {get('scope')} has {money('limit')}, "
            f"of which {money('spent')} spent and {money('reserved')} reserved"
        ),
        "budget-change": lambda: (
            f"{get('limit')} from {_amount(get('old', 0))} to {_amount(get('new', 0))}, by {get('who')}"
        ),
    }.get(entry.kind)
    rest = what() if what else " ".join(f"{k}={v}" for k, v in sorted(entry.fields.items()) if k != "prev")
    return f"{entry.seq:>8}  {utc(entry.ts)}  {entry.kind:<13}  {rest}"


def _amount(value: Any) -> str:
    from qlf.ledger.money import format_usd

    return value if isinstance(value, str) else format_usd(int(value))
