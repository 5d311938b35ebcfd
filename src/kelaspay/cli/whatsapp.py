"""`kelaspay whatsapp`: the messages that Meta has to approve before they can be sent."""

from __future__ import annotations

import typer

from kelaspay.cli import show
from kelaspay.i18n import TRANSLATIONS, translator
from kelaspay.notes import BUTTON, NOTES, PREFIX, template
from kelaspay.settings import load

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What buyers are told by WhatsApp."""


@app.command()
def templates(*, json: show.AsJson = False) -> None:
    """Print the templates to hand in at Meta's WhatsApp Manager, category Utility."""
    base = load().app_base_url
    found = [
        {
            "name": f"{PREFIX}{kind}",
            "language": language,
            "category": "UTILITY",
            "body": template(kind, language),
            "button": translator(language)(BUTTON),
            "url": f"{base}/o/{{{{1}}}}",
        }
        for kind in NOTES
        for language in TRANSLATIONS
    ]
    if json:
        show.data(found)
        return
    for each in found:
        print(f"{each['name']} ({each['language']})\n  {each['body']}\n  [{each['button']}] {each['url']}\n")
