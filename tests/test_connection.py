"""What ends a school's connection by OAuth, and what does not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import pytest

from kelaspay.webhook import TOPICS, register
from kelaspay_emulators.thinkific import webhooks
from tests.databases import once_on_a_server
from tests.test_oauth import CLIENT, app_world, connect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.world import World

__all__ = ["app_world"]


@pytest.mark.parametrize(("urls", "status"), once_on_a_server(400, 401), indirect=["urls"])
def test_a_refused_refresh_is_known_by_what_is_said_of_it(app_world: World, status: Literal[400, 401]) -> None:
    connect(app_world)
    app_world.sell()
    app_world.thinkific.switches.refresh_refused_status = status
    app_world.thinkific.uninstall(CLIENT[0])

    app_world.buy_and_pay()
    app_world.work()

    assert app_world.web.get("/oauth/status/kelas").json()["state"] == "reconnect"


@pytest.mark.parametrize(("urls", "kind"), once_on_a_server("429", "403", "401-client", "404"), indirect=["urls"])
def test_a_refresh_that_thinkific_never_looked_at_leaves_the_school_connected(app_world: World, kind: str) -> None:
    connect(app_world)
    app_world.sell()
    order_id = app_world.buy_and_pay()
    app_world.clock.move(hours=24)
    app_world.thinkific.fail_next("POST", "/oauth2/token", kind)

    app_world.work()
    waiting = app_world.status(order_id)
    app_world.work_for(hours=1)

    assert waiting == "paid"
    assert app_world.web.get("/oauth/status/kelas").json()["connected"] is True
    assert app_world.status(order_id) == "completed"


def test_a_school_that_throws_the_app_out_says_so_by_itself(app_world: World) -> None:
    connect(app_world)
    register(app_world.school)
    told = [each.topic for each in app_world.thinkific.school.webhooks.values()]

    app_world.thinkific.uninstall(CLIENT[0])
    for delivery in webhooks.take_due(app_world.thinkific.school):
        webhooks.attempt(app_world.thinkific.school, delivery, partial(_posted, app_world))
    app_world.work()

    assert told == [*TOPICS, "app.uninstalled"]
    assert app_world.web.get("/oauth/status/kelas").json()["state"] == "reconnect"


def _posted(world: World, url: str, body: bytes, headers: Mapping[str, str]) -> int:
    return world.web.post(url, content=body, headers=dict(headers)).status_code
