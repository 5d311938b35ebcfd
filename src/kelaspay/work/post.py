"""The thread that sends messages to buyers, in every working process; rows are claimed, so each goes out once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from kelaspay.messages import send_due
from kelaspay.work.worker import Loop

if TYPE_CHECKING:
    from kelaspay.messages import Office

LOOK_SECONDS = 1.0


class Postman:
    """Looks for letters that are due until told to stop."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._stopped = threading.Event()
        self._woken = threading.Event()
        loop = Loop("messages", LOOK_SECONDS, self._deliver)
        self._thread = threading.Thread(
            target=loop.run, args=(self._stopped, self._woken), name="messages", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """A letter under way is given a little time."""
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _deliver(self) -> None:
        while send_due(self._office) and not self._stopped.is_set():
            pass
