"""Where KEKs come from, and every case in which one is refused with a sentence."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

from qlf.errors import KeyStoreError
from qlf.ledger.keys.envelope import open_sealed, seal
from qlf.ledger.keys.kek import KekRing, make_kek, read_keks
from qlf.ledger.keys.kek_derived import KekPassphrase
from qlf.ledger.keys.kek_file import KekFile, KekValue
from qlf.ledger.keys.kek_foreign import KekAge, KekCommand, KekKeyring
from qlf.ledger.keys.model import KekMissing
from qlf.ledger.keys.ring import make_ring, source_of
from qlf.ledger.keys.secret import SecretText

BYTES = bytes(range(32))
BASE64, HEX = base64.b64encode(BYTES).decode(), BYTES.hex()


@dataclass(frozen=True)
class Config:
    value: str | None = None
    file: Path | None = None
    passphrase: str | None = None
    keyring: str | None = None
    command: str | None = None
    age_identity: Path | None = None


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    "text",
    [
        BASE64,
        HEX,
        HEX.upper(),
        f"  {BASE64}\n\n",
        f"# made 2030\n{BASE64} # first",
        BASE64.replace("+", "-").replace("/", "_"),
    ],
)
def test_a_kek_is_read_in_its_usual_spellings(text):
    assert [kek.secret for kek in read_keks(text, "x")] == [BYTES]


def test_several_keks_are_the_newest_first_and_each_once():
    other = make_kek()
    text = f"{base64.b64encode(other.secret).decode()},{HEX}\n{BASE64}"
    assert [kek.secret for kek in read_keks(text, "x")] == [other.secret, BYTES]


@pytest.mark.parametrize("text", ["", "#", "canary", BASE64[:-5], HEX + "00", "é" * 43, BASE64 + BASE64])
def test_what_is_no_kek_is_refused_without_being_repeated(text):
    with pytest.raises(KekMissing) as caught:
        read_keks(text, "QLF_KEK")
    assert "QLF_KEK" in str(caught.value)
    assert not text or text not in str(caught.value) + str(caught.value.hint)


def test_a_kek_shows_its_id_only():
    kek = make_kek(BYTES)
    assert repr(kek) == f"Kek({kek.id})"
    assert HEX[:8] not in kek.id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_may_open_is_not_used(tmp_path, mode):
    path = private(tmp_path / "kek", BASE64, mode)
    with pytest.raises(KekMissing, match="can be read by other users"):
        KekFile(path, required=True).load()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_used(tmp_path):
    path = private(tmp_path / "kek", BASE64)
    os.chown(path, 4_321, 4_321)
    with pytest.raises(KekMissing, match="other users"):
        KekFile(path, required=True).load()


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_is_used_also_through_a_link_as_mounts_have_it(tmp_path, mode):
    private(tmp_path / "real", BASE64, mode)
    (tmp_path / "kek").symlink_to(tmp_path / "real")
    assert KekFile(tmp_path / "kek", required=True).load()[0].secret == BYTES


def test_a_mount_that_is_missing_is_not_made_up_for(tmp_path):
    ring = make_ring(
        Config(file=tmp_path / "mount/kek"),
        config_dir=tmp_path / "config",
        data_dir=tmp_path / "data",
        production=False,
    )
    with pytest.raises(KekMissing, match="is not there"):
        ring.ensure()
    assert not (tmp_path / "mount").exists()


def test_a_folder_a_binary_and_a_large_file_are_refused(tmp_path):
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "binary").write_bytes(BYTES + b"\xff")
    private(tmp_path / "large", "a" * 70_000)
    (tmp_path / "binary").chmod(0o600)
    for name in ("folder", "binary", "large"):
        with pytest.raises(KekMissing):
            KekFile(tmp_path / name, required=True).load()


def test_without_configuration_a_developer_gets_a_private_file_once(tmp_path):
    def ring():
        return make_ring(
            Config(), config_dir=tmp_path / "config", data_dir=tmp_path / "data", production=False
        )

    made, source = ring().ensure()
    again, none = ring().ensure()
    path = tmp_path / "config/kek"
    assert (again.id, none) == (made.id, None)
    assert source is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_in_production_no_kek_is_made_unasked(tmp_path):
    ring = make_ring(Config(), config_dir=tmp_path / "config", data_dir=tmp_path / "data", production=True)
    with pytest.raises(KekMissing, match="in production none is made unasked"):
        ring.ensure()
    assert not (tmp_path / "config").exists()


def test_the_kek_may_not_lie_beside_the_keys(tmp_path):
    with pytest.raises(KekMissing, match="beside the keys"):
        make_ring(
            Config(file=tmp_path / "data/keys/kek"),
            config_dir=tmp_path / "config",
            data_dir=tmp_path / "data",
            production=False,
        )
    with pytest.raises(KekMissing, match="beside the keys"):
        source_of(f"file:{tmp_path}/data/kek", config_dir=tmp_path, data_dir=tmp_path / "data")


def test_the_first_kek_of_two_processes_at_once_is_one(tmp_path):
    path = tmp_path / "kek"
    first, second = KekFile(path, required=False), KekFile(path, required=False)
    made = first.create()
    # The second found no file a moment ago.
    second_sees = second.load
    second.load = lambda: second_sees() if path.stat().st_size else ()  # type: ignore[method-assign]
    assert len({made.id, first.load()[0].id}) == 1
    from qlf.ledger.keys.kek_file import write_private

    assert write_private(path, "other", only_new=True) is False
    assert path.read_text() != "other"


def test_a_developers_file_stays_at_hand_beside_a_configured_kek(tmp_path):
    folders = {"config_dir": tmp_path / "config", "data_dir": tmp_path / "data", "production": False}
    old, _ = make_ring(Config(), **folders).ensure()
    ring = make_ring(Config(value=BASE64), **folders)
    new, _ = ring.ensure()
    assert new.secret == BYTES
    assert ring.get(old.id).secret == old.secret


def test_a_value_of_the_environment_cannot_take_a_new_kek():
    ring = KekRing([KekValue(SecretText(f"{BASE64},{HEX}"))])
    with pytest.raises(KekMissing, match="no KEK can be made in QLF_KEK") as caught:
        ring.create()
    assert "new,old" in str(caught.value.hint)


def test_an_unknown_kek_is_named_by_its_id_and_its_source():
    ring = KekRing([KekValue(SecretText(BASE64))])
    with pytest.raises(KekMissing, match=r"KEK 0123456789abcdef, which QLF_KEK does not hold"):
        ring.get("0123456789abcdef")


def test_a_kek_that_a_rotation_elsewhere_added_is_found_without_a_restart(tmp_path):
    path = tmp_path / "kek"
    ring = KekRing([KekFile(path, required=False)], may_create=True)
    ring.ensure()
    added = KekFile(path, required=False).create()
    assert ring.get(added.id).secret == added.secret


def test_a_passphrase_gives_the_same_kek_again_and_opens_with_itself_alone(tmp_path):
    phrase = SecretText("five quite random words here")
    made = KekPassphrase(phrase, tmp_path / "one/kek.salt").create()
    assert KekPassphrase(phrase, tmp_path / "one/kek.salt").load()[0].secret == made.secret
    # The salt stands in the id: a machine that has only the passphrase opens it.
    text = seal(b"value", made, name="main", version=1)
    elsewhere = KekRing([KekPassphrase(phrase, tmp_path / "two/kek.salt")])
    assert open_sealed(text, elsewhere.get, name="main", version=1) == b"value"
    assert "five" not in (tmp_path / "one/kek.salt").read_text()


def test_another_passphrase_opens_nothing_and_an_older_line_does(tmp_path):
    made = KekPassphrase(SecretText("the old passphrase"), tmp_path / "kek.salt").create()
    assert KekPassphrase(SecretText("the new passphrase"), tmp_path / "kek.salt").find(made.id) is None
    both = KekPassphrase(SecretText("the new passphrase\nthe old passphrase"), tmp_path / "kek.salt")
    found = both.find(made.id)
    assert found is not None
    assert found.secret == made.secret
    assert both.load()[0].id != made.id


def test_a_short_passphrase_is_refused(tmp_path):
    with pytest.raises(KekMissing, match="shorter than 12"):
        KekPassphrase(SecretText("short"), tmp_path / "kek.salt")


def test_a_passphrase_is_derived_as_rfc_9106_recommends(tmp_path):
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    made = KekPassphrase(SecretText("five quite random words"), tmp_path / "kek.salt").create()
    salt = bytes.fromhex((tmp_path / "kek.salt").read_text().strip())
    expected = Argon2id(salt=salt, length=32, iterations=3, lanes=4, memory_cost=64 * 1024)
    assert made.secret == expected.derive(b"five quite random words")


def test_a_program_prints_the_kek():
    source = KekCommand(f"{sys.executable} -c 'print(\"{BASE64}\")'")
    assert source.load()[0].secret == BYTES


@pytest.mark.parametrize(
    "command",
    [
        "/no/such/program-canary",
        "false canary",
        "echo canary",
        "'unclosed canary",
        "",
        f"{sys.executable} -c 'print(1)'",
    ],
)
def test_a_program_that_gives_no_kek_is_told_without_its_command_line(command):
    with pytest.raises(KekMissing) as caught:
        KekCommand(command).load()
    assert "canary" not in str(caught.value) + str(caught.value.hint)
    assert "QLF_KEK_COMMAND" in str(caught.value)


def test_a_program_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr("qlf.ledger.keys.kek_foreign._COMMAND_SECONDS", 0.2)
    with pytest.raises(KekMissing, match="did not end in time"):
        KekCommand("sleep 60").load()


def fake_keyring(module: str, kept: dict[tuple[str, str], str]) -> types.ModuleType:
    made = types.ModuleType("keyring")
    backend = type("Keyring", (), {"__module__": module})()
    made.errors = types.ModuleType("keyring.errors")  # type: ignore[attr-defined]
    made.errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]
    made.get_keyring = lambda: backend  # type: ignore[attr-defined]
    made.get_password = lambda service, user: kept.get((service, user))  # type: ignore[attr-defined]
    made.set_password = lambda service, user, text: kept.__setitem__((service, user), text)  # type: ignore[attr-defined]
    return made


def test_a_keyring_keeps_the_kek(monkeypatch, tmp_path):
    kept: dict[tuple[str, str], str] = {}
    fake = fake_keyring("keyring.backends.SecretService", kept)
    monkeypatch.setitem(sys.modules, "keyring", fake)
    monkeypatch.setitem(sys.modules, "keyring.errors", fake.errors)
    made = KekKeyring("qlf").create()
    assert KekKeyring("qlf").load()[0].secret == made.secret
    newer = KekKeyring("qlf").create()
    assert [kek.id for kek in KekKeyring("qlf").load()] == [newer.id, made.id]
    assert list(kept) == [("qlf", "kek")]


@pytest.mark.parametrize("module", ["keyring.backends.fail", "keyring.backends.null", "keyrings.alt.file"])
def test_a_keyring_that_keeps_nothing_or_in_a_plain_file_is_refused(monkeypatch, tmp_path, module):
    fake = fake_keyring(module, {})
    monkeypatch.setitem(sys.modules, "keyring", fake)
    monkeypatch.setitem(sys.modules, "keyring.errors", fake.errors)
    monkeypatch.chdir(tmp_path)
    for use in (KekKeyring("qlf").load, KekKeyring("qlf").create):
        with pytest.raises(KekMissing, match="no keyring that keeps secrets"):
            use()
    assert not list(tmp_path.iterdir())


def test_a_library_that_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(KeyStoreError, match="needs the package 'keyring'") as caught:
        KekKeyring("qlf").load()
    assert caught.value.hint == "install it beside qlf: pip install keyring"
    with pytest.raises(KeyStoreError, match="needs the package 'pyrage'"):
        KekAge(tmp_path / "identity", tmp_path / "kek.age").create()


def test_an_age_identity_opens_its_file_and_no_other_does(tmp_path):
    pyrage = pytest.importorskip("pyrage")
    identity = private(tmp_path / "identity", f"# created\n{pyrage.x25519.Identity.generate()}\n")
    made = KekAge(identity, tmp_path / "kek.age").create()
    newer = KekAge(identity, tmp_path / "kek.age").create()
    assert [kek.id for kek in KekAge(identity, tmp_path / "kek.age").load()] == [newer.id, made.id]
    assert base64.b64encode(made.secret).decode() not in (tmp_path / "kek.age").read_text()
    other = private(tmp_path / "other", f"{pyrage.x25519.Identity.generate()}\n")
    with pytest.raises(KekMissing, match="does not open"):
        KekAge(other, tmp_path / "kek.age").load()
    with pytest.raises(KekMissing, match="holds no age identity"):
        KekAge(private(tmp_path / "none", "nothing"), tmp_path / "kek.age").load()


@pytest.mark.parametrize("text", ["file:", "canary", "env:X", ":x", "keyring:"])
def test_a_text_that_names_no_source_is_refused_without_being_repeated(tmp_path, text):
    with pytest.raises(KekMissing, match="names no source") as caught:
        source_of(text, config_dir=tmp_path, data_dir=tmp_path / "data")
    assert "canary" not in str(caught.value)


def test_the_modules_of_the_key_store_load_without_cryptography():
    code = (
        "import sys, qlf.ledger.keys.store, qlf.ledger.keys.ring, qlf.ledger.keys.rotation;"
        "print([m for m in ('cryptography', 'keyring', 'pyrage', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
