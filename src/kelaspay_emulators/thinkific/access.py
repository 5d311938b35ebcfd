"""Who may ask: the site's API key, its access tokens, and OAuth tokens with their scopes (thinkific.md 1.2 to
1.8).
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import (
    NO_PERMISSION,
    SCRIPT_SCOPE,
    RefusedError,
    authentication_error,
    error,
)
from kelaspay_emulators.thinkific.records import Key

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from kelaspay_emulators.thinkific.oauth import Office
    from kelaspay_emulators.thinkific.school import School

SUBDOMAIN = "kelaspay_emulators.subdomain"
"""Where in the environ stands whose request it is."""

_SCOPED_AS = {
    "chapters": ("courses",),
    "contents": ("courses",),
    "collections": ("categories",),
    "collection_memberships": ("categories",),
    "users": ("users", "users_profile"),
    "custom_profile_field_definitions": ("users", "users_profile"),
    "group_users": ("groups",),
    "group_analysts": ("groups",),
    "bundles/enrollments": ("bundles", "enrollments"),
}


class Doorkeeper:
    def __init__(self, schools: dict[str, School], office: Office) -> None:
        self._schools = schools
        self._office = office

    def rest(self, request: Request) -> Key:
        """Admin REST v1: the two X-Auth headers, or a Bearer token."""
        token = _bearer(request)
        if token is not None:
            return self._noted(request, self._by_token(token, request))
        school = self._schools.get(request.headers.get("X-Auth-Subdomain", ""))
        if school is None or not _same(school.api_key, request.headers.get("X-Auth-API-Key", "")):
            raise RefusedError(authentication_error())
        return self._noted(request, Key(school.subdomain))

    def webhooks(self, request: Request) -> Key:
        """Webhooks v2: Bearer only, with the site's API key itself or a token."""
        token = _bearer(request) or ""
        for school in self._schools.values():
            if _same(school.api_key, token):
                return self._noted(request, Key(school.subdomain))
        return self._noted(request, self._by_token(token, request))

    def graphql(self, request: Request) -> Key:
        """GraphQL: Bearer token only, never the API key."""
        return self._noted(request, self._by_token(_bearer(request) or "", request))

    def _by_token(self, token: str, request: Request) -> Key:
        key = self._office.key(token) or self._site_token(token)
        claimed = request.headers.get("X-Auth-Subdomain")
        if key is None or (claimed is not None and claimed != key.subdomain):
            raise RefusedError(authentication_error())
        return key

    def _site_token(self, token: str) -> Key | None:
        owner = next((each for each in self._schools.values() if token in each.access_tokens), None)
        return Key(owner.subdomain) if owner else None

    @staticmethod
    def _noted(request: Request, key: Key) -> Key:
        request.environ[SUBDOMAIN] = key.subdomain
        return key


def refuse_out_of_scope(key: Key, method: str, path: str) -> None:
    """403 for an OAuth token whose app lacks the scope; key calls have no scopes."""
    if key.scopes is None:
        return
    parts = path.strip("/").split("/")
    resource = "bundles/enrollments" if parts[0] == "bundles" and parts[-1] == "enrollments" else parts[0]
    verb = "read" if method == "GET" else "write"
    if key.scopes.isdisjoint(f"{verb}:{each}" for each in _SCOPED_AS.get(resource, (resource,))):
        raise RefusedError(error(403, SCRIPT_SCOPE if resource == "site_scripts" else NO_PERMISSION))


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _same(kept: str, given: str) -> bool:
    return hmac.compare_digest(kept.encode(), given.encode())
