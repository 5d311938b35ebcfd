"""What Thinkific answered about a payment's access, written down as soon as it is known: a repeat starts from there."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.faults import PaymentUnknown
from kelaspay.payment import Enrollment, EnrollmentState, ExternalOrderState, MerchantOrderId
from kelaspay.store import notices
from kelaspay.store.database import database_clock
from kelaspay.store.payments import PAYMENT_COLUMNS, as_payment
from kelaspay.store.tables import enrollments, inbox, jobs, payments, users
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kelaspay.payment import Payment
    from kelaspay.store.database import Db

ENROLLMENT_COLUMNS = [enrollments.c[field.name] for field in fields(Enrollment)]
BY_ORDER_ID = sa.select(*ENROLLMENT_COLUMNS).where(enrollments.c.merchant_order_id == sa.bindparam("sought"))
BY_ITS_PAYMENT = (
    sa.select(*PAYMENT_COLUMNS, *(column.label(f"its_{column.name}") for column in ENROLLMENT_COLUMNS))
    .outerjoin_from(payments, enrollments, payments.c.merchant_order_id == enrollments.c.merchant_order_id)
    .where(payments.c.merchant_order_id == sa.bindparam("sought"))
)


def begin_enrollment(db: Db, enrollment: Enrollment) -> None:
    """Keep a pending enrollment with what was sold; one that is there gets it corrected until it is enrolled."""
    sold = {"course_id": enrollment.course_id, "bundle_id": enrollment.bundle_id}
    insert = upsert(db, enrollments)
    db.execute(
        insert.values(
            merchant_order_id=enrollment.merchant_order_id, state=EnrollmentState.PENDING, **sold
        ).on_conflict_do_update(
            index_elements=[enrollments.c.merchant_order_id],
            set_={"state": EnrollmentState.PENDING, **sold},
            where=enrollments.c.state.in_([EnrollmentState.PENDING, EnrollmentState.BLOCKED]),
        )
    )


def save_enrollment(db: Db, merchant_order_id: MerchantOrderId, **values: Any) -> None:
    """Write down what is known now; writing the same again changes nothing."""
    db.execute(sa.update(enrollments).where(enrollments.c.merchant_order_id == merchant_order_id).values(**values))


def save_for_user(db: Db, merchant_order_id: MerchantOrderId, of_user: int | None, **values: Any) -> bool:
    """Write down what is known of this user's access, or with None whose access it is to be; False where the order was
    given to another address meanwhile.
    """
    its = sa.and_(
        enrollments.c.merchant_order_id == merchant_order_id, enrollments.c.user_id.is_not_distinct_from(of_user)
    )
    return db.execute(sa.update(enrollments).where(its).values(**values)).rowcount == 1


def leave_user(db: Db, merchant_order_id: MerchantOrderId) -> None:
    """Have the next run find another user and what that one has already. Whoever was or may have been given access is
    the former one, or who was before where the next was given nothing; what was aimed at, and so the day it ends,
    stays. One statement, so that what a run has just written down counts.
    """
    given = sa.or_(enrollments.c.state == EnrollmentState.ENROLLED, enrollments.c.enroll_tried)
    db.execute(
        sa.update(enrollments)
        .where(enrollments.c.merchant_order_id == merchant_order_id)
        .values(
            state=EnrollmentState.PENDING,
            user_id=None,
            user_created=False,
            enrollment_id=None,
            enroll_tried=False,
            had_until=None,
            former_user_id=sa.case((given, enrollments.c.user_id), else_=enrollments.c.former_user_id),
            former_had_until=sa.case((given, enrollments.c.had_until), else_=enrollments.c.former_had_until),
        )
    )


def known_orders(db: Db, enrollment: Enrollment) -> list[sa.Row[Any]]:
    """The orders by which its user may have this course, or of whatever the bundle may hold, and whose access has not
    ended, until when, and what that user had before them. `same` says which give the very same.
    """
    same = sa.and_(
        enrollments.c.course_id.is_not_distinct_from(enrollment.course_id),
        enrollments.c.bundle_id.is_not_distinct_from(enrollment.bundle_id),
    )
    left = enrollments.c.former_user_id == enrollment.user_id
    query = sa.select(
        enrollments.c.merchant_order_id,
        enrollments.c.state,
        enrollments.c.expiry_date,
        sa.case((left, enrollments.c.former_had_until), else_=enrollments.c.had_until).label("had_until"),
        same.label("same"),
    ).where(
        sa.or_(sa.and_(enrollments.c.user_id == enrollment.user_id, enrollments.c.enroll_tried), left),
        sa.true() if enrollment.course_id is None else sa.or_(same, enrollments.c.bundle_id.is_not(None)),
        enrollments.c.state != EnrollmentState.REVOKED,
    )
    return list(db.execute(query))


def changed_beside(db: Db, enrollment: Enrollment, known: Sequence[Any]) -> bool:
    """Whether another order gives its user the same course or bundle, or has begun to, that was not among the `known`
    ones; or whether one has ended since or is being ended. Nobody else begins before this transaction has ended.
    """
    rows = _beside(db, enrollment)
    given = {each.merchant_order_id for each in known if each.state == EnrollmentState.ENROLLED}
    beside = (row for row in rows if row.gives)
    others = (row.state != EnrollmentState.ENROLLED or row.merchant_order_id not in given for row in beside)
    return any(others) or _ends(rows, known)


def ends_beside(db: Db, enrollment: Enrollment, known: Sequence[Any]) -> bool:
    """Whether one of the orders that were `known` has ended since, or another of its user's is being ended."""
    return _ends(_beside(db, enrollment), known)


