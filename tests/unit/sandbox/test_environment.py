"""What configures the package index, and what may not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from qlf.errors import EnvironmentUnavailable, InputError, UsageError
from qlf.sandbox import ensure, uv_variables
from qlf.sandbox.interpreter import examine, running


def test_settings_of_uv_and_pip_are_taken_in_the_words_of_uv():
    found = uv_variables(
        {
            "PIP_INDEX_URL": "https://pip.example/simple",
            "PIP_CERT": "/etc/ca.pem",
            "PIP_FIND_LINKS": "/wheels",
            "UV_DEFAULT_INDEX": "https://uv.example/simple",
            "HTTPS_PROXY": "http://proxy.example",
            "PIP_EXTRA_INDEX_URL": "https://second.example/simple",
            "UV_EXTRA_INDEX_URL": "https://second.example/simple",
            "PROVIDER_KEY": "secret",
            "PYTHONPATH": "/x",
            "UV_HTTP_TIMEOUT": "",
        }
    )
    assert found == {
        "UV_DEFAULT_INDEX": "https://uv.example/simple",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "UV_FIND_LINKS": "/wheels",
        "HTTPS_PROXY": "http://proxy.example",
    }


@pytest.mark.parametrize("name", ["UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"])
def test_a_second_index_is_refused(tmp_path: Path, name: str):
    with pytest.raises(UsageError, match="second package index"):
        ensure("", python=Path(sys.executable), cache_dir=tmp_path, uv=Path("uv"), variables={name: "x"})


@pytest.mark.parametrize("name", ["PYTHONPATH", "UV_LINK_MODE", "UV_PYTHON", "LD_PRELOAD", "PIP_INDEX_URL"])
def test_an_unknown_setting_is_refused(tmp_path: Path, name: str):
    with pytest.raises(UsageError, match="no setting"):
        ensure("", python=Path(sys.executable), cache_dir=tmp_path, uv=Path("uv"), variables={name: "x"})


def test_a_bad_lock_is_refused_before_anything_is_started(tmp_path: Path):
    with pytest.raises(InputError):
        ensure("pkg", python=Path("/missing"), cache_dir=tmp_path / "c", uv=Path("/missing"), variables={})
    assert not (tmp_path / "c").exists()


def test_a_missing_interpreter_is_told(tmp_path: Path):
    with pytest.raises(EnvironmentUnavailable, match="/missing/python"):
        ensure("", python=Path("/missing/python"), cache_dir=tmp_path, uv=Path("uv"), variables={})


def test_a_missing_uv_is_told_and_leaves_nothing(tmp_path: Path):
    with pytest.raises(EnvironmentUnavailable, match="/missing/uv"):
        ensure("", python=Path(sys.executable), cache_dir=tmp_path, uv=Path("/missing/uv"), variables={})
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_an_interpreter_is_found_below_a_virtual_environment():
    found = examine(Path(sys.executable))
    assert found.prefix == running().prefix == Path(sys.base_prefix).resolve()
    assert sys.version in found.identity
    assert all(folder.parent == found.prefix and folder.name != "site-packages" for folder in found.folders)
