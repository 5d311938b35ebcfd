"""The durable engine, and the only module that knows DBOS.

DBOS keeps a queue of runs and hands each to one process. What a run means, how far it came and when the next one is due
stands in our own rows (`store.jobs`, `store.enrollments`); so a run may be executed again from its start at any time,
no step order has to stay compatible over an upgrade, and another engine could take this one's place.

    enqueue  a run, in the caller's transaction, perhaps later
    launch   execute runs in this process
    hurry    look for due runs now, rather than at the next turn
    let_pass wait while runs are executed here
    alive    which runs it still has
    hand_on  give a dead process's runs to the living
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions
from dbos._queue import queue_worker_thread
from dbos._serialization import DBOSPortableJSONSerializer

from kelaspay.faults import DatabaseUnavailable, HeldElsewhere
from kelaspay.payment import MerchantOrderId
from kelaspay.store import jobs
from kelaspay.store.database import POOL, SILENCE, translated
from kelaspay.tracing import UNTRACED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import sqlalchemy as sa

    from kelaspay.store.database import Database, Db
    from kelaspay.tracing import Tracing

log = structlog.get_logger()

NAME = "kelaspay"
QUEUE = "payments"
WORKFLOW = "payment"
VERSION = "1"
"""The same for every release: DBOS strands runs of another version. Runs take an order id and a number, for ever."""
POLL_SECONDS = 0.1
CONCURRENCY = 10
"""Runs at once in one process; most of their time is spent waiting for a turn at Thinkific."""
UNFINISHED = ["ENQUEUED", "DELAYED", "PENDING"]
PATIENCE = 5.0
MOST = 1000


class Underway:
    """The runs that this process executes."""

    def __init__(self) -> None:
        self._runs: set[str] = set()
        self._lock = threading.Lock()
        self._none = threading.Event()
        self._none.set()

    @contextmanager
    def executed(self, run: str) -> Iterator[None]:
        with self._lock:
            self._runs.add(run)
            self._none.clear()
        try:
            yield
        finally:
            with self._lock:
                self._runs.discard(run)
                if not self._runs:
                    self._none.set()

    def runs(self) -> set[str]:
        with self._lock:
            return set(self._runs)

    def let_pass(self, seconds: float) -> None:
        """Return when there is none, or after so many seconds."""
        self._none.wait(seconds)


_perform: list[Callable[[MerchantOrderId, int, str], None]] = []
_underway = Underway()
_executor: list[str] = []


@DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
def _payment(merchant_order_id: str, run: int) -> None:
    """Execute one run. Waits while another process holds it and while the database is away; nothing escapes."""
    key = _workflow_id(merchant_order_id, run)
    holder = f"{_executor[0]}/{uuid.uuid4().hex[:8]}"
    bound = structlog.contextvars.bound_contextvars(merchant_order_id=merchant_order_id, run=run)
    with _underway.executed(key), bound:
        _until_done(MerchantOrderId(merchant_order_id), run, holder)


def _until_done(merchant_order_id: MerchantOrderId, run: int, holder: str) -> None:
    wait = 0.2
    while True:
        try:
            return _perform[0](merchant_order_id, run, holder)
        except (HeldElsewhere, DatabaseUnavailable) as fault:
            log.info("run_waits", fault=fault.code())
        time.sleep(wait)
        wait = min(wait * 2, PATIENCE)


class Bell(threading.Event):
    """An event that ends a loop, like any other, and that can also be rung: then one wait ends early, with False."""

    def __init__(self) -> None:
        super().__init__()
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def set(self) -> None:
        super().set()
        self._rung.set()

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            self._rung.wait(timeout)
            self._rung.clear()
        return self.is_set()


class Engine:
    """Runs payments' work. Every process may enqueue; those that `launch` also execute.

    Everything raises `DatabaseUnavailable` when the database is away.
    """

    def __init__(
        self, database: Database, executor_id: str, now: Callable[[], datetime], tracing: Tracing = UNTRACED
    ) -> None:
        self.executor_id = executor_id
        self._tracing = tracing
        self._database = database
        self._now = now
        self._client = _client(database.engine)
        self._looking = _client(database.looking_engine())
        """For what only looks: it waits for nobody's write lock. For that DBOS waits without end."""
        self._bell = Bell()
        self._dequeuing: threading.Thread | None = None

    def enqueue(self, db: Db, merchant_order_id: MerchantOrderId, run: int, seconds: float) -> None:
        """Have a run executed once the caller's transaction is committed, after so many seconds."""
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "workflow_id": _workflow_id(merchant_order_id, run),
            "app_version": VERSION,
        }
        if seconds > 0:
            options["delay_seconds"] = seconds
        self._client.enqueue_in_transaction(db, options, merchant_order_id, run)

    def start(self, db: Db, merchant_order_id: MerchantOrderId, wake_at: datetime) -> int | None:
        """Make a run at `wake_at` the one that counts, row and job in the caller's commit; None when one is there."""
        run = jobs.start_run(db, merchant_order_id, wake_at, self._tracing.here())
        if run is not None:
            self.enqueue(db, merchant_order_id, run, (wake_at - self._now()).total_seconds())
        return run

    @translated()
    def alive(self, runs: list[tuple[MerchantOrderId, int]]) -> set[MerchantOrderId]:
        """Those whose run is still queued or being executed."""
        if not runs:
            return set()
        orders = {_workflow_id(order_id, run): order_id for order_id, run in runs}
        found = self._looking.list_workflows(
            workflow_ids=list(orders), status=UNFINISHED, load_input=False, load_output=False
        )
        return {orders[workflow.workflow_id] for workflow in found}

    @translated()
    def answers(self) -> None:
        """Raises `DatabaseUnavailable`, or whatever else keeps the engine from its tables."""
        self._looking.list_workflows(queue_name=QUEUE, limit=1, load_input=False, load_output=False)

    @translated()
    def waiting(self) -> int:
        """How many runs are queued, a thousand at the most."""
        found = self._looking.list_workflows(
            status=["ENQUEUED"], queue_name=QUEUE, limit=MOST, load_input=False, load_output=False
        )
        return len(found)

    @translated()
    def launch(self, perform: Callable[[MerchantOrderId, int, str], None]) -> None:
        """Execute runs in this process from now on."""
        _perform[:] = [perform]
        _executor[:] = [self.executor_id]
        for handler in logging.getLogger("dbos").handlers:
            handler.setLevel(logging.ERROR)
        config: DBOSConfig = {
            "name": NAME,
            "system_database_url": self._database.url,
            "executor_id": self.executor_id,
            "application_version": VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "run_migrations": False,
            "use_listen_notify": False,
            "log_level": "ERROR",
            "sys_db_pool_size": CONCURRENCY,
        }
        if self._database.postgresql:
            config["db_engine_kwargs"] = {"connect_args": dict(SILENCE), **POOL}
        dbos = DBOS(config=config)
        DBOS.listen_queues([])
        self._client.register_queue(
            QUEUE,
            worker_concurrency=CONCURRENCY,
            polling_interval_sec=POLL_SECONDS,
            on_conflict="always_update",
        )
        DBOS.launch()
        # DBOS's own loop over its queue, with a bell of ours: half a turn is longer than all our work for a buyer
        self._dequeuing = threading.Thread(
            target=queue_worker_thread, args=(self._bell, dbos, DBOS.retrieve_queue(QUEUE)), name="queue", daemon=True
        )
        self._dequeuing.start()

    def hurry(self) -> None:
        """Look for due runs now; else they are found within `POLL_SECONDS`. Where none execute it does nothing."""
        self._bell.ring()

    def let_pass(self, seconds: float) -> None:
        """Return when this process executes no run, or after so many seconds: for who can wait."""
        _underway.let_pass(seconds)

    @translated()
    def hand_on(self, fresh: Callable[[], set[str]]) -> set[str]:
        """Queue again what belongs to no living process; returned are the dead ones' ids.

        What runs is read first and who lives second, so that a process that came meanwhile is not taken for dead. A run
        that this process is said to execute and does not (the answer to its claim was lost) is queued again too.
        """
        pending = self._looking.list_workflows(
            status="PENDING", queue_name=QUEUE, limit=MOST, load_input=False, load_output=False
        )
        living = fresh()
        mine = _underway.runs()
        orphans = [
            workflow
            for workflow in pending
            if workflow.executor_id not in living
            or (
                workflow.executor_id == self.executor_id
                and workflow.workflow_id not in mine
                and _old(workflow.updated_at)
            )
        ]
        if orphans:
            self._client.resume_workflows([workflow.workflow_id for workflow in orphans], queue_name=QUEUE)
            log.warning("runs_taken_over", count=len(orphans))
        return {str(workflow.executor_id) for workflow in orphans} - living

    @translated()
    def forget_done(self, older_than: float, limit: int = MOST) -> int:
        """Delete what DBOS keeps of runs that ended more than `older_than` seconds ago; our rows are the record."""
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - older_than))
        done = self._looking.list_workflows(
            status="SUCCESS", queue_name=QUEUE, end_time=ended, limit=limit, load_input=False, load_output=False
        )
        if done:
            self._client.delete_workflows([workflow.workflow_id for workflow in done])
        return len(done)

    def close(self, seconds: int = 10) -> None:
        """Stop executing; runs under way get `seconds` to end, and are queued again by whoever comes next."""
        if self._dequeuing is not None:
            self._bell.set()
            self._dequeuing.join(timeout=seconds)
            DBOS.destroy(workflow_completion_timeout_sec=seconds)
            self._dequeuing = None
        self._looking.destroy()
        self._client.destroy()


def _client(engine: sa.Engine) -> DBOSClient:
    return DBOSClient(
        system_database_engine=engine,
        serializer=DBOSPortableJSONSerializer(),
        application_name=NAME,
        lazy=True,
        retry_connection_errors=False,
    )


def migrate(database: Database) -> None:
    """Make or bring up to date the engine's own tables; called under the migrations' lock."""
    DBOS.migrate(database.url)


def _workflow_id(merchant_order_id: str, run: int) -> str:
    return f"{merchant_order_id}.{run}"


def _old(updated_at: int | None) -> bool:
    """Whether a claim is too old to be one that this process is only about to begin; milliseconds."""
    return updated_at is not None and time.time() - updated_at / 1000 > LOST_SECONDS


LOST_SECONDS = 120.0
