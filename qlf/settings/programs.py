"""What the settings mean for the programs and contexts of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qlf.errors import EnvironmentUnavailable
from qlf.settings.model import Settings

if TYPE_CHECKING:
    from qlf.mesh.context import MeshContext

__all__ = ["mesh_context", "uv_program"]


def uv_program(settings: Settings) -> Path:
    """The `uv` that belongs to this installation, or else one on the search path.

    Raises:
        EnvironmentUnavailable: If there is none.
    """
    import shutil
    import sys

    beside = str(Path(sys.executable).parent)
    found = shutil.which("uv", path=beside) or shutil.which("uv", path=settings.tools["PATH"])
    if found is None:
        raise EnvironmentUnavailable("the program uv is missing", hint="install qlf again; uv comes with it")
    return Path(found)


def mesh_context(settings: Settings) -> MeshContext:
    """What the verification mesh needs from these settings.

    Raises:
        EnvironmentUnavailable: If `uv` is missing.
    """
    from qlf.mesh.context import MeshContext
    from qlf.sandbox.model import Policy, Tier

    return MeshContext(
        cache_dir=settings.cache_dir,
        uv=uv_program(settings),
        policy=Policy(minimum=Tier.A if settings.sandbox == "strict" else Tier.B),
        tools=settings.tools,
        threads=min(2, settings.threads),
    )
