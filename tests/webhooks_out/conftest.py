"""What every test of webhooks that we send may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.webhooks_out.receiver import now_is_real, receiving, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.webhooks_out.receiver import Receiver
    from tests.world import World


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def ordered(world: World, receiver: Receiver) -> tuple[str, str]:
    """An endpoint that is told one thing: an order was made. Its id and its secret."""
    now_is_real(world)
    world.sell()
    endpoint_id, secret = tell(world, receiver.url, "order.created")
    world.buy()
    return endpoint_id, secret
