"""`kelaspay bench` beside a PostgreSQL and a Redis of its own, from wheels, as durable as the service asks for."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack

from kelaspay.__main__ import main
from tests.servers import PostgresServer, RedisServer


def run(arguments: list[str]) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C does: the servers are stopped
    with ExitStack() as stack:
        postgres = PostgresServer(fsync=True)
        stack.callback(postgres.remove)
        postgres.start()
        redis = RedisServer()
        stack.callback(redis.stop)
        redis.start()
        main(["bench", "--postgres", postgres.url, "--redis", redis.url, *arguments])


if __name__ == "__main__":
    run(sys.argv[1:])
