"""Every row of the callback's table: what is kept and answered 200, what is refused and leaves nothing behind."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

import psycopg
import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from kelaspay.app import create_app
from kelaspay_emulators.duitku import TEST_MERCHANTS
from tests.world import COURSE, FORM, world_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import httpx2

    from tests.world import World

MERCHANT, KEY = next(iter(TEST_MERCHANTS.items()))
PATH = "/webhooks/duitku"
JSON = "application/json"
PROBLEM = "application/problem+json"
SITI = ("siti@example.com", COURSE)


def signed(order_id: str, *, amount: str = "150000", scheme: str = "hmac", **changed: str) -> dict[str, str]:
    """A success as Duitku signs it, then changed."""
    text = f"{MERCHANT}{amount}{order_id}"
    signature = (
        hmac.new(KEY.encode(), text.encode(), "sha256").hexdigest()
        if scheme == "hmac"
        else hashlib.md5((text + KEY).encode(), usedforsecurity=False).hexdigest()
    )
    form = {
        "merchantCode": MERCHANT,
        "amount": amount,
        "merchantOrderId": order_id,
        "resultCode": "00",
        "reference": "D0001REF",
        "publisherOrderId": "BC26PUB",
        "signature": signature,
    }
    return form | changed


def post(world: World, body: bytes, content_type: str = FORM) -> httpx2.Response:
    return world.web.post(PATH, content=body, headers={"Content-Type": content_type})


# What is kept is answered 200.


def test_a_new_callback_is_kept_as_it_came_before_it_is_answered(world: World) -> None:
    world.sell()
    order_id = world.buy()
    body = urlencode(world.duitku.pay(order_id)).encode()

    answer = post(world, body)

    assert answer.status_code == 200
    [event] = world.kept()["inbox"]
    assert body in event
    assert world.status(order_id) == "pending"
    assert world.refused() == {}


def test_a_repeated_callback_is_one_event_counted(world: World) -> None:
    world.sell()
    order_id = world.buy()
    form = world.duitku.pay(order_id)

    answers = [world.call_back(form).status_code for _ in range(3)]
    world.work()
    answers.append(world.call_back(form).status_code)
    world.work()

    assert answers == [200] * 4
    assert [(event.merchant_order_id, event.repeats) for event in world.events()] == [(order_id, 3)]
    assert world.enrolled() == [SITI]


def test_a_callback_for_an_unknown_order_is_kept_and_starts_nothing(world: World) -> None:
    answer = world.call_back(signed("KP261123-unknown"))
    world.work()

    assert answer.status_code == 200
    assert [(event.merchant_order_id, event.outcome) for event in world.events()] == [
        ("KP261123-unknown", "unknown_order")
    ]
    assert world.duitku_asks() == 0


@pytest.mark.parametrize("result_code", ["01", "02", "99"])
def test_a_callback_that_is_not_successful_is_kept_and_grants_nothing(world: World, result_code: str) -> None:
    world.sell()
    order_id = world.buy()

    answer = world.call_back(world.duitku.fail(order_id) | {"resultCode": result_code})
    world.work_for(hours=1)

    assert answer.status_code == 200
    assert [event.result_code for event in world.events()] == [result_code]
    assert world.status(order_id) == "failed"
    assert world.enrolled() == []


@pytest.mark.parametrize("scheme", ["hmac", "legacy"])
@pytest.mark.parametrize("as_json", [False, True])
def test_forms_and_json_of_both_schemes_end_in_the_course(embedded: World, scheme: str, *, as_json: bool) -> None:
    embedded.sell()
    order_id = embedded.buy()
    embedded.duitku.pay(order_id)
    form = signed(order_id, scheme=scheme)

    answer = post(embedded, json.dumps(form).encode(), JSON) if as_json else embedded.call_back(form)
    embedded.work()

    assert answer.status_code == 200
    assert embedded.enrolled() == [SITI]


@pytest.mark.parametrize(
    "body",
    [
        lambda form: urlencode(form | {"signature": form["signature"].upper()}),
        lambda form: urlencode(form | {"signature": f" {form['signature']} "}),
        lambda form: urlencode(form | {"productDetail": "Kelas é ✓ & +", "customerName": "", "newField": "x" * 5000}),
        lambda form: "&".join(f"{name}={quote(value, safe='')}" for name, value in form.items()),
        lambda form: urlencode(form) + "&productDetail=%FF%FE%00",
        lambda form: "&" + urlencode(form) + "&&",
        lambda form: json.dumps(form | {"amount": 150000, "settlementDate": None, "spUserHash": {}}),
        lambda form: "  \n" + json.dumps(form),
    ],
    ids=["upper case", "space around", "odd letters", "all quoted", "no text", "spare ampersands", "JSON", "bare JSON"],
)
def test_other_spellings_of_the_same_callback_are_taken(embedded: World, body: Callable[[dict[str, str]], str]) -> None:
    answer = post(embedded, body(signed("KP261123-x")).encode())

    assert answer.status_code == 200
    assert [event.merchant_order_id for event in embedded.events()] == ["KP261123-x"]


def test_digits_shifted_from_the_amount_into_the_order_id_are_signed_too_but_reach_no_order(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.duitku.pay(order_id)
    form = signed(order_id) | {"amount": "15", "merchantOrderId": f"0000{order_id}"}  # duitku.md 8.2

    answer = world.call_back(form)
    world.work()

    assert answer.status_code == 200
    assert [event.outcome for event in world.events()] == ["unknown_order"]
    assert world.status(order_id) == "pending"
    assert world.enrolled() == []


# Of what is refused nothing is kept.


def _without(name: str) -> Callable[[str], bytes]:
    return lambda order_id: urlencode({key: value for key, value in signed(order_id).items() if key != name}).encode()


def _changed(**changed: str) -> Callable[[str], bytes]:
    return lambda order_id: urlencode(signed(order_id, **changed)).encode()


REFUSED: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "signature missing": ("malformed_callback", _without("signature")),
    "signature empty": ("malformed_callback", _changed(signature="")),
    "signature wrong": ("bad_signature", _changed(signature="0" * 64)),
    "signature of no known length": ("bad_signature", _changed(signature="abc")),
    "signature of another order": ("bad_signature", _changed(signature=signed("KP261123-x")["signature"])),
    "amount changed": ("bad_signature", lambda order_id: urlencode(signed(order_id) | {"amount": "15000"}).encode()),
    "order changed": (
        "bad_signature",
        lambda order_id: urlencode(signed("KP1") | {"merchantOrderId": order_id}).encode(),
    ),
    "other merchant": ("wrong_merchant", _changed(merchantCode="D0002")),
    "merchantCode missing": ("malformed_callback", _without("merchantCode")),
    "amount missing": ("malformed_callback", _without("amount")),
    "merchantOrderId missing": ("malformed_callback", _without("merchantOrderId")),
    "resultCode missing": ("malformed_callback", _without("resultCode")),
    "amount with decimals": ("malformed_callback", lambda order_id: urlencode(signed(order_id, amount="1.5")).encode()),
    "amount without end": (
        "malformed_callback",
        lambda order_id: urlencode(signed(order_id, amount="9" * 99)).encode(),
    ),
    "a field twice": ("malformed_callback", lambda order_id: urlencode(signed(order_id)).encode() + b"&resultCode=00"),
    "a JSON field twice": (
        "malformed_callback",
        lambda order_id: json.dumps(signed(order_id)).encode()[:-1] + b', "resultCode": "00"}',
    ),
    "empty": ("malformed_callback", lambda _: b""),
    "no form": ("malformed_callback", lambda _: b"\xff\xfe\x00\x01"),
    "half of some JSON": ("malformed_callback", lambda order_id: json.dumps(signed(order_id)).encode()[:-5]),
    "a JSON list": ("malformed_callback", lambda order_id: json.dumps([signed(order_id)]).encode()),
    "UTF-16": ("malformed_callback", lambda order_id: json.dumps(signed(order_id)).encode("utf-16")),
    "a NUL": ("malformed_callback", _changed(reference="D0001\x00")),
    "half a surrogate pair": (
        "malformed_callback",
        lambda order_id: json.dumps(signed(order_id, publisherOrderId="\ud800")).encode(),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_callback_leaves_a_count_and_a_log_line(embedded: World, case: str) -> None:
    embedded.sell()
    order_id = embedded.buy()
    code, body = REFUSED[case]
    before = embedded.kept()
    with capture_logs() as logged:
        answer = post(embedded, body(order_id), JSON if "JSON" in case else FORM)
    embedded.work()

    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert (answer.json()["status"], answer.json()["code"]) == (400, code)
    assert embedded.kept() == before
    assert embedded.refused() == {code: 1}
    assert [(line["event"], line["fault"]) for line in logged] == [("callback_refused", code)]
    assert order_id not in str(logged)


def test_refusals_are_counted_by_the_hour_and_reason(world: World) -> None:
    for _ in range(3):
        world.call_back(signed("KP1", signature="0" * 64))
    world.inbox.flush_refusals()
    world.clock.move(hours=1)
    world.call_back(signed("KP1", signature="0" * 64))
    world.call_back(signed("KP1", merchantCode="D2"))

    assert world.refused() == {"bad_signature": 4, "wrong_merchant": 1}


@pytest.mark.parametrize("size", [64 * 1024 + 1, 300_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_more_than_64_kib_is_refused(embedded: World, size: int, *, chunked: bool) -> None:
    body = urlencode(signed("KP1", productDetail="x" * size)).encode()
    content: Any = iter([body[at : at + 1000] for at in range(0, len(body), 1000)]) if chunked else body
    before = embedded.kept()

    answer = embedded.web.post(PATH, content=content, headers={"Content-Type": FORM})

    assert answer.status_code == 413
    assert answer.json()["code"] == "callback_too_large"
    assert embedded.kept() == before
    assert embedded.refused() == {"callback_too_large": 1}


def test_64_kib_is_taken(embedded: World) -> None:
    form = signed("KP1", productDetail="")
    form["productDetail"] = "x" * (64 * 1024 - len(urlencode(form)))

    assert embedded.call_back(form).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_only_post_is_answered(embedded: World, method: str) -> None:
    answer = embedded.web.request(method, f"{PATH}?{urlencode(signed('KP1'))}")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.headers["content-type"] == PROBLEM
    assert embedded.events() == []


def test_what_stands_in_the_address_does_not_count(embedded: World) -> None:
    answer = embedded.web.post(f"{PATH}?{urlencode(signed('KP1'))}")

    assert answer.status_code == 400
    assert embedded.events() == []


# What cannot be kept just now comes again after a 503.


def test_a_callback_that_cannot_be_kept_gets_503_and_is_taken_when_it_comes_again(world: World) -> None:
    world.sell()
    order_id = world.buy()
    form = world.duitku.pay(order_id)
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE inbox RENAME TO away")
    refused = world.call_back(form)
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO inbox")

    taken = world.call_back(form)
    world.work()

    assert (refused.status_code, refused.headers["content-type"]) == (503, PROBLEM)
    assert int(refused.headers["retry-after"]) > 0
    assert taken.status_code == 200
    assert world.enrolled() == [SITI]


def test_a_database_that_is_away_costs_no_callback(
    postgres: str, postgres_url: str, fresh_redis: str, tmp_path: Path
) -> None:
    name = urlsplit(postgres_url).path.removeprefix("/")
    with world_on(tmp_path, postgres_url, fresh_redis) as world, psycopg.connect(postgres, autocommit=True) as admin:
        world.sell()
        form = world.duitku.pay(world.buy())
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        refused = world.call_back(form)
        readiness = world.web.get("/readyz")
        answers = [world.ask_to_buy(), world.web.get("/courses"), world.web.get("/payment/KP1"), world.web.get("/")]
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())

        taken = world.call_back(form)
        world.work()

        assert (refused.status_code, refused.json()["code"]) == (503, "inbox_unavailable")
        assert (readiness.status_code, readiness.json()["database"]) == (503, "away")
        assert {answer.status_code for answer in answers} == {503}
        assert taken.status_code == 200
        assert world.enrolled() == [SITI]


# The settings say what is taken, and whence.


@pytest.fixture
def worlds(sqlite_url: str, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes a world with other settings."""
    made: list[AbstractContextManager[World]] = []

    def make(**settings: Any) -> World:
        made.append(world_on(tmp_path, sqlite_url, None, **settings))
        return made[-1].__enter__()

    yield make
    for each in made:
        each.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("setting", "taken"), [("hmac", ["hmac"]), ("legacy", ["legacy"]), ("auto", ["hmac", "legacy"])]
)
def test_duitku_signature_says_which_scheme_is_taken(
    worlds: Callable[..., World], setting: str, taken: Sequence[str]
) -> None:
    world = worlds(duitku_signature=setting)

    answers = {scheme: world.call_back(signed("KP1", scheme=scheme)) for scheme in ("hmac", "legacy")}

    assert [scheme for scheme, answer in answers.items() if answer.status_code == 200] == taken
    assert {answer.json()["code"] for answer in answers.values() if answer.status_code != 200} <= {"bad_signature"}


