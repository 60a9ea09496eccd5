"""The table of field names: what type, bounds and sensitivity each ending of a name suggests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from qlf.core.spec import Classification, FieldType

__all__ = ["Shape", "shape_table"]


T = FieldType
C = Classification


@dataclass(frozen=True, slots=True)
class Shape:
    """What the name of a field suggests."""

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


def _shapes() -> tuple[tuple[re.Pattern[str], Shape], ...]:
    """First match wins; the pattern is tried against the end of the snake_case name."""
    table: list[tuple[str, Shape]] = [
        (
            r"e_?mail(?:_address)?|mail_address",
            Shape(T.EMAIL, max_length=254, classification=C.PERSONAL, search=True, rename="email"),
        ),
        (
            r"phone(?:_number)?|mobile(?:_number)?|telephone(?:_number)?|cell|fax",
            Shape(T.PHONE, max_length=32, classification=C.PERSONAL),
        ),
        (
            r"photo|image|picture|avatar|logo|thumbnail|cover|screenshot|video|gallery",
            Shape(T.URL, optional=True, rename="{}_url"),
        ),
        (r"attachment|file|document|upload|pdf|scan", Shape(T.URL, optional=True, rename="{}_url")),
        (r"url|website|web_site|homepage|link|linkedin|portfolio", Shape(T.URL, optional=True)),
        (
            r"(?:credit_)?card_number|pan|primary_account_number",
            Shape(
                T.STRING,
                pattern=r"^[0-9]{4}$",
                max_length=4,
                classification=C.CARDHOLDER,
                rename="card_last4",
            ),
        ),
        (
            r"iban",
            Shape(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$", max_length=34, classification=C.SENSITIVE),
        ),
        (r"bic|swift(?:_code)?", Shape(pattern=r"^[A-Z0-9]{8}(?:[A-Z0-9]{3})?$", max_length=11)),
        (r"vin", Shape(pattern=r"^[A-HJ-NPR-Z0-9]{17}$", max_length=17, unique=True, search=True)),
        (r"sku", Shape(max_length=40, unique=True, search=True)),
        (r"isbn", Shape(pattern=r"^[0-9]{9}[0-9X]$|^[0-9]{13}$", max_length=13, unique=True, search=True)),
        (r"barcode|ean|upc|gtin", Shape(pattern=r"^[0-9]{8,14}$", max_length=14, unique=True, search=True)),
        (r"imei", Shape(pattern=r"^[0-9]{15}$", max_length=15, unique=True)),
        (r"serial(?:_number|_no)?", Shape(max_length=60, unique=True, search=True)),
        (
            (
                r"(?:license|licence|number|registration)_plate|plate(?:_number)?|"
                r"registration_(?:number|no|mark)"
            ),
            Shape(max_length=16, unique=True, search=True),
        ),
        (
            (
                r"(?:order|invoice|ticket|case|policy|claim|contract|account|customer|member|"
                r"membership|employee|student|room|table|tracking|reference|batch|lot|part|asset|"
                r"flight|document|patient|medical_record|tax|vat|receipt|library_card|card|permit|"
                r"loan|bill|seat)_(?:number|no|nr|code|id)"
            ),
            Shape(max_length=40, unique=True, search=True),
        ),
        (
            (
                r"ssn|social_security(?:_number)?|national_id|passport(?:_number)?|tax_id|vat_(?:id|"
                r"number)|(?:driver_?s?_)?licen[cs]e(?:_number)?|npi"
            ),
            Shape(max_length=40, classification=C.SENSITIVE),
        ),
        (r"password|secret|api_key|pin|token|access_key", Shape(max_length=200, classification=C.SECRET)),
        (r"uuid|guid", Shape(T.UUID)),
        (
            (
                r"diagnosis|symptoms?|allerg(?:y|ies)|medications?|medicines?|treatment|blood_type|"
                r"blood_group|medical_history|vital_signs|test_results?|findings|immuni[sz]ations?|"
                r"conditions"
            ),
            Shape(T.TEXT, optional=True, max_length=4000, classification=C.HEALTH),
        ),
        (r"dosage|dose", Shape(max_length=120, classification=C.HEALTH)),
        (
            (
                r"(?:interest|tax|vat|success|conversion|commission|discount|growth|completion|win|"
                r"exchange|occupancy|utili[sz]ation)_rate|percent(?:age)?|discount|probability|share|"
                r"progress|margin|markup"
            ),
            Shape(T.DECIMAL, minimum="0", maximum="100", unit="%"),
        ),
        (
            r"heart_rate|pulse",
            Shape(T.INTEGER, minimum="0", maximum="400", unit="bpm", classification=C.HEALTH),
        ),
        (r"temperature", Shape(T.DECIMAL, minimum="-273", maximum="10000", unit="°C")),
        (r"weight", Shape(T.DECIMAL, minimum="0", unit="kg", scale=3)),
        (r"(?:height|width|length|depth)", Shape(T.DECIMAL, minimum="0", unit="cm")),
        (
            r"area|square_(?:meters|metres|footage|feet)|surface|size_m2",
            Shape(T.DECIMAL, minimum="0", unit="m²"),
        ),
        (r"distance|range_km", Shape(T.DECIMAL, minimum="0", unit="km")),
        (r"mileage|odometer", Shape(T.INTEGER, minimum="0", unit="km")),
        (r"value|measurement|reading", Shape(T.DECIMAL, scale=4)),
        (r"latitude|lat", Shape(T.DECIMAL, minimum="-90", maximum="90", scale=6)),
        (r"longitude|lng|lon", Shape(T.DECIMAL, minimum="-180", maximum="180", scale=6)),
        (r"rating|stars", Shape(T.INTEGER, minimum="1", maximum="5", filter=True)),
        (
            (
                r"(?:price|cost|costs|amount|fee|fees|salary|wage|wages|deposit|balance|budget|"
                r"premium|fare|fine|rent|revenue|subtotal|total|payment|donation|bonus|tip|charge|bid|"
                r"tax|income|allowance|expenses?|spend|commission|(?:daily|hourly|weekly|monthly|"
                r"yearly|annual|nightly|day|rental|labou?r|unit|base|pay|billing)_rate|rate|"
                r"credit_limit)(?:_(?:per_\w+|due|paid|net|gross|total|amount))?"
            ),
            Shape(T.MONEY, minimum="0"),
        ),
        (r"(?:price|cost|rate|fee|charge|rent|pay)_(?:per|by)_\w+", Shape(T.MONEY, minimum="0")),
        (
            (
                r"quantity|qty|count|number_of_\w+|no_of_\w+|stock(?:_level|_quantity)?|on_hand|"
                r"reorder_(?:level|point)|threshold|age|capacity|seats|guests|party_size|people|"
                r"bedrooms|bathrooms|rooms|floors?|pages?|points|score|copies|units|max_\w+|min_\w+|"
                r"attempts|version|credits|copies_owned|headcount|team_size|position|rank|sort_order|"
                r"views|likes|votes|servings|calories|sets|reps|bottles|weeks|days|months|years"
            ),
            Shape(T.INTEGER, minimum="0", maximum="1000000000"),
        ),
        (
            r"year(?:_of_\w+)?|(?:model|publication|build|production)_year",
            Shape(T.INTEGER, minimum="1000", maximum="9999"),
        ),
        (
            r"hours?(?:_worked)?|working_hours|labou?r_hours|man_hours",
            Shape(T.DECIMAL, minimum="0", maximum="100000", unit="h"),
        ),
        (
            r"duration|minutes|(?:cooking|prep|preparation|lead|estimated)_time|length_minutes|time_spent",
            Shape(T.DURATION, minimum="0", maximum="5256000"),
        ),
        (
            r"birthday|date_of_birth|birth_?date|dob",
            Shape(T.DATE, classification=C.PERSONAL, rename="birth_date"),
        ),
        (
            (
                r"timestamp|date_?time|(?:\w+_)?at|date_and_time|starts?_date_time|last_(?:seen|login|"
                r"notification|updated)|scheduled_time|appointment_time|event_time|check_(?:in|"
                r"out)_time|pick_?up_time|departure(?:_time)?|arrival(?:_time)?"
            ),
            Shape(T.DATETIME, filter=True),
        ),
        (r"start(?:ing)?_time|end(?:ing)?_time", Shape(T.DATETIME, filter=True)),
        (
            r"(?:opening|closing|open|close|pick_?up|delivery)_(?:time|hour)|time(?:_slot)?|time_of_day",
            Shape(T.TIME),
        ),
        (
            (
                r"(?:\w+_)?date(?:_of_\w+)?|deadline|due|expiry|expiration|expires(?:_on)?|"
                r"(?:\w+_)?on|valid_(?:from|until|to)|check_(?:in|out)|date_\w+|dates|starts?|ends?|"
                r"period_(?:start|end)"
            ),
            Shape(T.DATE, filter=True),
        ),
        (
            (
                r"is_\w+|has_\w+|active|enabled|verified|published|completed|done|archived|billable|"
                r"featured|urgent|refundable|approved|paid|vaccinated|insured|taxable|in_stock|"
                r"checked_in|checked|read|anonymous|recurring|mandatory|damaged"
            ),
            Shape(T.BOOLEAN, filter=True),
        ),
        (
            (
                r"description|notes?|comments?|body|content|message|bio(?:graphy)?|summary|"
                r"instructions?|details|remarks?|abstract|explanation|feedback|terms|specifications?|"
                r"resolution|observations?|answer|requirements?|agenda|history|steps|ingredients|"
                r"lyrics|transcript|review|text|reason|outcome|additional_information|information|"
                r"info|contact_info(?:rmation)?|contact_details"
            ),
            Shape(T.TEXT, optional=True, max_length=4000),
        ),
        (r"(?:\w+_)?address", Shape(max_length=300, classification=C.PERSONAL)),
        (r"zip(?:_code)?|post_?(?:al_?)?code", Shape(max_length=12)),
        (r"country(?:_code)?|currency(?:_code)?", Shape(max_length=60, filter=True)),
        (r"priority|urgency", Shape(T.ENUM, choices=("low", "medium", "high"), filter=True)),
        (r"severity", Shape(T.ENUM, choices=("low", "medium", "high", "critical"), filter=True)),
        (r"condition", Shape(T.ENUM, choices=("new", "good", "fair", "damaged"), filter=True)),
        (r"difficulty", Shape(T.ENUM, choices=("easy", "medium", "hard"), filter=True)),
        (r"gender|sex", Shape(max_length=40, classification=C.PERSONAL, optional=True)),
        (
            (
                r"(?:first|last|middle|family|given|full|sur|contact|guest|customer|client|patient|"
                r"driver|holder|cardholder|author)_?name"
            ),
            Shape(max_length=120, classification=C.PERSONAL, search=True),
        ),
        (
            r"(?:user_?|nick_?|screen_)name|handle|login",
            Shape(max_length=60, unique=True, classification=C.PERSONAL, search=True),
        ),
        (r"slug", Shape(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=120, unique=True)),
        (r"code", Shape(max_length=40, unique=True, search=True)),
        (
            (
                r"name|title|subject|headline|label|author|artist|brand|manufacturer|make|model|"
                r"publisher|question"
            ),
            Shape(max_length=160, search=True),
        ),
        (
            (
                r"type|category|kind|genre|department|speciali[sz]ation|specialty|location|city|"
                r"colou?r|size|region|state|tags?|species|breed|unit|language|level|grade|class|"
                r"position_title|role|group|section"
            ),
            Shape(max_length=80, filter=True),
        ),
    ]
    return tuple((re.compile(rf"(?:.*_)?(?:{pattern})\Z"), shape) for pattern, shape in table)


@lru_cache(maxsize=1)
def shape_table() -> tuple[tuple[re.Pattern[str], Shape], ...]:
    return _shapes()
