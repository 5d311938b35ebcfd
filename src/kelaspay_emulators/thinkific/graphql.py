"""A stub of GraphQL: `site`, `userByEmail` and `product`, each with all the fields it knows, whatever was selected
(thinkific.md 5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import answer, whole

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.records import JSON
    from kelaspay_emulators.thinkific.school import School

_LIMIT = 2000
_COST = 2


def respond(school: School, body: JSON, public_url: str) -> Response:
    query, sent = str(body.get("query", "")), body.get("variables")
    variables: JSON = sent if isinstance(sent, dict) else {}
    data: JSON = {}
    if re.search(r"\bsite\b", query):
        data["site"] = _site(school, public_url)
    if "userByEmail" in query:
        data["userByEmail"] = _user(school, _argument(query, "userByEmail", "email", variables))
    if re.search(r"\bproduct\s*\(", query):
        data["product"] = _product(school, _argument(query, "product", "id", variables), public_url)
    if not data:
        return answer({"errors": [{"message": "Only site, userByEmail and product are emulated."}]})
    spent = {"cost": _COST, "limit": _LIMIT, "remaining": _LIMIT - _COST, "resetAt": school.now().isoformat()}
    return answer({"data": data, "extensions": {"rateLimit": spent}})


def _argument(query: str, field: str, name: str, variables: JSON) -> str:
    """A literal of the query, or the variable that stands there."""
    found = re.search(rf'\b{field}\s*\(\s*{name}\s*:\s*(?:\$(\w+)|"([^"]*)"|(\d+))', query)
    if found is None:
        return ""
    return str(variables.get(found[1], "")) if found[1] else found[2] or found[3] or ""


def _site(school: School, public_url: str) -> JSON:
    url = f"{public_url}/sites/{school.subdomain}"
    return {"id": school.gid, "name": school.name, "subdomain": school.subdomain, "domain": url, "currency": "idr"}


def _user(school: School, email: str) -> JSON | None:
    user = school.user_by_email(email)
    if user is None:
        return None
    names = ("firstName", user.first_name), ("lastName", user.last_name), ("fullName", user.full_name)
    return {"id": str(user.id), "gid": user.gid, "email": user.email, **dict(names)}


def _product(school: School, product_id: str, public_url: str) -> JSON | None:
    product = school.products.get(whole(product_id) or 0)
    if product is None:
        return None
    site = f"{public_url}/sites/{school.subdomain}"
    price: JSON = {"id": str(product.id), "amount": int(float(product.price)), "currency": "idr"}
    return {
        "id": str(product.id),
        "name": product.name,
        "slug": product.slug,
        "status": product.status.upper(),
        "private": product.private,
        "hidden": product.hidden,
        "productableId": str(product.productable_id),
        "productableType": product.productable_type.upper(),
        "checkoutUrl": f"{site}/enroll/{product.id}",
        "landingPageUrl": f"{site}/courses/{product.slug}",
        "resumeUrl": f"{site}/courses/take/{product.slug}",
        "primaryPrice": {**price, "priceType": "ONE_TIME", "daysUntilExpiry": product.days_until_expiry},
    }
