"""Who calls the API: one dependency for each scope, which every route under `/api/v1` takes as its first argument.

    @router.get("/things")
    def list_things(caller: Reading) -> ...:
        rows = things.list_things(db, school=caller.school)

`caller.school` is the only school whose rows this caller may see or touch; another's are answered with 404.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from kelaspay.api_faults import KeyMissing, ScopeMissing
from kelaspay.keys import key_behind
from kelaspay.outside import Outside
from kelaspay.store import audit
from kelaspay.store.audit import Deed
from kelaspay.store.database import Database, Db
from kelaspay.store.keys import ApiKey, Scope

if TYPE_CHECKING:
    from kelaspay.confirm import Start

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    bearerFormat="kp_test_… or kp_live_…",
    description="A key of one school, made with `kelaspay keys add` or in the console under Settings, API keys. "
    "`read` sees, `write` sells and sets work going again, `money` says that money came or went.",
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that showed a key which may do what was asked for."""

    key: ApiKey
    outside: Outside
    start: Start
    address: str

    @property
    def school(self) -> str:
        return self.key.school

    @property
    def actor(self) -> str:
        return self.key.actor

    def write_down(self, db: Db, action: str, subject: str, text: str | None = None) -> None:
        """Keep in the history what was done, in the commit of what it tells of."""
        deed = Deed(self.outside.now(), None, self.actor, self.address, action, subject, text, self.school)
        audit.write_down(db, deed)

    def audited(self, action: str, subject: str, text: str | None = None) -> Database:
        """The database for a flow that does this, and commits it together with the history's line."""
        return audit.Audited(self.outside.database, lambda db: self.write_down(db, action, subject, text))


def _caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)] = None
) -> Caller:
    outside: Outside = request.app.state.outside
    if credentials is None:
        raise KeyMissing
    key = key_behind(
        outside.database,
        credentials.credentials,
        environment=outside.settings.duitku_environment,
        now=outside.now(),
    )
    outside.turnstile.enter(str(key.id))
    return Caller(key, outside, request.app.state.start, request.client.host if request.client else "?")


def _holding(scope: Scope) -> Callable[[Caller], Caller]:
    def holding(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if scope not in caller.key.scopes:
            raise ScopeMissing(scope=scope)
        return caller

    return holding


Known = Annotated[Caller, Security(_caller)]
"""Any key that works."""
Reading = Annotated[Caller, Security(_holding(Scope.READ), scopes=[Scope.READ])]
Writing = Annotated[Caller, Security(_holding(Scope.WRITE), scopes=[Scope.WRITE])]
Accounting = Annotated[Caller, Security(_holding(Scope.MONEY), scopes=[Scope.MONEY])]
"""May say that money arrived or was sent back."""
