"""Every named way to fail. A fault's docstring is its message; the class knows its HTTP status and whether trying again
can help, so that whoever catches one decides nothing twice.

    Fault
    ├── Refused at the door: InvalidInput, OfferUnknown, CouponUnknown, MoveRefused, IdempotencyKeyReused, ...
    ├── Callbacks: BadSignature, WrongMerchant, MalformedCallback, CallbackTooLarge, InboxUnavailable
    ├── Duitku: DuitkuUnavailable (passing), DuitkuRefused, NotPaidYet (passing)
    ├── Thinkific: ThinkificUnavailable, ThinkificBusy, TurnMissed, ThinkificUnauthorized (passing), ThinkificRefused
    ├── A person must look: AmountDiffers, CourseUnmapped, CourseAmbiguous, BuyerErased
    └── Running: HeldElsewhere (passing), Superseded (stop, another run has taken over), DatabaseUnavailable (passing)
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self


def snake(name: str) -> str:
    """A class's name as a code."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Fault(Exception):  # noqa: N818 - the house's word; subclasses say what happened
    """Something went wrong."""

    status: ClassVar[int] = 500
    retry: ClassVar[bool] = False
    """Whether the same attempt may succeed later."""
    outage: ClassVar[bool] = False
    """Whether the cause lies outside this payment, so that it must not use up the payment's attempts."""
    patient: ClassVar[bool] = False
    """Whether to wait as long as it takes, because an operator is asked already and the payment needs nobody."""
    _known: ClassVar[dict[str, type[Fault]]] = {}

    def __init__(self, detail: str | None = None, *, wait: float | None = None, **ids: str | int | None) -> None:
        self.detail = detail
        self.wait = wait
        """Seconds after which trying again makes sense, where the other side said so."""
        self.ids = {name: value for name, value in ids.items() if value is not None}
        super().__init__(str(self))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Fault._known[cls.code()] = cls

    @classmethod
    def code(cls) -> str:
        """The stable name that integrators and logs see, like `offer_unknown`."""
        return snake(cls.__name__)

    @classmethod
    def every(cls) -> list[type[Fault]]:
        """All that were defined so far, the longest message first, so that none hides another that begins like it."""
        return sorted(Fault._known.values(), key=lambda each: -len(each.message()))

    @classmethod
    def message(cls) -> str:
        return (cls.__doc__ or "").strip()

    def __str__(self) -> str:
        return f"{self.message()} {self.detail}" if self.detail else self.message()


class InvalidInput(Fault):
    """Some fields cannot be accepted."""

    status = 422

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        super().__init__("; ".join(f"{name}: {why}" for name, why in fields.items()))

    @classmethod
    def one(cls, field: str, why: str) -> Self:
        return cls({field: why})


class IdempotencyKeyReused(Fault):
    """The Idempotency-Key was used with another request."""

    status = 422


class StillInProgress(Fault):
    """The same is being done already; ask again in a moment."""

    status = 409
    retry = True


class AlreadyEnrolled(Fault):
    """The buyer has the access already."""

    status = 409


class PaymentUnknown(Fault):
    """There is no such payment."""

    status = 404


class EventUnknown(Fault):
    """There is no such event."""

    status = 404


class AlreadySignedIn(Fault):
    """The buyer has signed in already; the e-mail address is changed at Thinkific."""

    status = 409


class BuyerErased(Fault):
    """The buyer's personal data was erased before the money came."""

    status = 409


class OfferUnknown(Fault):
    """There is no such offer."""

    status = 404


class CouponUnknown(Fault):
    """There is no such coupon."""

    status = 404


class NotConfigured(Fault):
    """The part that was asked for is not configured."""

    status = 404


class SignInRefused(Fault):
    """E-mail address or password are wrong."""

    status = 401


class TooManyAttempts(Fault):
    """There were too many attempts; wait a while."""

    status = 429


class NotAllowed(Fault):
    """Only an owner may do this."""

    status = 403


class FormExpired(Fault):
    """The form is from an earlier visit; open the page again and repeat it."""

    status = 403


class MessageUnknown(Fault):
    """There is no such message."""

    status = 404


class CustomerUnknown(Fault):
    """There is no such customer."""

    status = 404


class OperatorUnknown(Fault):
    """There is no such operator."""

    status = 404


class InvitationUnknown(Fault):
    """The link was used already or has ended."""

    status = 404


class MoveRefused(Fault):
    """The payment is not in a state from which this can be done."""

    status = 409


class BadSignature(Fault):
    """The callback's signature is wrong or missing."""

    status = 400


class WrongMerchant(Fault):
    """The callback is for another merchant."""

    status = 400


