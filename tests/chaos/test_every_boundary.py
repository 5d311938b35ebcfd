"""A purchase killed at every commit and at every outside call in turn. Whatever the moment: who paid is in the course
once, with one external order at the most, one payment and one live invoice.
"""

from __future__ import annotations

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

PAIRS = 150
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
    """Every story on both databases. What SQLite has shown of every one, PostgreSQL shows of the first one and, where
    there is time for it, of the others.
    """
    for on in BOTH:
        for story in STORIES:
            long = on != "sqlite" and story is not STORIES[0]
            yield pytest.param(on, story, id=f"{on}-{story.name}", marks=[pytest.mark.chaos] if long else [])


@pytest.mark.parametrize(("urls", "story"), list(everywhere()), indirect=["urls"])
def test_killed_at_any_boundary_it_ends_as_if_nothing_had_been(
    story: Story, town: Town, say: Callable[[str], None]
) -> None:
    boundaries = told(story, town, ())

    for death in range(1, len(boundaries) + 1):
        told(story, town, (death,))

    say(f"{story.name}: killed at each of {len(boundaries)} boundaries")
    assert len(set(boundaries)) > 40


@pytest.mark.chaos
def test_killed_twice_it_ends_as_if_nothing_had_been(town: Town, say: Callable[[str], None]) -> None:
    story = STORIES[0]
    clean = len(told(story, town, ()))
    draw = random.Random(SEED)
    first = [draw.randint(1, clean) for _ in range(PAIRS)]

    for death in first:
        told(story, town, (death, death + draw.randint(1, clean - death + AFTER)))

    say(f"{story.name}: killed at {PAIRS} pairs of boundaries")
    assert len(set(first)) > clean // 2
