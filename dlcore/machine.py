"""What this process may use of the machine it runs on. Nothing here imports torch."""

import os
import sys
from pathlib import Path


def cores() -> int:
    """The cores that this process may run on: fewer than there are, where the system restricts it to some of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory() -> int | None:
    """Bytes of memory that new processes could take without anybody having to give way; None where nobody says.

    On Linux what the kernel estimates, or what the container is still allowed, whichever is less.
    """
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        system = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
    allowed = _allowed_memory()
    return system if allowed is None else min(system, allowed)


def peak_memory() -> int:
    """Bytes of main memory that this process has taken at most so far; 0 where nobody says."""
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _allowed_memory() -> int | None:
    """What the control groups of this process leave, by their second version or their first; None without a limit."""
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()]
    except (OSError, UnicodeDecodeError):
        return None
    left = []
    for group in groups:
        if len(group) != 3 or (group[1] and "memory" not in group[1].split(",")):
            continue
        root = Path("/sys/fs/cgroup/memory") if group[1] else Path("/sys/fs/cgroup")
        limit, usage = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes") if group[1] else ("memory.max", "memory.current")
        )
        inside = root / group[2].lstrip("/")
        for folder in {root, inside, *(parent for parent in inside.parents if root in parent.parents)}:
            try:
                text, used = (folder / limit).read_text(), int((folder / usage).read_text())
                cached = _inactive_file(folder)
            except (OSError, ValueError):  # no limit at this level
                continue
            if text.strip().isdigit() and int(text) < 2**60:
                left.append(max(0, int(text) - used + cached))
    return min(left, default=None)


def _inactive_file(folder: Path) -> int:
    """Bytes of files in memory that the kernel gives up first."""
    for line in (folder / "memory.stat").read_text().splitlines():
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file"):
            return int(value)
    return 0
