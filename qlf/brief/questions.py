"""What the brief left open: each question with the assumption taken and how to change it."""

from __future__ import annotations

import re

from qlf.brief.choose import Vocabulary
from qlf.brief.draft import Draft
from qlf.brief.facts import Facts
from qlf.brief.surroundings import INVITED, opens_registration
from qlf.brief.tokens import Brief
from qlf.core.spec import (
    Auth,
    FieldType,
    Origin,
    Question,
    Registration,
    Source,
)
from qlf.core.words import title

__all__ = ["ask_questions"]


def ask_questions(brief: Brief, facts: Facts, words: Vocabulary, draft: Draft, auth: Auth) -> None:
    """Add what the brief left open to the questions of the draft."""
    default = Source(origin=Origin.DEFAULT, detail="left open by the brief", confidence=0.6)
    if auth.enabled and not (opens_registration(brief, facts) or INVITED.search(brief.text)):
        is_open = auth.registration is Registration.OPEN
        draft.ask(
            Question(
                name="registration",
                text="May anybody create an account?",
                assumption="Yes; a new account gets the default role."
                if is_open
                else "No; an administrator creates the accounts.",
                change=f"set auth.registration to {'closed' if is_open else 'open'}",
                source=default,
            )
        )
    for item in words.chosen[:1]:
        for name, question in item.pack.questions.items():
            if all(entity in draft.entities for entity in question.needs):
                draft.ask(
                    Question(
                        name=name,
                        text=question.text,
                        assumption=question.assumption,
                        change=question.change,
                        source=item.pack.source("left open", 0.7),
                    )
                )
    money = next(
        (
            entity.name
            for entity in draft.entities.values()
            for field in entity.fields.values()
            if field.type is FieldType.MONEY
        ),
        None,
    )
    if money and not re.search(
        r"\b(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?|currency|currencies)\b|[€$£]", brief.text
    ):
        draft.ask(
            Question(
                name="currency",
                text="In which currency are amounts?",
                assumption="All amounts are in one currency, which the application does not name.",
                change="add a field currency to the entities with amounts",
                source=default,
            )
        )
    guessed = [
        entity.name
        for entity in draft.entities.values()
        if any(f.source and f.source.origin is Origin.DEFAULT for f in entity.fields.values())
    ]
    for name in guessed[:8]:
        draft.ask(
            Question(
                name=f"fields_of_{name}"[:48].rstrip("_"),
                text=f"What should be kept about each {title(name).lower()}?",
                assumption=f"The usual: {', '.join(draft.entities[name].fields)}.",
                change=f"edit the fields of the entity {name}",
                source=default,
            )
        )
    uploads = [
        f"{entity.name}.{field}"
        for entity in draft.entities.values()
        for field in entity.fields
        if field.endswith(
            ("photo_url", "image_url", "document_url", "file_url", "attachment_url", "picture_url")
        )
    ]
    if uploads:
        draft.ask(
            Question(
                name="uploads",
                text="Should files be uploaded into the application?",
                assumption=f"Files stay where they are; {uploads[0]} holds their address.",
                change=f"replace the field {uploads[0]}",
                source=default,
            )
        )
