"""Products, courses, external orders and the quieter collections of the emulated Thinkific."""

from __future__ import annotations

import httpx2
import pytest

from kelaspay_emulators.thinkific import Course, ThinkificEmulator, User


@pytest.fixture
def emulator() -> ThinkificEmulator:
    return ThinkificEmulator()


@pytest.fixture
def course(emulator: ThinkificEmulator) -> Course:
    return emulator.school.add_course("Belajar Python", price="150000.0")


@pytest.fixture
def user(emulator: ThinkificEmulator) -> User:
    return emulator.school.add_user("budi@contoh.id", "Budi", "Santoso")


@pytest.fixture
def api(emulator: ThinkificEmulator) -> httpx2.Client:
    return httpx2.Client(
        transport=httpx2.WSGITransport(app=emulator),
        base_url="http://thinkific.test/api/public/v1",
        headers={"X-Auth-API-Key": emulator.school.api_key, "X-Auth-Subdomain": "kelas"},
    )


def test_the_three_kinds_of_id_look_alike_and_differ(emulator: ThinkificEmulator, course: Course) -> None:
    bundle = emulator.school.add_bundle("Paket", [course.id])
    ids = [course.id, course.product_id, bundle.id, bundle.product_id]

    assert len(set(ids)) == 4
    assert {len(str(each)) for each in ids} == {7}


def test_a_product_says_what_it_sells_and_a_course_has_no_price(api: httpx2.Client, course: Course) -> None:
    product = api.get(f"/products/{course.product_id}").json()
    shown = api.get(f"/courses/{course.id}").json()

    assert (product["productable_type"], product["productable_id"]) == ("Course", course.id)
    assert (product["price"], product["product_prices"][0]["price"]) == ("150000.0", "150000.0")
    assert product["status"] == "published"
    assert shown["product_id"] == course.product_id
    assert not {"price", "status"} & shown.keys()


def test_a_draft_is_told_by_its_product(api: httpx2.Client, emulator: ThinkificEmulator) -> None:
    draft = emulator.school.add_course("Segera", status="draft", slug="segera-hadir")
    product = api.get(f"/products/{draft.product_id}").json()

    assert (product["status"], product["slug"]) == ("draft", "segera-hadir")


def test_lists_are_in_order_of_id(api: httpx2.Client, emulator: ThinkificEmulator) -> None:
    for number in range(3):
        emulator.school.add_course(f"Kursus {number}")
    for path in ("/courses", "/products"):
        ids = [each["id"] for each in api.get(path).json()["items"]]

        assert ids == sorted(ids)


@pytest.mark.parametrize("path", ["/courses/1", "/products/1", "/bundles/1", "/orders/1", "/chapters/1", "/contents/1"])
def test_an_unknown_id_is_not_found(api: httpx2.Client, path: str) -> None:
    missing = api.get(path)

    assert (missing.status_code, missing.json()) == (404, {"error": "Record not found."})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/enrollments/1"),
        ("GET", "/users/me"),
        ("POST", "/enrollments/bulk"),
        ("POST", "/orders"),
        ("GET", "/external_orders"),
        ("POST", "/external_orders/1/refund"),
        ("GET", "/groups/1/members"),
        ("POST", "/group_memberships"),
        ("POST", "/coupons/validate"),
        ("GET", "/products/1/prices"),
        ("GET", "/webhooks"),
        ("POST", "/webhooks"),
        ("GET", "/bundles"),
        ("GET", "/no/such/thing"),
    ],
)
def test_what_others_invented_is_not_there(api: httpx2.Client, method: str, path: str) -> None:
    refused = api.request(method, path)

    assert refused.status_code == 404
    assert list(refused.json()) == ["error"]


