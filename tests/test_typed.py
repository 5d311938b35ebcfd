"""What an operator types as a price or as a reason: money as Indonesians write it, and nothing that may be meant
otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.shell import shell

if TYPE_CHECKING:
    from tests.shell import Shell

__all__ = ["shell"]


@pytest.mark.parametrize("typed", ["250000", "250.000", "Rp 250.000", "Rp250000"])
def test_a_price_is_typed_as_indonesians_write_it(shell: Shell, typed: str) -> None:
    added = shell("offers", "add", "--slug", "x", "--name", "X", "--price", typed)
    coupon = shell("coupons", "add", "--code", "HEMAT", "--amount", typed)

    assert (added.out, coupon.out) == ("Added x, Rp 250.000.\n", "Added HEMAT, Rp 250.000 off.\n")


@pytest.mark.parametrize("typed", ["250.00", "25.0000", "250,000", "2.5", "250.000,00", "0", "-5", "1e5", "٢٥٠"])
def test_a_price_that_may_be_meant_otherwise_is_refused(shell: Shell, typed: str) -> None:
    ran = shell("offers", "add", "--slug", "x", "--name", "X", f"--price={typed}", columns=200)

    assert ran.code == 2
    assert "Invalid value for '--price': must be a whole number of at least 1" in ran.err
    assert shell.json("offers", "list") == []


@pytest.mark.parametrize("act", ["mark-paid", "refund", "end", "settle"])
def test_what_a_person_decides_has_a_reason(shell: Shell, act: str) -> None:
    ran = shell("payments", act, "KP1", "--reason", " ", columns=200)

    assert (ran.code, "Invalid value for '--reason': must not be empty" in ran.err) == (2, True)
