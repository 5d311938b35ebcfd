"""Kelaspay sells Thinkific courses through Duitku and makes sure that whoever paid is in the course."""

import sys

__version__ = "0.1.0"

# structlog takes rich, where it finds it, for coloured tracebacks that `log` never prints: 5 MB of every process
if "structlog" not in sys.modules and "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment] # the import system's own way to say: not there
    import structlog  # noqa: F401

    del sys.modules["rich"]
