"""The page for integrators says what the code does."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

from kelaspay.deliver import WAITS
from kelaspay.notice import ENROLLMENT_FIELDS, FIELDS, TOLD, VERSION

PAGE = (Path(__file__).parents[2] / "docs" / "integrate" / "webhooks.md").read_text(encoding="utf-8")


def test_every_type_and_every_field_is_told_in_the_codes_own_words() -> None:
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", PAGE, flags=re.MULTILINE))

    assert rows == {**{str(kind): text for kind, text in TOLD.items()}, **FIELDS, **ENROLLMENT_FIELDS}


def test_the_example_has_the_form_of_what_is_sent() -> None:
    example = json.loads(re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)[0])

    assert (example["type"] in set(TOLD), example["version"]) == (True, VERSION)
    assert list(example["data"]) == list(FIELDS)
    assert list(example["data"]["enrollment"]) == list(ENROLLMENT_FIELDS)


def test_the_schedule_is_the_one_that_is_told() -> None:
    minutes = [wait / timedelta(minutes=1) for wait in WAITS]

    assert "5 seconds, 5 minutes, 30 minutes, 2, 5, 10, 14, 20 and 24 hours" in PAGE
    assert minutes == [5 / 60, 5, 30, 120, 300, 600, 840, 1200, 1440]
