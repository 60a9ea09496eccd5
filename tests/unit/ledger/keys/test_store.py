"""The local key store: what it keeps, what it refuses, and what lies on the disk."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from qlf.errors import KeyStoreError
from qlf.ledger.keys.kek import KekRing
from qlf.ledger.keys.kek_file import KekFile
from qlf.ledger.keys.model import KekMissing, KeyExists, KeyMissing, SealBroken, Stage
from qlf.ledger.keys.secret import SecretText
from qlf.ledger.keys.store import KeyStore

CANARY = "canary-3f9a2c71-canary-3f9a2c71"


def raw(store: KeyStore, statement: str, *values: object) -> list[tuple]:
    with closing(sqlite3.connect(store.path)) as database, database:
        return database.execute(statement, values).fetchall()


def test_a_key_that_was_added_is_current(store, secret):
    made = store.add("main", "openai_compatible", secret(CANARY))
    key = store.current("main")
    assert (key.key_id, key.kind, key.fields["api_key"].reveal()) == ("main@1", "openai_compatible", CANARY)
    assert (made.stage, made.tail, made.key_id) == (Stage.CURRENT, "2c71"[-4:], "main@1")


def test_another_process_reads_the_key(store, open_store, secret):
    store.add("main", "openai_compatible", secret(CANARY))
    assert open_store().current("main").fields["api_key"].reveal() == CANARY


def test_fields_are_kept_by_their_kind(store):
    fields = {
        name: SecretText(f"value-of-{name}")
        for name in ("session_token", "secret_access_key", "access_key_id")
    }
    store.add("aws", "bedrock", fields)
    assert list(store.current("aws").fields) == ["access_key_id", "secret_access_key", "session_token"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("bedrock", {"access_key_id": "a"}),
        ("openai_compatible", {}),
        ("openai_compatible", {"api_key": "a", "session_token": "b"}),
        ("openai_compatible", {"api_key": ""}),
        ("openai_compatible", {"api_key": f"{CANARY}\n"}),
        ("openai_compatible", {"api_key": f"{CANARY} {CANARY}"}),
        ("openai_compatible", {"api_key": f"é{CANARY}"}),
        ("openai_compatible", {"api_key": CANARY * 1_000}),
        (CANARY, {"api_key": "a"}),
    ],
)
def test_what_is_no_credential_is_refused_without_being_repeated(store, kind, fields):
    with pytest.raises(KeyStoreError) as caught:
        store.add("main", kind, {name: SecretText(value) for name, value in fields.items()})
    assert CANARY not in str(caught.value) + str(caught.value.hint)
    assert store.list() == ()


@pytest.mark.parametrize(
    "name", ["", "Main", "a b", "a--b", "-a", "a" * 65, "é", "a|b", "a/b", f"sk-{CANARY}x"]
)
def test_a_name_is_plain_words_and_never_repeated(store, secret, name):
    with pytest.raises(KeyStoreError, match="the name of a key is not allowed"):
        store.add(name, "openai_compatible", secret())
    with pytest.raises(KeyStoreError):
        store.current(name)


def test_a_name_is_added_once(store, secret):
    store.add("main", "openai_compatible", secret())
    with pytest.raises(KeyExists, match="already"):
        store.add("main", "azure_openai", secret())


def test_a_key_that_is_not_there_is_named(store):
    with pytest.raises(KeyMissing, match="no current key 'main'"):
        store.current("main")


def test_a_revoked_key_is_erased_and_its_number_never_comes_again(store, secret):
    store.add("main", "openai_compatible", secret())
    store.revoke("main")
    assert raw(store, "SELECT stage, sealed, kek FROM keys") == [("revoked", "", "")]
    with pytest.raises(KeyMissing):
        store.get("main", 1)
    assert store.add("main", "openai_compatible", secret()).version == 2
    assert store.delete("main") == 2
    assert store.list() == ()
    assert store.add("main", "openai_compatible", secret()).version == 3


def test_a_value_moved_to_another_row_is_refused(store, secret):
    store.add("main", "openai_compatible", secret())
    store.add("other", "openai_compatible", secret(CANARY))
    raw(store, "UPDATE keys SET sealed = (SELECT sealed FROM keys WHERE name = 'other') WHERE name = 'main'")
    with pytest.raises(SealBroken, match="main@1"):
        store.current("main")
    raw(store, "UPDATE keys SET version = 7 WHERE name = 'other'")
    with pytest.raises(SealBroken, match="other@7"):
        store.current("other")


def test_a_key_is_not_given_to_another_kind_of_provider(store, secret):
    store.add("main", "openai_compatible", secret())
    raw(store, "UPDATE keys SET kind = 'azure_openai'")
    with pytest.raises(SealBroken, match="another kind of provider"):
        store.current("main")


def test_i2_the_database_itself_allows_one_current_and_one_pending(store, secret):
    store.add("main", "openai_compatible", secret())
    store.stage("main", secret())
    copy = (
        "INSERT INTO keys (name, kind, version, stage, kek, sealed, tail, created)"
        " SELECT name, kind, version + 10, stage, kek, sealed, tail, created FROM keys WHERE stage = ?"
    )
    for stage in ("current", "pending"):
        with pytest.raises(sqlite3.IntegrityError):
            raw(store, copy, stage)


def test_the_files_are_private_and_stay_so(store, secret):
    store.add("main", "openai_compatible", secret())
    store.path.chmod(0o644)
    KeyStore(store.path, store.ring).close()
    for path in store.path.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    assert store.path.parent.stat().st_mode & 0o777 == 0o700


def test_commits_are_synced_and_tables_are_strict(store):
    settings = {
        name: store._database._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "secure_delete")
    }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
    strict = {
        row[1]: row[5] for row in store._database._connection.execute("PRAGMA table_list") if row[0] == "main"
    }
    assert {strict[name] for name in ("keys", "names", "facts")} == {1}


def test_i10_nothing_on_the_disk_holds_the_value(store, secret, tmp_path):
    for number in range(20):
        store.add(f"main-{number}", "openai_compatible", secret(f"{CANARY}-{number:04}"))
    store.revoke("main-0")
    found = [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert not found


def test_without_its_kek_a_key_is_listed_and_not_opened(store, secret, tmp_path):
    store.add("main", "openai_compatible", secret())
    (tmp_path / "config/kek").unlink()
    with KeyStore(store.path, KekRing([KekFile(tmp_path / "config/kek", required=False)])) as other:
        assert [one.key_id for one in other.list()] == ["main@1"]
        with pytest.raises(KekMissing, match="a key is sealed with the KEK"):
            other.current("main")


def test_a_lost_kek_is_not_replaced_by_a_new_one(store, secret, tmp_path):
    store.add("main", "openai_compatible", secret())
    (tmp_path / "config/kek").unlink()
    ring = KekRing([KekFile(tmp_path / "config/kek", required=False)], may_create=True)
    with KeyStore(store.path, ring) as other, pytest.raises(KekMissing):
        other.add("second", "openai_compatible", secret())
    assert not (tmp_path / "config/kek").exists()


def test_the_last_use_is_noted_once_an_hour(store, secret, clock):
    store.add("main", "openai_compatible", secret())
    clock.seconds += 5_000
    store.current("main")
    first = store.list()[0].used
    clock.seconds += 10
    store.current("main")
    assert store.list()[0].used == first == clock.seconds - clock.seconds % 3_600
    clock.seconds += 3_600
    store.current("main")
    assert store.list()[0].used == first + 3_600


def test_a_store_that_is_being_written_still_gives_its_keys_at_once(store, secret):
    store.add("main", "openai_compatible", secret())
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = []
        thread = threading.Thread(target=lambda: done.append(store.current("main").key_id))
        thread.start()
        thread.join(3)
        assert done == ["main@1"]
        other.execute("ROLLBACK")


def test_every_change_is_told_before_it_is_committed(store, open_store, secret, events):
    seen = []
    other = open_store()
    store._on_event = lambda event: seen.append((event.action, len(other.list())))
    store.add("main", "openai_compatible", secret())
    assert seen == [("kek-created", 0), ("added", 0)]


def test_a_change_that_cannot_be_recorded_does_not_happen(store, secret):
    store.add("main", "openai_compatible", secret())

    def refuse(event):
        raise OSError("the audit log is full")

    store._on_event = refuse
    for change in (
        lambda: store.add("other", "openai_compatible", secret()),
        lambda: store.stage("main", secret()),
        lambda: store.revoke("main"),
        lambda: store.delete("main"),
    ):
        with pytest.raises(OSError, match="audit log"):
            change()
    assert [(one.key_id, one.stage) for one in store.list()] == [("main@1", Stage.CURRENT)]


def test_events_hold_no_secret(store, secret, events):
    store.add("main", "openai_compatible", secret(CANARY))
    store.stage("main", secret(CANARY))
    store.promote("main", grace_seconds=1)
    store.revoke("main", 1)
    store.delete("main")
    actions = [event.action for event in events]
    assert actions == ["kek-created", "added", "staged", "promoted", "revoked", "deleted"]
    assert CANARY not in repr(events)


@pytest.mark.parametrize(
    "damage", [b"no database at all, but text that is long enough", b"SQLite format 3\0" + b"\xff" * 4_000]
)
def test_a_damaged_store_is_one_sentence(tmp_path, ring, damage):
    path = tmp_path / "data/keys.db"
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(KeyStoreError, match="cannot be used") as caught:
        KeyStore(path, ring).list()
    assert caught.value.exit_code == 5
    assert caught.value.hint


def test_a_store_of_a_later_release_is_left_alone(store, ring):
    raw(store, "PRAGMA user_version = 9")
    with pytest.raises(KeyStoreError, match="another release"):
        KeyStore(store.path, ring)


def test_a_store_behind_a_link_is_refused(tmp_path, ring):
    (tmp_path / "elsewhere").touch()
    (tmp_path / "keys.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyStoreError, match="cannot be opened"):
        KeyStore(tmp_path / "keys.db", ring)


def test_threads_share_a_store(store, secret):
    store.add("main", "openai_compatible", secret())
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for turn in range(20):
                store.add(f"k-{number}-{turn}", "openai_compatible", secret())
                assert store.current("main").version == 1
        except Exception as error:  # noqa: BLE001 - told at the end
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(store.list()) == 81


def test_two_processes_that_make_the_store_at_once_make_one(tmp_path, ring):
    path = Path(tmp_path / "data/keys.db")
    opened: list[KeyStore] = []
    threads = [threading.Thread(target=lambda: opened.append(KeyStore(path, ring))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6
    for one in opened:
        one.close()
