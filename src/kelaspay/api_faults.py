"""The faults of programs that call the API: their requests' form, and their keys."""

from __future__ import annotations

from kelaspay.faults import Fault


class BodyTooLarge(Fault):
    """The request's body is larger than 256 KiB."""

    status = 413


class BodyTooSlow(Fault):
    """The request's body did not come in time."""

    status = 408
    retry = True


class NotJson(Fault):
    """The body must be JSON, sent as `Content-Type: application/json`."""

    status = 415


class KeyMissing(Fault):
    """An API key is needed, sent as `Authorization: Bearer kp_...`."""

    status = 401


class KeyRefused(Fault):
    """The API key is wrong, was revoked, or is for another environment than this one."""

    status = 401


class ScopeMissing(Fault):
    """The API key may not do this."""

    status = 403


class KeyUnknown(Fault):
    """There is no such API key."""

    status = 404


class TooManyRequests(Fault):
    """This API key has made too many requests; wait a while."""

    status = 429
    retry = True


class OfferTaken(Fault):
    """There is an offer with this slug already."""

    status = 409


class EnrollmentUnknown(Fault):
    """This payment gave no access, or there is no such payment."""

    status = 404
