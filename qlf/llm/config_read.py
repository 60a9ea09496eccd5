"""Finding the configuration: the file of the user, or without one the variables of the providers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qlf.errors import ProviderError
from qlf.llm.config import GatewayConfig

__all__ = ["FILE_NAME", "load_config"]

FILE_NAME = "providers.yaml"
MAX_BYTES = 1_048_576


def load_config(path: Path, environ: Mapping[str, str]) -> GatewayConfig:
    """The configuration in `path`, or, when there is no such file, that of the environment.

    Args:
        path: `providers.yaml`, or the folder that may hold it.
        environ: The variables of the providers' own tools. With a file they are not read.

    Raises:
        ProviderError: One sentence, with the file and the line where it is known.
    """
    if path.is_dir():
        path = path / FILE_NAME
    text = _read(path)
    if text is None:
        from qlf.llm.config_env import config_from_environment

        return config_from_environment(environ)
    from qlf.llm.config_file import parse_config

    return parse_config(text, name=str(path))


def _read(path: Path) -> str | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ProviderError(f"{path} is larger than {MAX_BYTES // 1024} KiB")
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ProviderError(f"{path} is not UTF-8 text", hint="save it as UTF-8") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not usable"
        raise ProviderError(f"{path} cannot be read: {reason}", hint="make it a file you may read") from error