def _ends(rows: Sequence[Any], known: Sequence[Any]) -> bool:
    gone = {each.merchant_order_id for each in known} - {row.merchant_order_id for row in rows}
    return bool(gone) or any(row.ending for row in rows)


def _beside(db: Db, enrollment: Enrollment) -> Sequence[Any]:
    """The orders of its user that have not ended, itself among them: which give the same or have begun to, and of which
    a process may be ending something of the same. Not of one that is only to be ended: it looks whom it takes from.
    """
    same = sa.and_(
        enrollments.c.course_id.is_not_distinct_from(enrollment.course_id),
        enrollments.c.bundle_id.is_not_distinct_from(enrollment.bundle_id),
    )
    theirs, left = (column == enrollment.user_id for column in (enrollments.c.user_id, enrollments.c.former_user_id))
    other = enrollments.c.merchant_order_id != enrollment.merchant_order_id
    shared = sa.true() if enrollment.course_id is None else sa.or_(same, enrollments.c.bundle_id.is_not(None))
    held = sa.exists().where(
        jobs.c.merchant_order_id == enrollments.c.merchant_order_id,
        jobs.c.holder.is_not(None),
        jobs.c.lease_until > database_clock(),
    )
    query = (
        sa.select(
            enrollments.c.merchant_order_id,
            enrollments.c.state,
            sa.and_(
                theirs,
                same,
                enrollments.c.enroll_tried,
                enrollments.c.state.in_([EnrollmentState.PENDING, EnrollmentState.ENROLLED]),
                sa.not_(enrollments.c.revoke_wanted),
            ).label("gives"),
            sa.and_(other, shared, sa.or_(enrollments.c.revoke_wanted, left), held).label("ending"),
        )
        .where(sa.or_(theirs, left), enrollments.c.state != EnrollmentState.REVOKED)
        .order_by(enrollments.c.merchant_order_id)
    )
    return db.execute(query.with_for_update()).all()


def only_order_of(db: Db, enrollment: Enrollment) -> bool:
    """Whether its user has no other order of ours: one that was made for this order may have been used since."""
    other = sa.select(enrollments.c.user_id).where(
        enrollments.c.user_id == enrollment.user_id, enrollments.c.merchant_order_id != enrollment.merchant_order_id
    )
    return db.execute(other.limit(1)).first() is None


