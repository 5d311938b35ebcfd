"""Another process that asks Thinkific many times at once; run by the test of the refresh."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from kelaspay.outside import opened
from kelaspay.settings import load


def main(values: dict[str, Any]) -> None:
    now, asking = datetime.fromisoformat(values.pop("now")), values.pop("asking")
    with opened(load(**values), now=lambda: now) as outside, ThreadPoolExecutor(asking) as pool:
        thinkific = outside.schools.of().thinkific
        found = list(pool.map(lambda _: sum(1 for _ in thinkific.get_products()), range(asking)))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
