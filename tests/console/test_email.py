"""Stories of an address that was mistyped, of access that ends without a refund, and of money for somebody erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.console.desk import joined
from tests.world import COURSE

from kelaspay.formats import masked

if TYPE_CHECKING:
    from tests.console.desk import Desk
    from tests.world import World

WRONG = "siti@example.com"
RIGHT = "siti.rahma@example.com"


def give(desk: Desk, order_id: str, email: str = RIGHT) -> str:
    desk.open(f"/console/payments/{order_id}/email")
    return desk.press(f"/console/payments/{order_id}/email", email=email)


def inside(world: World) -> set[str]:
    """Whose access to the course holds now."""
    school = world.thinkific.school
    return {
        school.users[each.user_id].email
        for each in school.enrollments.values()
        if each.expiry_date is None or each.expiry_date > world.clock()
    }


def test_a_mistyped_address_is_corrected_the_new_one_is_enrolled_and_the_old_one_let_go(world: World) -> None:
    world.sell(access_days=30)
    order_id = world.buy_and_pay()
    world.work()
    ends = world.enrollment(order_id)
    desk = joined(world)
    world.clock.move(days=2)
    desk.sign_in()

    give(desk, order_id)
    world.work()
    moved = world.enrollment(order_id)
    shown = desk.open(f"/console/payments/{order_id}")

    assert inside(world) == {RIGHT}
    assert ends is not None
    assert moved is not None
    assert (moved.state, moved.expiry_date, moved.former_user_id) == ("enrolled", ends.expiry_date, None)
    assert moved.external_order_id == ends.external_order_id
    assert world.status(order_id) == "completed"
    assert f"{masked(WRONG)} → {masked(RIGHT)}" in shown
    assert "Akses email yang lama diakhiri" in shown


def test_before_it_is_paid_the_order_simply_goes_to_the_other_address(world: World) -> None:
    world.sell()
    order_id = world.buy()

    give(joined(world), order_id)
    world.call_back(world.duitku.pay(order_id))
    world.work()

    assert world.enrolled() == [(RIGHT, COURSE)]


def test_what_else_the_old_address_bought_stays_with_it(world: World) -> None:
    world.sell()
    first = world.buy_and_pay()
    world.work()
    world.buy_and_pay()
    world.work()

    give(joined(world), first)
    world.work()

    assert inside(world) == {WRONG, RIGHT}


def test_who_has_opened_the_course_keeps_the_address(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    for each in world.thinkific.school.enrollments.values():
        each.started_at = world.clock()

    desk = joined(world)
    said = give(desk, order_id)
    world.work()

    assert desk.status == 409
    assert "Pembeli sudah pernah masuk" in said
    assert inside(world) == {WRONG}


def test_no_address_and_the_same_address_are_refused_with_what_was_entered_kept(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)

    for entered in ("bukan email", WRONG.upper()):
        said = give(desk, order_id, entered)

        assert desk.status == 422
        assert entered in said
    assert inside(world) == {WRONG}


def test_a_new_address_that_thinkific_refuses_is_tried_again_by_hand_and_the_old_one_keeps_its_access(
    world: World,
) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)
    world.thinkific.fail_next("POST", "/users", "422")
    give(desk, order_id)
    world.work()
    still = inside(world)
    stuck = desk.open(f"/console/payments/{order_id}")
    desk.press(f"/console/payments/{order_id}/retry")
    world.work()

    assert "Thinkific menolak" in stuck
    assert still == {WRONG}
    assert inside(world) == {RIGHT}
    assert world.status(order_id) == "completed"


def test_access_ends_without_a_refund_and_the_sale_stays(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)

    asked = desk.open(f"/console/payments/{order_id}/end")
    desk.press(f"/console/payments/{order_id}/end", reason="Melanggar aturan kelas")
    world.work()
    enrollment = world.enrollment(order_id)

    assert "tidak ada uang yang dikembalikan" in asked
    assert inside(world) == set()
    assert enrollment is not None
    assert (enrollment.state, enrollment.refund_state) == ("revoked", None)
    assert world.status(order_id) == "completed"


def test_money_for_an_order_whose_buyer_was_erased_waits_for_a_person_and_then_goes_on(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.clock.move(hours=25)
    world.reconcile()
    desk = joined(world)
    desk.open(f"/console/customers/{WRONG}/erase")
    desk.press("/console/customers/", typed=WRONG)
    world.duitku.switches.expired_payable = True
    world.call_back(world.duitku.pay(order_id))
    world.work_for(hours=1)
    stopped = desk.open(f"/console/payments/{order_id}")
    before = world.enrolled()

    give(desk, order_id)
    desk.open(f"/console/payments/{order_id}")
    if "/retry" in desk.text:
        desk.press(f"/console/payments/{order_id}/retry")
    world.work()

    assert "Data pembeli sudah dihapus" in stopped
    assert before == []
    assert world.enrolled() == [(RIGHT, COURSE)]
    assert world.status(order_id) == "completed"