def move_enrollment(
    db: Db,
    merchant_order_id: MerchantOrderId,
    to: EnrollmentState,
    now: datetime,
    *,
    allowed: list[EnrollmentState] | None = None,
    of_user: int | None = None,
    **values: Any,
) -> bool:
    """Move an access to `to` from any other state, or from those `allowed`, with `values` set in the same statement;
    False when it was there already, may not go or is not `of_user`, and then integrators are told nothing.
    """
    from_states = [state for state in EnrollmentState if state is not to] if allowed is None else allowed
    its = sa.and_(enrollments.c.merchant_order_id == merchant_order_id, enrollments.c.state.in_(from_states))
    if of_user is not None:
        its = sa.and_(its, enrollments.c.user_id == of_user)
    moved = db.execute(sa.update(enrollments).where(its).values(state=to, **values))
    if moved.rowcount == 1:
        notices.raise_for_enrollment(db, merchant_order_id, to, now)
    return moved.rowcount == 1


def find_enrollment(db: Db, merchant_order_id: str) -> Enrollment | None:
    row = db.execute(BY_ORDER_ID, {"sought": merchant_order_id}).one_or_none()
    return None if row is None else _as_enrollment(row)


def find_with_payment(db: Db, merchant_order_id: str) -> tuple[Payment, Enrollment | None] | None:
    """A payment and the access that it gives, in one round trip: whoever works on one needs the other."""
    row = db.execute(BY_ITS_PAYMENT, {"sought": merchant_order_id}).one_or_none()
    if row is None:
        return None
    return as_payment(row), _as_enrollment(row[len(PAYMENT_COLUMNS) :]) if row.its_state is not None else None


def sold(db: Db, merchant_order_id: MerchantOrderId) -> tuple[Payment, Enrollment | None]:
    """The same of an order that there must be; raises `PaymentUnknown`."""
    found = find_with_payment(db, merchant_order_id)
    if found is None:
        raise PaymentUnknown(merchant_order_id=merchant_order_id)
    return found


def given(db: Db, merchant_order_id: MerchantOrderId) -> tuple[Payment, Enrollment]:
    """What was paid and the access that it gives or gave; raises `PaymentUnknown` where either is missing."""
    payment, enrollment = sold(db, merchant_order_id)
    if enrollment is None:
        raise PaymentUnknown(merchant_order_id=merchant_order_id)
    return payment, enrollment


def _as_enrollment(row: Any) -> Enrollment:
    values = dict(zip((column.name for column in ENROLLMENT_COLUMNS), row, strict=True))
    values["state"] = EnrollmentState(values["state"])
    for name in ("external_order_state", "refund_state"):
        values[name] = ExternalOrderState(values[name]) if values[name] else None
    return Enrollment(**values)


def claim_once(db: Db, merchant_order_id: MerchantOrderId, column: str) -> bool:
    """True once only: whoever gets it may send what `column` stands for (`external_order_state` or `refund_state`), and
    nobody else ever will.
    """
    claimed = db.execute(
        sa.update(enrollments)
        .where(enrollments.c.merchant_order_id == merchant_order_id, enrollments.c[column].is_(None))
        .values({column: ExternalOrderState.SENDING})
    )
    return claimed.rowcount == 1


def release_once(db: Db, merchant_order_id: MerchantOrderId, column: str) -> None:
    """Give the claim back when what was claimed surely was not sent."""
    db.execute(
        sa.update(enrollments)
        .where(
            enrollments.c.merchant_order_id == merchant_order_id,
            enrollments.c[column] == ExternalOrderState.SENDING,
        )
        .values({column: None})
    )


def known_user(db: Db, school: str, email: str) -> tuple[int | None, int]:
    """Thinkific's id of the school's user with this e-mail address, from an earlier enrollment; none where it has told
    something else since. Beside it the newest event: what comes in after that may be newer than Thinkific's answer.
    """
    sure = sa.and_(users.c.school == school, users.c.email == email, users.c.doubted_at.is_(None))
    known = sa.select(users.c.user_id).where(sure).scalar_subquery()
    newest = sa.select(sa.func.coalesce(sa.func.max(inbox.c.id), 0)).scalar_subquery()
    user_id, newest_event = db.execute(sa.select(known, newest)).one()
    return user_id, newest_event


