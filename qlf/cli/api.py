"""Which Prefect API a run uses, and what is said about it. Standard library only."""

from __future__ import annotations

from qlf.cli.screen import Screen
from qlf.errors import EnvironmentUnavailable
from qlf.settings import PrefectApi, Settings

__all__ = ["choose_api", "require_answer", "shown"]


def choose_api(settings: Settings, screen: Screen, *, inline: bool) -> PrefectApi | None:
    """The API of this run, or `None` for a run inline; one line says which and why.

    What the user configured comes first, then the server of `qlf up`.
    """
    if inline:
        screen.detail("running inline, as --inline asks")
        return None
    if settings.prefect is not None:
        screen.detail(f"Prefect API: {shown(settings.prefect)} (from {settings.prefect.origin})")
        return settings.prefect
    from qlf.cli.server.state import recorded, running

    api = running(settings)
    if api is not None:
        screen.detail(f"Prefect API: {shown(api)} (from qlf up)")
    elif recorded(settings) is not None:
        screen.say("running inline: the Prefect server of `qlf up` has ended (`qlf up` restarts it)")
    else:
        screen.say("running inline: no Prefect API is configured (`qlf up` starts one)")
    return api


def require_answer(api: PrefectApi, screen: Screen) -> PrefectApi | None:
    """The API again if it answers. A dead server of `qlf up` means a run inline, with a line that says so.

    Raises:
        EnvironmentUnavailable: If the user configured this API and it does not answer.
    """
    from qlf.cli.server.control import answers

    problem = answers(api)
    if problem is None:
        return api
    sentence = f"the Prefect API {shown(api)} (from {api.origin}) {problem}"
    if api.explicit:
        raise EnvironmentUnavailable(sentence, hint="start it or repair the setting, or run with --inline")
    screen.say(f"running inline: {sentence}")
    return None


def shown(api: PrefectApi) -> str:
    """The address without the user and password that it may carry."""
    from urllib.parse import urlsplit

    parts = urlsplit(api.url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
