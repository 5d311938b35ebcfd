"""A program that calls the API with a key of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from kelaspay.keys import make_key
from kelaspay.store.keys import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx2

    from tests.world import World

EVERY = tuple(Scope)


class Program:
    """Sends requests with its key, in the words of the API: `program.get("/payments")`."""

    def __init__(self, world: World, scopes: Iterable[Scope] = EVERY, *, school: str = "", name: str = "shop") -> None:
        with world.database.begin() as db:
            self.key, self.kept = make_key(
                db,
                name=name,
                scopes=list(scopes),
                school=school,
                environment=world.outside.settings.duitku_environment,
                now=world.clock(),
            )
        self.web = TestClient(world.web.app, base_url=str(world.web.base_url), raise_server_exceptions=False)

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        return self.web.request(method, f"/api/v1{path}", headers=headers, **more)

    def get(self, path: str, **query: Any) -> httpx2.Response:
        return self.ask("GET", path, params=query)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, json=body, headers=named)