def remember_user(db: Db, school: str, email: str, user_id: int, now: datetime, *, newest_event: int) -> None:
    """Whose this address is, as Thinkific answered after it was asked when `newest_event` was the newest; in doubt
    where Thinkific has told of a changed user since, known to us or not. That they signed in stays known, and of who
    had the address before it says nothing.
    """
    insert = upsert(db, users)
    since = sa.and_(inbox.c.id > newest_event, inbox.c.source == "thinkific", inbox.c.result_code == "user.updated")
    told = sa.exists(sa.select(inbox.c.id).where(since))
    values = {
        "user_id": user_id,
        "seen_at": now,
        "doubted_at": sa.case((told, sa.literal(now, users.c.doubted_at.type))),
    }
    same = sa.case((users.c.user_id == user_id, users.c.signed_in_at))
    db.execute(
        insert.values(school=school, email=email, **values).on_conflict_do_update(
            index_elements=[users.c.school, users.c.email], set_=values | {"signed_in_at": same}
        )
    )


def forget_user(db: Db, school: str, user_id: int) -> None:
    """Thinkific no longer has this user; the next enrollment looks for the e-mail address again."""
    db.execute(sa.delete(users).where(users.c.school == school, users.c.user_id == user_id))


def signed_in(db: Db, school: str, user_id: int) -> bool:
    """Whether Thinkific has told us that this user of the school's signed in."""
    told = sa.select(users.c.user_id).where(
        users.c.school == school, users.c.user_id == user_id, users.c.signed_in_at.is_not(None)
    )
    return db.execute(told.limit(1)).first() is not None


def set_signed_in(db: Db, school: str, user_id: int, now: datetime) -> bool:
    """Remember that a user signed in; False when we do not know the user."""
    theirs = sa.and_(users.c.school == school, users.c.user_id == user_id)
    return db.execute(sa.update(users).where(theirs).values(signed_in_at=now)).rowcount > 0


def set_progress(
    db: Db, school: str, *, user_id: int, course_id: int, percentage: str, completed_at: datetime | None
) -> bool:
    """How far Thinkific says a learner is; False when the enrollment is none of ours. A completion is never unsaid."""
    values: dict[str, Any] = {"percentage_completed": percentage}
    if completed_at is not None:
        values["completed_at"] = completed_at
    ours = sa.exists().where(
        payments.c.merchant_order_id == enrollments.c.merchant_order_id, payments.c.school == school
    )
    told = db.execute(
        sa.update(enrollments)
        .where(enrollments.c.user_id == user_id, enrollments.c.course_id == course_id, ours)
        .values(**values)
    )
    return told.rowcount > 0


def set_told(
    db: Db,
    school: str,
    *,
    user_id: int,
    course_id: int,
    activated_at: datetime | None,
    expiry_date: datetime | None,
    at: datetime,
) -> None:
    """Since and until when Thinkific says that a learner has access, as of `at`: what it said later stays. What we
    aimed at stays beside it, for that is what was sold.
    """
    ours = sa.exists().where(
        payments.c.merchant_order_id == enrollments.c.merchant_order_id, payments.c.school == school
    )
    new = sa.or_(enrollments.c.told_at.is_(None), enrollments.c.told_at <= at)
    db.execute(
        sa.update(enrollments)
        .where(enrollments.c.user_id == user_id, enrollments.c.course_id == course_id, ours, new)
        .values(told_activated_at=activated_at, told_expiry_date=expiry_date, told_at=at)
    )


def doubt_user(db: Db, school: str, user_id: int, email: str, now: datetime) -> bool:
    """Thinkific tells this address of a user: any other that we know of theirs, and this one where it was somebody
    else's, is believed no longer, and Thinkific is asked at the next purchase. What is told late, again or in another
    order comes to the same, for nothing is believed instead. False when we do not know the user.
    """
    at_school = users.c.school == school
    theirs = sa.and_(at_school, users.c.user_id == user_id)
    known = db.execute(
        sa.select(sa.func.count().label("addresses"), sa.func.max(users.c.signed_in_at).label("signed_in_at")).where(
            theirs
        )
    ).one()
    if not known.addresses:
        return False
    differs = (users.c.user_id == user_id) != (users.c.email == email)
    either = sa.or_(users.c.user_id == user_id, users.c.email == email)
    db.execute(sa.update(users).where(at_school, either, differs, users.c.doubted_at.is_(None)).values(doubted_at=now))
    told = {"user_id": user_id, "seen_at": now, "signed_in_at": known.signed_in_at, "doubted_at": now}
    db.execute(upsert(db, users).values(school=school, email=email, **told).on_conflict_do_nothing())
    return True