class TestExternalOrders:
    def order(self, user: User, course: Course, **more: object) -> dict[str, object]:
        return {
            "payment_provider": "duitku",
            "user_id": user.id,
            "product_id": course.product_id,
            "order_type": "one-time",
            "transaction": {"amount": 150_000, "currency": "IDR", "reference": "D-1"},
            **more,
        }

    def test_it_is_stored_answered_with_an_id_and_never_shown(
        self, api: httpx2.Client, emulator: ThinkificEmulator, user: User, course: Course
    ) -> None:
        made = api.post("/external_orders", json=self.order(user, course))
        kept = emulator.school.external_orders[1]

        assert (made.status_code, made.json()) == (201, {"id": 1})
        assert (kept.transactions[0].amount, kept.transactions[0].reference) == (150_000, "D-1")
        assert api.get("/orders").json()["items"] == []
        assert api.get("/external_orders/1").status_code == 404
        assert emulator.school.enrolled() == []

    def test_the_same_reference_makes_another_order(self, api: httpx2.Client, user: User, course: Course) -> None:
        ids = [api.post("/external_orders", json=self.order(user, course)).json()["id"] for _ in range(2)]

        assert ids == [1, 2]

    def test_refunds_and_renewals_are_added_with_an_empty_200(
        self, api: httpx2.Client, emulator: ThinkificEmulator, user: User, course: Course
    ) -> None:
        api.post("/external_orders", json=self.order(user, course))
        money = {"amount": 50_000, "currency": "IDR", "reference": "R-1"}
        answers = [api.post(f"/external_orders/1/transactions/{each}", json=money) for each in ("refund", "purchase")]

        assert [(each.status_code, each.content) for each in answers] == [(200, b"")] * 2
        actions = [each.action for each in emulator.school.external_orders[1].transactions]
        assert actions == ["purchase", "refund", "purchase"]

    def test_a_transaction_of_an_unknown_order_is_not_found(self, api: httpx2.Client) -> None:
        refused = api.post("/external_orders/9/transactions/refund", json={"amount": 1, "currency": "IDR"})

        assert refused.status_code == 404

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"user_id": 1}, "user_id"),
            ({"product_id": 1}, "product_id"),
            ({"order_type": "gift"}, "order_type"),
            ({"payment_provider": ""}, "payment_provider"),
            ({"transaction": {"currency": "IDR"}}, "transaction.amount"),
            ({"transaction": {"amount": 1}}, "transaction.currency"),
            ({"transaction": None}, "transaction.amount"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_field(
        self, api: httpx2.Client, user: User, course: Course, more: dict[str, object], field: str
    ) -> None:
        refused = api.post("/external_orders", json=self.order(user, course, **more))

        assert refused.status_code == 422
        assert field in refused.json()["errors"]

    def test_a_course_id_is_no_product_id(self, api: httpx2.Client, user: User, course: Course) -> None:
        refused = api.post("/external_orders", json=self.order(user, course, product_id=course.id))

        assert refused.json() == {"errors": {"product_id": ["is invalid"]}}

    def test_a_form_with_brackets_is_understood(self, api: httpx2.Client, user: User, course: Course) -> None:
        form = {name: str(value) for name, value in self.order(user, course).items() if name != "transaction"}
        made = api.post(
            "/external_orders", data={**form, "transaction[amount]": "150000", "transaction[currency]": "IDR"}
        )

        assert made.status_code == 201


class TestQuieterCollections:
    def test_a_coupon_finds_its_promotion_for_the_products_it_holds_for(
        self, api: httpx2.Client, course: Course
    ) -> None:
        promotion = {"name": "Lebaran", "amount": 10, "discount_type": "percentage", "product_ids": [course.product_id]}
        promotion_id = api.post("/promotions", json=promotion).json()["id"]
        coupon = api.post("/coupons", params={"promotion_id": promotion_id}, json={"code": "LEBARAN"})
        asked: dict[str, str | int] = {"product_id": course.product_id, "coupon_code": "LEBARAN"}

        assert coupon.status_code == 201
        assert api.get("/promotions/by_coupon", params=asked).json()["coupon_ids"] == [coupon.json()["id"]]
        assert api.get("/promotions/by_coupon", params={**asked, "product_id": 1}).status_code == 404
        assert api.get("/promotions/by_coupon", params={"coupon_code": "LEBARAN"}).status_code == 400

    def test_coupons_come_in_bulk_for_a_promotion_named_in_the_query(self, api: httpx2.Client) -> None:
        promotion = {"name": "Lebaran", "amount": 10, "discount_type": "fixed"}
        promotion_id = api.post("/promotions", json=promotion).json()["id"]
        bulk = {"bulk_quantity": 3, "bulk_coupon_code_length": 6, "bulk_quantity_per_coupon": 1}
        made = api.post("/coupons/bulk_create", params={"promotion_id": promotion_id}, json=bulk).json()["items"]

        assert [len(each["code"]) for each in made] == [6, 6, 6]
        assert len(api.get("/coupons", params={"promotion_id": promotion_id}).json()["items"]) == 3
        assert api.post("/coupons", json={"code": "X"}).status_code == 400

    def test_a_promotion_complains_with_a_small_letter_and_a_coupon_with_a_capital(self, api: httpx2.Client) -> None:
        promotion = {"name": "Lebaran", "amount": 10, "discount_type": "fixed"}
        promotion_id = api.post("/promotions", json=promotion).json()["id"]
        coupon = api.post("/coupons", params={"promotion_id": promotion_id}, json={})

        assert api.post("/promotions", json={**promotion, "name": ""}).json() == {
            "errors": {"name": ["can't be blank"]}
        }
        assert coupon.json() == {"errors": {"code": ["Can't be blank"]}}

    def test_a_group_is_created_with_200_and_misses_itself_in_an_array(self, api: httpx2.Client) -> None:
        made = api.post("/groups", json={"name": "Angkatan 1"})

        assert made.status_code == 200
        assert made.json().keys() == {"id", "name", "token", "created_at"}
        assert api.get("/groups/1").json() == {"error": ["Record not found."]}

    def test_users_join_groups_by_name_and_analysts_by_id(self, api: httpx2.Client, user: User) -> None:
        group = api.post("/groups", json={"name": "Angkatan 1"}).json()["id"]
        unknown = api.post("/group_users", json={"user_id": user.id, "group_names": ["Angkatan 2"]})
        stranger = api.post(f"/groups/{group}/analysts", json={"user_ids": [1]})
        added = api.post(f"/groups/{group}/analysts", json={"user_ids": [user.id]})

        assert unknown.json() == {"errors": ["Invalid group_names"]}
        assert stranger.json() == {"errors": [{"user_ids": "Invalid user IDs: 1"}]}
        assert added.status_code == 201
        assert [each["id"] for each in api.get(f"/groups/{group}/analysts").json()["items"]] == [user.id]
        assert api.delete(f"/group_analysts/{user.id}/groups/{group}").status_code == 204
        assert api.delete(f"/groups/{group}/analysts/{user.id}").status_code == 404

    def test_a_collection_gathers_products_and_lets_them_go(self, api: httpx2.Client, course: Course) -> None:
        collection = api.post("/collections", json={"name": "Data"}).json()["id"]
        products = {"product_ids": [course.product_id]}
        api.post(f"/collection_memberships/{collection}", json=products)
        gathered = api.get(f"/collections/{collection}/products").json()["items"]
        api.request("DELETE", f"/collection_memberships/{collection}", json=products)

        assert [each["id"] for each in gathered] == [course.product_id]
        assert api.get(f"/collections/{collection}/products").json()["items"] == []

    def test_an_instructor_is_made_changed_and_removed(self, api: httpx2.Client) -> None:
        sari = {"first_name": "Sari", "last_name": "Dewi", "slug": "sari"}
        path = f"/instructors/{api.post('/instructors', json=sari).json()['id']}"
        changed = api.put(path, json={"title": "Dosen"})

        assert (changed.status_code, api.get(path).json()["title"]) == (204, "Dosen")
        assert api.put(path, json={"slug": ""}).status_code == 422
        assert (api.delete(path).status_code, api.get(path).status_code) == (204, 404)

    def test_reviews_are_asked_for_by_course(self, api: httpx2.Client, course: Course, user: User) -> None:
        review = {"rating": 5, "user_id": user.id}
        made = api.post("/course_reviews", params={"course_id": course.id}, json=review)
        listed = api.get("/course_reviews", params={"course_id": course.id, "approved": "false"}).json()["items"]

        assert made.status_code == 201
        assert [each["rating"] for each in listed] == [5]
        assert api.get("/course_reviews").status_code == 400

    def test_a_site_script_with_content_is_for_apps(self, api: httpx2.Client) -> None:
        script = {"name": "Beli", "description": "x", "page_scopes": ["all"], "category": "functional"}
        made = api.post("/site_scripts", json={**script, "src": "https://kelaspay.test/buy.js"})

        assert (made.status_code, made.json()["site_script"]["name"]) == (201, "Beli")
        assert api.post("/site_scripts", json={**script, "content": "alert(1)"}).status_code == 422
