"""What kills, full disks and flipped bits do to a run: nothing undetected, nothing lost before the last checkpoint.

    python -m bench.faults                     # everything, some minutes
    python -m bench.faults --part kills --kills 20 --seed 7

Every fault is dealt to a worker of its own (a fork of this process, which has torch imported and trains nothing itself), which
trains a tiny network on the digits. Then the run is resumed as a visitor would, and its weights and its metric log are
compared with those of a run that nothing happened to. The same seed deals the same faults.

Faults meet every call that opens to write, writes, syncs, renames, removes or reads a file of the run, wherever in the code
it stands, and the bits of every kind of file. A kind of call or of file that none has met is an error of this bench, and so
is a part in which hardly a run had anything to lose.
"""

import argparse
import errno
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: no pool of threads that a fork would lose

import psutil

from bench.fault_dealing import (
    ALWAYS,
    CONFIG,
    ENDS_ONLY,
    OFTEN,
    STILL_POSSIBLE,
    Deal,
    Disk,
    Findings,
    Place,
    copy_of,
    die,
    flip,
    in_child,
    metric_log,
    prefixes,
    process_of,
    refuse,
    resumes,
    temporary_files,
    train,
    wait_for,
)
from bench.fault_files import FOLDER, MARK, broken, outcome, reading, show, stored
from dlcore.messages import UserError
from dlcore.runs import control, keeping, queue
from dlcore.runs.directory import Run, create, list_runs
from dlcore.runs.status import LIVE
from dlcore.training.events import Steered

EXPECTED_FILES = {"config.json", "events.jsonl", "lock", "checkpoints.json", "model.safetensors", "epochs", "watching"}
EXPECTED_LOOKS = {"wall.json", "glimpses.jsonl", "examples-validation.json", "examples-test.json"}
EXPECTED_EPOCHS = {f"{epoch:04}.json" for epoch in range(CONFIG.epochs + 1)}
REPLACED = {"checkpoint", "manifest", "weights", "calibration", "summary", "inspection", "wall", "examples"}
"""Kinds of file that a worker writes anew and renames;"""
APPENDED = {"log", "looks"}
"""those that it appends to;"""
ASKED = {"control", "label"}
"""and those that a page writes."""
TO_BE_MET = {
    *(("write", kind) for kind in REPLACED | APPENDED | ASKED),
    *(("open", kind) for kind in REPLACED | APPENDED | ASKED),
    *(("fsync", kind) for kind in {*REPLACED, *ASKED, "log", FOLDER}),
    *(("rename", kind) for kind in REPLACED | ASKED),
    *(("unlink", kind) for kind in ("checkpoint", MARK)),
    *(("read", kind) for kind in {*REPLACED, *APPENDED, *ASKED, "config"}),
    ("mkdir", FOLDER),
}
"""Calls that the part ``errors`` has to refuse at least once each."""
LEAST_RESUMED = {"kills": 0.5, "chain": 1.0, "writes": 0.5, "errors": 0.3}
"""Of the runs that a part deals with, the share that must have been interrupted amid something that could be lost."""
LEAST_THAT_MATTER = 0.6
"""Of the flipped bits of a file: the others may have changed nothing that anybody reads, such as a name that is not used."""
ALL_BITS = 2000
"""In a file with so few, each is flipped."""


