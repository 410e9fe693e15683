"""``python -m dlcore``."""

import os
import sys


def _detach() -> None:
    """Go on as nobody's child, and let the process that was started end: whoever started it has nothing to wait for."""
    if hasattr(os, "fork") and os.fork() > 0:
        os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:3] in (["work", "--detach"], ["spare", "--detach"], ["sweep", "--detach"]):
        del sys.argv[2]
        _detach()  # before anything slow is imported
    from dlcore.cli import main

    sys.exit(main())
