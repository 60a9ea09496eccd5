"""Writes the compiled form of the domain packs beside them: `python -m qlf.brief.packcompile`."""

from __future__ import annotations

import sys
from pathlib import Path

from qlf.brief.packstore import COMPILED, compile_packs

__all__ = ["main"]


def main(folder: Path | None = None) -> Path:
    """Compile every pack in the folder, check each one, and return the path of the file that was written."""
    from qlf.brief.packcheck import check_packs

    folder = folder or Path(__file__).parent / "packs"
    compiled = compile_packs({path.name: path.read_bytes() for path in sorted(folder.glob("*.yaml"))})
    check_packs(compiled)
    path = folder / COMPILED
    path.write_bytes(compiled)
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{main().name}\n")