@pytest.mark.parametrize(
    ("setting", "address", "status"),
    [
        ("any", "203.0.113.9", 200),
        ("official", "182.23.85.8", 200),
        ("official", "103.177.101.190", 200),
        ("official", "182.23.85.11", 200),  # the sandbox calls from here
        ("official", "::ffff:182.23.85.8", 200),
        ("official", "203.0.113.9", 403),
        ("official", "182.23.85.15", 403),
        ("official", "::1", 403),
        ("official", "a-socket", 403),
        ("203.0.113.0/24, 2001:db8::/32", "203.0.113.9", 200),
        ("203.0.113.0/24, 2001:db8::/32", "2001:db8::7", 200),
        ("203.0.113.0/24, 2001:db8::/32", "203.0.114.9", 403),
    ],
)
def test_callbacks_are_taken_from_the_listed_networks_alone(
    worlds: Callable[..., World], setting: str, address: str, status: int
) -> None:
    world = worlds(duitku_callback_ips=setting)
    web = TestClient(world.web.app, client=(address, 40000))

    answer = web.post(PATH, data=signed("KP1"))

    assert answer.status_code == status
    assert len(world.events()) == (status == 200)
    assert world.refused() == ({} if status == 200 else {"source_refused": 1})


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("182.23.85.8", 200),
        ("203.0.113.9", 403),
        ("182.23.85.8, 203.0.113.9", 403),  # whoever calls the proxy can write what it likes in front
        ("203.0.113.9, 182.23.85.8", 200),
    ],
)
def test_behind_a_trusted_proxy_the_client_that_it_names_counts(
    worlds: Callable[..., World], forwarded: str, status: int
) -> None:
    world = worlds(duitku_callback_ips="official")
    served: Any = world.web.app
    app: Any = ProxyHeadersMiddleware(served, trusted_hosts="127.0.0.1")  # as uvicorn sets it up
    web = TestClient(app, client=("127.0.0.1", 40000))

    assert web.post(PATH, data=signed("KP1"), headers={"X-Forwarded-For": forwarded}).status_code == status


def test_nobody_but_a_trusted_proxy_names_a_client(worlds: Callable[..., World]) -> None:
    world = worlds(duitku_callback_ips="official")
    served: Any = world.web.app
    app: Any = ProxyHeadersMiddleware(served, trusted_hosts="127.0.0.1")
    web = TestClient(app, client=("203.0.113.9", 40000))

    assert web.post(PATH, data=signed("KP1"), headers={"X-Forwarded-For": "182.23.85.8"}).status_code == 403


def test_without_duitkus_settings_the_callback_is_not_there(worlds: Callable[..., World]) -> None:
    world = worlds()
    world.outside.schools.default = None
    web = TestClient(create_app(world.outside, world.inbox, world.engine.start))

    answer = web.post(PATH, data=signed("KP1"))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_configured")
