"""`qlf keys`: credentials of model providers, sealed, and how they are replaced."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from qlf.cli.group import run_of
from qlf.cli.keys_input import KeysCommand, KeysGroup

if TYPE_CHECKING:
    from qlf.cli.run import Run
    from qlf.ledger.keys.model import KeyInfo
    from qlf.ledger.keys.rotation import Progress, Rotator

__all__ = ["keys"]

_KINDS = ("bedrock", "azure_openai", "openai_compatible")
_STORE = click.option(
    "--store", type=click.Choice(["local", "prefect"]), help="Where it is kept: here, or in Prefect blocks."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


class Duration(click.ParamType[int]):
    """A span of time: 90s, 30m, 24h, 7d."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d{1,6})([smhd]?)", str(value).strip().lower())
        if match is None:
            self.fail("it is no span of time; use 90s, 30m, 24h or 7d", param, ctx)
        return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}[match[2]]


@click.group("keys", cls=KeysGroup)
def keys() -> None:
    """Keep the keys of model providers: add, list, rotate, revoke.

    Each is sealed by a data key of its own, and that by a key-encryption key (KEK) kept apart: QLF_KEK_FILE
    and the other QLF_KEK variables say where. A key is asked for or read, never an argument.
    """


@keys.command("add", cls=KeysCommand, short_help="Keep a key under a name.")
@click.argument("name", metavar="NAME")
@click.option("--kind", type=click.Choice(_KINDS), required=True, help="The kind of provider.")
@click.option("--field", "fields", multiple=True, help="Also ask for this optional field: session_token.")
@click.option(
    "--from-env", "variables", multiple=True, metavar="[FIELD=]VARIABLE", help="Take it from a variable."
)
@click.option("--stdin", "stdin", is_flag=True, help="Read it from standard input.")
@click.option("--region", help="Prefect block: the region of Bedrock.")
@click.option("--endpoint", help="Prefect block: the address of the provider.")
@_STORE
@_JSON
@click.pass_context
def add(
    context: click.Context,
    *,
    name: str,
    kind: str,
    fields: tuple[str, ...],
    variables: tuple[str, ...],
    stdin: bool,
    region: str | None,
    endpoint: str | None,
    store: str | None,
    as_json: bool,
) -> int:
    """Keep a key under NAME; without --stdin or --from-env it is asked for, unseen.

    With several fields (bedrock), --stdin takes a JSON object or lines of FIELD=VALUE. It is kept in a
    Prefect block where a Prefect API answers, else in a local file.
    """
    from qlf.cli.keys_input import from_env, from_stdin, prompted
    from qlf.cli.keys_stores import open_stores
    from qlf.errors import UsageError
    from qlf.ledger.keys.model import check_fields, check_name, fields_of

    run = run_of(context)
    check_name(name)
    if stdin and variables:
        raise click.UsageError("give --stdin or --from-env, not both", context)
    if any(one not in fields_of(kind).optional for one in fields):
        raise UsageError(
            f"a {kind} key has no such optional field",
            hint=f"see: {', '.join(fields_of(kind).optional) or 'none'}",
        )
    extra = {key: value for key, value in (("region", region), ("endpoint", endpoint)) if value is not None}
    with open_stores(run, extra=extra) as stores:
        chosen = stores.for_new(name, store)
        if variables:
            secret = from_env(kind, variables, run.settings.provider_env)
        else:
            secret = from_stdin(kind) if stdin else prompted(kind, fields)
        made = chosen.add(name, kind, check_fields(kind, secret))
    if as_json:
        run.screen.document({**made.to_json(), "store": chosen.kept_in})
        return 0
    where = "Prefect block" if chosen.kept_in == "prefect" else "file"
    run.screen.say(f"{made.key_id} is kept sealed in the {where}{_ends(made)}", "good")
    return 0


