"""Whatever text comes in: a valid spec or an `InputError`, never anything else."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qlf.brief import compile_brief, explain
from qlf.core.spec import dump_spec, load_spec
from qlf.errors import InputError

BRIEFS = """\
Create a REST API for user management with authentication
===
We rent out equipment. Keep customers with name, e-mail and phone. Items have a serial number, a daily rate
and a condition. A rental belongs to a customer and an item, has a start date, an end date, a status
(reserved,
picked up, returned, cancelled) and a deposit. When an item comes back damaged, staff write a damage report
with
description and repair cost.
===
An online shop with products, a cart, orders and stock.
===
PCI-compliant payment processor with fraud detection
===
HIPAA patient portal
===
car workshop: customers bring cars, mechanics work on repair jobs with parts and labour, finished jobs are
invoiced
===
Product: id, name (string, required), sku (string, unique), price (decimal, required).
Category: id, name.
A product belongs to one category. Price must be non-negative. SKU must be unique. At most 5 products per
category.
===
As a librarian, I want to add books with title, author and ISBN. As a member I can borrow up to 3 books.
Loan: draft -> active -> returned. Claims above 500 must be approved by a manager. No login is needed.
===
| entity | fields |
|---|---|
| task | title, due date |

- Tasks have a priority (low, medium, high)
- no deleting
"""
SAMPLES = tuple(BRIEFS.split("===\n"))
HEAP = """
a the each every users customers orders order items item with has have belongs to and or , . ; : ( ) name
price status
unique must be at most 3 per can create view their own -> pending approved class id import list session
token account
no without login REST API portal invoice invoiced -- {{7*7}} ../../x \u202e - | # return paid overlap from
metadata
self registry created_at user role admin public manager staff table settings 500 above by approved number of
"""
WORDS = st.sampled_from(HEAP.split(" "))
NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\Z")


def check(text: str, *, written: bool = False) -> None:
    try:
        spec = compile_brief(text)
    except InputError:
        return
    if written:
        assert load_spec(dump_spec(spec)) == spec
    for entity in spec.entities:
        assert NAME.match(entity.name)
        assert entity.fields or entity.account
    for row in explain(spec):
        assert 0 <= row.confidence <= 1
        assert "\n" not in row.words


@given(st.text(max_size=400))
@example("\ud800 shop")
@example("manage \x85 orders")
@example("   leading spaces\n\n  shop with products: \t trailing ")
@example("manage ß, øre and ÆON items")
@settings(max_examples=100, deadline=None)
def test_any_text_gives_a_spec_or_an_input_error(text: str) -> None:
    check(text, written=True)


@given(st.lists(WORDS, min_size=1, max_size=60))
@settings(max_examples=250, deadline=None)
def test_any_heap_of_brief_words_gives_a_spec_or_an_input_error(words: list[str]) -> None:
    check(" ".join(words))


@given(st.sampled_from(SAMPLES), st.integers(0, 500), st.integers(0, 500), st.sampled_from(SAMPLES))
@settings(max_examples=100, deadline=None)
def test_random_cuts_of_briefs_give_a_spec_or_an_input_error(
    first: str, start: int, end: int, second: str
) -> None:
    check(first[start % len(first) :] + second[: end % len(second)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "hello",
        "asdf qwer",
        "!!! ... ???",
        "\U0001f600\U0001f600",
        "x" * 100_001,
        "shop\x00with products",
        "\ud800",
        "12345",
        "\x01\x02\x03\x04 orders",
        "日本語のテキスト",
    ],
)
def test_a_brief_that_names_nothing_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_brief(text)
    assert caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "attack",
    [
        "{{7*7}}",
        '"; import os; os.system("x")',
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "name: !!python/object:os.system",
        "us\u202eresu",
        "a\u200bb",
        "${jndi:ldap://x}",
        "'; DROP TABLE users; --",
        "__class__",
        "%s%n",
    ],
)
def test_hostile_words_never_become_names(attack: str) -> None:
    spec = compile_brief(
        f"Manage {attack} and books. Books have a title, {attack} and a price. As a {attack}, "
        f"I can create {attack}s."
    )
    names = [entity.name for entity in spec.entities]
    names += [field.name for entity in spec.entities for field in entity.fields]
    names += [relation.name for relation in spec.relations] + [role.name for role in spec.roles]
    assert all(NAME.match(name) for name in names)
    assert not re.search("[\u200b-\u200f\u202a-\u202e]", spec.brief)


@pytest.mark.parametrize(
    "unit",
    [
        "and ",
        "a, ",
        "no ",
        "the status is a or ",
        "x (",
        "-> a ",
        "roles: a and b, ",
        "customers with ",
        "more than ",
        "a b c d ",
        ". ",
        "\n- ",
        "must be ",
    ],
)
def test_long_repetitions_take_linear_time(unit: str) -> None:
    started = time.process_time()
    check("shop with products " + unit * (8_000 // len(unit)))
    assert time.process_time() - started < 5


@given(st.sampled_from(SAMPLES), st.text(alphabet=" \n\t-:#>|'\"%@`{}[]&*!?,x\x85\u2028", max_size=30))
@settings(max_examples=15, deadline=None)
def test_a_spec_of_any_brief_survives_being_written(sample: str, noise: str) -> None:
    check(noise + sample + noise + "\n" + noise, written=True)


def test_the_same_brief_gives_the_same_spec() -> None:
    for text in SAMPLES:
        assert compile_brief(text).digest == compile_brief(text).digest


@pytest.mark.parametrize(
    "text",
    [
        "Eine Werkstatt: Kunden bringen Autos, und die Mechaniker arbeiten mit Teilen für den Kunden",
        "Une boutique avec des produits et des commandes pour les clients et le stock dans un panier",
        "Um zorro azul e um gato dos vizinhos correm para uma floresta com medo dos lobos",
    ],
)
def test_another_language_is_refused_rather_than_half_understood(text: str) -> None:
    with pytest.raises(InputError, match="English"):
        compile_brief(text)


def test_portuguese_is_read_through_a_word_list_and_says_so() -> None:
    spec = compile_brief(
        "Um sistema de gestão para uma escola com cadastro de alunos e notas dos professores"
    )
    assert {"student", "grade"} <= {entity.name for entity in spec.entities}
    assert "students" in spec.brief
    [question] = [item for item in spec.questions if item.name == "language"]
    assert "Portuguese" in question.text


def test_foreign_words_in_an_english_brief_are_fine() -> None:
    spec = compile_brief(
        "A shop for crêpes à la carte with products, a cart and orders, run by la Tour und Söhne"
    )
    assert "product" in {entity.name for entity in spec.entities}
