"""The operator's pages, one file for each group of them."""

from __future__ import annotations

from kelaspay.web.console import (
    adopting,
    audit,
    bulk,
    catalogue,
    coupons,
    customers,
    enrollments,
    events,
    home,
    jobs,
    keys,
    messages,
    payment,
    payments,
    preferences,
    second_factor,
    settings,
    sign_in,
    webhooks,
    wordings,
)

routers = tuple(
    part.router
    for part in (
        sign_in,
        second_factor,
        home,
        payments,
        bulk,
        payment,
        enrollments,
        events,
        adopting,
        jobs,
        messages,
        catalogue,
        coupons,
        customers,
        settings,
        wordings,
        preferences,
        keys,
        webhooks,
        audit,
    )
)
"""All of the console's routes."""