class MalformedCallback(Fault):
    """The callback cannot be read."""

    status = 400


class CallbackTooLarge(Fault):
    """The callback is larger than 64 KiB."""

    status = 413


class SourceRefused(Fault):
    """Callbacks are not accepted from this address."""

    status = 403


class InboxUnavailable(Fault):
    """The callback cannot be kept just now; send it again."""

    status = 503
    retry = True
    outage = True


class EventNotKept(Fault):
    """The callback could not be kept; send it again."""

    status = 503
    retry = True


class DatabaseUnavailable(Fault):
    """The database does not answer just now."""

    status = 503
    retry = True
    outage = True


class DatabaseDamaged(DatabaseUnavailable):
    """The database's file is damaged."""

    def __init__(self, file: str) -> None:
        super().__init__()
        beside = "with what lies beside it under that name and -wal or -shm"
        self.told = f"{file} is damaged; move it away, {beside}, and restore a backup: docs/operations/backup.md"
        """To whoever runs the machine; the web tells nobody where the file lies."""


class CacheUnavailable(Fault):
    """The cache does not answer just now."""

    status = 503
    retry = True
    outage = True


class DuitkuUnavailable(Fault):
    """Duitku does not answer just now."""

    status = 503
    retry = True
    outage = True


class DuitkuBusy(Fault):
    """Duitku has blocked us for asking too often."""

    status = 503
    retry = True
    outage = True


class DuitkuUnauthorized(Fault):
    """Duitku does not accept our merchant code or key; check them, then the payments go on by themselves."""

    status = 502
    retry = True
    outage = True
    patient = True


class DuitkuRefused(Fault):
    """Duitku refused the request."""

    status = 502


class AlreadyPaid(DuitkuRefused):
    """Duitku says that this order is paid already."""


class NotAdoptable(Fault):
    """This event tells of no order that could be taken up."""

    status = 409


class InvoiceUnknown(Fault):
    """Duitku does not know this order."""

    status = 502
    retry = True


class NotPaidYet(Fault):
    """Duitku has not seen the money yet."""

    status = 409
    retry = True


class AmountDiffers(Fault):
    """Duitku says that another amount was paid than was asked."""

    status = 409


class ThinkificUnavailable(Fault):
    """Thinkific does not answer just now."""

    status = 503
    retry = True
    outage = True


class ThinkificUnreachable(ThinkificUnavailable):
    """Thinkific could not be reached; the request was never sent."""


class ThinkificBusy(Fault):
    """Thinkific's limit of requests is reached for now."""

    status = 503
    retry = True
    outage = True


class TurnMissed(ThinkificBusy):
    """So many wait for the calls that Thinkific's limit allows that no turn has come yet."""


class ThinkificUnauthorized(Fault):
    """Thinkific does not accept our key; check it, then the payments go on by themselves."""

    status = 503
    retry = True
    outage = True
    patient = True


class SaleUnauthorized(ThinkificUnauthorized):
    """Thinkific does not let our key record sales; the access itself needs no more."""

    patient = False


class ThinkificRefused(Fault):
    """Thinkific refused the request for good."""

    status = 502


class ThinkificUserMissing(Fault):
    """Thinkific does not find a user that should be there."""

    status = 502
    retry = True


class BundlePending(Fault):
    """Thinkific has queued the bundle enrollment and does not show it yet."""

    status = 503
    retry = True


class SchoolDisconnected(ThinkificUnauthorized):
    """The school must be connected with Thinkific again; its payments wait until then."""


class SchoolUnknown(Fault):
    """There is no such school."""

    status = 404


class SchoolNotReady(SchoolDisconnected):
    """The school lacks keys of Duitku or a way into Thinkific; its payments wait until it has them."""


class NotSignedIn(Fault):
    """Only an operator who is signed in may do this."""

    status = 401


class SealBroken(Fault):
    """Something kept encrypted cannot be opened; was SECRET_KEY changed?"""


class CourseUnmapped(Fault):
    """No Thinkific course fits this offer."""

    status = 422


class CourseAmbiguous(Fault):
    """Several Thinkific courses fit this offer."""

    status = 422


class AnotherOrderUnderWay(Fault):
    """Another paid order for the same course has not had its turn yet; this one goes on when it has."""

    status = 409
    retry = True
    outage = True
    patient = True


class HeldElsewhere(Fault):
    """Another process is working on this payment."""

    status = 409
    retry = True
    outage = True


class Defect(Fault):
    """The work stopped at an error that nobody foresaw; the log has it."""

    retry = True


class Superseded(Fault):
    """Another attempt has taken over."""

    status = 409
