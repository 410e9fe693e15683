"""What to say to a visitor of a run that failed."""

import errno

from dlcore.messages import N_, UserError
from dlcore.runs.directory import Run
from dlcore.training.events import Ended

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""As torch says it: of a GPU, on Linux, on Windows."""
_OF_FILES = (errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE)


def failure(error: Exception, run: Run) -> Ended:
    """The end of a run that failed, in words a visitor can use; the traceback is none of them."""
    if isinstance(error, UserError):
        values = {
            name: value if isinstance(value, str | int | float) else str(value) for name, value in error.values.items()
        }
        return Ended(reason="failed", message=error.template, values=values)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = N_(
            "The disk is full. Make room, then continue the run: everything up to its last checkpoint was kept."
        )
        return Ended(reason="failed", message=message)
    if isinstance(error, OSError) and error.errno in _OF_FILES:
        message = N_(
            "A file could not be read or written ({reason}). Everything up to the last checkpoint was kept: continue the"
            " run when the disk is well again."
        )
        return Ended(reason="failed", message=message, values={"reason": error.strerror or error.errno})
    if _is_of_memory(error):
        message = N_("There was not enough memory. Try a smaller batch or a smaller model.")
        return Ended(reason="failed", message=message)
    return Ended(
        reason="failed",
        message=N_("Training broke off by a fault of this program ({kind}). The details are in {log}."),
        values={"kind": type(error).__name__, "log": f"{run.run_id}/{run.log_path.name}"},
    )


def _is_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)
