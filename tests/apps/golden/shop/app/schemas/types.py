"""The types of fields that schemas share."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

EMAIL_PATTERN = (
    r"^[A-Za-z0-9_%+-]+(\.[A-Za-z0-9_%+-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$"
)
"""The addresses that exist in practice; RFC 5321 allows stranger ones that no mail server takes."""

Email = Annotated[
    str,
    StringConstraints(pattern=EMAIL_PATTERN, min_length=3, max_length=254),
    AfterValidator(str.lower),
]


@dataclass(frozen=True)
class DecimalText:
    """An exact number, in JSON a string: JSON numbers are read as binary ones, which lose 0.10."""

    minimum: str
    maximum: str
    scale: int = 2

    @property
    def pattern(self) -> str:
        """The regular expression of its text."""
        sign = "-?" if self.minimum.startswith("-") else ""
        digits = len(self.maximum.lstrip("-").partition(".")[0])
        fraction = rf"(\.[0-9]{{1,{self.scale}}})?" if self.scale else ""
        return f"^{sign}[0-9]{{1,{digits}}}{fraction}$"

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Tell pydantic how to read and write it."""
        return core_schema.no_info_plain_validator_function(
            self._read, serialization=core_schema.to_string_ser_schema()
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe it for the OpenAPI document."""
        return {"type": "string", "pattern": self.pattern}

    def _read(self, value: object) -> Decimal:
        if isinstance(value, str) and re.fullmatch(self.pattern, value):
            value = Decimal(value)
        if not isinstance(value, Decimal):
            raise PydanticCustomError(
                "decimal_text", "Input should be a decimal number as text, such as 12.50"
            )
        if not Decimal(self.minimum) <= value <= Decimal(self.maximum):
            bounds = {"minimum": self.minimum, "maximum": self.maximum}
            message = "Input should be from {minimum} to {maximum}"
            raise PydanticCustomError("decimal_range", message, bounds)
        # Adding zero takes the sign from a negative zero.
        return value.quantize(Decimal(1).scaleb(-self.scale)) + 0
