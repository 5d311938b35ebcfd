"""Groups of users and their analysts: creation answers 200, and users join groups by name (thinkific.md 2.3)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import answer, empty, errors, not_found, whole
from kelaspay_emulators.thinkific.asked import Route
from kelaspay_emulators.thinkific.shelf import Shelf
from kelaspay_emulators.thinkific.users import shown

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.asked import Asked

GROUPS = Shelf(
    "groups",
    fields={"name": None},
    required=("name",),
    created_status=200,
    missing=lambda: answer({"error": ["Record not found."]}, 404),
)


def create_group(asked: Asked) -> Response:
    return answer(GROUPS.add(asked, token=secrets.token_hex(4)), GROUPS.created_status)


def add_to_groups(asked: Asked) -> Response:
    user_id = whole(asked.body.get("user_id"))
    if user_id not in asked.school.users or user_id is None:
        return errors(["User could not be found."])
    names, known = asked.body.get("group_names"), {each["name"]: each["id"] for each in GROUPS.all(asked)}
    if not isinstance(names, list) or not names or any(name not in known for name in names):
        return errors(["Invalid group_names"])
    for name in names:
        asked.school.group_members[whole(known[name]) or 0].add(user_id)
    return empty(201)


def list_analysts(asked: Asked) -> Response:
    found = asked.school.group_analysts[whole(GROUPS.one(asked)["id"]) or 0]
    return asked.page.of([asked.school.users[each] for each in sorted(found) if each in asked.school.users], shown)


def add_analysts(asked: Asked) -> Response:
    group_id = whole(GROUPS.one(asked)["id"]) or 0
    sent = asked.body.get("user_ids") or asked.body.get("group_analysts")
    given = sent if isinstance(sent, list) else []
    unknown = [str(each) for each in given if whole(each) not in asked.school.users]
    if unknown or not given:
        return errors([{"user_ids": f"Invalid user IDs: {', '.join(unknown)}"}])
    asked.school.group_analysts[group_id].update(whole(each) or 0 for each in given)
    return empty(201)


def remove_analyst(asked: Asked) -> Response:
    return _removed(asked, asked.id(), asked.id("user_id"))


def add_groups_of_analyst(asked: Asked) -> Response:
    user_id, sent = asked.id("user_id"), asked.body.get("group_ids")
    given = sent if isinstance(sent, list) else []
    unknown = [str(each) for each in given if str(each) not in asked.school.kept["groups"]]
    if user_id not in asked.school.users:
        return not_found()
    if unknown or not given:
        return errors([{"group_ids": f"Invalid group IDs: {', '.join(unknown)}"}])
    for each in given:
        asked.school.group_analysts[whole(each) or 0].add(user_id)
    return empty(201)


def remove_group_of_analyst(asked: Asked) -> Response:
    return _removed(asked, asked.id("group_id"), asked.id("user_id"))


def _removed(asked: Asked, group_id: int, user_id: int) -> Response:
    analysts = asked.school.group_analysts[group_id]
    if user_id not in analysts:
        return not_found()
    analysts.discard(user_id)
    return empty()


ROUTES = [
    *GROUPS.routes("list get delete"),
    Route("POST", "/groups", create_group),
    Route("POST", "/group_users", add_to_groups),
    Route("GET", "/groups/<id>/analysts", list_analysts),
    Route("POST", "/groups/<id>/analysts", add_analysts),
    Route("DELETE", "/groups/<id>/analysts/<user_id>", remove_analyst),
    Route("POST", "/group_analysts/<user_id>/groups", add_groups_of_analyst),
    Route("DELETE", "/group_analysts/<user_id>/groups/<group_id>", remove_group_of_analyst),
]
