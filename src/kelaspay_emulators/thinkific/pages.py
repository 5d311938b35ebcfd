"""The school's site as a student or a tester sees it: the overview, course pages, the player, signing in."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote

from kelaspay_emulators.thinkific.admin import CONTROLS
from kelaspay_emulators.thinkific.answers import whole
from kelaspay_emulators.thinkific.sso import signed_in
from kelaspay_emulators.thinkific.visit import Door

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.records import Enrollment, Product
    from kelaspay_emulators.thinkific.visit import Visit

SHOWN = 50
"""Rows of each table in the overview, the newest first."""


def overview(visit: Visit) -> Response:
    school = visit.school
    return visit.page(
        "overview.html",
        schools=list(visit.schools.values()),
        controls=CONTROLS,
        users=list(islice(reversed(school.users.values()), SHOWN)),
        enrollments=list(islice(reversed(school.enrollments.values()), SHOWN)),
        external_orders=list(islice(reversed(school.external_orders.values()), SHOWN)),
        calls=[call for call in visit.calls[-4 * SHOWN :] if call.subdomain in {"", school.subdomain}][
            : -SHOWN - 1 : -1
        ],
    )


def landing(visit: Visit) -> Response:
    product = visit.school.product_by_slug(visit.ids["slug"])
    if product is None:
        return visit.refusal("Halaman ini tidak ada.", 404)
    return visit.page("course.html", product=product, buy=_buy_url(visit, product), mine=_mine(visit, product))


def _buy_url(visit: Visit, product: Product) -> str:
    parts = {
        "{slug}": product.slug,
        "{product_id}": str(product.id),
        "{course_id}": str(product.productable_id),
        "{subdomain}": visit.school.subdomain,
    }
    url = visit.switches.buy_url
    for name, value in parts.items():
        url = url.replace(name, quote(value))
    return url


def _mine(visit: Visit, product: Product) -> Enrollment | None:
    if visit.user is None or product.productable_type != "Course":
        return None
    return visit.school.enrollment_of(visit.user.id, product.productable_id)


def player(visit: Visit) -> Response:
    """The lessons for whoever is fully enrolled, the preview for a free trial, the way in for anybody else."""
    product = visit.school.product_by_slug(visit.ids["slug"])
    if product is None:
        return visit.refusal("Halaman ini tidak ada.", 404)
    if visit.user is None:
        return visit.to("/users/sign_in")
    return visit.page("player.html", product=product, mine=_mine(visit, product))


def sign_in(visit: Visit) -> Response:
    return visit.page("sign_in.html", wrong=False)


def signing_in(visit: Visit) -> Response:
    user = visit.school.user_by_email(visit.request.form.get("email", "").strip())
    if user is None:
        return visit.page("sign_in.html", 422, wrong=True)
    return signed_in(visit, user, visit.to("/enrollments"))


def forgotten(visit: Visit) -> Response:
    """Where a student asks for a link to a new password: the path of Rails' own sign-in, which no document names."""
    return visit.page("password.html", asked=visit.request.method == "POST")


def sign_out(visit: Visit) -> Response:
    visit.school.sessions.pop(visit.request.cookies.get(visit.cookie, ""), None)
    return visit.to("/users/sign_in")


def dashboard(visit: Visit) -> Response:
    if visit.user is None:
        return visit.to("/users/sign_in")
    return visit.page("dashboard.html", mine=visit.school.enrollments_of(visit.user.id))


def own_checkout(visit: Visit) -> Response:
    product = visit.school.products.get(whole(visit.ids["id"]) or 0)
    if product is None:
        return visit.refusal("Halaman ini tidak ada.", 404)
    return visit.refusal("Checkout bawaan Thinkific tidak diemulasi.", 404)


def app_page(visit: Visit) -> Response:
    return visit.page("app.html", slug=visit.ids["slug"])


DOORS = [
    Door("GET", "/", overview),
    Door("GET", "/courses/<slug>", landing),
    Door("GET", "/bundles/<slug>", landing),
    Door("GET", "/courses/take/<slug>", player),
    Door("GET", "/enroll/<id>", own_checkout),
    Door("GET", "/users/sign_in", sign_in),
    Door("POST", "/users/sign_in", signing_in),
    Door("GET", "/users/password/new", forgotten),
    Door("POST", "/users/password", forgotten),
    Door("POST", "/users/sign_out", sign_out),
    Door("GET", "/enrollments", dashboard),
    Door("GET", "/manage/apps/<slug>", app_page),
]
