"""Seal everything anew after SECRET_KEY was changed: what the old key sealed is opened with SECRET_KEY_OLD and sealed
with the new one, value by value, while the service runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kelaspay.faults import SealBroken
from kelaspay.store.sealed import SEALED, Sealed, list_sealed, replace_sealed

if TYPE_CHECKING:
    from kelaspay.store.database import Database
    from kelaspay.vault import Vault

BATCH = 200


@dataclass(slots=True)
class Rotated:
    """How many values were sealed anew, had the new key's seal already, or could not be opened by either key."""

    sealed_anew: int = 0
    new_already: int = 0
    broken: int = 0


def rotate(*, database: Database, vault: Vault) -> Rotated:
    """Go through every sealed column. Safe to repeat, to interrupt and to run beside everything else: each value is
    replaced by one conditional statement, and what was written meanwhile has the new seal anyway.
    """
    done = Rotated()
    for sealed in SEALED:
        _rotate(sealed, done, database=database, vault=vault)
    return done


def _rotate(sealed: Sealed, done: Rotated, *, database: Database, vault: Vault) -> None:
    after = ""
    while True:
        with database.read() as db:
            rows = list_sealed(db, sealed, after, BATCH)
        if not rows:
            return
        after = rows[-1][0]
        for key, value in rows:
            _seal_anew(sealed, key, value, done, database=database, vault=vault)


def _seal_anew(sealed: Sealed, key: str, value: bytes, done: Rotated, *, database: Database, vault: Vault) -> None:
    place = sealed.place(key)
    if vault.is_new(value, place):
        done.new_already += 1
        return
    try:
        anew = vault.seal(vault.open(value, place), place)
    except SealBroken:
        done.broken += 1
        return
    with database.begin() as db:
        done.sealed_anew += replace_sealed(db, sealed, key, value, anew)
