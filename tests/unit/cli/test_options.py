"""Values of options that are refused at the door."""

from __future__ import annotations

import click
import pytest

from qlf.cli.cache import Size, human
from qlf.cli.options import AppName, OverlayNames


@pytest.mark.parametrize("name", ["shop", "car-rental", "shop2"])
def test_a_name_of_words_and_dashes_is_taken(name: str) -> None:
    assert AppName().convert(name, None, None) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../x",
        "/etc",
        "a/b",
        "Shop",
        "a_b",
        "-a",
        "a-",
        "a--b",
        "1a",
        "a b",
        "a\n",
        "a" * 49,
        "{{7*7}}",
        "$(id)",
        "\u0131",
    ],
)
def test_every_other_name_is_refused(name: str) -> None:
    with pytest.raises(click.BadParameter, match="no application name"):
        AppName().convert(name, None, None)


def test_overlays_are_split_at_commas() -> None:
    assert OverlayNames().convert(" gdpr, pci-dss ,", None, None) == ("gdpr", "pci-dss")


@pytest.mark.parametrize("value", ["", ",", "../x", "GDPR", "a b"])
def test_other_overlays_are_refused(value: str) -> None:
    with pytest.raises(click.BadParameter):
        OverlayNames().convert(value, None, None)


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("12", 12), ("500M", 500_000_000), ("2GiB", 2**31), ("3 kb", 3000)]
)
def test_sizes_are_understood(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "-1", "1.5G", "lots", "9" * 30])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no size"):
        Size().convert(text, None, None)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_000_000_000_000, "2000.0 GB")]
)
def test_sizes_are_shown_for_people(size: int, text: str) -> None:
    assert human(size) == text
