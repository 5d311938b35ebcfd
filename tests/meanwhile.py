"""What somebody else does while an outside system answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.world import World


class Meanwhile:
    """An emulator in its place, and what is done once between its answer to a call and our hearing of it."""

    def __init__(
        self, world: World, host: Literal["duitku", "thinkific"], call: str, act: Callable[[], object]
    ) -> None:
        self._app: Any = getattr(world, host)
        self._method, _, self._path = call.partition(" ")
        self._act: Callable[[], object] | None = act
        world.hosts.put(host, self)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._app(environ, start_response)
        asked = environ["REQUEST_METHOD"] == self._method and str(environ["PATH_INFO"]).endswith(self._path)
        if asked and (act := self._act) is not None:
            self._act = None
            act()
        return answer

    @property
    def acted(self) -> bool:
        return self._act is None
