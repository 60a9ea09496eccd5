"""`qlf providers fake`: a provider on this machine, for trying things without a key and without spending."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qlf.cli.group import Command, run_of

if TYPE_CHECKING:
    from qlf.cli.screen import Screen
    from qlf.llm.fake.record import Recorder
    from qlf.llm.fake.records import Record
    from qlf.llm.fake.replay import Replayer
    from qlf.llm.fake.script import Script
    from qlf.llm.fake.server import FakeProvider

__all__ = ["fake"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_API_VERSION = "2024-10-21"
_TIERS = ("fast", "balanced", "advanced")


@click.command("fake", cls=Command)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port; a free one without it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--script", "script_file", type=_FILE, help="What it answers, how fast, and what goes wrong.")
@click.option("--replay", type=_FILE, help="Answer from this recording instead.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Pass requests on to --upstream and append what it answers to this file.",
)
@click.option("--upstream", metavar="URL", help="The provider to record.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of scripts, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line: ready, then bill.")
@click.pass_context
def fake(
    context: click.Context,
    *,
    port: int,
    host: str,
    script_file: Path | None,
    replay: Path | None,
    record: Path | None,
    upstream: str | None,
    schema: bool,
    as_json: bool,
) -> int:
    """Serve the wire formats of OpenAI, Azure OpenAI and Amazon Bedrock on this machine.

    No key is needed and nothing is spent. What is printed can be used as providers.yaml. Ctrl-C ends it
    and shows what was asked. With -v each request is one line on stderr.
    """
    from qlf.errors import UsageError

    screen = run_of(context).screen
    if schema:
        from qlf.llm.fake.script import Script

        screen.document(Script.model_json_schema())
        return 0
    given = [
        name
        for name, value in (("--script", script_file), ("--replay", replay), ("--record", record))
        if value is not None
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude one another")
    if (record is None) is not (upstream is None):
        raise UsageError("--record and --upstream need one another")
    host = host.strip().removeprefix("[").removesuffix("]")
    if host not in ("127.0.0.1", "::1", "localhost"):
        screen.warn(f"everybody who can reach {host} can use and script this server")
    asyncio.run(_serve(screen, host, port, script_file, replay, record, upstream, as_json=as_json))
    return 0


async def _serve(
    screen: Screen,
    host: str,
    port: int,
    script_file: Path | None,
    replay: Path | None,
    record: Path | None,
    upstream: str | None,
    *,
    as_json: bool,
) -> None:
    from qlf.llm.fake.script import Script, load_script
    from qlf.llm.fake.server import FakeProvider

    async with contextlib.AsyncExitStack() as stack:
        script = load_script(script_file) if script_file is not None else Script()
        handle = None
        mode = "script"
        replayer: Replayer | None = None
        recorder: Recorder | None = None
        if replay is not None:
            mode, replayer = "replay", _replayer(replay, screen)
            handle = replayer.handle
        elif record is not None and upstream is not None:
            from qlf.llm.fake.record import Recorder as Made

            def told(line: str, recorded: bool) -> None:  # noqa: FBT001 - called with a plain value
                screen.detail(line) if recorded else screen.warn(line)

            mode, recorder = "record", Made(upstream, record, told)
            await stack.enter_async_context(recorder)
            handle = recorder.handle

        def seen(one: Record) -> None:
            screen.detail(_line(one))

        provider = FakeProvider(script, host=host, port=port, on_record=seen, handle=handle)
        await stack.enter_async_context(provider)
        _announce(screen, provider, mode, as_json=as_json)
        await _stopped()
        if handle is None:
            _bill(screen, provider, as_json=as_json)
        elif replayer is not None:
            counts = {"answered": replayer.found, "not_recorded": replayer.missed}
            _end(screen, counts, as_json=as_json)
        elif recorder is not None:
            _end(screen, {"recorded": recorder.recorded}, as_json=as_json)


def _replayer(path: Path, screen: Screen) -> Replayer:
    from qlf.llm.fake.cassette import read_cassette
    from qlf.llm.fake.replay import Replayer

    def told(line: str, found: bool) -> None:  # noqa: FBT001 - called with a plain value
        screen.detail(line) if found else screen.warn(f"not recorded: {line}")

    return Replayer(read_cassette(path), told)


async def _stopped() -> None:
    """Wait for Ctrl-C or SIGTERM, which end a server in the ordinary way."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    with contextlib.suppress(RuntimeError, ValueError):
        for number in numbers:
            loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        with contextlib.suppress(RuntimeError, ValueError):
            for number in numbers:
                loop.remove_signal_handler(number)


