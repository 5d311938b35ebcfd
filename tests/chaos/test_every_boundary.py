"""A purchase killed at every commit and at every outside call in turn. Whatever the moment: who paid is in the course
once, with one external order at the most, one payment and one live invoice.
"""

from __future__ import annotations

import os
import random
import sys
from typing import TYPE_CHECKING

import pytest

from tests.chaos.dying import Town
from tests.chaos.journey import STORIES, Story, told
from tests.databases import BOTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SAMPLE = 6
"""The suite tries one of so many boundaries of a story, each story others; the chaos tries all of them on SQLite."""
ON_A_SERVER = int(os.environ.get("CHAOS_EVERY", str(SAMPLE)))
"""The same for PostgreSQL in the chaos; its first story is tried whole."""
PAIRS = int(os.environ.get("CHAOS_PAIRS", "60"))
"""How many pairs of deaths are tried, of the about two thousand that there are."""
AFTER = 6
"""What the next process does more than the one that died had yet to do: taking over, looking first."""
SEED = 20261123


@pytest.fixture
def town(urls: tuple[str, str | None], tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path, *urls)
    yield made
    made.database.close()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure where whoever runs the tests sees it."""

    def said(figure: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{figure}\n")

    return said


def everywhere() -> Iterator[object]:
    """Every story with one boundary of how many it is killed at: a few here and there in the suite, the rest in the
    chaos.
    """
    sqlite, postgresql = BOTH
    for story in STORIES:
        yield pytest.param(sqlite, story, SAMPLE, id=f"{sqlite}-{story.name}-some")
        yield pytest.param(sqlite, story, 1, id=f"{sqlite}-{story.name}", marks=pytest.mark.chaos)
        every = 1 if story is STORIES[0] else ON_A_SERVER
        yield pytest.param(postgresql, story, every, id=f"{postgresql}-{story.name}", marks=pytest.mark.chaos)
    yield pytest.param(postgresql, STORIES[0], SAMPLE, id=f"{postgresql}-{STORIES[0].name}-some")


@pytest.mark.parametrize(("urls", "story", "every"), list(everywhere()), indirect=["urls"])
def test_killed_at_any_boundary_it_ends_as_if_nothing_had_been(
    story: Story, every: int, town: Town, say: Callable[[str], None]
) -> None:
    boundaries = told(story, town, ())

    for death in range(1 + STORIES.index(story) % every, len(boundaries) + 1, every):
        told(story, town, (death,))

    say(f"{story.name}: killed at one in {every} of {len(boundaries)} boundaries")
    assert len(set(boundaries)) > 30


@pytest.mark.chaos
def test_killed_twice_it_ends_as_if_nothing_had_been(town: Town, say: Callable[[str], None]) -> None:
    story = STORIES[0]
    clean = len(told(story, town, ()))
    draw = random.Random(SEED)
    first = [draw.randint(1, clean) for _ in range(PAIRS)]

    for death in first:
        told(story, town, (death, death + draw.randint(1, clean - death + AFTER)))

    say(f"{story.name}: killed at {PAIRS} pairs of boundaries")
    assert len(set(first)) > min(clean, PAIRS) // 2
