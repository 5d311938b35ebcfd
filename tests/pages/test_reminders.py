"""Letters that wait: put off by a process, or until the morning."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from kelaspay.mail import Letter, MailUnavailable
from kelaspay.messages import office, send_due
from tests.pages.browser import choose, ordered
from tests.pages.test_messages import deliver, rows
from tests.world import START

if TYPE_CHECKING:
    from tests.world import World


def test_what_one_process_puts_off_another_with_an_older_list_does_not_send(world: World) -> None:
    world.sell()
    choose(world, ordered(world))
    tried: list[str] = []
    seen: list[int] = []

    def away(letter: Letter) -> None:
        tried.append(letter.to)
        raise MailUnavailable("ConnectionRefusedError")

    at = office(world.outside.settings, world.outside.schools.profile, world.database, world.clock)
    another = replace(at, post=away)
    send_due(replace(another, let_pass=lambda: seen.append(send_due(another))))

    assert tried == ["siti@example.com"]


def test_a_reminder_that_is_late_waits_for_the_morning(embedded: World) -> None:
    embedded.sell()
    embedded.clock.time = START + timedelta(hours=10, minutes=25)  # 19.25 WIB
    choose(embedded, ordered(embedded))
    deliver(embedded)
    embedded.clock.move(minutes=40)
    at_night = deliver(embedded)
    embedded.clock.time = START + timedelta(hours=22, minutes=59)
    before_eight = deliver(embedded)
    embedded.clock.move(minutes=1)

    assert "reminder" not in [*at_night, *before_eight]
    assert "reminder" in deliver(embedded)


def test_a_reminder_put_off_to_the_morning_is_sent_by_nobody_with_an_older_list(embedded: World) -> None:
    embedded.sell()
    embedded.clock.time = START + timedelta(hours=10, minutes=25)  # 19.25 WIB
    choose(embedded, ordered(embedded))
    deliver(embedded)
    embedded.clock.move(minutes=40)
    sent: list[Letter] = []
    at = office(embedded.outside.settings, embedded.outside.schools.profile, embedded.database, embedded.clock)
    seen: list[int] = []
    send_due(replace(at, post=sent.append, let_pass=lambda: seen.append(send_due(at))))

    assert sent == []
    assert [(row.state, row.attempts) for row in rows(embedded) if row.kind == "reminder"] == [("waiting", 0)]
