"""Payments' work: what runs, waits, is tried again or was given up; trying one again, or all of one kind."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.payment import MerchantOrderId
from kelaspay.review import hurry
from kelaspay.store import agenda
from kelaspay.store.agenda import Standing
from kelaspay.store.database import Database
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.visit import Acting, Looking, Visitor, audited, outside_of, start_of, write_down

router = APIRouter(prefix="/console/jobs", route_class=ConsoleRoute, include_in_schema=False)

MOST = 100


@router.get("")
def list_jobs(request: Request, visitor: Looking, state: str = "", fault: str = "") -> HTMLResponse:
    standing = _standing(state)
    with outside_of(request).database.read() as db:
        rows = agenda.list_work(db, visitor.only, standing, fault.replace("\0", ""), MOST)
        counts = agenda.count_work(db, visitor.only)
        kinds = agenda.kinds(db, visitor.only, standing)
    return page(
        request, "jobs.html", visitor, rows=rows, counts=counts, kinds=kinds, standing=standing, fault=fault, most=MOST
    )


@router.post("/all")
def retry_all(
    request: Request,
    visitor: Acting,
    state: Annotated[str, Form()] = "",
    fault: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Try again everything that stands so by one fault; first it is said how many."""
    standing, kind = _standing(state), fault.replace("\0", "")
    with outside_of(request).database.read() as db:
        order_ids = agenda.of_kind(db, visitor.only, standing, kind, agenda.MOST_AT_ONCE) if kind else []
    if not sure or not order_ids:
        return page(request, "all_jobs.html", visitor, count=len(order_ids), standing=standing, fault=kind)
    done = sum(_now(request, visitor, order_id, outside_of(request).database) for order_id in order_ids)
    write_down(request, visitor, "retried_all", kind, f"{done} of {len(order_ids)}")
    return back("/console/jobs", "retried_all", count=done)


@router.post("/{order_id}/now")
def try_now(order_id: str, request: Request, visitor: Acting) -> Response:
    """Do not wait for the time that was set."""
    _now(request, visitor, order_id, audited(request, visitor, "retried", order_id))
    return back(f"/console/payments/{order_id}", "retried")


def _now(request: Request, visitor: Visitor, order_id: str, database: Database) -> bool:
    """Whether there was anything to set going: a payment's enrollment, or the next question to Duitku."""
    outside = outside_of(request)
    return hurry(
        MerchantOrderId(order_id.replace("\0", "")),
        database=database,
        start=start_of(request),
        now=outside.now,
        actor=visitor.operator.actor,
    )


def _standing(state: str) -> Standing:
    return Standing(state) if state in set(Standing) else Standing.RETRYING
