"""The operator's pages, one file for each group of them."""

from __future__ import annotations

from kelaspay.web.console import audit, events, home, jobs, payment, payments, sign_in

routers = tuple(part.router for part in (sign_in, home, payments, payment, events, jobs, audit))
"""All of the console's routes."""
