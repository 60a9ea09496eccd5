"""What the name of a field says about its type, unit, bounds and sensitivity."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import lru_cache

from qlf.core.spec import Classification, Field, FieldType, Source

__all__ = ["Hints", "TYPE_WORDS", "is_known", "make_field"]

T = FieldType
C = Classification


@dataclass(frozen=True, slots=True)
class Hints:
    """What the brief says about a field besides its name."""

    type: FieldType | None = None
    required: bool | None = None
    unique: bool = False
    read_only: bool = False
    choices: tuple[str, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    min_length: int | None = None
    max_length: int | None = None
    default: bool | int | str | None = None
    unit: str | None = None

    @property
    def has_type(self) -> bool:
        """Whether a type, values or a constraint was named."""
        return self != Hints() and (
            self.type is not None or bool(self.choices) or self.unique or self.minimum is not None
        )

    def joined(self, other: Hints) -> Hints:
        """These hints, completed by those of `other`."""
        values = {}
        for item in fields(self):
            mine = getattr(self, item.name)
            values[item.name] = mine if mine not in (None, False, ()) else getattr(other, item.name)
        return Hints(**values)


@dataclass(frozen=True, slots=True)
class _Shape:
    type: FieldType = T.STRING
    optional: bool = False
    unique: bool = False
    minimum: str | None = None
    maximum: str | None = None
    max_length: int | None = None
    pattern: str | None = None
    unit: str | None = None
    classification: Classification = C.INTERNAL
    search: bool = False
    filter: bool = False
    rename: str | None = None
    read_only: bool = False
    scale: int = 2
    choices: tuple[str, ...] = ()


def _shapes() -> tuple[tuple[re.Pattern[str], _Shape], ...]:
    """First match wins; the pattern is tried against the end of the snake_case name."""
    table: list[tuple[str, _Shape]] = [
        (
            r"e_?mail(?:_address)?|mail_address",
            _Shape(T.EMAIL, max_length=254, classification=C.PERSONAL, search=True, rename="email"),
        ),
        (
            r"phone(?:_number)?|mobile(?:_number)?|telephone(?:_number)?|cell|fax",
            _Shape(T.PHONE, max_length=32, classification=C.PERSONAL),
        ),
        (
            r"photo|image|picture|avatar|logo|thumbnail|cover|screenshot|video|gallery",
            _Shape(T.URL, optional=True, rename="{}_url"),
        ),
        (r"attachment|file|document|upload|pdf|scan", _Shape(T.URL, optional=True, rename="{}_url")),
        (r"url|website|web_site|homepage|link|linkedin|portfolio", _Shape(T.URL, optional=True)),
        (
            r"(?:credit_)?card_number|pan|primary_account_number",
            _Shape(
                T.STRING,
                pattern=r"^[0-9]{4}$",
                max_length=4,
                classification=C.CARDHOLDER,
                rename="card_last4",
            ),
        ),
        (
            r"iban",
            _Shape(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$", max_length=34, classification=C.SENSITIVE),
        ),
        (r"bic|swift(?:_code)?", _Shape(pattern=r"^[A-Z0-9]{8}(?:[A-Z0-9]{3})?$", max_length=11)),
        (r"vin", _Shape(pattern=r"^[A-HJ-NPR-Z0-9]{17}$", max_length=17, unique=True, search=True)),
        (r"sku", _Shape(max_length=40, unique=True, search=True)),
        (r"isbn", _Shape(pattern=r"^[0-9]{9}[0-9X]$|^[0-9]{13}$", max_length=13, unique=True, search=True)),
        (r"barcode|ean|upc|gtin", _Shape(pattern=r"^[0-9]{8,14}$", max_length=14, unique=True, search=True)),
        (r"imei", _Shape(pattern=r"^[0-9]{15}$", max_length=15, unique=True)),
        (r"serial(?:_number|_no)?", _Shape(max_length=60, unique=True, search=True)),
        (
            r"(?:license|licence|number|registration)_plate|plate(?:_number)?|registration_(?:number|no|mark)",
            _Shape(max_length=16, unique=True, search=True),
        ),
        (
            r"(?:order|invoice|ticket|case|policy|claim|contract|account|customer|member|membership|employee|student|room|table|tracking|reference|batch|lot|part|asset|flight|document|patient|medical_record|tax|vat|receipt|library_card|card|permit|loan|bill|seat)_(?:number|no|nr|code|id)",
            _Shape(max_length=40, unique=True, search=True),
        ),
        (
            r"ssn|social_security(?:_number)?|national_id|passport(?:_number)?|tax_id|vat_(?:id|number)|(?:driver_?s?_)?licen[cs]e(?:_number)?|npi",
            _Shape(max_length=40, classification=C.SENSITIVE),
        ),
        (r"password|secret|api_key|pin|token|access_key", _Shape(max_length=200, classification=C.SECRET)),
        (r"uuid|guid", _Shape(T.UUID)),
        (
            r"diagnosis|symptoms?|allerg(?:y|ies)|medications?|medicines?|treatment|blood_type|blood_group|medical_history|vital_signs|test_results?|findings|immuni[sz]ations?|conditions",
            _Shape(T.TEXT, optional=True, max_length=4000, classification=C.HEALTH),
        ),
        (r"dosage|dose", _Shape(max_length=120, classification=C.HEALTH)),
        (
            r"(?:interest|tax|vat|success|conversion|commission|discount|growth|completion|win|exchange|occupancy|utili[sz]ation)_rate|percent(?:age)?|discount|probability|share|progress|margin|markup",
            _Shape(T.DECIMAL, minimum="0", maximum="100", unit="%"),
        ),
        (
            r"heart_rate|pulse",
            _Shape(T.INTEGER, minimum="0", maximum="400", unit="bpm", classification=C.HEALTH),
        ),
        (r"temperature", _Shape(T.DECIMAL, minimum="-273", maximum="10000", unit="°C")),
        (r"weight", _Shape(T.DECIMAL, minimum="0", unit="kg", scale=3)),
        (r"(?:height|width|length|depth)", _Shape(T.DECIMAL, minimum="0", unit="cm")),
        (
            r"area|square_(?:meters|metres|footage|feet)|surface|size_m2",
            _Shape(T.DECIMAL, minimum="0", unit="m²"),
        ),
        (r"distance|range_km", _Shape(T.DECIMAL, minimum="0", unit="km")),
        (r"mileage|odometer", _Shape(T.INTEGER, minimum="0", unit="km")),
        (r"value|measurement|reading", _Shape(T.DECIMAL, scale=4)),
        (r"latitude|lat", _Shape(T.DECIMAL, minimum="-90", maximum="90", scale=6)),
        (r"longitude|lng|lon", _Shape(T.DECIMAL, minimum="-180", maximum="180", scale=6)),
        (r"rating|stars", _Shape(T.INTEGER, minimum="1", maximum="5", filter=True)),
        (
            r"(?:price|cost|costs|amount|fee|fees|salary|wage|wages|deposit|balance|budget|premium|fare|fine|rent|revenue|subtotal|total|payment|donation|bonus|tip|charge|bid|tax|income|allowance|expenses?|spend|commission|(?:daily|hourly|weekly|monthly|yearly|annual|nightly|day|rental|labou?r|unit|base|pay|billing)_rate|rate|credit_limit)(?:_(?:per_\w+|due|paid|net|gross|total|amount))?",
            _Shape(T.MONEY, minimum="0"),
        ),
        (r"(?:price|cost|rate|fee|charge|rent|pay)_(?:per|by)_\w+", _Shape(T.MONEY, minimum="0")),
        (
            r"quantity|qty|count|number_of_\w+|no_of_\w+|stock(?:_level|_quantity)?|on_hand|reorder_(?:level|point)|threshold|age|capacity|seats|guests|party_size|people|bedrooms|bathrooms|rooms|floors?|pages?|points|score|copies|units|max_\w+|min_\w+|attempts|version|credits|copies_owned|headcount|team_size|position|rank|sort_order|views|likes|votes|servings|calories|sets|reps|bottles|weeks|days|months|years",
            _Shape(T.INTEGER, minimum="0", maximum="1000000000"),
        ),
        (
            r"year(?:_of_\w+)?|(?:model|publication|build|production)_year",
            _Shape(T.INTEGER, minimum="1000", maximum="9999"),
        ),
        (
            r"hours?(?:_worked)?|working_hours|labou?r_hours|man_hours",
            _Shape(T.DECIMAL, minimum="0", maximum="100000", unit="h"),
        ),
        (
            r"duration|minutes|(?:cooking|prep|preparation|lead|estimated)_time|length_minutes|time_spent",
            _Shape(T.DURATION, minimum="0", maximum="5256000"),
        ),
        (
            r"birthday|date_of_birth|birth_?date|dob",
            _Shape(T.DATE, classification=C.PERSONAL, rename="birth_date"),
        ),
        (
            r"timestamp|date_?time|(?:\w+_)?at|date_and_time|starts?_date_time|last_(?:seen|login|notification|updated)|scheduled_time|appointment_time|event_time|check_(?:in|out)_time|pick_?up_time|departure(?:_time)?|arrival(?:_time)?",
            _Shape(T.DATETIME, filter=True),
        ),
        (r"start(?:ing)?_time|end(?:ing)?_time", _Shape(T.DATETIME, filter=True)),
        (
            r"(?:opening|closing|open|close|pick_?up|delivery)_(?:time|hour)|time(?:_slot)?|time_of_day",
            _Shape(T.TIME),
        ),
        (
            r"(?:\w+_)?date(?:_of_\w+)?|deadline|due|expiry|expiration|expires(?:_on)?|(?:\w+_)?on|valid_(?:from|until|to)|check_(?:in|out)|date_\w+|dates|starts?|ends?|period_(?:start|end)",
            _Shape(T.DATE, filter=True),
        ),
        (
            r"is_\w+|has_\w+|active|enabled|verified|published|completed|done|archived|billable|featured|urgent|refundable|approved|paid|vaccinated|insured|taxable|in_stock|checked_in|checked|read|anonymous|recurring|mandatory|damaged",
            _Shape(T.BOOLEAN, filter=True),
        ),
        (
            r"description|notes?|comments?|body|content|message|bio(?:graphy)?|summary|instructions?|details|remarks?|abstract|explanation|feedback|terms|specifications?|resolution|observations?|answer|requirements?|agenda|history|steps|ingredients|lyrics|transcript|review|text|reason|outcome|additional_information|information|info|contact_info(?:rmation)?|contact_details",
            _Shape(T.TEXT, optional=True, max_length=4000),
        ),
        (r"(?:\w+_)?address", _Shape(max_length=300, classification=C.PERSONAL)),
        (r"zip(?:_code)?|post_?(?:al_?)?code", _Shape(max_length=12)),
        (r"country(?:_code)?|currency(?:_code)?", _Shape(max_length=60, filter=True)),
        (r"priority|urgency", _Shape(T.ENUM, choices=("low", "medium", "high"), filter=True)),
        (r"severity", _Shape(T.ENUM, choices=("low", "medium", "high", "critical"), filter=True)),
        (r"condition", _Shape(T.ENUM, choices=("new", "good", "fair", "damaged"), filter=True)),
        (r"difficulty", _Shape(T.ENUM, choices=("easy", "medium", "hard"), filter=True)),
        (r"gender|sex", _Shape(max_length=40, classification=C.PERSONAL, optional=True)),
        (
            r"(?:first|last|middle|family|given|full|sur|contact|guest|customer|client|patient|driver|holder|cardholder|author)_?name",
            _Shape(max_length=120, classification=C.PERSONAL, search=True),
        ),
        (
            r"(?:user_?|nick_?|screen_)name|handle|login",
            _Shape(max_length=60, unique=True, classification=C.PERSONAL, search=True),
        ),
        (r"slug", _Shape(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=120, unique=True)),
        (r"code", _Shape(max_length=40, unique=True, search=True)),
        (
            r"name|title|subject|headline|label|author|artist|brand|manufacturer|make|model|publisher|question",
            _Shape(max_length=160, search=True),
        ),
        (
            r"type|category|kind|genre|department|speciali[sz]ation|specialty|location|city|colou?r|size|region|state|tags?|species|breed|unit|language|level|grade|class|position_title|role|group|section",
            _Shape(max_length=80, filter=True),
        ),
    ]
    return tuple((re.compile(rf"(?:.*_)?(?:{pattern})\Z"), shape) for pattern, shape in table)


TYPE_WORDS: dict[str, FieldType] = {
    "string": T.STRING, "str": T.STRING, "varchar": T.STRING, "char": T.STRING,
    "text": T.TEXT, "longtext": T.TEXT, "markdown": T.TEXT, "html": T.TEXT,
    "int": T.INTEGER, "integer": T.INTEGER, "number": T.INTEGER, "bigint": T.INTEGER, "whole number": T.INTEGER,
    "decimal": T.DECIMAL, "float": T.DECIMAL, "double": T.DECIMAL, "numeric": T.DECIMAL,
    "money": T.MONEY, "currency": T.MONEY, "bool": T.BOOLEAN, "boolean": T.BOOLEAN, "yes/no": T.BOOLEAN, "flag": T.BOOLEAN,
    "date": T.DATE, "datetime": T.DATETIME, "timestamp": T.DATETIME, "date-time": T.DATETIME, "time": T.TIME,
    "duration": T.DURATION, "email": T.EMAIL, "e-mail": T.EMAIL, "phone": T.PHONE, "url": T.URL, "link": T.URL,
    "uuid": T.UUID, "enum": T.ENUM, "list": T.STRING,
}  # fmt: skip
"""Words that name a type in a brief."""

_TEXTUAL = {T.STRING, T.TEXT, T.EMAIL, T.PHONE, T.URL}
_NUMERIC = {T.INTEGER, T.DECIMAL, T.MONEY, T.DURATION}


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[re.Pattern[str], _Shape], ...]:
    return _shapes()


@lru_cache(maxsize=2048)
def _shape(name: str) -> _Shape:
    for pattern, shape in _table():
        if pattern.match(name):
            return shape
    return _Shape(max_length=200)


def is_known(name: str) -> bool:
    """Whether the name itself says what kind of field it is."""
    return any(pattern.match(name) for pattern, _ in _table())


def make_field(
    name: str, *, hints: Hints = Hints(), person: bool = False, source: Source | None = None
) -> Field:
    """A field of that name with the type and bounds that the name and the hints call for.

    Args:
        name: Valid snake_case name.
        hints: What the brief said; it wins over what the name suggests.
        person: Whether the entity is a person, which makes a plain name personal data.
        source: Where the field came from.
    """
    shape = _shape(name)
    if hints.choices:
        shape = replace(shape, type=T.ENUM, filter=True)
    elif hints.type is not None and hints.type is not T.ENUM and hints.type is not shape.type:
        # The brief names the storage type; a finer type of the same family stays (e-mail is a string).
        finer = (hints.type is T.STRING and shape.type in _TEXTUAL) or (
            hints.type is T.DECIMAL and shape.type is T.MONEY
        )
        finer = finer or (hints.type is T.INTEGER and shape.type in (T.DURATION, T.INTEGER))
        if not finer:
            shape = replace(
                shape, type=hints.type, pattern=None, unit=None, minimum=None, maximum=None, choices=()
            )
    kind = shape.type
    choices = hints.choices or shape.choices
    if shape.rename and kind is shape.type and not hints.choices:
        name = shape.rename.format(name)
    textual, numeric = kind in _TEXTUAL, kind in _NUMERIC
    length = {T.STRING: 200, T.TEXT: 4000, T.EMAIL: 254, T.PHONE: 32, T.URL: 500}.get(kind)
    minimum = (
        hints.minimum if hints.minimum is not None else (Decimal(shape.minimum) if shape.minimum else None)
    )
    maximum = (
        hints.maximum if hints.maximum is not None else (Decimal(shape.maximum) if shape.maximum else None)
    )
    if minimum is not None and maximum is not None and minimum > maximum:
        minimum, maximum = (hints.minimum, None) if hints.minimum is not None else (None, hints.maximum)
    max_length = hints.max_length or shape.max_length or length
    min_length = hints.min_length
    if min_length is not None and max_length is not None and min_length > max_length:
        max_length = None
    required = hints.required if hints.required is not None else not (shape.optional or kind is T.BOOLEAN)
    default = hints.default
    if kind is T.BOOLEAN and default is None:
        default, required = name in ("is_active", "active", "enabled"), True
    if kind is T.ENUM and default is not None and default not in choices:
        default = None
    classification = shape.classification
    if person and name in ("name", "title") and classification is C.INTERNAL:
        classification = C.PERSONAL
    return Field(
        name=name,
        type=kind,
        required=required,
        unique=(hints.unique or shape.unique) and kind not in (T.BOOLEAN, T.TEXT, T.ENUM),
        read_only=hints.read_only or shape.read_only,
        minimum=minimum if numeric else None,
        maximum=maximum if numeric else None,
        min_length=min_length if textual else None,
        max_length=max_length if textual else None,
        pattern=shape.pattern if textual else None,
        scale=shape.scale if kind in (T.DECIMAL, T.MONEY) else 2,
        choices=choices if kind is T.ENUM else (),
        default=default,
        unit=(hints.unit or shape.unit) if numeric else None,
        classification=classification,
        searchable=shape.search and textual,
        sortable=kind not in (T.TEXT, T.URL),
        filterable=shape.filter or kind is T.ENUM,
        source=source,
    )
