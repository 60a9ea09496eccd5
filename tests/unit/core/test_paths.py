"""What a path inside an application may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlf.core.paths import MAX_PATH_LENGTH, PathRefused, check_path


@pytest.mark.parametrize(
    "path",
    ["a", "app/main.py", ".github/workflows/ci.yml", ".gitignore", "web/src/page[id].tsx", "a b/c", "a+b@c"],
)
def test_plain_relative_paths_pass(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        "a/.",
        "a\\b",
        "C:/x",
        "a:b",
        "a\x00b",
        "a\nb",
        "~/x",
        "-rf",
        "a/-x",
        "a.",
        "a ",
        "con",
        "CON.txt",
        "a/nul.py",
        "lpt1",
        ".git/config",
        "a/.GIT/x",
        "ä",
        "a" * (MAX_PATH_LENGTH + 1),
        "$HOME",
        "a*b",
    ],
)
def test_everything_else_is_refused(path: str) -> None:
    with pytest.raises(PathRefused):
        check_path(path)


@given(st.text(max_size=40))
def test_what_passes_stays_inside_the_folder(path: str) -> None:
    try:
        check_path(path)
    except PathRefused:
        return
    parts = path.split("/")
    assert path.isascii()
    assert path.isprintable()
    assert not path.startswith(("/", "-", " "))
    assert all(part not in ("", ".", "..") for part in parts)
    assert "\\" not in path
