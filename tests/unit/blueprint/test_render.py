"""Rendering: the same bytes always, only valid Python, nothing that nobody asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qlf.blueprint import PARTS, render
from qlf.core.spec import Spec, dump_spec

Make = Callable[..., Spec]
OURS = ("backend", "database", "api")


@pytest.mark.parametrize("part", PARTS)
def test_kitchen_sink_renders_to_files_that_compile(kitchen_sink: Spec, part: str) -> None:
    tree = render(part, kitchen_sink)

    for path, file in tree.items():
        if path.endswith(".py"):
            compile(file.data, path, "exec")


@pytest.mark.parametrize("part", OURS)
def test_smallest_spec_renders_to_files_that_compile(make: Make, part: str) -> None:
    for path, file in render(part, make()).items():
        if path.endswith(".py"):
            compile(file.data, path, "exec")


def test_bytes_do_not_depend_on_hash_order_or_clock(kitchen_sink: Spec, tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text(dump_spec(kitchen_sink), encoding="utf-8")
    code = (
        "import sys; from pathlib import Path\n"
        "from qlf.blueprint import render; from qlf.core.spec import load_spec\n"
        "spec = load_spec(Path(sys.argv[1]).read_text(encoding='utf-8'))\n"
        f"print(*(render(part, spec).digest for part in {OURS!r}))\n"
    )

    def digests(seed: str, zone: str) -> str:
        env = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"}
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "app.yaml")],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert digests("1", "UTC") == digests("2", "Asia/Kathmandu") != ""


def test_types_that_nothing_uses_are_left_out(make: Make) -> None:
    types = render("api", make()).text("app/schemas/types.py")
    columns = render("database", make()).text("app/db/types.py")

    assert "Email" in types
    assert not [name for name in ("Phone", "WebAddress", "DecimalText", "Moment", "Keys") if name in types]
    assert "Exact" not in columns


def test_registration_follows_the_spec(make: Make) -> None:
    def line(registration: str) -> str:
        text = render("backend", make(auth={"registration": registration})).text("app/core/config.py")
        return next(line for line in text.splitlines() if "registration_open" in line)

    assert line("open").endswith("= True")
    assert line("closed").endswith("= False")


def test_without_roles_there_is_an_administrator_and_a_user(make: Make) -> None:
    text = render("backend", make()).text("app/policy.py")

    assert 'ADMIN = "admin"' in text
    assert "LOWEST_ROLE = Role.USER" in text


def test_account_has_the_fields_that_the_spec_adds(make: Make) -> None:
    account = {
        "name": "member",
        "account": True,
        "fields": [
            {"name": "email", "type": "email"},
            {"name": "card_no", "unique": True, "max_length": 20},
            {"name": "born_on", "type": "date"},
        ],
    }
    spec = make(entities=[account, {"name": "note", "fields": [{"name": "title"}]}])

    model = render("database", spec).text("app/models/user.py")
    schema = render("api", spec).text("app/schemas/user.py")

    assert "card_no: Mapped[str | None] = mapped_column(String(20))" in model
    assert "card_no_folded: Mapped[str | None] = mapped_column(String(60), unique=True)" in model
    assert model.count("email:") == 1
    assert "born_on: PastDate | None = None" in schema


def test_many_to_many_gets_a_table_and_keys(make: Make) -> None:
    spec = make(
        entities=[{"name": n, "fields": [{"name": "title"}]} for n in ("note", "tag")],
        relations=[{"from": "note", "to": "tag", "name": "tag", "cardinality": "many_to_many"}],
    )

    migration = render("database", spec).text("migrations/versions/0001_initial.py")
    schema = render("api", spec).text("app/schemas/note.py")

    assert 'op.drop_table("notes_tag")' in migration
    assert migration.index('"tags",') < migration.index('"notes_tag",')
    assert "tag_ids: list[UUID]" in schema


def test_tables_are_made_before_those_that_refer_to_them(kitchen_sink: Spec) -> None:
    text = render("database", kitchen_sink).text("migrations/versions/0001_initial.py")
    made: list[str] = []
    for block in text.split("op.create_table(")[1:]:
        name = block.split('"')[1]
        direct = block.split("op.create_index", 1)[0]
        targets = [
            part.split(".id")[0].split('"')[-1]
            for line in direct.split("sa.ForeignKeyConstraint(")[1:]
            if "if postgresql" not in direct[: direct.index(line)].splitlines()[-1]
            for part in [line.split("],", 2)[1]]
        ]
        late = {"departments"} if name == "users" else set()
        assert {target for target in targets if target != name} <= {*made, *late}
        made.append(name)


def test_files_are_data_of_the_spec_alone(make: Make) -> None:
    trees = [render(part, make()) for part in OURS]

    assert all(b"/home/" not in file.data and b"/tmp/" not in file.data for t in trees for file in t.values())
