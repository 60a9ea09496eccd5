"""A secret shows itself only to who asks for it by name."""

from __future__ import annotations

import copy
import json
import logging
import pickle

import pytest

from qlf.ledger.keys.model import OpenKey
from qlf.ledger.keys.secret import SecretText

CANARY = "canary-5f2b-canary-5f2b"


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{:>40}".format, "%s".__mod__, "%r".__mod__, ascii])
def test_a_secret_is_hidden_however_it_is_shown(show):
    assert CANARY not in show(SecretText(CANARY))
    assert CANARY not in repr(OpenKey("main", "openai_compatible", 1, {"api_key": SecretText(CANARY)}))


@pytest.mark.parametrize("save", [pickle.dumps, json.dumps, bytes, hash, list, "-".join])
def test_a_secret_cannot_be_saved_or_taken_apart(save):
    with pytest.raises(TypeError) as caught:
        save(SecretText(CANARY))
    assert CANARY not in str(caught.value)


def test_a_secret_in_a_log_record_and_in_an_exception_is_hidden(caplog):
    logging.getLogger("x").warning("key %s %r", SecretText(CANARY), {"a": SecretText(CANARY)})
    assert CANARY not in caplog.text
    assert CANARY not in str(ValueError(SecretText(CANARY)))


def test_secrets_are_equal_by_their_text_and_never_equal_to_a_plain_one():
    assert SecretText("é-a") == SecretText("é-a")
    assert SecretText("a") != SecretText("b")
    assert SecretText("a") != "a"


def test_a_copy_is_the_secret_itself():
    one = SecretText(CANARY)
    assert copy.deepcopy({"a": one})["a"] is one
    assert copy.copy(one) is one


def test_only_a_long_key_shows_its_tail():
    assert SecretText("x" * 19).tail() == ""
    assert SecretText("x" * 16 + "tail").tail() == "tail"
