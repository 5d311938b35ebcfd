"""Faults of connecting a school with Thinkific. The docstring is the message, as in `faults`."""

from __future__ import annotations

from kelaspay.faults import Fault


class SubdomainInvalid(Fault):
    """That is no Thinkific subdomain: letters, digits and hyphens, like acme of acme.thinkific.com."""

    status = 422


class InstallCanceled(Fault):
    """Connecting was canceled at Thinkific."""

    status = 400


class InstallRefused(Fault):
    """Thinkific ended the attempt to connect with an error of its own."""

    status = 400


class InstallStateUnknown(Fault):
    """The attempt to connect is not known, was used already, has lapsed, or began in another browser."""

    status = 400


class EntryRefused(Fault):
    """This is no way in from Thinkific's administration, or it has lapsed: open the app there again."""

    status = 403


class CodeRefused(Fault):
    """Thinkific did not accept the code of this attempt to connect."""

    status = 502


class RefreshRefused(Fault):
    """Thinkific did not accept the refresh token."""

    status = 502