class Bench:
    """One bench: its dice, its reference, its findings."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.findings = Findings()
        self.met: Counter[tuple[str, str]] = Counter()
        """How often each call on each kind of file was refused."""
        self.came: Counter[str] = Counter()
        """What became of the runs of this part."""
        self.hit = Path(os.environ["DLCORE_HOME"]) / "hit"
        self.reference = create(CONFIG)
        assert in_child(lambda: train(self.reference, every=OFTEN)) == 0, "the reference run failed"
        self.expected = metric_log(self.reference)
        self.weights = self.reference.summary().weights_sha256  # type: ignore[union-attr]
        assert self.weights
        with self.template() as stopped:
            missing = [kind for kind in stored(stopped) if reading(stopped, kind) is None]
            assert not missing, f"nothing to damage: {missing}"
        started, again = time.monotonic(), create(CONFIG)  # the first ones had more to load
        in_child(lambda: train(again, every=OFTEN))
        self.seconds = time.monotonic() - started
        shutil.rmtree(again.path)

    def places(self, task: Callable[[Run, Disk], object], run: Run | None = None) -> list[Place]:
        """The calls that ``task`` makes on the files of a run, in order."""
        run = run or create(CONFIG)
        disk, path = Disk(run.path), self.hit.with_name("places.json")

        def note() -> None:
            task(run, disk)
            path.write_text(json.dumps(disk.seen))

        assert in_child(note) == 0, "what nothing was done to failed"
        shutil.rmtree(run.path)
        return [Place(*place) for place in json.loads(path.read_text())]

    def deal(self, run: Run, place: Place, deal: Deal, task: Callable[[Run, Disk], object]) -> int | None:
        """Let a fork do ``task`` and deal the fault; how it ended, None if it never came to that place."""
        self.hit.unlink(missing_ok=True)
        ended = in_child(lambda: task(run, Disk(run.path, place, deal, self.hit)))
        if not self.hit.exists():
            self.came["not dealt"] += 1
            self.findings.counts["never came to the place of the fault"] += 1
            shutil.rmtree(run.path)
            return None
        return ended

    def after(
        self,
        run: Run,
        what: str,
        *,
        kept: int | None = None,
        notice: bool = False,
        every: str = OFTEN,
        damaged: str = "",
    ) -> None:
        """Judge ``run`` as the fault left it, resume it, and judge what became of it.

        Args:
            run: its worker is gone.
            what: the fault, in words.
            kept: the step that must not be lost; None to ask the manifest.
            notice: whether the visitor must be told of damage.
            every: seconds between checkpoints when resumed.
            damaged: the name of a file that was damaged for good, and that nobody needs.
        """
        check, counts = self.findings.check, self.findings.counts
        if run.status() == "starting":  # its worker died before it could take the mark away, which counts for 30 s
            counts["said to be starting until the 30 s for that were over"] += 1
            os.utime(run.path / "launched", (0, 0))
        status = run.status()
        check(status not in LIVE, f"{what}: the run is said to be {status}")
        check(temporary_files(run) <= 1, f"{what}: {temporary_files(run)} temporary files")
        newest = run.checkpoints.newest()
        kept = kept if kept is not None else (newest.step if newest else 0)
        if status == "completed":
            self.came["completed"] += 1
            check(not notice, f"{what}: completed, and nobody told of damage")
        else:
            logged, before = bool(run.read()[0]), len(resumes(run))
            ended = in_child(partial(train, run, every=every))
            check(ended == 0, f"{what}: the resumed worker ended with {ended}")
            told = resumes(run)[before:]
            check(len(told) == (1 if logged else 0), f"{what}: said {len(told)} times that it was resumed")
            if told:
                self.came["resumed"] += 1
                self.came["resumed, with a checkpoint"] += kept > 0
                check(told[0].step >= kept, f"{what}: step {kept} was kept, it went on from {told[0].step}")
                counts["updates lost from before the last checkpoint"] += max(0, kept - told[0].step)
                check(bool(told[0].message) == notice, f"{what}: the visitor was told {told[0].message!r}")
                counts["visitor told of damage"] += bool(told[0].message)
            else:
                self.came["begun anew"] += 1
                check(not kept and not notice, f"{what}: begun anew, though step {kept} was kept")
        summary = run.summary()
        same = summary is not None and summary.weights_sha256 == self.weights
        check(run.status() == "completed", f"{what}: at the end the run is {run.status()}")
        check(same, f"{what}: other weights")
        check(metric_log(run) == self.expected, f"{what}: another metric log")
        check(run.scan().damaged_lines == 0, f"{what}: damaged lines")
        self.files_of(run, what, swept=status == "completed" or "for good" in what, damaged=damaged)
        counts["resumed to identical weights and metric log"] += same and status != "completed"
        shutil.rmtree(run.path)

    def files_of(self, run: Run, what: str, *, swept: bool, damaged: str) -> None:
        """Judge which files a completed run has, and that they are whole.

        ``swept``: no worker came after the fault, or a broken disk removed nothing either; then the server sweeps, later.
        """
        files = {path.name for path in run.path.iterdir() if not path.name.startswith("checkpoint-")}
        # Without a summary the log says how it ended; and a run that could not be calibrated is whole.
        files -= {"summary.json", "control.lock", "control.json", "label.json", "calibration.safetensors"}
        if swept:
            for leftover in run.path.rglob("*.tmp"):
                os.utime(leftover, (0, 0))
            keeping.tidy()
            files = {name for name in files if (run.path / name).exists()}
        # A worker that is refused their folder gives looks up, and trains on.
        expected = EXPECTED_FILES - (
            {"watching"} - files if "at mkdir of folder" in what and "for good" not in what else set()
        )
        self.findings.check(files == expected, f"{what}: files {files ^ expected}")
        inspected = {path.name for path in (run.path / "epochs").iterdir()}
        watched = {path.name for path in (run.path / "watching").glob("*")}
        self.findings.check(watched <= EXPECTED_LOOKS, f"{what}: looks {watched - EXPECTED_LOOKS}")
        self.findings.check(inspected == EXPECTED_EPOCHS, f"{what}: epochs {inspected ^ EXPECTED_EPOCHS}")
        torn = [name for name in broken(run) if name != damaged]
        self.findings.check(not torn, f"{what}: not whole, and no export of it can be imported: {torn}")
        most = 3 if swept else 2  # where the list of them could not be read to the end, one too many is left
        self.findings.check(len(list(run.path.glob("checkpoint-*"))) <= most, f"{what}: too many checkpoints")

    def kills(self, count: int) -> None:
        """``count`` SIGKILLs: half at a random moment, half inside writing, each kind of call and file as likely."""
        by_kind: dict[tuple[str, str], list[Place]] = {}
        for place in self.places(train):
            if place.call != "read":
                by_kind.setdefault(place[:2], []).append(place)
        for number in range(count):
            run = create(CONFIG)
            if number % 2:
                place = self.dice.choice(by_kind[self.dice.choice(sorted(by_kind))])
                if self.deal(run, place, die(self.dice.random()), train) is not None:
                    self.findings.counts["SIGKILL inside saving"] += 1
                    self.after(run, f"kill {number} at {place}")
            else:
                moment = self.dice.uniform(0, self.seconds)
                process = in_child(partial(train, run, every=OFTEN), wait=False)
                time.sleep(moment)
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                self.findings.counts["SIGKILL at a random moment"] += 1
                self.after(run, f"kill {number} after {moment:.3f} s")

    def chain(self, count: int) -> None:
        """One run killed ``count`` times in a row inside saving: nothing piles up."""
        run, places = create(CONFIG), [place for place in self.places(train) if place.call != "read"]
        places = places[34:74]  # from the first checkpoint of each worker to the fourth: early enough for ten workers
        for _ in range(count):
            deal = die(self.dice.random())
            in_child(partial(train, run, Disk(run.path, self.dice.choice(places), deal)))
            if run.status() == "completed":
                break
            self.findings.counts["SIGKILL in a chain on one run"] += 1
            self.findings.check(temporary_files(run) <= 1, "chain: temporary files pile up")
            self.findings.check(len(list(run.path.glob("checkpoint-*"))) <= 3, "chain: checkpoints pile up")
        self.after(run, "chain of kills")

    def short_writes(self, stride: int = 1) -> None:
        """A write of each kind of file cut short by a kill; then each stored file cut short, as by a power cut."""
        places = self.places(train)
        for kind in sorted(REPLACED | APPENDED):
            writes = [place for place in places if place[:2] == ("write", kind)]
            for share in (0.0, 0.0001, 0.02, 0.3, 0.7, 0.9999)[::stride]:
                run, place = create(CONFIG), writes[len(writes) // 2]
                if self.deal(run, place, die(share), train) is not None:
                    self.findings.counts[f"write cut short by a kill: {kind}"] += 1
                    self.after(run, f"{place} cut after {share:.2%}")
        with self.template() as stopped:
            for kind, path in stored(stopped).items():
                for length in prefixes(path.stat().st_size)[::stride]:
                    self.cut(copy_of(stopped), kind, length)

    def cut(self, run: Run, kind: str, length: int) -> None:
        """The file of this kind cut to ``length``: what its reader says, and how the run goes on."""
        path, what = stored(run)[kind], f"{kind} cut to {length} bytes"
        expected, older = reading(run, kind), run.checkpoints.manifest()[-1].step
        size = path.stat().st_size
        os.truncate(path, length)
        self.findings.counts[f"stored file cut short: {kind}"] += 1
        if kind == "log":  # one cut at the end of a line is whole; what the checkpoint knows of it tells that it is not
            self.after_lost_log(run, what)
            return
        came = outcome(run, kind, expected)
        whole = came == "same meaning" and length == size - 1  # all but the end of the line
        self.findings.check(came in ("told", "left out") or whole, f"{what}: {came}")
        self.findings.check(in_child(partial(show, run)) == 0, f"{what}: a page breaks")
        if kind == "config":
            shutil.rmtree(run.path)
            return
        damaged = "" if kind == "looks" else path.name  # a log that is written on has to be whole from then on
        kept = older if kind == "checkpoint" else None
        self.after(run, what, kept=kept, notice=kind in ("checkpoint", "manifest"), damaged=damaged)

    def after_lost_log(self, run: Run, what: str) -> None:
        """A log that lost lines cannot be whole again: the visitor is told, and the weights are the same."""
        newest = run.checkpoints.newest()
        size = run.events_path.stat().st_size
        lost = newest is not None and (size < newest.log_bytes or run.scan().damaged_lines > 0)
        ended = in_child(lambda: train(run, every=OFTEN))
        self.findings.check(ended == 0, f"{what}: the resumed worker ended with {ended}")
        told = any(event.message for event in resumes(run))
        self.findings.check(told == lost, f"{what}: told {told}, lost {lost}")
        summary = run.summary()
        same = summary is not None and summary.weights_sha256 == self.weights
        self.findings.check(same, f"{what}: other weights")
        self.findings.counts["visitor told of damage"] += told
        self.findings.counts["resumed to identical weights"] += same
        self.came["resumed"] += 1
        shutil.rmtree(run.path)

    def disk_errors(self, stride: int = 1) -> None:
        """ENOSPC and EIO at each call on a file: of a run from its beginning, of one that goes on, of pages; once, and
        from then on. With a ``stride`` fewer, but each call on each kind of file by one of the faults.
        """
        begin = partial(train, every=ENDS_ONLY)
        variants = [(number, forever) for number in (errno.ENOSPC, errno.EIO) for forever in (False, True)]
        for count, place in enumerate(_some(self.places(begin), stride)):
            possible = [variant for variant in variants if place.call not in STILL_POSSIBLE[variant[0]]]
            for number, forever in possible if stride == 1 else [possible[count % len(possible)]]:
                run = create(CONFIG)
                if self.refused(run, place, refuse(number, forever=forever), begin) is None:
                    continue
                self.findings.counts[f"{errno.errorcode[number]} {'from then on' if forever else 'once'}"] += 1
                self.after(run, f"{errno.errorcode[number]} at {place}{' for good' if forever else ''}")
        with self.template() as stopped:
            self.refused_reads(stopped, (False, True) if stride == 1 else (False,))
            self.refused_readers(stopped)
            self.refused_pages(stopped)

    def refused_reads(self, stopped: Run, lasting: Sequence[bool]) -> None:
        """A run goes on, and what it reads is refused. EIO, the disk gives it back no more: damage, told and got round.
        EMFILE, it cannot be opened just now: that says nothing of the file, so nobody is told of damage and nothing is
        given up. Once all is well the run goes on, and hears what it was asked.
        """
        go_on = partial(train, every=ENDS_ONLY)
        places = [place for place in self.places(go_on, copy_of(stopped)) if place.call == "read"]
        newest, older = (known.step for known in stopped.checkpoints.manifest())
        listens = max(at for at, place in enumerate(places) if place.kind == "control")
        for (at, place), number, forever in product(enumerate(places), (errno.EIO, errno.EMFILE), lasting):
            run, name = copy_of(stopped), errno.errorcode[number]
            what = f"{name} at {place} of a run that goes on{' for good' if forever else ''}"
            if self.refused(run, place, refuse(number, forever=forever, only="read"), go_on) is None:
                continue
            self.findings.counts[f"{name} at a read of a run that goes on"] += 1
            said = [event.message for event in resumes(run) if event.message]
            may_tell = number == errno.EIO and place.kind in ("checkpoint", "manifest", "log")
            self.findings.check(may_tell or not said, f"{what}: told as damage: {said}")
            self.findings.counts["visitor told of damage"] += bool(said)
            copy = copy_of(run)
            deaf = forever and at <= listens and run.status() == "completed"  # nothing could be read to the end
            if run.status() == "completed":
                self.after(run, what)
            else:
                self.after(run, what, kept=older if said else newest)
                in_child(partial(train, copy, every=OFTEN))
            heard = any(isinstance(event, Steered) for event in copy.read()[0])
            self.findings.check(heard or deaf, f"{what}: what was asked of the run was never heard")
            shutil.rmtree(copy.path)

    def refused_readers(self, stopped: Run) -> None:
        """Each reader is refused its file: it says so, or leaves it out; what cannot be read just now is not damaged."""
        for kind, number in product(stored(stopped), (errno.EIO, errno.EMFILE)):
            run, came = copy_of(stopped), self.hit.with_name("came")
            task, place = partial(_read_refused, kind=kind, report=came), Place("read", kind, 0)
            if self.refused(run, place, refuse(number, forever=True, only="read"), task) is None:
                continue
            self.findings.counts[f"{errno.errorcode[number]} at a reader"] += 1
            damage = {"DamagedFileError", "ValueError"} if number == errno.EIO else set()
            said = came.read_text()
            good = said in {"OSError", "UserError", "left out", *damage}
            self.findings.check(good, f"{errno.errorcode[number]} at a reader of {kind}: {said}")
            shutil.rmtree(run.path)

    def refused_pages(self, stopped: Run) -> None:
        """What a page writes, or reads before it writes, is refused: it says so, and the file is the old or the new one."""
        for place in self.places(_ask, copy_of(stopped)):
            # A page that takes a file it could not open just then for an empty one would write over it.
            reads = place.call == "read"
            for number in (errno.EMFILE,) if reads else (errno.ENOSPC, errno.EIO):
                if place.call in STILL_POSSIBLE[number]:
                    continue
                run, what = copy_of(stopped), f"{errno.errorcode[number]} at {place} by a page"
                old = control.read(run.path), keeping.label(run)
                ended = self.refused(run, place, refuse(number, forever=not reads), _ask)
                if ended is None:
                    continue
                self.findings.counts["refused write of a page"] += 1
                self.findings.check(ended == 0, f"{what}: not told")
                wishes, label = control.read(run.path), keeping.label(run)
                self.findings.check(wishes[: len(old[0])] == old[0], f"{what}: wishes lost")
                self.findings.check(label in (old[1], NEW_LABEL), f"{what}: the label is {label}")
                shutil.rmtree(run.path)

    def refused(self, run: Run, place: Place, deal: Deal, task: Callable[[Run, Disk], object]) -> int | None:
        """As :meth:`deal`, and counted by call and kind of file."""
        ended = self.deal(run, place, deal, task)
        self.met[place.call, place.kind] += ended is not None
        return ended

    def flipped_bits(self, count: int, resumed: int = 4) -> None:
        """One flipped bit in each kind of stored file, ``count`` times each, before the eyes of its reader and of all
        that a page shows; and ``resumed`` times each, after which the run goes on.
        """
        with self.template() as stopped:
            for kind in stored(stopped):
                results = self.flips(stopped, kind, count)
                for came, times in results.items():
                    self.findings.counts[f"flipped bit in {kind}: {came}"] += times
                self.findings.check(not results["undetected"], f"{results['undetected']} flips in {kind} undetected")
                self.findings.check(not results["broke"], f"{results['broke']} flips in {kind} broke a page")
                flipped = results["told"] + results["left out"] + results["undetected"] + results["same meaning"]
                enough = flipped - results["same meaning"] >= LEAST_THAT_MATTER * flipped > 0
                self.findings.check(enough, f"flips in {kind}: {results['same meaning']} of {flipped} changed nothing")
            for kind in set(stored(stopped)) - {"config"}:  # without which there is no run to go on
                for _ in range(resumed):
                    self.go_on(copy_of(stopped), kind)
            self.asked_again(copy_of(stopped))

    def go_on(self, run: Run, kind: str) -> None:
        """Over a flipped bit."""
        path, older, expected = stored(run)[kind], run.checkpoints.manifest()[-1].step, reading(run, kind)
        flip(path, self.dice.randrange(8 * path.stat().st_size))
        if outcome(run, kind, expected) == "same meaning":
            shutil.rmtree(run.path)
            return
        self.findings.counts[f"resumed over a flipped bit in {kind}"] += 1
        if kind == "log":
            self.after_lost_log(run, "flipped bit in log")
            return
        kept = older if kind == "checkpoint" else None
        notice = kind in ("checkpoint", "manifest")
        self.after(run, f"flipped bit in {kind}", kept=kept, notice=notice, damaged=path.name)

    def asked_again(self, run: Run) -> None:
        """A file of wishes that is damaged: whatever is asked from then on is heard all the same."""
        self.came["asked again"] += 1
        in_child(partial(train, run, every=OFTEN, stop_after=1))  # hears the first wish
        (run.path / "control.json").write_text("{")
        number = control.ask(run.path, [{"do": "go"}])[0]
        in_child(partial(train, run, every=OFTEN))
        heard = [event.command for event in run.read()[0] if isinstance(event, Steered)]
        self.findings.check(len(heard) == 2, f"after damage of control.json wish {number} was not heard: {heard}")
        shutil.rmtree(run.path)

    def flips(self, stopped: Run, kind: str, count: int) -> Counter[str]:
        run = copy_of(stopped)
        report = run.path.parent / f"flips-{os.getpid()}.json"
        if kind == "control":  # a wish like most, with a number that a bit makes another one
            control.ask(run.path, [{"do": "set", "learning_rate": 0.01234567}])
        path = stored(run)[kind]
        size = 8 * path.stat().st_size
        bits = self.dice.sample(range(size), size if size <= ALL_BITS else count)

        def task() -> None:
            whole = path.read_bytes()
            expected, results = reading(run, kind), Counter[str]()
            for number, bit in enumerate(bits):
                flip(path, bit)
                results[outcome(run, kind, expected)] += 1
                try:
                    if number < count:  # which takes longer than one reader
                        show(run)
                except Exception as error:  # noqa: BLE001  # whatever it is, a visitor would have met it
                    results["broke"] += 1
                    print(f"  {kind}: {error!r}", file=sys.stderr)
                path.write_bytes(whole)
            report.write_text(json.dumps(results))

        self.findings.check(in_child(task) == 0, f"flips in {kind}: the reader broke")
        results: Counter[str] = Counter(json.loads(report.read_text()) if report.exists() else {})
        report.unlink(missing_ok=True)
        shutil.rmtree(run.path)
        return results

    def real_workers(self, count: int) -> None:
        """Workers as the page starts them, through the queue: no orphan, no stuck status, the place is free again."""
        os.environ["DLCORE_CHECKPOINT_SECONDS"] = OFTEN
        for number in range(count):
            run = queue.submit(CONFIG.model_copy(update={"epochs": 200}), owner="bench")
            wait_for(lambda run=run: run.status() == "running")  # type: ignore[misc]
            process = process_of(run)
            time.sleep(self.dice.random())
            process.kill()
            wait_for(lambda process=process: not process.is_running())  # type: ignore[misc]
            self.findings.counts["SIGKILL of a worker from the queue"] += 1
            self.findings.check(run.status() == "interrupted", f"worker {number}: {run.status()} after its kill")
            following = queue.submit(CONFIG, owner="bench")
            wait_for(lambda following=following: following.status() not in LIVE)  # type: ignore[misc]
            self.findings.check(following.status() == "completed", f"worker {number}: the next is {following.status()}")
            summary = following.summary()
            same = summary is not None and summary.weights_sha256 == self.weights
            self.findings.check(same, f"worker {number}: other weights than in a fork")
            left = [
                p for p in psutil.process_iter(["cmdline"]) if str(run.path.parent) in " ".join(p.info["cmdline"] or [])
            ]
            gone, alive = psutil.wait_procs(left, timeout=20)
            self.findings.check(not alive, f"worker {number}: {len(alive)} processes left")
            del gone

    @contextmanager
    def template(self) -> Iterator[Run]:
        """A run stopped in its second epoch, which has a label and was asked to go on: to be copied and damaged."""
        run = create(CONFIG)
        in_child(lambda: train(run, every=ALWAYS, stop_after=30))
        assert run.status() == "stopped", run.status()
        control.ask(run.path, [{"do": "go"}])
        keeping.rename(run, "the one with the label")
        keeping.tag(run, ["kept", "by somebody"])
        yield run
        shutil.rmtree(run.path)

    def demand(self, part: str) -> None:
        """That ``part`` has looked at what it is for: an error of this bench, not of a run."""
        judged = self.came["completed"] + self.came["resumed"] + self.came["begun anew"]
        for what, count in sorted(self.came.items()):
            self.findings.counts[f"{part}: {what}"] += count
        share = LEAST_RESUMED.get(part, 0.0)
        enough = self.came["resumed"] >= share * judged and (judged > 0 or not share)
        self.findings.check(enough, f"{part}: of {judged} runs only {self.came['resumed']} had something to lose")
        missed = self.came["not dealt"]
        self.findings.check(missed <= 0.1 * (judged + missed), f"{part}: {missed} faults never dealt")
        if part == "errors":
            for (call, kind), count in sorted(self.met.items()):
                self.findings.counts[f"refused {call} of {kind}"] += count
            never = sorted(" of ".join(pair) for pair in TO_BE_MET if not self.met[pair])
            self.findings.check(not never, f"errors: never met {', '.join(never)}")
        self.came.clear()

    def end(self) -> None:
        """Nothing may be left: no run that is said to go on, no process, no temporary file."""
        live = [run.run_id for run in list_runs() if run.status() in LIVE]
        self.findings.check(not live, f"said to be alive at the end: {live}")
        children = psutil.Process().children(recursive=True)
        self.findings.check(not children, f"processes left: {children}")
        home = Path(os.environ["DLCORE_HOME"])
        left = [str(path.relative_to(home)) for path in home.rglob("*.tmp")]
        self.findings.check(not left, f"temporary files left: {left}")


NEW_LABEL = keeping.Label(name="another name", tags=("kept", "by somebody"))


def _ask(run: Run, disk: Disk) -> None:
    """As pages do; a refusal has to be a sentence."""
    disk.stand_between()
    for ask in (lambda: control.ask(run.path, [{"do": "go"}]), lambda: keeping.rename(run, NEW_LABEL.name)):
        try:
            ask()
        except UserError:
            continue


def _read_refused(run: Run, disk: Disk, *, kind: str, report: Path) -> None:
    os.utime(stored(run)[kind], (0, 0))  # whoever remembers what it read in this process has to look again
    disk.stand_between()
    try:
        found = reading(run, kind)
        said = "left out" if found is None else str(found)
    except OSError:
        said = "OSError"
    except UserError as error:
        said = type(error).__name__
    except ValueError:
        said = "ValueError"
    report.write_text(said)


def _some(places: Sequence[Place], stride: int) -> list[Place]:
    """Of each call on each kind of file each ``stride``-th, the first included."""
    return [place for place in places if place.number % stride == 0]


def parts(bench: Bench, options: argparse.Namespace) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "kills", lambda: bench.kills(options.kills)
    yield "chain", lambda: bench.chain(max(2, options.kills // 10))
    yield "writes", lambda: bench.short_writes(1 if options.stride == 1 else 3)
    yield "errors", lambda: bench.disk_errors(options.stride)
    yield "bits", lambda: bench.flipped_bits(options.flips, 4 if options.stride == 1 else 1)
    yield "workers", lambda: bench.real_workers(options.workers)


def main(arguments: list[str] | None = None) -> int:
    """Deal the faults, print the counts; the exit status is 1 if anything was not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m bench faults", description=__doc__)
    parser.add_argument("--part", action="append", choices=["kills", "chain", "writes", "errors", "bits", "workers"])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--flips", type=int, default=150, help="flipped bits a file")
    parser.add_argument("--stride", type=int, default=1, help="disk errors at each n-th call only")
    parser.add_argument("--workers", type=int, default=2, help="kills of workers that the queue has started")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    os.environ["DLCORE_SPARE"] = "off"
    began = time.monotonic()
    # No power is cut here, so the files may lie in memory, where a sync costs nothing: a hundred kills take minutes then.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="dlcore-faults-", dir=memory) as home:
        os.environ |= {"DLCORE_HOME": home}
        bench = Bench(options.seed)
        try:
            for name, part in parts(bench, options):
                if options.part and name not in options.part:
                    continue
                started = time.monotonic()
                part()
                bench.demand(name)
                print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            bench.end()
        except KeyboardInterrupt:
            print("interrupted: the counts are of what was done until then", file=sys.stderr)
    findings = bench.findings
    width = max(map(len, findings.counts), default=0)
    for what, count in findings.counts.items():
        print(f"{what:<{width}}  {count:5}")
    print(f"not as it should be: {len(findings.bad)}; {time.monotonic() - began:.0f} s, seed {options.seed}")
    if options.json:
        print(json.dumps({"counts": findings.counts, "bad": findings.bad}))
    return bool(findings.bad)


if __name__ == "__main__":
    sys.exit(main())
