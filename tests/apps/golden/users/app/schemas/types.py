"""The types of fields that schemas share."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

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
