"""The operator's pages, one file for each group of them."""

from __future__ import annotations

from kelaspay.web.console import home, sign_in

routers = (sign_in.router, home.router)
"""All of the console's routes."""
