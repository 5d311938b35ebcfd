"""Faults of signing in with a second factor, and of setting one up. The docstring is the message, as in `faults`."""

from __future__ import annotations

from kelaspay.faults import Fault


class SecondFactorRefused(Fault):
    """The code is wrong or was used already."""

    status = 401


class SecondFactorMissing(Fault):
    """A second factor is demanded of everybody; set one up first."""

    status = 403


class SecondFactorDemanded(Fault):
    """A second factor is demanded of everybody; it cannot be turned off."""

    status = 409


class LastOwner(Fault):
    """The last owner stays, for nobody else could let anybody in."""

    status = 409


class SignInLapsed(Fault):
    """Signing in took too long; begin again."""

    status = 410
