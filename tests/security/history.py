"""What may happen around a sale, in any order and however often; `Ledger` says what must be so after each step."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kelaspay.change_email import change_email
from kelaspay.checkout import Wanted, choose_method, invoice_at_duitku, place
from kelaspay.faults import BadSignature, Fault, MalformedCallback, MoveRefused
from kelaspay.review import mark_paid, retry, settle
from kelaspay.revoke import ask_to_revoke
from kelaspay.store import payments
from kelaspay_emulators.duitku import NotPossibleError
from kelaspay_emulators.duitku.callbacks import with_wrong_signature
from tests.chaos.dying import Died
from tests.security.ledger import SUCCESS, Ledger
from tests.security.market import ITEMS, PRICE, TENTH, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelaspay.payment import MerchantOrderId, Payment
    from tests.security.market import Market, Standing

BUYERS = ("siti@example.com", "siti@example.com", "budi@example.com")
"""One buys more than the other: what two orders of one person share is where it could go wrong."""
ADDRESSES = ("siti@example.com", "budi@example.com", "siti.rahma@example.com")
CODES = (None, None, None, TENTH.code, WHOLE.code)
WAYS = ("duitku's page", "a virtual account", "the order form")
STAGES = ("made", "paid", "called back", "done", "refunded")
METHODS = ("BC", "BR")
AMOUNTS = (None, None, None, None, PRICE - 1, PRICE * 2)
DEEDS = ("refund", "refund", "retry", "mark paid", "settle")
THINKIFIC_FAULTS = (
    "500",
    "503",
    "429",
    "timeout-before",
    "timeout-after",
    "timeout-after",
    "connect",
    "401",
    "403-plan",
    "422",
)
THINKIFIC_CALLS = (
    ("POST", "/users"),
    ("GET", "/users"),
    ("POST", "/enrollments"),
    ("GET", "/enrollments"),
    ("PUT", "/enrollments"),
    ("POST", "/external_orders"),
)
DUITKU_FAULTS = (
    "503",
    "500-html",
    "404-html",
    "429",
    "200-html",
    "200-failed",
    "200-garbled",
    "timeout-before",
    "timeout-after",
    "connect",
)
DUITKU_CALLS = ("transactionstatus", "createinvoice", "inquiry")
SPANS = (timedelta(seconds=20), timedelta(minutes=6), timedelta(hours=2), timedelta(hours=20), timedelta(days=4))
SOON = 40
"""Boundaries within which a death strikes."""
PATIENCE = 80
"""Turns within which everything must have come to rest."""

Wish = tuple[str, str, str, str | None]
"""Who wants what, how they go about it, and with which coupon."""
Trouble = tuple[tuple[str, str], str]
"""A method and a path of Thinkific's, and how the next such call fails."""

nth = st.integers(0, 5)
wanted = st.tuples(st.sampled_from(BUYERS), st.sampled_from(ITEMS), st.sampled_from(WAYS), st.sampled_from(CODES))
trouble = st.tuples(st.sampled_from(THINKIFIC_CALLS), st.sampled_from(THINKIFIC_FAULTS))
death = st.none() | st.integers(1, SOON)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a buyer's front end, which may come again."""

    wanted: Wanted
    key: str
    way: str


