"""The least that a FastAPI service can be, on the same server: what start and memory are measured against. A program of
its own.
"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

from kelaspay.web.server import web_config

app = FastAPI()


@app.get("/readyz")
def ready() -> dict[str, str]:
    return {"status": "ok"}


def main() -> None:
    """`python -m kelaspay.bench.bare_app PORT`"""
    uvicorn.Server(web_config(app, host="127.0.0.1", port=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
