"""API keys in the console: made by an owner, shown once, ended at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.console.desk import joined

from kelaspay.store.operators import Role

if TYPE_CHECKING:
    from tests.world import World


def works(world: World, key: str) -> list[str] | int:
    answer = world.another_browser().get("/api/v1/key", headers={"Authorization": f"Bearer {key}"})
    return list(answer.json()["scopes"]) if answer.status_code == 200 else answer.status_code


def test_a_key_is_made_shown_once_and_revoked(world: World) -> None:
    desk = joined(world)
    desk.open("/console/keys")
    desk.press("/console/keys", name="Toko web", scope=["read", "money"])
    found = re.search(r"kp_test_[a-z2-7]{32}", desk.text)
    assert found is not None
    key = found[0]
    before = works(world, key)
    desk.open("/console/keys")
    assert key not in desk.text
    assert "Toko web" in desk.text

    desk.open(re.findall(r'href="(/console/keys/\d+/revoke)"', desk.text)[0])
    desk.press("/console/keys")
    assert "Kunci API dicabut." in desk.text
    assert (before, works(world, key)) == (["read", "money"], 401)
    desk.open("/console/audit")
    assert "Membuat kunci API" in desk.text
    assert "Mencabut kunci API" in desk.text
    assert key not in desk.text


def test_a_key_without_a_name_or_a_permission_is_refused(embedded: World) -> None:
    desk = joined(embedded)
    for filled in ({"name": " ", "scope": ["read"]}, {"name": "Toko", "scope": []}, {"name": "Toko", "school": "lain"}):
        desk.open("/console/keys")
        desk.press("/console/keys", **filled)
        assert desk.status == 422
        assert "Beri nama, dan pilih setidaknya satu izin." in desk.text


def test_staff_sees_no_keys(embedded: World) -> None:
    joined(embedded)
    desk = joined(embedded, email="staf@example.com", role=Role.STAFF)
    desk.open("/console/keys")
    shown = desk.status
    desk.open("/console/settings")

    assert shown == 403
    assert "/console/keys" not in desk.text
