"""A spare worker: a process that has torch imported and waits, so that a run begins within a moment of being asked for.

    spare/lock       held by the spare for as long as it waits: there is one at most, however many servers share the home
    spare/servers    held, shared, by every server that wants a spare; when nobody holds it any more the spare ends
    spare/ready      what the spare is: its environment and the program it has loaded; locked for as long as it waits
    spare/warm       there once it has imported everything
    spare/call       the pipe through which it is given a run

Whoever has a run to start renames ``ready``, which only one can, and writes the run into the pipe; the spare removes the
renamed file, which again only one of the two can: so a run is taken exactly once, or left to a worker started anew. Where
the spare still imports, that worker is started all the same and watches the renamed file: the spare's lock goes with it,
so that a spare that dies leaves its run to it at once.
A spare holds no place in the queue. It ends when its servers or its home are gone, when memory gets short, when the
program on the disk is another than the one it loaded, and when nobody wanted it for a while. Only where the system has
named pipes and ``flock``; nothing here imports torch but the spare itself, when it is one.
"""

import hashlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from dlcore import settings
from dlcore.background import is_recent
from dlcore.home import data_root, home
from dlcore.machine import available_memory

MEGABYTES = 2000.0
"""Memory that has to be free for a spare to be started, by default; it ends when half of that is left."""
IDLE_SECONDS = 900.0
"""A spare that nobody asked for again after this time ends."""
TICK_SECONDS = 1.0
"""Between two looks of a spare at whether it is still wanted."""
ANSWER_SECONDS = 1.0
"""How long to wait for a spare to take a run before a worker is started anew,"""
IMPORT_SECONDS = 20.0
"""and for one that still imports; after 30 s the run would count as interrupted."""
WORKER_ENVIRONMENT = {
    # A thread that waits for another one sleeps, as spinning would take the core that the other one needs, but not at
    # once: the next piece of work mostly comes within microseconds, and to be woken takes longer. GNU's OpenMP only.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "1000",
    # What Apple's GPU cannot compute yet, the CPU does.
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",
}
"""How torch is imported where it trains, unless the environment says otherwise."""
_NEEDED = (
    "dlcore.data.loading",
    "dlcore.training.loop",
    "dlcore.training.checkpoints",
)
_PROJECT = Path(__file__).resolve().parents[2]
_TELLING = ("DLCORE_", "OMP_", "MKL_", "KMP_", "GOMP_", "TORCH", "PYTORCH", "CUDA", "NVIDIA_", "PYTHON", "LD_", "SSL_")
_TELLING_NAMES = {"HOME", "TZ", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


def environment() -> dict[str, str]:
    """The environment of a worker that this process starts."""
    return {**WORKER_ENVIRONMENT, **os.environ, "DLCORE_HOME": str(home()), "DLCORE_DATA": str(data_root())}


def ensure() -> None:
    """Have a spare worker wait, if this machine has the memory for one. Returns before it is ready.

    Raises:
        UserError: ``$DLCORE_SPARE`` is neither ``off`` nor a number of megabytes.
        OSError: the home cannot be written, or no process can be started.
    """
    needed = _needed_bytes()
    if needed is None or os.name != "posix":
        return
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    servers = folder / "servers"
    servers.touch()
    _attend(str(servers), servers.stat().st_ino)
    (folder / "wanted").touch()
    if _is_held(folder / "lock") or (available_memory() or 0) < needed:
        return
    with (folder / "log").open("wb") as log:
        subprocess.run(  # our own interpreter, our own module
            [sys.executable, "-m", "dlcore", "spare", "--detach"],
            cwd=_PROJECT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,  # without a spare everything works, a moment later
        )


def is_ready() -> bool:
    """Whether there is a spare that a run started here would be given to; perhaps it is not warm yet."""
    try:
        content = json.loads((_folder() / "ready").read_bytes())
    except (OSError, ValueError):
        return False
    return bool(content == _identity(environment()))


def is_warm() -> bool:
    """Whether there is a spare as in :func:`is_ready`, with everything imported."""
    return (_folder() / "warm").exists() and is_ready()


def hand_over(run_path: Path, token: str) -> Literal["taken", "called", "refused"]:
    """Give the run in ``run_path`` to the spare.

    Args:
        run_path: the run's directory.
        token: names this call, and no other.

    Returns:
        Whether the spare took it; or was called while it still imports, and may yet die: then a worker has to watch, see
        :func:`is_left`; or there is none that would take it.
    """
    folder = _folder()
    call = json.dumps({"run": str(run_path), "token": token}).encode() + b"\n"
    if os.name != "posix" or not is_ready() or len(call) > select.PIPE_BUF:
        return "refused"
    taken = _taken(token)
    try:
        os.utime(folder / "ready")  # from now on it is young, see `wait`
        (folder / "ready").rename(taken)
        pipe = os.open(folder / "call", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # another run was faster, or the spare has gone
        taken.unlink(missing_ok=True)
        return "refused"
    try:
        os.write(pipe, call)
    except OSError:
        pass  # as if it did not answer
    finally:
        os.close(pipe)
    if not (folder / "warm").exists() and _is_held(taken):
        return "called"  # it answers as soon as it can, and a worker started anew would not be there before
    return "refused" if is_left(token, seconds=ANSWER_SECONDS) else "taken"


def is_left(token: str, *, seconds: float = IMPORT_SECONDS) -> bool:
    """Wait until the spare has taken the run of this call, and say whether it did not: it died, or let ``seconds`` pass.

    Then it is too late for it, and the run is the caller's.
    """
    taken = _taken(token)
    end = time.monotonic() + seconds
    while time.monotonic() < end and _is_held(taken):
        time.sleep(0.002)
    try:
        taken.unlink()
    except FileNotFoundError:
        return False
    return True


def wait() -> Path | None:
    """Be the spare: wait for a run and return its directory; None if there is a spare already, or none is wanted."""
    import fcntl  # noqa: PLC0415  # not on Windows

    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return None
        identity = _identity(dict(os.environ))  # before anything is imported, so that no later change is missed
        for left in folder.glob("taken-*"):
            if not is_recent(left, 3 * IMPORT_SECONDS):  # else a run is at stake of which a worker takes care
                left.unlink(missing_ok=True)
        with _pipe(folder / "call") as pipe, (folder / "starting").open("w", encoding="utf-8") as ready:
            (folder / "warm").unlink(missing_ok=True)
            ready.write(json.dumps(identity))
            ready.flush()
            fcntl.flock(ready, fcntl.LOCK_EX)
            # Before the imports: a run that is started meanwhile is better off with them half done than begun anew.
            (folder / "starting").replace(folder / "ready")
            try:
                _warm_up()
                (folder / "warm").touch()
                return _listen(folder, pipe, lock.fileno(), identity)
            finally:
                for name in ("ready", "warm"):
                    (folder / name).unlink(missing_ok=True)


def _listen(folder: Path, pipe: int, lock: int, identity: Mapping[str, str]) -> Path | None:
    leaving = 0
    while leaving < 2:
        readable, _, _ = select.select([pipe], [], [], TICK_SECONDS)
        if readable:
            call = json.loads(os.read(pipe, select.PIPE_BUF))
            try:
                _taken(call["token"]).unlink()
            except FileNotFoundError:  # whoever called has lost patience
                return None
            return Path(call["run"])
        if not _is_wanted(folder, lock, identity):
            # First nobody can call any more; then, whoever did so just before is still heard.
            with suppress(FileNotFoundError):
                (folder / "ready").unlink()
            leaving += 1
    return None


def _is_wanted(folder: Path, lock: int, identity: Mapping[str, str]) -> bool:
    try:
        at_home = os.fstat(lock).st_ino == (folder / "lock").stat().st_ino
        idle = time.time() - (folder / "wanted").stat().st_mtime
        ready = (folder / "ready").exists()
    except OSError:
        return False
    needed = _needed_bytes()
    memory = available_memory() or 0
    roomy = needed is not None and memory >= needed / 2
    return (
        at_home
        and ready
        and roomy
        and abs(idle) < IDLE_SECONDS
        and _is_held(folder / "servers")
        and identity["program"] == _program()
    )


def _warm_up() -> None:
    """Import what a run needs first. Nothing is computed: the numbers of a run depend on its configuration alone."""
    for name in _NEEDED:
        import_module(name)


@contextmanager
def _pipe(path: Path) -> Iterator[int]:
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    # For writing as well, so that a caller who closes it does not leave it at its end.
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def _needed_bytes() -> float | None:
    """The memory that has to be free, None where no spare is wanted."""
    if os.environ.get("DLCORE_SPARE", "").strip().lower() == "off":
        return None
    return 1e6 * settings.number("DLCORE_SPARE", MEGABYTES, low=0, high=10_000_000)


def _identity(variables: Mapping[str, str]) -> dict[str, str]:
    """What a spare and a run have to agree on."""
    telling = {
        name: value for name, value in variables.items() if name.startswith(_TELLING) or name.upper() in _TELLING_NAMES
    }
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    text = json.dumps([sorted(telling.items()), cores, sys.executable, sys.version])
    return {"environment": hashlib.sha256(text.encode()).hexdigest(), "program": _program()}


def _program() -> str:
    """A digest of the state of the program's files, and of torch's."""
    digest = hashlib.sha256()
    torch = find_spec("torch")
    places = [Path(torch.origin)] if torch is not None and torch.origin else []
    for path in [*sorted((_PROJECT / "dlcore").rglob("*.py")), *places]:
        with suppress(OSError):
            about = path.stat()
            digest.update(f"{path} {about.st_mtime_ns} {about.st_size}\n".encode())
    return digest.hexdigest()


@cache
def _attend(path: str, _inode: int) -> int:
    """Hold the file of servers for as long as this process lives; the operating system lets go of it afterwards."""
    import fcntl  # noqa: PLC0415

    descriptor = os.open(path, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _is_held(path: Path) -> bool:
    """Whether any other process holds a lock on ``path``; as long as the system does not tell, one may."""
    import fcntl  # noqa: PLC0415

    try:
        with path.open("r+b") as file:  # not to be made: what has gone has been taken
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _taken(token: str) -> Path:
    """The name that ``ready`` has from this call on, until one of the two removes it."""
    return _folder() / f"taken-{token}"


def _folder() -> Path:
    return home() / "spare"
