"""The command line: one file for each noun, and the commands that run a process."""

from __future__ import annotations

import typer

from kelaspay.cli import (
    backups,
    coupons,
    courses,
    events,
    keys,
    measuring,
    offers,
    operators,
    payments,
    processes,
    reconciling,
    schools,
    secrets,
    webhooks,
    whatsapp,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sells Thinkific courses through Duitku and makes sure that whoever paid is in the course.",
)
app.add_typer(offers.app, name="offers", help="What is on sale.")
app.add_typer(coupons.app, name="coupons", help="What takes something off a price.")
app.add_typer(courses.app, name="courses", help="Thinkific's catalogue.")
app.add_typer(payments.app, name="payments", help="Who paid, and what became of it.")
app.add_typer(events.app, name="events", help="What Duitku and Thinkific sent.")
app.add_typer(schools.app, name="schools", help="Schools beside the environment's own.")
app.add_typer(whatsapp.app, name="whatsapp", help="What buyers are told by WhatsApp.")
app.add_typer(operators.app, name="operators", help="Who may use the console.")
app.add_typer(secrets.app, name="secrets", help="The key that seals other keys.")
app.add_typer(keys.app, name="keys", help="Which programs may use the API.")
app.add_typer(webhooks.app, name="webhooks", help="Which programs are told what happens to orders.")
processes.add_to(app)
backups.add_to(app)
reconciling.add_to(app)
measuring.add_to(app)
