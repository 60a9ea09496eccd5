"""Rotation and rewrapping killed by SIGKILL at every point, then gone on with by another process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qlf.ledger.keys.kek_rotation import rotate_kek
from qlf.ledger.keys.rotation import Rotator
from qlf.ledger.keys.secret import SecretText

GRACE = 600
PROGRAM = """
import importlib.util, os, signal, sys
from pathlib import Path

home, clock, what, point, count = Path(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:5], int(sys.argv[5])
spec = importlib.util.spec_from_file_location("fakes", sys.argv[6])
fakes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fakes)

from qlf.ledger.keys import store as store_module
from qlf.ledger.keys.kek import KekRing
from qlf.ledger.keys.kek_file import KekFile
from qlf.ledger.keys.kek_rotation import rotate_kek
from qlf.ledger.keys.rotation import Rotator

store_module.BATCH = 10
seen = []

def kill(step):
    seen.append(step)
    if seen.count(point) == count:
        os.kill(os.getpid(), signal.SIGKILL)

class Dying(fakes.FileProvider):
    def create(self, token):
        fields = super().create(token)
        kill("issued")
        return fields

ring = KekRing([KekFile(home / "config/kek", required=False)], may_create=True)
store = store_module.KeyStore(home / "data/keys.db", ring, now=lambda: clock)
if what == "kek":
    rotate_kek(ring, [store], checkpoint=kill)
else:
    provider = Dying(home / "provider.json")
    Rotator(store, issuer=provider, grace_seconds=600, checkpoint=kill, now=lambda: clock).advance("main")
print("not killed at", point, seen)
"""


def killed(home: Path, clock: float, what: str, point: str, count: int = 1) -> None:
    fakes = str(Path(__file__).with_name("conftest.py"))
    command = [sys.executable, "-c", PROGRAM, str(home), str(clock), what, point, str(count), fakes]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


@pytest.mark.parametrize(
    "point",
    [
        "begun",
        "token-recorded",
        "issued",
        "created",
        "staged",
        "tested",
        "promoted",
        "revoked-at-provider",
        "revoked",
    ],
)
def test_a_rotation_killed_anywhere_goes_on_and_leaves_no_orphan(
    open_store, provider, clock, tmp_path, point
):
    store = open_store()
    store.add("main", "openai_compatible", provider.create("first"))
    before = store.current("main")

    def rotator():
        return Rotator(open_store(), issuer=provider, grace_seconds=GRACE, now=clock)

    if point.startswith("revoked"):
        rotator().advance("main")
        clock.seconds += GRACE
    killed(tmp_path, clock.seconds, "key", point)

    key = open_store().current("main")
    assert key.fields["api_key"].reveal() in provider.active, "I1"
    stages = [one.stage.value for one in open_store().info("main")]
    assert stages.count("current") == 1, "I2"
    assert stages.count("pending") <= 1, "I2"
    if not point.startswith("revoked"):
        provider.test(before.fields)  # I4: the old one is valid

    progress = rotator().advance("main")
    if progress.state == "grace":
        if point != "revoked":
            provider.test(before.fields)
        clock.seconds += GRACE
        progress = rotator().advance("main")
    if point == "revoked":
        # That was the last step: to go on means to begin the next rotation.
        assert (progress.state, progress.current.version) == ("done", 3)
    else:
        assert (progress.state, progress.current.version) == ("done", 2)
    assert provider.active == {open_store().current("main").fields["api_key"].reveal()}, "I3"
    assert len(provider.read()) == progress.current.version, "I3"


@pytest.mark.parametrize(
    ("point", "count"), [("made", 1), ("chosen", 1), ("batch", 1), ("batch", 2), ("batch", 3), ("wrapped", 1)]
)
def test_a_change_of_the_kek_killed_anywhere_goes_on(open_store, ring, tmp_path, clock, point, count):
    store = open_store()
    for number in range(25):
        store.add(f"key-{number}", "openai_compatible", {"api_key": SecretText(f"value-{number:04}")})
    killed(tmp_path, clock.seconds, "kek", point, count)

    def check():
        again = open_store()
        for number in range(25):
            assert again.current(f"key-{number}").fields["api_key"].reveal() == f"value-{number:04}"
        return again

    check()
    made = ring.newest()
    if (point, count) not in (("wrapped", 1), ("batch", 3)):
        assert rotate_kek(ring, [check()]).kek == made.id, "no second KEK was made"
    assert check().keks() == {made.id: 25}
