"""Look at what we depend on: known vulnerabilities by pip-audit. Where its service is not reached that is said, loudly;
a silence is never taken for good news.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PIP_AUDIT = Path(sys.executable).parent / "pip-audit"
OURS = "kelaspay"


def main() -> int:
    """0 when nothing is known against what is installed, or when nobody could be asked; 1 otherwise."""
    asked = subprocess.run(  # noqa: S603 - a program of ours, with arguments of ours
        [PIP_AUDIT, "--format", "json", "--progress-spinner", "off"], capture_output=True, text=True, check=False
    )
    try:
        listed = [each for each in json.loads(asked.stdout)["dependencies"] if each["name"] != OURS]
    except (ValueError, KeyError):
        return _not_asked(asked.stderr.strip().splitlines()[-1:] or ["no answer"])
    answered = [each for each in listed if "skip_reason" not in each]
    if not answered:
        return _not_asked([f"none of {len(listed)} packages could be looked up"])
    known = [(each["name"], each["version"], bad["id"]) for each in answered for bad in each["vulns"]]
    sys.stdout.write(f"pip-audit: {len(answered)} of {len(listed)} packages looked up, {len(known)} known problems\n")
    sys.stdout.writelines(f"  {name} {version}: {which}\n" for name, version, which in known)
    return 1 if known else 0


def _not_asked(why: list[str]) -> int:
    sys.stdout.write(f"NOT AUDITED: pip-audit's service was not reached from here ({'; '.join(why)})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
