"""What a run of the bench is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kelaspay.bench.stores import Store


@dataclass(frozen=True, slots=True)
class Setting:
    folder: Path
    """For databases and logs; on the disk whose speed counts."""
    stores: tuple[Store, ...]
    redis_url: str | None
    rounds: int
    seconds: float
    """Of load in each round."""
    short: bool
    tell: Callable[[str], None]
    """Is told what is going on."""
