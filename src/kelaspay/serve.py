"""Run a process: web, worker, or both."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
import uvicorn

from kelaspay.alone import alone
from kelaspay.app import create_app, create_watch
from kelaspay.attempt import Waits
from kelaspay.deliver import Outbox
from kelaspay.inbox import Inbox
from kelaspay.messages import office
from kelaspay.migrate import migrate
from kelaspay.outside import opened
from kelaspay.retention import Keep
from kelaspay.settings import SettingsInvalid
from kelaspay.web.hooks import Front
from kelaspay.web.server import web_config
from kelaspay.work.engine import Engine
from kelaspay.work.herald import Herald
from kelaspay.work.post import Postman
from kelaspay.work.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kelaspay.outside import Outside
    from kelaspay.settings import Settings

log = structlog.get_logger()

SWITCH_SECONDS = 0.0005
"""How long the event loop may keep the interpreter to itself while the inbox's thread, for which all callbacks wait,
has an answer from the disk; by default it is ten times that.
"""
LET_PASS_SECONDS = 0.25
"""How long a message to a buyer waits at most for those who are on the way to their course, in the same process."""
STOPS = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Process:
    """A process that is set up."""

    outside: Outside
    engine: Engine
    inbox: Inbox
    worker: Worker


@contextmanager
def started(settings: Settings, *, works: bool) -> Iterator[Process]:
    """Everything running but the web server: migrated, alone where it must be, loops started."""
    with ExitStack() as stack:
        outside = stack.enter_context(opened(settings))
        _refuse_half_of_whatsapp(settings)
        held = stack.enter_context(alone(outside.database, shared=settings.redis_url is not None))
        migrate(outside.database)
        outside.schools.require()
        engine = Engine(outside.database, outside.executor_id, outside.now, outside.tracing)

        def heard(living: int) -> None:
            outside.schools.share_limits(living)
            held.renew()

        woken: list[Worker] = []
        inbox = Inbox(
            outside.database, outside.now, lambda: woken[0].wake() if woken else None, outside.metrics.callback
        )
        stack.callback(inbox.close)
        worker = Worker(
            database=outside.database,
            schools=outside.schools,
            now=outside.now,
            engine=engine,
            inbox=inbox,
            waits=Waits(settings.confirm_retry_seconds, settings.retry_base_seconds, settings.retry_max_seconds),
            reconcile_seconds=settings.reconcile_seconds,
            works=works,
            keep=Keep.of(settings),
            living=heard,
            tracing=outside.tracing,
        )
        woken.append(worker)
        stack.callback(worker.stop)
        stack.callback(outside.schools.shut)
        worker.start()
        if works:
            _send_and_tell(outside, engine, stack)
        yield Process(outside, engine, inbox, worker)


def _send_and_tell(outside: Outside, engine: Engine, stack: ExitStack) -> None:
    """Messages to buyers and notices to integrators, until the end."""
    schools, database, now = outside.schools, outside.database, outside.now
    tracing = outside.tracing
    letters = office(
        outside.settings,
        schools.profile,
        database,
        now,
        whatsapp_of=schools.whatsapp,
        tracing=tracing,
        let_pass=lambda: engine.let_pass(LET_PASS_SECONDS),
    )
    postman = Postman(letters)
    stack.callback(postman.stop)
    postman.start()
    herald = Herald(Outbox(database, outside.vault, outside.dialer, now, outside.metrics.webhook, tracing))
    stack.callback(herald.stop)
    herald.start()


def _refuse_half_of_whatsapp(settings: Settings) -> None:
    if (settings.whatsapp_token is None) != (settings.whatsapp_phone_number_id is None):
        raise SettingsInvalid("WHATSAPP_TOKEN, WHATSAPP_PHONE_NUMBER_ID: one is set without the other")


def serve(settings: Settings, *, works: bool, started_up: Callable[[], None]) -> None:
    """The web, and with `works` the worker in the same process, until told to stop; `started_up` is called when all but
    the web server runs.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    with started(settings, works=works) as process:
        started_up()
        server = web_server(process, settings)
        settle()
        for (
            number
        ) in STOPS:  # uvicorn raises a signal again when it is done; the default would end us before the worker
            signal.signal(number, server.handle_exit)
        server.run()


def settle() -> None:
    """Give back the memory that only starting needed, and spare the collector what will stay until the end."""
    gc.collect()
    gc.freeze()
    with suppress(OSError, AttributeError):  # glibc's; other C libraries give back by themselves or not at all
        ctypes.CDLL(None).malloc_trim(0)


def web_server(process: Process, settings: Settings) -> uvicorn.Server:
    app = Front(create_app(process.outside, process.inbox, process.engine.start, engine=process.engine.answers))
    return uvicorn.Server(web_config(app, host=settings.host, port=settings.port, proxies=settings.trusted_proxies))


def work(settings: Settings) -> None:
    """The worker alone, until told to stop; with WORK_PORT it can be asked how it is."""
    if settings.work_port is not None:
        _work_and_answer(settings, settings.work_port)
        return
    stopped = threading.Event()
    for number in STOPS:
        signal.signal(number, lambda *_: stopped.set())
    with started(settings, works=True):
        settle()
        log.info("working")
        stopped.wait()


def _work_and_answer(settings: Settings, port: int) -> None:
    with started(settings, works=True) as process:
        app = create_watch(process.outside, process.engine.answers)
        server = uvicorn.Server(web_config(app, host=settings.host, port=port, proxies=settings.trusted_proxies))
        for number in STOPS:
            signal.signal(number, server.handle_exit)
        log.info("working")
        server.run()
