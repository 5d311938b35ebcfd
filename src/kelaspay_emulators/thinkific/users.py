"""Users: found by `query[...]`, created, changed and removed (thinkific.md 2.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import (
    NO_PERMISSION,
    RefusedError,
    answer,
    empty,
    error,
    errors,
    instant,
    not_found,
    whole,
)
from kelaspay_emulators.thinkific.asked import Route, blank, truth
from kelaspay_emulators.thinkific.webhooks import fire

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.asked import Asked
    from kelaspay_emulators.thinkific.records import JSON, User
    from kelaspay_emulators.thinkific.school import School
    from kelaspay_emulators.thinkific.switches import Switches

DETAILS = (
    "company",
    "bio",
    "headline",
    "avatar_url",
    "affiliate_code",
    "affiliate_commission",
    "affiliate_commission_type",
    "affiliate_payout_email",
    "external_source",
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SHORTEST_PASSWORD = 6
_FIRST_DEFINITION = 501

Wrong = dict[str, list[str]]


def shown(user: User) -> JSON:
    return {
        "id": user.id,
        "created_at": instant(user.created_at),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "full_name": user.full_name,
        "email": user.email,
        "roles": user.roles,
        "administered_course_ids": None,
        "custom_profile_fields": user.custom_profile_fields,
        **{name: user.details.get(name) for name in DETAILS},
    }


def in_event(user: User) -> JSON:
    """The REST fields without full_name (thinkific.md 4.4)."""
    return {name: value for name, value in shown(user).items() if name not in {"full_name", "administered_course_ids"}}


def definitions(switches: Switches) -> list[JSON]:
    """The custom profile fields, which the switch makes."""
    return [
        {"id": _FIRST_DEFINITION + place, "label": label, "field_type": "text", "required": True}
        for place, label in enumerate(switches.required_custom_fields)
    ]


def list_users(asked: Asked) -> Response:
    return asked.page.of(_matching(asked, asked.filters()), shown)


def _matching(asked: Asked, filters: dict[str, str]) -> list[User]:
    school = asked.school
    if "email" in filters:
        found = _searched(asked.school, filters["email"], inexact=asked.switches.inexact_search)
        return [user for user in found if _fits(school, user, filters)]
    everyone = list(school.users.values())
    return [user for user in everyone if _fits(school, user, filters)] if filters else everyone


def _searched(school: School, email: str, *, inexact: bool) -> list[User]:
    address = email.lower()
    if school.lagging.get(address, 0) > 0:
        school.lagging[address] -= 1
        return []
    if inexact:
        return [user for user in school.users.values() if address in user.email.lower()]
    user = school.user_by_email(address)
    return [user] if user else []


def _fits(school: School, user: User, filters: dict[str, str]) -> bool:
    if "role" in filters and filters["role"] not in user.roles:
        return False
    if "external_source" in filters and filters["external_source"] != user.details.get("external_source"):
        return False
    if "group_id" in filters and user.id not in school.group_members.get(whole(filters["group_id"]) or 0, ()):
        return False
    return _fits_field(user, filters)


def _fits_field(user: User, filters: dict[str, str]) -> bool:
    """Label and value go together; one alone filters nothing."""
    label, value = filters.get("custom_profile_field_label"), filters.get("custom_profile_field_value")
    if label is None or value is None:
        return True
    return any(each["label"] == label and each["value"] == value for each in user.custom_profile_fields)


def create_user(asked: Asked) -> Response:
    wrong = _wrong_with_new(asked)
    if wrong:
        _note_lag(asked, wrong)
        return errors(wrong)
    body = asked.body
    user = asked.school.add_user(*(str(body[name]).strip() for name in ("email", "first_name", "last_name")))
    _write(asked, user)
    if truth(body.get("send_welcome_email")):
        user.welcome_emails += 1
    if not blank(body.get("external_id")):
        asked.school.identify(user, str(body.get("provider") or "SSO"), str(body["external_id"]))
    fire(asked.school, "user.signup", in_event(user))
    return answer(shown(user), 201)


def _wrong_with_new(asked: Asked) -> Wrong:
    body = asked.body
    wrong: Wrong = {name: ["can't be blank"] for name in ("first_name", "last_name") if blank(body.get(name))}
    wrong |= _wrong_email(asked, body.get("email"), None)
    password = body.get("password")
    if not blank(password) and len(str(password)) < _SHORTEST_PASSWORD:
        wrong["password"] = [f"is too short (minimum is {_SHORTEST_PASSWORD} characters)"]
    if not truth(body.get("skip_custom_fields_validation")):
        wrong |= _missing_fields(asked)
    return wrong


def _wrong_email(asked: Asked, email: object, owner: User | None) -> Wrong:
    if blank(email):
        return {"email": ["can't be blank"]}
    address = str(email).strip()
    if not _EMAIL.fullmatch(address):
        return {"email": ["is invalid"]}
    holder = asked.school.user_by_email(address)
    return {"email": ["has already been taken"]} if holder and holder is not owner else {}


def _missing_fields(asked: Asked) -> Wrong:
    given = {each["custom_profile_field_definition_id"] for each in _fields(asked) if not blank(each["value"])}
    missing = [str(each["label"]) for each in definitions(asked.switches) if each["id"] not in given]
    return {"custom_profile_fields": [f"{label} can't be blank" for label in missing]} if missing else {}


def _fields(asked: Asked) -> list[JSON]:
    labels = {each["id"]: each["label"] for each in definitions(asked.switches)}
    given = asked.body.get("custom_profile_fields")
    read: list[JSON] = []
    for place, each in enumerate(given if isinstance(given, list) else []):
        definition = whole(each.get("custom_profile_field_definition_id")) if isinstance(each, dict) else None
        if definition in labels:
            field = {"id": place + 1, "value": each.get("value"), "label": labels[definition]}
            read.append({**field, "custom_profile_field_definition_id": definition})
    return read


def _note_lag(asked: Asked, wrong: Wrong) -> None:
    """A search index that is behind the table: the next searches will miss whom this create found."""
    if asked.switches.search_lag and wrong.get("email") == ["has already been taken"]:
        asked.school.lagging.setdefault(str(asked.body["email"]).strip().lower(), asked.switches.search_lag)


def _write(asked: Asked, user: User) -> None:
    body = asked.body
    user.details |= {name: body[name] for name in DETAILS if name in body}
    roles = body.get("roles")
    if isinstance(roles, list):
        user.roles = [str(role) for role in roles]
    if "custom_profile_fields" in body:
        user.custom_profile_fields = _fields(asked)
    if "password" in body:
        user.password = str(body["password"])


def one_user(asked: Asked) -> User:
    """By id, or by external id where `?provider=` says whose (thinkific.md 2.3)."""
    provider = asked.request.args.get("provider")
    if provider is None:
        user = asked.school.users.get(asked.id())
    else:
        user = asked.school.user_by_external_id(provider, asked.ids["id"])
    if user is None:
        raise RefusedError(not_found())
    return user


def get_user(asked: Asked) -> Response:
    return answer(shown(one_user(asked)))


def update_user(asked: Asked) -> Response:
    user, body = one_user(asked), asked.body
    if "email" in body and asked.key.app is not None:
        return error(403, NO_PERMISSION)
    wrong: Wrong = {
        name: ["can't be blank"] for name in ("first_name", "last_name") if name in body and blank(body[name])
    }
    if "email" in body:
        wrong |= _wrong_email(asked, body["email"], user)
    if wrong:
        return errors(wrong)
    _rename(asked, user)
    _write(asked, user)
    fire(asked.school, "user.updated", in_event(user))
    return empty()


def _rename(asked: Asked, user: User) -> None:
    user.first_name = str(asked.body.get("first_name", user.first_name)).strip()
    user.last_name = str(asked.body.get("last_name", user.last_name)).strip()
    if "email" in asked.body:
        asked.school.change_email(user, str(asked.body["email"]).strip())


def delete_user(asked: Asked) -> Response:
    user = one_user(asked)
    asked.school.remove_user(user)
    fire(asked.school, "user.deleted", in_event(user))
    return empty()


def authentication(asked: Asked) -> Response:
    user = asked.school.users.get(asked.id())
    if user is None or user.external_id is None or user.provider != asked.ids["provider"]:
        return not_found()
    return answer({"provider": user.provider, "external_id": user.external_id})


def list_definitions(asked: Asked) -> Response:
    return asked.page.of(definitions(asked.switches), dict)


ROUTES = [
    Route("GET", "/users", list_users),
    Route("POST", "/users", create_user),
    Route("GET", "/users/<id>", get_user),
    Route("PUT", "/users/<id>", update_user),
    Route("DELETE", "/users/<id>", delete_user),
    Route("GET", "/users/<id>/authentications/<provider>", authentication),
    Route("GET", "/custom_profile_field_definitions", list_definitions),
]
