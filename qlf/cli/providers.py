"""`qlf providers`: which models are configured, whether they answer, and an example to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from qlf.cli.group import Command, Group, run_of

if TYPE_CHECKING:
    from datetime import date

    from qlf.cli.run import Run
    from qlf.llm.config import GatewayConfig
    from qlf.llm.deployment import Deployment
    from qlf.llm.prices import Prices

__all__ = ["providers"]

_LATER = ("fake",)
"""Sub-commands that live in a module of their own, loaded when they are called."""


class _Providers(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_LATER]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "fake":
            from qlf.cli.providers_fake import fake

            return fake
        return super().get_command(ctx, cmd_name)


@click.group("providers", cls=_Providers)
def providers() -> None:
    """Show the models that are configured, and check that they answer.

    They come from providers.yaml in the configuration folder, or without it from the variables of the
    providers' own tools: AWS_..., AZURE_OPENAI_..., OPENAI_...
    """


@providers.command("list", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def list_(context: click.Context, *, as_json: bool) -> int:
    """Show every deployment with its tier, price, limits, key and end of life."""
    from qlf.cli.places import places_of
    from qlf.engine.gateway import read_config

    run = run_of(context)
    config = read_config(places_of(run))
    states = _key_states(run, config)
    rows = _rows(config, states)
    if as_json:
        run.screen.document({"from": config.origin, "notices": list(config.notices), "deployments": rows})
        return 0
    for notice in config.notices:
        run.screen.say(notice)
    if not rows:
        run.screen.say("no provider is configured; `qlf providers example` prints a file to start from")
        return 0
    run.screen.table(
        ["deployment", "tier", "USD in/out", "ends", "more"],
        [[row["name"], row["tier"] or "-", _money(row), _end_text(row), _more(row)] for row in rows],
        right=(2,),
        result=True,
    )
    run.screen.say(f"prices are for a million tokens; from {config.origin}")
    return 0


@providers.command("check", cls=Command, short_help="Ask deployments for one short answer.")
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def check(context: click.Context, *, name: str | None, as_json: bool) -> int:
    """Ask every deployment, or the one named NAME, for one short answer.

    NAME may also be a provider. Each answer is paid and recorded like any other; together they cost less
    than a cent. The exit code is 5 when one of them does not answer.
    """
    import asyncio

    from qlf.cli.models import key_source
    from qlf.cli.places import places_of
    from qlf.engine.gateway import read_config
    from qlf.errors import ProviderError

    run = run_of(context)
    places = places_of(run)
    config = read_config(places)
    chosen = _chosen(config, name)
    if not chosen:
        raise ProviderError(
            "no provider is configured", hint="`qlf providers example` prints a file to start from"
        )
    with key_source(run) as keys:
        results = asyncio.run(_check_all(places, keys, config, chosen))
    if as_json:
        run.screen.document({"checks": results})
    else:
        run.screen.table(
            ["deployment", "state", "ms", "said"],
            [[one["name"], one["state"], str(one["milliseconds"]), one["said"]] for one in results],
            right=(2,),
            styles={"answers": "good", "fails": "bad"},
            result=True,
        )
    return 0 if all(one["state"] == "answers" for one in results) else ProviderError.exit_code


@providers.command("example", cls=Command)
@click.pass_context
def example(context: click.Context) -> int:
    """Print a providers.yaml to start from, with every setting explained."""
    from importlib.resources import files

    run = run_of(context)
    run.screen.result(files("qlf.llm").joinpath("data/example.yaml").read_text(encoding="utf-8"))
    run.screen.say(f"keep it as {run.settings.config_dir / 'providers.yaml'}")
    return 0


def _chosen(config: GatewayConfig, name: str | None) -> list[Deployment]:
    if name is None:
        return list(config.deployments)
    if name in config.providers:
        return [one for one in config.deployments if one.provider.name == name]
    return [config.deployment(name)]


async def _check_all(
    places: Any, keys: Any, config: GatewayConfig, chosen: list[Deployment]
) -> list[dict[str, Any]]:
    import asyncio
    import time

    from qlf.engine.gateway import open_gateway
    from qlf.errors import ProviderError

    async with open_gateway(places, keys, config=config) as gateway:
        room = asyncio.Semaphore(4)

        async def one(deployment: Deployment) -> dict[str, Any]:
            async with room:
                begun = time.monotonic()
                try:
                    reply = await gateway.probe(deployment)
                    state, said = "answers", reply.model or deployment.remote
                except ProviderError as error:
                    state = "fails"
                    said = error.message + (f" ({error.hint})" if error.hint else "")
                taken = round((time.monotonic() - begun) * 1000)
            return {"name": deployment.name, "state": state, "milliseconds": taken, "said": said}

        return list(await asyncio.gather(*(one(deployment) for deployment in chosen)))


def _key_states(run: Run, config: GatewayConfig) -> dict[str | None, str]:
    """The state of every credential that is named; the stores are opened only when one of them is theirs."""
    from qlf.cli.models import credential_state
    from qlf.errors import QlfError
    from qlf.llm.config_env import ENVIRONMENT_PREFIX

    environ = run.settings.provider_env
    names = {one.credential for one in config.providers.values()}
    stored = {one for one in names if one is not None and not one.startswith(ENVIRONMENT_PREFIX)}
    states = {one: credential_state(one, environ, None) for one in names}
    if stored:
        from qlf.cli.keys_stores import open_stores

        try:
            with open_stores(run) as stores:
                states |= {one: credential_state(one, environ, stores) for one in stored}
        except QlfError as error:
            run.screen.warn(f"the key stores cannot be read: {error.message}")
    return states


def _rows(config: GatewayConfig, states: dict[str | None, str]) -> list[dict[str, Any]]:
    from datetime import UTC, datetime

    from qlf.llm.prices import Prices

    today = datetime.now(tz=UTC).date()
    prices = Prices(config)
    return [_row(one, config, prices, states, today) for one in config.deployments]


def _row(
    deployment: Deployment,
    config: GatewayConfig,
    prices: Prices,
    states: dict[str | None, str],
    today: date,
) -> dict[str, Any]:
    from urllib.parse import urlsplit

    from qlf.llm.models import surface_of

    provider, model = deployment.provider, config.models[deployment.model]
    end = model.end(provider)
    host = urlsplit(provider.endpoint).netloc if provider.endpoint else None
    return {
        "name": deployment.name,
        "provider": provider.name,
        "kind": provider.kind,
        "model": deployment.model,
        "remote": deployment.remote,
        "tier": model.tier,
        "class": sorted(config.quality_class(deployment.model)),
        "where": provider.region or host,
        "own_server": surface_of(provider) is None,
        "limits": {
            "rpm": deployment.requests_per_minute,
            "tpm": deployment.tokens_per_minute,
            "concurrency": deployment.concurrency,
        },
        "credential": provider.credential,
        "credential_state": states[provider.credential],
        "price": _price(prices, deployment),
        "end_of_life": {
            "date": end.day.isoformat(),
            "announced": end.announced,
            "days_left": (end.day - today).days,
            "source": end.source,
        }
        if end is not None
        else None,
    }


def _price(prices: Prices, deployment: Deployment) -> dict[str, str] | None:
    from qlf.errors import ProviderError

    try:
        rates = prices.rates(deployment)
    except ProviderError:
        return None
    names = ("input", "output", "cache_read", "cache_write")
    return {**{name: str(getattr(rates, name).base) for name in names}, "source": rates.source}


def _money(row: dict[str, Any]) -> str:
    price = row["price"]
    return f"{price['input']}/{price['output']}" if price else "unknown"


def _end_text(row: dict[str, Any]) -> str:
    end = row["end_of_life"]
    if end is None:
        return "-" if row["own_server"] else "not known"
    if not end["announced"]:
        return f"not before {end['date']}" if end["days_left"] > 0 else "not announced"
    left = end["days_left"]
    return f"{end['date']} ({left} days)" if left > 0 else f"{end['date']} (over)"


def _more(row: dict[str, Any]) -> str:
    limits = [f"{value} {name}" for name, value in row["limits"].items() if value is not None]
    others = [name for name in row["class"] if name != row["model"]]
    parts = [
        row["where"] or "",
        f"key {row['credential']}: {row['credential_state']}" if row["credential"] else "",
        ", ".join(limits),
        f"equal to {', '.join(others)}" if others else "",
    ]
    return "; ".join(part for part in parts if part)
