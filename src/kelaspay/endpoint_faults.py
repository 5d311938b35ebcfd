"""The faults of webhooks that we send: the endpoints that integrators name, and what becomes of deliveries."""

from __future__ import annotations

from kelaspay.faults import Fault


class EndpointUnknown(Fault):
    """There is no such webhook endpoint."""

    status = 404


class DeliveryUnknown(Fault):
    """There is no such delivery."""

    status = 404


class EndpointDisabled(Fault):
    """The webhook endpoint is disabled; enable it first."""

    status = 409


class TooManyEndpoints(Fault):
    """The school has as many webhook endpoints as one may have."""

    status = 409


class EndpointUnreachable(Fault):
    """The webhook endpoint could not be reached, or did not answer in time."""

    status = 502
    retry = True


class AddressRefused(Fault):
    """The address cannot be used."""

    status = 422
