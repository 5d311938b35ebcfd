"""The emulator as somebody else's client sees it: PyPI's `thinkific` 0.1.1 over a real loopback socket."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import thinkific.client
from thinkific import Thinkific
from werkzeug.serving import WSGIRequestHandler, make_server

from kelaspay_emulators.thinkific import ThinkificEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = "2026-01-05T12:00:00Z"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the name is werkzeug's
        """Nothing: a test's output is its own."""


@pytest.fixture
def emulator() -> ThinkificEmulator:
    return ThinkificEmulator()


@pytest.fixture
def client(emulator: ThinkificEmulator) -> Iterator[Thinkific]:
    """Their client knows its host only as a module's constant, so it is pointed elsewhere while the test runs."""
    server = make_server("127.0.0.1", 0, emulator, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    theirs = thinkific.client.BASE_URL
    thinkific.client.BASE_URL = f"http://127.0.0.1:{server.server_port}/api"
    try:
        yield Thinkific(emulator.school.api_key, "kelas")
    finally:
        thinkific.client.BASE_URL = theirs
        server.shutdown()
        thread.join()
        server.server_close()


def test_users_are_made_found_changed_and_deleted(client: Thinkific) -> None:
    made = client.users.create_user({"first_name": "Budi", "last_name": "Santoso", "email": "budi+1@contoh.id"})
    found = client.users.list(email="budi+1@contoh.id")
    changed = client.users.update_user(made["id"], {"last_name": "Wijaya"})
    kept = client.users.retrieve_user(made["id"])
    client.users.delete_user(made["id"])

    assert [each["id"] for each in found["items"]] == [made["id"]]
    assert (changed, kept["full_name"]) == ({}, "Budi Wijaya")
    with pytest.raises(Exception, match="404"):
        client.users.retrieve_user(made["id"])


def test_a_taken_address_is_a_422(client: Thinkific, emulator: ThinkificEmulator) -> None:
    emulator.school.add_user("budi@contoh.id", "Budi", "Santoso")

    with pytest.raises(Exception, match="422"):
        client.users.create_user({"first_name": "Budi", "last_name": "Santoso", "email": "BUDI@contoh.id"})


def test_courses_and_products_are_listed_and_read(client: Thinkific, emulator: ThinkificEmulator) -> None:
    for number in range(3):
        emulator.school.add_course(f"Kursus {number}")
    page = client.courses.list(page=2, limit=2)
    course = page["items"][0]
    product = client.products.retrieve_product(course["product_id"])

    assert page["meta"]["pagination"]["entries_info"] == "3-3 of 3"
    assert client.courses.retrieve_course(course["id"])["name"] == "Kursus 2"
    assert client.courses.retrieve_chapters(course["id"])["items"] == []
    assert product["productable_id"] == course["id"]
    assert client.products.list()["meta"]["pagination"]["total_items"] == 3


def test_enrollments_are_made_found_and_ended(client: Thinkific, emulator: ThinkificEmulator) -> None:
    course = emulator.school.add_course("Belajar Python")
    user = emulator.school.add_user("budi@contoh.id", "Budi", "Santoso")
    pair = {"user_id": user.id, "course_id": course.id}
    made = client.enrollments.create_enrollment({**pair, "activated_at": NOW})
    enrolled = emulator.school.enrolled()
    client.enrollments.update_enrollment(made["id"], {"expiry_date": NOW})
    found = client.enrollments.list(user_id=user.id, course_id=course.id, expired=True)

    assert enrolled == [("budi@contoh.id", "Belajar Python")]
    assert [each["id"] for each in found["items"]] == [made["id"]]
    assert client.enrollments.retrieve_enrollment(made["id"])["expired"] is True


def test_a_bundle_is_read(client: Thinkific, emulator: ThinkificEmulator) -> None:
    course = emulator.school.add_course("Belajar Python")
    bundle = emulator.school.add_bundle("Paket", [course.id])

    assert client.bundles.retrieve_bundle(bundle.id)["course_ids"] == [course.id]


def test_promotions_and_coupons_are_kept(client: Thinkific, emulator: ThinkificEmulator) -> None:
    product_id = emulator.school.add_course("Belajar Python").product_id
    promotion = client.promotions.create_promotion({"name": "Lebaran", "amount": 10, "discount_type": "percentage"})
    client.coupons.create_coupon(promotion["id"], {"code": "LEBARAN"})
    found = client.promotions.find_promotion_with_coupon_and_product(product_id, "LEBARAN")

    assert found["id"] == promotion["id"]


def test_webhooks_are_managed_with_the_key_as_bearer(client: Thinkific) -> None:
    hook = {"topic": "enrollment.created", "target_url": "https://kelaspay.test/webhooks/thinkific"}
    made = client.webhooks.create_webhook(hook)
    changed = client.webhooks.update_webhook(made["id"], {"topic": "enrollment.trial"})
    listed = client.webhooks.list()["items"]
    client.webhooks.delete_webhook(made["id"])

    assert (changed["topic"], [each["id"] for each in listed]) == ("enrollment.trial", [made["id"]])
    with pytest.raises(Exception, match="404"):
        client.webhooks.retrieve_webhook(made["id"])


def test_a_wrong_key_is_a_401_on_both_surfaces(client: Thinkific) -> None:
    assert client.users.list()["items"] == []
    stranger = Thinkific("0" * 32, "kelas")

    with pytest.raises(Exception, match="401"):
        stranger.users.list()
    with pytest.raises(Exception, match="401"):
        stranger.webhooks.list()
