"""What this process may use of the machine it runs on. Nothing here imports torch."""

import os


def cores() -> int:
    """The cores that this process may run on: fewer than there are, where the system restricts it to some of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