def _announce(screen: Screen, provider: FakeProvider, mode: str, *, as_json: bool) -> None:
    variables = _variables(provider)
    if as_json:
        document = {
            "event": "ready",
            "mode": mode,
            "url": provider.url,
            "openai_base_url": provider.openai_url,
            "azure_endpoint": provider.azure_url,
            "bedrock_endpoint_url": provider.bedrock_url,
            "environment": variables,
        }
        _print(screen, json.dumps(document))
    else:
        _print(screen, _providers_yaml(provider.url, variables, provider.script))
        screen.say(f"fake provider ({mode}) on {provider.url}; Ctrl-C ends it", "good")


def _variables(provider: FakeProvider) -> dict[str, str]:
    """What the providers' own clients read. Any key is accepted unless the script says otherwise."""
    return {
        "OPENAI_BASE_URL": provider.openai_url,
        "OPENAI_API_KEY": "fake",
        "AZURE_OPENAI_ENDPOINT": provider.azure_url,
        "AZURE_OPENAI_API_KEY": "fake",
        "OPENAI_API_VERSION": _API_VERSION,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": provider.bedrock_url,
        "AWS_ACCESS_KEY_ID": "fake",
        "AWS_SECRET_ACCESS_KEY": "fake",
        "AWS_REGION": "us-east-1",
    }


def _providers_yaml(url: str, variables: dict[str, str], script: Script) -> str:
    """A whole providers.yaml that uses the server; the variables are in its comments."""
    names = [one.name for one in script.deployments if _plain(one.name)] or [
        f"fake-{tier}" for tier in _TIERS
    ]
    lines = ["# Clients of the providers find this server by these variables:"]
    lines += [f"#   {name}={value}" for name, value in variables.items()]
    lines += ["# qlf finds it by this file, kept as providers.yaml in the folder of its configuration:"]
    lines += [
        "providers:",
        "  fake:",
        "    kind: openai_compatible",
        f"    endpoint: {url}/v1",
        "deployments:",
    ]
    for number, name in enumerate(names):
        lines += [
            f"  - name: fake/{name}",
            "    provider: fake",
            f"    model: fake-model-{number + 1}",
            f"    remote: {json.dumps(name)}",
            "    price: free",
        ]
    lines += ["models:"]
    for number in range(len(names)):
        lines += [f"  fake-model-{number + 1}:", '    answers: ["*"]']
    lines += ["tiers:"]
    lines += [
        f"  {tier}: [fake-model-{min(number, len(names) - 1) + 1}]" for number, tier in enumerate(_TIERS)
    ]
    return "\n".join(lines)


def _plain(name: str) -> bool:
    """Whether a deployment can be named in a configuration: no account, no ARN."""
    return len(name) <= 100 and all(one.isascii() and (one.isalnum() or one in "._-") for one in name)


def _line(one: Record) -> str:
    stream = " stream" if one.stream else ""
    tokens = f", {one.input_tokens} + {one.output_tokens} tokens" if one.billed else ", not billed"
    return f"{one.id} {one.wire}{stream} {one.deployment or '-'}: {one.outcome} {one.status}{tokens}"


def _bill(screen: Screen, provider: FakeProvider, *, as_json: bool) -> None:
    if as_json:
        lines = [one.to_json() for one in provider.bill]
        document = {"event": "bill", "micros": provider.bill_micros(), "lines": lines}
        _print(screen, json.dumps(document))
        return
    rows = [
        [
            one.deployment or "-",
            one.outcome,
            str(one.requests),
            str(one.billed),
            str(one.input_tokens),
            str(one.output_tokens),
            f"{one.micros / 1_000_000:.6f}",
        ]
        for one in provider.bill
    ]
    heads = ["deployment", "outcome", "requests", "billed", "tokens in", "tokens out", "USD"]
    if rows:
        screen.table(heads, rows, right=(2, 3, 4, 5, 6))
    else:
        screen.say("nothing was asked")


def _end(screen: Screen, counts: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = {"event": "end", **counts}
        _print(screen, json.dumps(document))
    else:
        screen.say(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in counts.items()))


def _print(screen: Screen, text: str) -> None:
    screen.result(text)
    # Whoever started this server waits for these lines, and it runs on.
    sys.stdout.flush()
