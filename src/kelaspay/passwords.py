"""Which passwords are refused because they would be tried among the first: those that leaked most often, words, dates
and rows of keys, put together as people do, and what is known of the operator. Nobody outside is asked.
"""

from __future__ import annotations

import threading

LOOKED_AT = 72
"""Characters: what follows makes no password easier."""
FEWEST = 3
"""Of zxcvbn's 0 to 4: it takes a hundred million guesses and more."""
OURS = ("kelaspay", "thinkific", "duitku")

_one_at_a_time = threading.Lock()
"""zxcvbn keeps what is known of the operator in a table of its own."""


def is_tried_first(password: str, *known: str) -> bool:
    """Whether it falls to few guesses, by who knows these words too."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its lists take memory that a process needs only when a password is set

    with _one_at_a_time:
        score: int = zxcvbn(password[:LOOKED_AT], user_inputs=[*OURS, *known])["score"]
    return score < FEWEST
