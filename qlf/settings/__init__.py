"""One frozen `Settings`, read once from the environment; the only reader and writer of it in the project.

    from qlf.settings import load

    settings = load()
    settings.cache_dir

Standard library only, because a run that was seen before loads it too. Variables and their meaning:

- `QLF_HOME`: one folder for everything (`cache`, `state`, `data` and `config` inside it). Without it the
  folders follow the XDG Base Directory Specification: `XDG_CACHE_HOME`, `XDG_STATE_HOME`,
  `XDG_DATA_HOME`, `XDG_CONFIG_HOME`.
- `QLF_SANDBOX`: which sandbox may run generated code: `auto` (the strongest that works), `strict` (only
  the strongest kind).
- `QLF_THREADS`: how many steps run at once, 1 to 64.
- `QLF_PRODUCTION`: 1 refuses what only a developer's machine should do.
- `QLF_KEK`, `QLF_KEK_FILE`, `QLF_KEK_PASSPHRASE`, `QLF_KEK_KEYRING`, `QLF_KEK_COMMAND`,
  `QLF_KEK_AGE_IDENTITY`: where the key-encryption key comes from; at most one of them.
- `AWS_…`, `AZURE_OPENAI_…`, `OPENAI_…`: model providers, as their own SDKs read them.
- `PREFECT_API_URL`, `PREFECT_API_AUTH_STRING`, `PREFECT_API_KEY`, `PREFECT_PROFILE`, `PREFECT_HOME`,
  `PREFECT_PROFILES_PATH`: the Prefect API, as Prefect itself understands them.
- `NO_COLOR`, `FORCE_COLOR`, `TERM`: whether output is coloured.
"""

from __future__ import annotations

from qlf.settings.environment import load
from qlf.settings.model import KekSource, PrefectApi, Sandbox, Settings
from qlf.settings.prefect import export_prefect
from qlf.settings.programs import mesh_context, uv_program

__all__ = [
    "KekSource",
    "PrefectApi",
    "Sandbox",
    "Settings",
    "export_prefect",
    "load",
    "mesh_context",
    "uv_program",
]