@keys.command("list", cls=KeysCommand)
@click.option("--all", "everything", is_flag=True, help="Also revoked versions.")
@_STORE
@_JSON
@click.pass_context
def list_(context: click.Context, *, everything: bool, store: str | None, as_json: bool) -> int:
    """Show the keys that are kept; never their values."""
    from qlf.cli.keys_stores import open_stores
    from qlf.ledger.keys.model import Stage

    run = run_of(context)
    with open_stores(run) as stores:
        found = [
            (one, kept.kept_in)
            for kept in stores.all(store)
            for one in kept.list()
            if everything or one.stage is not Stage.REVOKED
        ]
        keks = {kept.kept_in: dict(kept.keks()) for kept in stores.all(store)} if as_json else {}
        if stores.unreachable:
            run.screen.warn(f"keys in Prefect are not shown: {stores.unreachable}")
    if as_json:
        documents = [{**one.to_json(), "store": where} for one, where in found]
        run.screen.document({"keys": documents, "keks": keks})
    elif found:
        rows = [
            [one.key_id, one.kind, one.stage.value, f"…{one.tail}" if one.tail else "", where, _note(one)]
            for one, where in found
        ]
        run.screen.table(["key", "kind", "stage", "ends in", "store", "note"], rows, result=True)
    else:
        run.screen.say("no keys are kept yet; add one: qlf keys add NAME --kind openai_compatible")
    return 0


@keys.command("rotate", cls=KeysCommand, short_help="Replace the value of a key, or the KEK.")
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--new", "new", metavar="-", help="Bring a new value: from standard input or a hidden prompt.")
@click.option("--untested", is_flag=True, help="Use the new value without trying it first.")
@click.option("--abandon", is_flag=True, help="Drop a new value that is not in use yet.")
@click.option(
    "--grace", type=Duration(), default="1h", show_default=True, help="How long calls may use the old value."
)
@click.option("--kek", "kek", is_flag=True, help="Change the key-encryption key instead.")
@click.option(
    "--new-kek", metavar="SOURCE", help="With --kek: file:PATH, keyring:SERVICE, command:…, age:FILE."
)
@click.option("--retire", metavar="KEK_ID", help="With --kek: forget an old KEK that seals nothing.")
@_STORE
@_JSON
@click.pass_context
def rotate(
    context: click.Context,
    *,
    name: str | None,
    new: str | None,
    untested: bool,
    abandon: bool,
    grace: int,
    kek: bool,
    new_kek: str | None,
    retire: str | None,
    store: str | None,
    as_json: bool,
) -> int:
    """Replace the value of NAME: stage, test with a real call, then use it.

    The old value stays valid for a grace period, so that calls under way can end; then end it at the
    provider and run `qlf keys revoke`. Run it again to go on after a failure. With --kek every data key
    is wrapped anew by a new key-encryption key; no provider key changes.
    """
    from qlf.cli.keys_stores import open_stores

    run = run_of(context)
    if kek != (name is None) or (not kek and (new_kek or retire)):
        raise click.UsageError("give the NAME of a key, or --kek", context)
    if new is not None and new != "-":
        raise click.UsageError("--new takes only -, for standard input or a hidden prompt", context)
    if sum((new is not None, abandon)) > 1 or (abandon and untested):
        raise click.UsageError("--abandon stands alone", context)
    if name is None:
        from qlf.cli.keys_kek import change_kek

        return change_kek(run, new_kek=new_kek, retire=retire, only=store, as_json=as_json)
    from qlf.ledger.keys.rotation import Rotator

    with open_stores(run) as stores:
        chosen = stores.holding(name, store)
        rotator = Rotator(chosen, tester=stores.tester(name), grace_seconds=grace, on_event=stores.on_event)
        if abandon:
            dropped = rotator.abandon(name)
            said = f"{dropped.key_id} is dropped" if dropped else f"nothing of {name} was waiting"
            run.screen.say(f"{said}; the current key stays", "good")
            progress = rotator.progress(name)
        else:
            progress = _rotate(run, rotator, name, chosen.info(name)[0].kind, new=new, untested=untested)
            _tell_progress(run, progress)
    if as_json:
        run.screen.document(
            {
                "state": progress.state,
                "current": progress.current.to_json(),
                "pending": progress.pending.to_json() if progress.pending else None,
                "previous": [one.to_json() for one in progress.previous],
                "store": chosen.kept_in,
            }
        )
    return 0


