"""Where the keys of commands that ask models come from, and what can be said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from qlf.errors import KeyStoreError

if TYPE_CHECKING:
    from qlf.cli.keys_stores import Stores
    from qlf.cli.run import Run
    from qlf.llm.credential import Credential
    from qlf.llm.deployment import Provider
    from qlf.llm.pool import CredentialSource

__all__ = ["credential_state", "key_source"]


@contextmanager
def key_source(run: Run) -> Iterator[CredentialSource]:
    """Finds the credential of a provider: in the key stores, which are opened when first needed, or in the
    environment for a name such as `env:OPENAI_API_KEY`.
    """
    with ExitStack() as stack:
        stores: list[Stores] = []

        def opened() -> Stores:
            if not stores:
                from qlf.cli.keys_stores import open_stores

                stores.append(stack.enter_context(open_stores(run)))
            return stores[0]

        def find(provider: Provider) -> Credential | None:
            return _credential(provider, run.settings.provider_env, opened)

        yield find


def credential_state(name: str | None, environ: Mapping[str, str], stores: Stores | None) -> str:
    """What can be said of a credential without opening it: its version, that it is missing, or whose it is.

    Args:
        name: As the configuration names it.
        environ: The providers' own variables.
        stores: The key stores, or `None` when they cannot be asked.
    """
    if name is None:
        return "none"
    variable = _variable(name)
    if variable is not None:
        return "set" if environ.get(variable) else "not set"
    if stores is None:
        return "unknown"
    versions = [one for store in stores.all() for one in store.info(name)]
    current = [one for one in versions if one.stage.value == "current"]
    if current:
        return f"version {current[-1].version}"
    return "no current version" if versions else "missing"


def _credential(
    provider: Provider, environ: Mapping[str, str], stores: Callable[[], Stores]
) -> Credential | None:
    from qlf.llm.credential import ApiKey

    name = provider.credential
    if name is None:
        return None
    variable = _variable(name)
    if variable is not None:
        value = environ.get(variable)
        if not value:
            raise KeyStoreError(
                f"the provider {provider.name!r} takes its key from {variable}, which is not set",
                hint=f"set {variable}, or keep the key: qlf keys add",
            )
        return ApiKey(value, key_id=name)
    key = stores().current(name)
    if key.kind != provider.kind:
        raise KeyStoreError(
            f"the key {name!r} is one for {key.kind}, but the provider {provider.name!r} is {provider.kind}",
            hint="name another key in providers.yaml",
        )
    from qlf.cli.credential import credential_from

    return credential_from(key.kind, key.fields, key.key_id)


def _variable(name: str) -> str | None:
    from qlf.llm.config_env import ENVIRONMENT_PREFIX

    return name.removeprefix(ENVIRONMENT_PREFIX) if name.startswith(ENVIRONMENT_PREFIX) else None
