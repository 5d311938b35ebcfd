"""What somebody else does while an outside system answers, or while we are at the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.world import World


class Meanwhile:
    """An emulator in its place, and what is done once between its answer to a call and our hearing of it, or while the
    call is still `on_its_way`.
    """

    def __init__(
        self,
        world: World,
        host: Literal["duitku", "thinkific"],
        call: str,
        act: Callable[[], object],
        *,
        on_its_way: bool = False,
    ) -> None:
        self._app: Any = getattr(world, host)
        self._method, _, self._path = call.partition(" ")
        self._act: Callable[[], object] | None = act
        self._on_its_way = on_its_way
        world.hosts.put(host, self)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = environ["REQUEST_METHOD"] == self._method and str(environ["PATH_INFO"]).endswith(self._path)
        if asked and self._on_its_way:
            self._once()
        answer: Iterable[bytes] = self._app(environ, start_response)
        if asked:
            self._once()
        return answer

    def _once(self) -> None:
        if (act := self._act) is not None:
            self._act = None
            act()

    @property
    def acted(self) -> bool:
        return self._act is None


@contextmanager
def before_statement(world: World, beginning: str, act: Callable[[], object]) -> Iterator[list[Any]]:
    """Somebody else's `act` is done once, right before the first statement with this beginning; yielded is where what
    it returned will be. For PostgreSQL: SQLite has one writer at a time.
    """
    done: list[Any] = []
    begun: list[str] = []

    def first(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not begun and statement.startswith(beginning):
            begun.append(statement)
            with ThreadPoolExecutor(1) as another:
                done.append(another.submit(act).result())

    sa.event.listen(world.database.engine, "before_cursor_execute", first)
    try:
        yield done
    finally:
        sa.event.remove(world.database.engine, "before_cursor_execute", first)
