"""Prefect blocks of `qlf`: credentials of model providers as typed configuration.

The classes load when they are asked for, because Prefect takes more than a second to import.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blocks.credentials import AzureOpenAICredentials, BedrockCredentials, OpenAICompatibleCredentials

__all__ = ["AzureOpenAICredentials", "BedrockCredentials", "OpenAICompatibleCredentials"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from blocks import credentials

    return getattr(credentials, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "prefect.blocks.core" in sys.modules:
    # Prefect itself imports this package, as a collection, to learn which types of block there are.
    from blocks import credentials as credentials
