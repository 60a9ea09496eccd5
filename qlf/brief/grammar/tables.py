"""Data models written as tables: `CREATE TABLE` statements, and Markdown tables below a heading."""

from __future__ import annotations

import re
from dataclasses import replace

from qlf.brief.facts import Facts, FieldFact, Mention, Span
from qlf.brief.grammar.items import parse_hints, split_list
from qlf.brief.lexicon import TYPE_WORDS, Hints, make_field
from qlf.brief.naming import entity_name, field_name
from qlf.brief.tokens import Brief
from qlf.brief.wordlists import word_list
from qlf.core.spec import FieldType, Origin, Source
from qlf.core.words import singular

__all__ = ["find_tables"]

_CREATE = re.compile(
    r"\bcreate table (?:if not exists )?[\"`\[]?(?:\w{1,30}\.)?(\w{1,60})[\"`\]]?\s{0,8}\(", re.IGNORECASE
)
_COLUMN = re.compile(r"\s*[\"`\[]?([A-Za-z]\w{0,60})[\"`\]]?\s+([A-Za-z]\w*)", re.ASCII)
_CONSTRAINT = frozenset(["primary", "foreign", "unique", "constraint", "check", "key", "index", "exclude"])
_SQL_TYPES = {
    "varchar": FieldType.STRING,
    "nvarchar": FieldType.STRING,
    "char": FieldType.STRING,
    "text": FieldType.TEXT,
    "clob": FieldType.TEXT,
    "int": FieldType.INTEGER,
    "integer": FieldType.INTEGER,
    "bigint": FieldType.INTEGER,
    "smallint": FieldType.INTEGER,
    "serial": FieldType.INTEGER,
    "numeric": FieldType.DECIMAL,
    "decimal": FieldType.DECIMAL,
    "real": FieldType.DECIMAL,
    "float": FieldType.DECIMAL,
    "double": FieldType.DECIMAL,
    "money": FieldType.MONEY,
    "boolean": FieldType.BOOLEAN,
    "bool": FieldType.BOOLEAN,
    "bit": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "timestamp": FieldType.DATETIME,
    "timestamptz": FieldType.DATETIME,
    "datetime": FieldType.DATETIME,
    "time": FieldType.TIME,
    "uuid": FieldType.UUID,
}
_HEADS = frozenset(
    ["field", "fields", "column", "name", "attribute", "property", "field name", "column name"]
)


def find_tables(brief: Brief, facts: Facts) -> None:
    """Add the columns of tables as fields."""
    _statements(brief, facts)
    _markdown(brief, facts)


def _statements(brief: Brief, facts: Facts) -> None:
    for match in _CREATE.finditer(brief.text):
        owner = entity_name(match[1])
        if owner is None:
            continue
        depth, end = 1, match.end()
        while end < len(brief.text) and depth and end - match.end() < 20_000:
            depth += {"(": 1, ")": -1}.get(brief.text[end], 0)
            end += 1
        found = False
        for item in split_list(brief.text[match.end() : end - 1]):
            span = (match.end() + item.start, match.end() + item.end)
            found = _column(owner, brief.text[span[0] : span[1]], span, facts) or found
        if found:
            facts.mentions.append(Mention(singular(owner), match.span(), 1.5, "a table with its columns"))


def _column(owner: str, text: str, span: Span, facts: Facts) -> bool:
    match = _COLUMN.match(text)
    if match is None or match[1].lower() in _CONSTRAINT or match[2].lower() not in _SQL_TYPES:
        return False
    name = field_name(match[1])
    if name is None or match[1].lower() in word_list("skip"):
        return False
    lower = text.lower()
    kind = _SQL_TYPES[match[2].lower()]
    size = re.match(r"\s*\(\s*(\d{1,5})\s*\)", text[match.end() :])
    length = int(size[1]) if size and kind is FieldType.STRING and int(size[1]) else None
    hints = Hints(
        type=kind,
        required="not null" in lower,
        unique=bool(re.search(r"\bunique\b", lower)),
        max_length=length,
    )
    _add(owner, name, hints, span, facts, explicit=not name.endswith("_id"))
    return True


def _markdown(brief: Brief, facts: Facts) -> None:
    """Rows of `| field | type | … |`; the entity stands in the heading above or before the table."""
    owner: str | None = None
    columns: list[str] = []
    title = ""
    for sentence in brief.sentences:
        if not sentence.text.startswith("|"):
            title, columns = sentence.text.strip(" :#*`"), []
            continue
        cells = [cell.strip(" `*") for cell in sentence.text.strip("|").split("|")]
        if not columns:
            columns = [cell.lower() for cell in cells]
            words = re.sub(
                r"\b(?:table|entity|fields?|model|the|of)\b", " ", title, flags=re.IGNORECASE
            ).split()
            owner = entity_name(" ".join(words)) if 1 <= len(words) <= 3 else None
            continue
        if owner is None or columns[0] not in _HEADS or all(set(cell) <= set("-: ") for cell in cells):
            continue
        name = field_name(cells[0]) if cells[0] else None
        if name is None or cells[0].lower() in word_list("skip"):
            continue
        span = (sentence.start, sentence.end)
        hints = parse_hints(", ".join(cells[1:]), choices=False)
        if hints.type is None and len(cells) > 1 and cells[1].lower() in TYPE_WORDS:
            hints = replace(hints, type=TYPE_WORDS[cells[1].lower()])
        _add(owner, name, hints, span, facts, explicit=hints.type is not None and not name.endswith("_id"))
        facts.mentions.append(Mention(singular(owner), span, 1.5, "a table of its fields"))


def _add(owner: str, name: str, hints: Hints, span: Span, facts: Facts, *, explicit: bool) -> None:
    source = Source(origin=Origin.BRIEF, detail="column of a table", span=span, confidence=0.95)
    field = make_field(name, hints=hints, source=source)
    facts.fields.append(
        FieldFact(singular(owner), name, plural=False, field=field, span=span, explicit=explicit)
    )
