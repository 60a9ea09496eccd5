"""Only exact versions with hashes are a lock."""

from __future__ import annotations

import pytest

from qlf.errors import InputError
from qlf.sandbox import lockfile

HASH = "--hash=sha256:" + "a" * 64
OTHER = "--hash=sha256:" + "b" * 64


def test_a_compiled_lock_is_read():
    text = (
        "# made by a tool\n"
        f"Annotated.Types==0.7.0 \\\n    {HASH} \\\n    {OTHER}\n    # via pydantic\n"
        f'uvloop==0.21.0 ; sys_platform != "win32" \\\n    {HASH}\n'
        f"uvicorn[standard]==0.34.0 {HASH}\n\n"
    )
    pins = lockfile.parse(text)
    assert [(pin.name, pin.version) for pin in pins] == [
        ("annotated-types", "0.7.0"),
        ("uvloop", "0.21.0"),
        ("uvicorn", "0.34.0"),
    ]
    assert pins[0].hashes == ("sha256:" + "a" * 64, "sha256:" + "b" * 64)
    assert pins[1].marker == 'sys_platform != "win32"'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("requests==2.0", "no hash"),
        (f"requests>=2.0 {HASH}", "not one exact version"),
        (f"requests {HASH}", "not one exact version"),
        (f"requests==2.* {HASH}", "not one exact version"),
        ("requests==2.0 --hash=md5:" + "a" * 32, "not one exact version"),
        ("requests==2.0 --hash=sha256:abc", "not one exact version"),
        ("--index-url https://example.org/simple", "option"),
        ("--extra-index-url=https://example.org/simple", "option"),
        ("-e .", "option"),
        ("-r other.txt", "option"),
        (f"requests @ https://example.org/r.whl {HASH}", "place"),
        (f"https://example.org/r.whl {HASH}", "place"),
        (f"./r.whl {HASH}", "not one exact version"),
        (f"requests==2.0 --config-settings=x=y {HASH}", "not one exact version"),
        (f"requests==2.0 {HASH} --global-option=x", "not one exact version"),
    ],
)
def test_anything_else_is_refused(line: str, reason: str):
    with pytest.raises(InputError, match=reason):
        lockfile.parse(f"good==1.0 {HASH}\n{line}\n")


def test_a_password_in_a_refused_line_is_not_shown():
    with pytest.raises(InputError) as caught:
        lockfile.parse("--index-url https://user:canary@example.org/simple")
    assert "canary" not in str(caught.value)
