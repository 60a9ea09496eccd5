"""What stands around the data: messages, jobs, pages, integrations, qualities, overlays, questions."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field as F

from qlf.core.spec.base import Element, Name, Text, Title, Word

__all__ = [
    "Criterion",
    "Feature",
    "Integration",
    "Job",
    "Notification",
    "OverlayChoice",
    "Page",
    "PageKind",
    "Quality",
    "Question",
    "Retention",
]


class Feature(Element):
    """A capability in one word, such as `search`, `checkout` or `audit_log`."""

    name: Word
    description: Text = ""


class Notification(Element):
    """A message to people when something happens."""

    name: Name
    entity: Name
    event: Word
    """`create`, `update`, `delete` or the name of a transition or operation."""
    channel: Literal["email", "in_app", "webhook", "sms"] = "email"
    to: Text = ""
    text: Text = ""


class Job(Element):
    """Work that runs by itself on a schedule."""

    name: Name
    entity: Name | None = None
    schedule: Annotated[str, F(max_length=64)]
    """Five cron fields, UTC."""
    description: Text = ""


class Retention(Element):
    """How long rows are kept, and what happens then."""

    entity: Name
    days: Annotated[int, F(ge=1, le=36_600)]
    after: Name = "created_at_time"
    """Date or time field from which the days count; `created_at_time` is the moment of creation."""
    action: Literal["delete", "anonymize"] = "delete"


class PageKind(StrEnum):
    """The kinds of page that a front end knows."""

    LIST = "list"
    DETAIL = "detail"
    FORM = "form"
    DASHBOARD = "dashboard"
    REPORT = "report"
    PUBLIC = "public"


class Page(Element):
    """A page of the user interface."""

    name: Name
    kind: PageKind
    entity: Name | None = None
    title: Title | None = None


class Integration(Element):
    """A system of somebody else that the application talks to."""

    name: Name
    kind: Name
    """`payment_gateway`, `mail`, `sms`, `storage`, `identity`, `webhook`, …"""
    description: Text = ""


class Quality(Element):
    """A requirement on how well: latency, availability, volume, language."""

    name: Name
    value: Text


class OverlayChoice(Element):
    """An overlay that applies, how sure that is, and why."""

    name: Annotated[str, F(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=48)]
    confidence: Annotated[float, F(ge=0, le=1)]
    reason: Text


class Criterion(Element):
    """Something the finished application must do, in words that a test can be named after."""

    name: Name
    text: Text
    entity: Name | None = None


class Question(Element):
    """What the brief left open, the assumption taken, and how to change it."""

    name: Name
    text: Text
    assumption: Text
    change: Text
    """What to edit, such as `set auth.registration to closed`."""
