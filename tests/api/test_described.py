"""The API does what its own description says, whatever it is sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kelaspay.faults import Fault
from tests.api.drive import drive

if TYPE_CHECKING:
    from tests.world import World

SAME_EACH_TIME = ("--generation-deterministic", "--max-examples=2")
DOCUMENTED = {"/payment/initiate", "/payment/{merchant_order_id}", "/courses", "/healthz", "/readyz", "/api/v1/key"}


def test_no_request_made_up_from_the_description_finds_it_wrong(embedded: World) -> None:
    """The same requests each time; `make drive` makes up others, for as long as it is let."""
    ran = drive(embedded, *SAME_EACH_TIME)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    tested = re.search(r"Tested: (\d+)", ran.stdout)
    assert tested is not None
    assert int(tested[1]) == sum(len(path) for path in described(embedded)["paths"].values())


def test_the_description_is_openapi_3_1_and_says_what_every_answer_is(embedded: World) -> None:
    told = described(embedded)
    operations = {
        f"{method} {path}": operation for path, each in told["paths"].items() for method, operation in each.items()
    }
    bare = {
        f"{name} {status}"
        for name, operation in operations.items()
        for status, response in operation["responses"].items()
        if not response.get("content") or "schema" not in next(iter(response["content"].values()))
    }

    assert told["openapi"].startswith("3.1")
    assert set(told["paths"]) >= DOCUMENTED
    assert told["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    assert bare == set()
    assert all(operation["summary"] and operation["description"] for operation in operations.values())
    assert all(
        {"401", "403", "422", "429", "503"} <= operation["responses"].keys()
        for name, operation in operations.items()
        if " /api/v1/" in name
    )
    assert all({"404", "500"} <= operation["responses"].keys() for operation in operations.values())
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)


def test_every_code_that_is_described_is_a_faults(embedded: World) -> None:
    codes = set(re.findall(r"`([a-z_]+)`: ", str(described(embedded)["paths"])))
    known = {fault.code() for fault in every_fault()} | {"not_found", "defect"}

    assert len(codes) > 20
    assert codes <= known


def described(world: World) -> Any:
    return world.web.get("/openapi.json").json()


def every_fault() -> list[type[Fault]]:
    found: list[type[Fault]] = [Fault]
    for fault in found:
        found.extend(fault.__subclasses__())
    return found
