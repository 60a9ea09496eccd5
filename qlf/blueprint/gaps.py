"""What a spec asks for and this blueprint does not build, so that nothing is left out in silence.

Every gap is told to the user when the application is made, and stands in the application's own list of
assumptions. A feature is a gap only if it needs code of its own: `orders` or `inventory` are entities.
"""

from __future__ import annotations

from dataclasses import dataclass

from qlf.core.spec import AppKind, Spec

__all__ = ["Gap", "gaps"]

_FEATURES = {
    "accessibility": "there is no front end whose accessibility could be tested",
    "admin_ui": "there is an API for administrators and no pages",
    "anonymization": "rows are deleted, not anonymised",
    "audit_log": "changes are in the log lines of requests, not in an append-only audit log",
    "backup": "the runbook says how to back up; nothing does it on a schedule",
    "barcode": "codes are kept as text; no image is made or read",
    "bulk_update": "rows are changed one at a time",
    "calendar": "dates can be listed and filtered; there is no calendar view or feed",
    "charts": "there are no charts",
    "csv_export": "lists are JSON; there is no CSV export",
    "csv_import": "rows are created one at a time; there is no import",
    "dashboard": "there is no dashboard",
    "data_export": "people cannot download all of their data in one piece",
    "email": "no mail is sent",
    "email_verification": "e-mail addresses are not verified",
    "encryption": "fields are not encrypted by the application; passwords are hashed",
    "erasure": "an account can be deleted; there is no erasure request across entities",
    "escalation": "nothing is escalated by itself",
    "excel_export": "lists are JSON; there is no spreadsheet export",
    "external_integration": "no system outside the application is called",
    "feed": "there is no personal feed",
    "file_upload": "no files are accepted",
    "geo": "places are kept as values; nothing is searched by distance and no map is drawn",
    "graphql": "the API is REST; there is no GraphQL endpoint",
    "history_versioning": "earlier versions of a row are not kept",
    "i18n": "messages are English",
    "idempotency": "a repeated creation is not recognised by an idempotency key",
    "image_upload": "no images are accepted",
    "low_stock_alert": "a low number is visible in lists; nobody is alerted",
    "masking": "classified fields are shown to everybody who may read the row",
    "matching": "nothing is matched by itself",
    "mfa": "there is no second factor",
    "moderation": "there is no moderation queue",
    "multi_tenancy": "rows belong to accounts, not to tenants",
    "notifications": "nobody is notified",
    "password_reset": "a forgotten password is replaced by an administrator, not by mail",
    "payments": "payments are recorded; no payment provider is called",
    "pdf_export": "no PDF is made",
    "qr_code": "no QR code is made or read",
    "realtime": "clients ask; nothing is pushed to them",
    "recommendations": "nothing is recommended",
    "reminders": "nobody is reminded",
    "reports": "there are lists with filters and no reports",
    "retention": "rows are kept until somebody deletes them",
    "retry": "nothing is retried by itself",
    "sla": "no deadline is watched",
    "sms": "no text message is sent",
    "statistics": "there are lists with filters and no statistics",
    "tax": "no tax is computed",
    "theme": "there is no front end that could have a look",
    "tokenization": "a card is kept as the token that somebody else made; the application makes none",
    "webhook": "no webhook is sent or received",
    "wizard": "there is no front end that could guide step by step",
}
"""Feature to what is missing, in words that complete 'not built:'."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that was asked for and is not built."""

    name: str
    """What the spec calls it."""
    text: str

    def to_json(self) -> dict[str, str]:
        """Plain data."""
        return {"name": self.name, "text": self.text}


def gaps(spec: Spec) -> tuple[Gap, ...]:
    """Everything that `spec` asks for and the blueprint does not build, in the order of the spec."""
    found = []
    if spec.app.kind is AppKind.WEB:
        found.append(Gap("front_end", "the application is an API; there are no pages"))
    found += [Gap(item.name, _FEATURES[item.name]) for item in spec.features if item.name in _FEATURES]
    found += [
        Gap(item.name, f"the controls of {item.name} are not applied or checked") for item in spec.overlays
    ]
    found += [
        Gap(rule.name, f"nothing enforces: {rule.text or rule.name}")
        for rule in spec.rules
        if rule.kind == "other"
    ]
    named = {gap.name for gap in found}
    for part, says in (
        (spec.notifications, "nobody is notified"),
        (spec.jobs, "nothing runs on a schedule"),
        (spec.integrations, "this system is not called"),
    ):
        found += [Gap(item.name, says) for item in part if item.name not in named]
    found += [Gap(item.entity, "old rows are not removed by themselves") for item in spec.retention]
    return tuple(found)
