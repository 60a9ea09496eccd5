"""How a credential comes in: a hidden prompt, standard input or a variable; never an argument."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from qlf.cli.group import Command, Group
from qlf.core.secrets import find_secrets
from qlf.errors import KeyStoreError, UsageError
from qlf.ledger.keys.model import fields_of
from qlf.ledger.keys.secret import SecretText

__all__ = ["KeysCommand", "KeysGroup", "from_env", "from_stdin", "looks_like_key", "prompted"]

_LARGEST = 65_536
"""Bytes of standard input."""
_OPTIONS = re.compile(r"--?(?:api-?|access-?)?(?:key|secret|token|password|value|new-key)\b")
_RUN = re.compile(r"[A-Za-z0-9_+]{24,}")
_AWS_SECRET = re.compile(r"[A-Za-z0-9/+]{40}\Z")
_KEK_ID = re.compile(r"(?:[0-9a-f]{16}|argon2id-1\.[0-9a-f]{32}\.[0-9a-f]{16})\Z")
_PLACES = ("file:", "age:")


def looks_like_key(argument: str) -> bool:
    """Whether an argument has the shape of a credential, and so should not have been one."""
    if _KEK_ID.match(argument):
        return False
    if any(find_secrets(argument)):
        return True
    value = argument.partition("=")[2] or argument
    if value.startswith(_PLACES):
        return False
    if _AWS_SECRET.match(value) and _mixed(value) and not value.startswith("/"):
        return True
    return any(_mixed(run) for run in _RUN.findall(value))


class KeysCommand(Command):
    """A command that never repeats what it was given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if "unexpected extra argument" not in error.format_message():
                raise
        raise click.UsageError("there are too many arguments; a key is never one of them", ctx)


class KeysGroup(Group):
    """A group that refuses keys among its arguments before anything else is done with them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {name for command in self.commands.values() for one in command.params for name in one.opts}
        for one in args:
            option = one.partition("=")[0]
            if looks_like_key(one) or (_OPTIONS.match(one) and option not in known):
                raise click.UsageError(
                    "a key may not be an argument: other users saw it in the process list, and your shell "
                    "keeps it in its history; revoke it at the provider, clear the history, and give the new "
                    "one at the hidden prompt, with --stdin or with --from-env VARIABLE",
                    ctx,
                )
        return super().parse_args(ctx, args)


def prompted(kind: str, extra: Sequence[str]) -> dict[str, SecretText]:
    """The fields as typed by a person, unseen.

    Raises:
        UsageError: If there is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for the key", hint="use --stdin or --from-env VARIABLE instead"
        )
    names = [*fields_of(kind).required, *extra]
    return {
        name: SecretText(click.prompt(name.replace("_", " "), hide_input=True, err=True).strip())
        for name in names
    }


def from_stdin(kind: str) -> dict[str, SecretText]:
    """The fields from standard input: the key alone, a JSON object, or lines of `field=value`.

    Raises:
        KeyStoreError: If it cannot be read as one of these; never with its text.
    """
    shape = fields_of(kind)
    data = sys.stdin.buffer.read(_LARGEST + 1)
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(data) > _LARGEST:
        raise KeyStoreError("standard input holds no key", hint="send the key and nothing else")
    if text.startswith("{"):
        return _json(text)
    if len(shape.required) == 1:
        return {shape.required[0]: SecretText(text)}
    pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
    if not all(mark for _, mark, _ in pairs):
        raise KeyStoreError(
            f"a {kind} key has several fields",
            hint=f"send one line for each: {'=…, '.join(shape.required)}=…",
        )
    return {name.strip().lower(): SecretText(value.strip()) for name, _, value in pairs}


def from_env(kind: str, variables: Sequence[str], environment: Mapping[str, str]) -> dict[str, SecretText]:
    """The fields from variables: `NAME`, or `field=NAME` where the name does not end like the field.

    Raises:
        UsageError: If a variable is not set, or it cannot be told which field it is.
    """
    shape = fields_of(kind)
    known = (*shape.required, *shape.optional)
    found: dict[str, SecretText] = {}
    for text in variables:
        field, mark, name = text.rpartition("=")
        if not mark:
            ends = [one for one in known if name.upper().endswith(one.upper())]
            field = ends[0] if ends else known[0] if len(known) == 1 else ""
        if field not in known:
            raise UsageError(
                f"it cannot be told which field the variable {name!r} holds",
                hint=f"write FIELD=VARIABLE; fields of {kind} are: {', '.join(known)}",
            )
        if name not in environment:
            raise UsageError(
                f"the variable {name!r} is not set, or is not one of a model provider",
                hint="variables that start with AWS_, AZURE_OPENAI_ or OPENAI_ are read; else use --stdin",
            )
        found[field] = SecretText(environment[name].strip())
    return found


def _json(text: str) -> dict[str, SecretText]:
    try:
        document: Any = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise KeyStoreError(
            "standard input is no JSON object of texts", hint='send {"api_key": "…"} or the key alone'
        )
    return {name: SecretText(value) for name, value in document.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a field is given twice")
    return dict(pairs)


def _mixed(text: str) -> bool:
    return any(one.isdigit() for one in text) and any(one.isalpha() for one in text)
