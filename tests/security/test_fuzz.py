"""The fuzzers' targets, as far as a test run has time for them; `make fuzz` goes on where this stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelaspay.wanted import _phone as phone_of
from tests.security.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS = 500
alphabets = st.sampled_from(
    ("0123456789", "KP-abc019\x00", '{}":,[]ruetn', "&=%0123456789abcdef", "@.-+ éİß０", "+62 08-()")
)
shaped = alphabets.flatmap(lambda alphabet: st.text(alphabet, max_size=80)).map(str.encode)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@settings(max_examples=INPUTS, deadline=None)
@given(data=st.binary(max_size=300) | shaped | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_break_what_reads_them(target: Callable[[bytes], None], data: bytes) -> None:
    target(data)


@pytest.mark.parametrize("found", ["000000000", "0010000000000000"])
def test_a_row_of_zeros_is_no_phone_number(found: str) -> None:
    with pytest.raises(ValueError, match="possible"):
        phone_of(found)