@keys.command("revoke", cls=KeysCommand, short_help="End a key, or one version of it.")
@click.argument("name", metavar="NAME[@VERSION]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--forget", is_flag=True, help="Also remove the record of NAME.")
@_STORE
@_JSON
@click.pass_context
def revoke(
    context: click.Context, *, name: str, yes: bool, forget: bool, store: str | None, as_json: bool
) -> int:
    """End one version of NAME, or all of them: the sealed value is erased here.

    A provider goes on accepting a key until it is ended there too.
    """
    import sys

    from qlf.cli.keys_stores import open_stores
    from qlf.errors import UsageError
    from qlf.ledger.keys.model import Stage, check_name

    run = run_of(context)
    base, mark, number = name.partition("@")
    check_name(base)
    if mark and not (number.isascii() and number.isdigit() and len(number) < 8):
        raise UsageError("the version after @ is no number", hint="see: qlf keys list")
    if forget and mark:
        raise click.UsageError("--forget takes a NAME without a version", context)
    version = int(number) if mark else None
    with open_stores(run) as stores:
        chosen = stores.holding(base, store)
        ending = [
            one
            for one in chosen.info(base)
            if one.stage is not Stage.REVOKED and version in (None, one.version)
        ]
        if ending and not yes:
            what = ", ".join(f"{one.key_id} ({one.stage.value})" for one in ending)
            if not sys.stdin.isatty():
                raise UsageError(f"this ends {what}", hint="say --yes to end it")
            click.confirm(f"End {what}? Calls that use it fail", abort=True, err=True)
        ended = chosen.revoke(base, version) if ending or not forget else ()
        if forget:
            chosen.delete(base)
    if as_json:
        run.screen.document({"revoked": [one.to_json() for one in ended], "forgotten": forget})
        return 0
    for one in ended:
        run.screen.say(f"{one.key_id} is erased here", "good")
        run.screen.say(f"end it at the provider too{_ends(one)}: {_console(one.kind)}")
    if forget:
        run.screen.say(f"the record of {base} is removed", "good")
    return 0


def _rotate(run: Run, rotator: Rotator, name: str, kind: str, *, new: str | None, untested: bool) -> Progress:
    import sys

    from qlf.cli.keys_input import from_stdin, prompted

    if new is not None:
        secret = prompted(kind, ()) if sys.stdin.isatty() else from_stdin(kind)
        staged = rotator.stage(name, secret)
        if staged.pending is not None:
            run.screen.say(f"{staged.pending.key_id} is staged{_ends(staged.pending)}")
    if untested:
        progress = rotator.promote_untested(name)
        run.screen.warn("the new key was not tested")
        return progress
    return rotator.advance(name)


def _tell_progress(run: Run, progress: Progress) -> None:
    run.screen.say(f"{progress.current.key_id} is current", "good")
    for one in progress.previous:
        when = f"after {_minute(one.expires)}" if progress.state == "grace" else "now"
        run.screen.say(f"end {one.key_id}{_ends(one)} {when}: {_console(one.kind)}")
        run.screen.say(f"then here: qlf keys revoke {one.key_id}")


def _console(kind: str) -> str:
    return {
        "bedrock": "AWS IAM, the user's security credentials",
        "azure_openai": "Azure portal, Keys and Endpoint of the resource: regenerate it",
    }.get(kind, "the provider's page of API keys")


def _ends(one: KeyInfo) -> str:
    return f" (ends in …{one.tail})" if one.tail else ""


def _note(one: KeyInfo) -> str:
    from qlf.ledger.keys.model import Stage

    if one.stage is Stage.PREVIOUS:
        return f"end it after {_minute(one.expires)}"
    if one.stage is Stage.REVOKED:
        return "" if one.revoked is None else f"ended {_utc(one.revoked, '%Y-%m-%d')}"
    if not one.kek:
        return "in clear; sealed at its first use"
    return "" if one.used is None else f"used {_utc(one.used, '%Y-%m-%d')}"


def _minute(seconds: int | None) -> str:
    return "" if seconds is None else _utc(seconds, "%Y-%m-%d %H:%M UTC")


def _utc(seconds: int, pattern: str) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime(pattern)
