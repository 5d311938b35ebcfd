"""What the key that is used may do: the first request that an integrator makes."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from kelaspay.store.keys import Scope
from kelaspay.web.v1.access import Known
from kelaspay.web.v1.problems import problems

router = APIRouter(tags=["Key"])


class OwnKey(BaseModel):
    hint: str = Field(description="How the key begins.", examples=["kp_test_7k2q"])
    name: str = Field(examples=["Our web shop"])
    scopes: list[Scope] = Field(examples=[["read", "write"]])
    school: str = Field(description="The school's subdomain; empty for the school of the server's settings.")
    made_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")


@router.get("/key", summary="Read the key that is used", responses=problems())
def read_key(caller: Known) -> OwnKey:
    """What this key may do and for which school. Works with any key that was not revoked."""
    key = caller.key
    return OwnKey(
        hint=key.hint,
        name=key.name,
        scopes=[scope for scope in Scope if scope in key.scopes],
        school=key.school,
        made_at=key.made_at,
        last_used_at=key.last_used_at,
    )
