"""Where tests may keep their files in memory: a disk that others write to has each of a process's commits wait, now and
then for a minute.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path("/dev/shm")  # noqa: S108 - private folders are made in it
ROOM = 2 * 2**30
"""So much must be free, in bytes; a container may give next to nothing."""


def memory_folder() -> str | None:
    """The folder, where the machine has one with room for two servers and a browser, and programs may run from it."""
    if not os.access(FOLDER, os.W_OK):
        return None
    there = os.statvfs(FOLDER)
    fit = there.f_bavail * there.f_frsize >= ROOM and not there.f_flag & os.ST_NOEXEC
    return str(FOLDER) if fit else None
