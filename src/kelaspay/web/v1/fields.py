"""Kinds of value that the API takes and gives, each with its limits as clients read them."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Header
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from kelaspay import payment
from kelaspay.formats import within_reach

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
CONTROL = r"\x00-\x1f\x7f-\x9f"
LARGEST_ID = 10**15 - 1
DEAREST = payment.DEAREST
LONGEST_ACCESS = payment.LONGEST_ACCESS


def _rfc_3339(value: object) -> object:
    """Numbers and half times are no times."""
    if not isinstance(value, str) or not RFC_3339.fullmatch(value):
        raise ValueError("must be a time like 2026-12-01T08:00:00+07:00")
    return value


def _no_truth(value: object) -> object:
    """Python takes true for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004 - pydantic's way to refuse
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_rfc_3339), AfterValidator(within_reach)]
"""RFC 3339 with its zone."""

Line = Annotated[str, StringConstraints(max_length=200, pattern=f"^[^{CONTROL}]*[^\\s{CONTROL}][^{CONTROL}]*$")]
"""One line of text that is not blank."""
Reason = Annotated[str, StringConstraints(max_length=500, pattern=f"^[^{CONTROL}]*[^\\s{CONTROL}][^{CONTROL}]*$")]
Slug = Annotated[str, StringConstraints(max_length=100, pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
Counted = BeforeValidator(_no_truth)
ThinkificId = Annotated[int, Field(ge=1, le=LARGEST_ID), Counted]
Rupiah = Annotated[int, Field(ge=1, le=DEAREST), Counted]
Days = Annotated[int, Field(ge=1, le=LONGEST_ACCESS), Counted]
ADDRESS = r"^https?://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?([/?#][!-~]*)?$"
Address = Annotated[str, StringConstraints(max_length=1000, pattern=ADDRESS)]
"""A web address with a host's name, and nobody's password in it."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="Of your choosing. The same key with the same body gets the first answer again for 24 hours, with "
        "the header `Idempotent-Replayed: true`; with another body 422, while the first is running 409.",
    ),
]