class History(RuleBasedStateMachine):
    """Buyers, forgers, an operator, both outside systems and death, each doing as they like."""

    market: ClassVar[Market]

    def __init__(self) -> None:
        super().__init__()
        self.market.open_again()
        self.ledger = Ledger(self.market)
        self.asked: list[Asked] = []
        self.forms: list[dict[str, str]] = []
        """Callbacks that Duitku made; each may come never, once or often, and at any time."""

    # the buyer

    @initialize(begun=st.lists(st.tuples(wanted, st.sampled_from(STAGES), st.none() | trouble), min_size=1, max_size=2))
    def begin(self, begun: list[tuple[Wish, str, Trouble | None]]) -> None:
        """Orders, each as far as it may be when the history begins."""
        for asked, stage, met in begun:
            self.order(asked, None)
            self.ledger.check()
            if stage != "made":
                self.pay(len(self.ledger.orders) - 1, None, called=stage != "paid")
            if met is not None:
                self.thinkific_fails(met, 1)
            if stage in {"done", "refunded"}:
                self.work(None)
            if stage == "refunded":
                self.decide(len(self.ledger.orders) - 1, "refund")

    @rule(wanted=wanted, dies=death)
    def order(self, wanted: Wish, dies: int | None) -> None:
        buyer, item, way, coupon = wanted
        self.market.town.pass_time(timedelta(seconds=1))  # so that orders have an order
        method = "BC" if way == "a virtual account" else None
        asked = Wanted("Siti Rahmawati", buyer, "081234567890", offer=item, payment_method=method, coupon=coupon)
        self.asked.append(Asked(asked, f"key-{len(self.asked)}", way))
        self._ask(self.asked[-1], dies)

    @rule(which=nth)
    def order_again(self, which: int) -> None:
        """The same request: a double click, a reload, an order taken up when its price has changed."""
        self._ask(self.asked[which % len(self.asked)], None)

    @rule(which=nth, method=st.sampled_from(METHODS))
    def choose(self, which: int, method: str) -> None:
        payment = self._payment(self._order(which).order_id)
        with self._at_risk(None):
            choose_method(payment, method, **self._collaborators())

    @rule(which=nth, amount=st.sampled_from(AMOUNTS), called=st.booleans())
    def pay(self, which: int, amount: int | None, called: bool) -> None:
        """Money comes in, if Duitku still takes it; its callback comes at once, or later, or never."""
        with suppress(NotPossibleError):
            self.forms.append(self.market.town.duitku.pay(self._order(which).order_id, amount=amount))
            if called:
                self._call_back(self.forms[-1])

    @rule(which=nth, number=nth)
    def pay_an_old_number(self, which: int, number: int) -> None:
        with suppress(NotPossibleError):
            order = self.market.town.duitku.orders[self._order(which).order_id]
            if order.attempts:
                attempt = order.attempts[number % len(order.attempts)]
                receipt = attempt.publisher_order_id
                self.forms.append(self.market.town.duitku.pay(order.merchant_order_id, publisher_order_id=receipt))

    @rule(which=nth, how=st.sampled_from(("fail", "cancel", "expire")))
    def end_unpaid(self, which: int, how: str) -> None:
        order_id, duitku = self._order(which).order_id, self.market.town.duitku
        with suppress(NotPossibleError):
            getattr(duitku, how)(order_id)
            self.forms.append(duitku.callback_form(order_id))

    # callbacks

    @rule(which=nth)
    def call_back(self, which: int) -> None:
        """One of Duitku's callbacks comes: for the first time, again, or late."""
        if self.forms:
            self._call_back(self.forms[which % len(self.forms)])

    @rule(which=nth, result_code=st.sampled_from(("00", "01", "02")))
    def call_back_with_another_result(self, which: int, result_code: str) -> None:
        """The result is not signed: whoever has seen a callback may say what they like."""
        with suppress(NotPossibleError):
            form = self.market.town.duitku.callback_form(self._order(which).order_id, result_code=result_code)
            self._call_back(form)

    @rule(which=nth, of=nth, how=st.sampled_from(("signature", "order", "amount", "boundary")))
    def forge(self, which: int, of: int, how: str) -> None:
        """What is signed is changed: for another order, another amount, or with its parts' boundary shifted."""
        order_id = self._order(which).order_id
        if order_id not in self.market.town.duitku.orders:
            return
        form = self.market.town.duitku.callback_form(order_id)
        other = self._order(of).order_id
        forged = {
            "signature": lambda: with_wrong_signature(form),
            "order": lambda: form | {"merchantOrderId": f"{other}x"},
            "amount": lambda: form | {"amount": f"{form['amount']}0"},
            "boundary": lambda: form | {
                "amount": form["amount"] + form["merchantOrderId"][:1],
                "merchantOrderId": form["merchantOrderId"][1:],
            },
        }  # fmt: skip
        with pytest.raises((BadSignature, MalformedCallback)):
            self.market.life.receive(urlencode(forged[how]()).encode())

    # the work, death and time

    @rule(dies=death)
    def work(self, dies: int | None) -> None:
        with self._at_risk(dies):
            self._work()

    @rule(dies=death)
    def reconcile(self, dies: int | None) -> None:
        with self._at_risk(dies):
            self.market.life.reconcile()

    @rule(span=st.sampled_from(SPANS), working=st.booleans())
    def pass_time(self, span: timedelta, working: bool) -> None:
        """Time in which nothing of ours runs, or in which all is done when it falls due."""
        town, engine = self.market.town, self.market.life.engine
        end = town.clock() + span
        while working and (due := engine.next_due()) is not None and due <= end:
            town.pass_time(max(due - town.clock(), timedelta()))
            self._work()
        town.pass_time(max(end - town.clock(), timedelta()))

    @rule(late=st.booleans())
    def duitku_takes_late_money(self, late: bool) -> None:
        self.market.town.duitku.switches.expired_payable = late

    # the operator

    @rule(which=nth, deed=st.sampled_from(DEEDS))
    def decide(self, which: int, deed: str) -> None:
        town, start = self.market.town, self.market.life.engine.start
        order_id = self._order(which).order_id
        by: dict[str, Any] = {"database": town.database, "now": town.clock, "actor": "operator"}
        with suppress(MoveRefused):
            match deed:
                case "refund":
                    ask_to_revoke(order_id, start=start, reason="asked", **by)
                case "retry":
                    retry(order_id, start=start, **by)
                case "mark paid":
                    mark_paid(order_id, start=start, reason="seen on the statement", **by)
                    self.ledger.marked.add(order_id)
                case _:
                    settle(order_id, reason="sent back", **by)

    @rule(which=nth, email=st.sampled_from(ADDRESSES), calls=st.integers(0, 6), dies=death)
    def give_to_another_address(self, which: int, email: str, calls: int, dies: int | None) -> None:
        """At once, or while a call that comes after so many others is answered."""
        order_id = self._order(which).order_id
        if calls:
            self.market.hosts.meanwhile += [None] * (calls - 1) + [lambda: self._give(order_id, email)]
            return
        with self._at_risk(dies):
            self._give(order_id, email)

    @rule(item=st.sampled_from(ITEMS), price=st.sampled_from((PRICE, PRICE * 2, 15_000)))
    def change_the_price(self, item: str, price: int) -> None:
        self.market.price(item, price)
        self.ledger.prices[item] = price

    # the outside

    @rule(met=trouble, times=st.sampled_from((1, 2, 30)))
    def thinkific_fails(self, met: Trouble, times: int) -> None:
        (method, path), kind = met
        self.market.town.thinkific.fail_next(method, path, kind, times)

    @rule(call=st.sampled_from(DUITKU_CALLS), kind=st.sampled_from(DUITKU_FAULTS), times=st.sampled_from((1, 2, 30)))
    def duitku_fails(self, call: str, kind: str, times: int) -> None:
        self.market.town.duitku.fail_next(call, kind, times)

    @rule()
    def duitku_mixes_orders_up(self) -> None:
        """The next ask is answered with what was said of an order before."""
        self.market.hosts.mistaken += 1

    @rule()
    def the_outside_recovers(self) -> None:
        self.market.town.duitku.faults.clear()
        self.market.town.thinkific.clear_faults()

    # what must be so

    @invariant()
    def money_and_access_agree(self) -> None:
        self.ledger.check()

    def teardown(self) -> None:
        """Everything recovers, time passes, a person tries again what stopped: then it ends as the money says."""
        self.market.fate.spare()
        self.market.hosts.mistaken = 0
        self.market.hosts.meanwhile.clear()
        self.the_outside_recovers()
        for _ in range(PATIENCE):
            self._work()
            self.ledger.check()
            if not self._go_on():
                break
        self.ledger.check_settled()

    def _go_on(self) -> bool:
        """Let time pass to whatever comes next; False when nothing does."""
        town, engine = self.market.town, self.market.life.engine
        for order in filter(self.ledger.stuck, self.ledger.orders):
            retry(order.order_id, database=town.database, start=engine.start, now=town.clock, actor="operator")
        self.ledger.check()
        waiting = [order for order in self.ledger.orders if self.ledger.unsettled(order)]
        if not waiting:
            return False
        asks = [order.next_ask_at for order in waiting if order.next_ask_at is not None]
        due = engine.next_due()
        town.pass_time(max(min(asks + ([due] if due else []), default=town.clock()) - town.clock(), timedelta()))
        if asks or due is None:
            self.market.life.reconcile()
        return True

    def _work(self) -> None:
        """All that is due."""
        life = self.market.life
        while life.hand_over() or life.engine.run_due():
            pass

    def _ask(self, asked: Asked, dies: int | None) -> None:
        life, start = self.market.life, self.market.life.engine.start
        kept: dict[str, Any] = {
            "database": life.outside.database,
            "customers": life.outside.customers,
            "now": self.market.town.clock,
        }
        with self._at_risk(dies):
            if asked.way == "the order form":
                placed = place(
                    asked.wanted,
                    idempotency_key=asked.key,
                    again=True,
                    own=self.ledger.own(asked.wanted),
                    start=start,
                    **kept,
                )
                invoice_at_duitku(placed, **self._collaborators())
            else:
                life.initiate(asked.wanted, asked.key)

    def _give(self, order_id: MerchantOrderId, email: str) -> None:
        life = self.market.life
        with suppress(Fault):
            change_email(order_id, email, school=life.school_of(), start=life.engine.start, actor="operator")

    def _collaborators(self) -> dict[str, Any]:
        life = self.market.life
        return {
            "database": life.outside.database,
            "customers": life.outside.customers,
            "school_of": life.school_of,
            "urls": life.outside.urls,
            "start": life.engine.start,
            "now": self.market.town.clock,
        }

    def _call_back(self, form: dict[str, str]) -> None:
        self.market.life.receive(urlencode(form).encode())
        order_id = form["merchantOrderId"]
        if self.market.town.duitku.orders[order_id].payments:
            self.ledger.heard.add(order_id)
        if form["resultCode"] == SUCCESS:
            self.ledger.hear_success(order_id)
            self.ledger.receipts.add((order_id, form["publisherOrderId"] or form["reference"]))

    @contextmanager
    def _at_risk(self, dies: int | None) -> Iterator[None]:
        """A fault is answered; a death ends the process, and another takes over."""
        if dies is not None:
            self.market.fate.die_after(dies)
        try:
            with suppress(Fault):
                yield
        except Died:
            self.market.live()
            self.market.life.take_over()
        self.market.fate.spare()

    def _order(self, which: int) -> Standing:
        return self.ledger.orders[which % len(self.ledger.orders)]

    def _payment(self, order_id: MerchantOrderId) -> Payment:
        with self.market.town.database.read() as db:
            found = payments.find_payment(db, order_id)
        assert found is not None
        return found
