"""What kills, full disks and flipped bits do to a run: nothing undetected, nothing lost before the last checkpoint.

    python -m bench.faults                     # everything, some minutes
    python -m bench.faults --part kills --kills 20 --seed 7

Every fault is dealt to a worker of its own (a fork of this process, which has torch imported and nothing computed), which
trains a tiny network on the digits. Then the run is resumed as a visitor would, and its weights and its metric log are
compared with those of a run that nothing happened to. The same seed deals the same faults.
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
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: no pool of threads that a fork would lose

import psutil

from bench.fault_dealing import (
    ALWAYS,
    CONFIG,
    OFTEN,
    Findings,
    Ops,
    copy_of,
    die,
    flip,
    in_child,
    meaning,
    metric_log,
    prefixes,
    process_of,
    refuse,
    resumes,
    stored,
    temporary_files,
    train,
    wait_for,
)
from dlcore.runs import keeping, queue
from dlcore.runs.directory import Run, create, list_runs
from dlcore.runs.status import LIVE

EXPECTED_FILES = {"config.json", "events.jsonl", "lock", "checkpoints.json", "model.safetensors", "epochs", "watching"}
EXPECTED_LOOKS = {"wall.json", "glimpses.jsonl", "examples-validation.json", "examples-test.json"}
EXPECTED_EPOCHS = {f"{epoch:04}.json" for epoch in range(CONFIG.epochs + 1)}


class Bench:
    """One bench: its dice, its reference, its findings."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.findings = Findings()
        self.reference = create(CONFIG)
        started = time.monotonic()
        assert in_child(lambda: train(self.reference, every=OFTEN)) == 0, "the reference run failed"
        self.seconds = time.monotonic() - started
        self.expected = metric_log(self.reference)
        self.weights = self.reference.summary().weights_sha256  # type: ignore[union-attr]
        assert self.weights

    def operations(self, *, every: str, start: int = 0) -> list[str]:
        """The calls that write, of a whole run, in order."""
        run, ops = create(CONFIG), Ops(start)
        path = run.path / "ops"

        def task() -> None:
            train(run, ops, every=every)
            path.write_text(json.dumps(ops.seen))

        in_child(task)
        seen: list[str] = json.loads(path.read_text())
        shutil.rmtree(run.path)
        return seen

    def after(self, run: Run, what: str, *, kept: int | None, notice: bool | None = False, every: str = OFTEN) -> None:
        """Judge ``run`` as the fault left it, resume it, and judge what became of it.

        Args:
            run: its worker is gone.
            what: the fault, in words.
            kept: the step that must not be lost; None to ask the manifest.
            notice: whether the visitor must be told of damage; None if they may.
            every: seconds between checkpoints when resumed.
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
        if status not in ("completed", "diverged"):
            before = len(resumes(run))
            ended = in_child(partial(train, run, every=every))
            check(ended == 0, f"{what}: the resumed worker ended with {ended}")
            told = resumes(run)[before:]
            check(bool(told) or not metric_log(run) or before == len(told), f"{what}: nobody said that it was resumed")
            if told:
                check(told[0].step >= kept, f"{what}: step {kept} was kept, it went on from {told[0].step}")
                counts["updates lost from before the last checkpoint"] += max(0, kept - told[0].step)
                if notice is not None:
                    check(bool(told[0].message) == notice, f"{what}: the visitor was told {told[0].message!r}")
                if told[0].message:
                    counts["visitor told of damage"] += 1
        summary = run.summary()
        same = summary is not None and summary.weights_sha256 == self.weights
        check(run.status() == "completed", f"{what}: at the end the run is {run.status()}")
        check(same, f"{what}: other weights")
        check(metric_log(run) == self.expected, f"{what}: another metric log")
        check(run.scan().damaged_lines == 0 or bool(notice), f"{what}: damaged lines")
        files = {path.name for path in run.path.iterdir() if not path.name.startswith("checkpoint-")}
        # Without a summary the log says how it ended; and a run that could not be calibrated is whole.
        files -= {"summary.json", "control.lock", "calibration.safetensors"}
        if "for good" in what:  # a broken disk removes nothing either: the server does, once it is mended
            for leftover in run.path.rglob("*.tmp"):
                os.utime(leftover, (0, 0))
            keeping.tidy()
            files = {name for name in files if (run.path / name).exists()}
        check(files == EXPECTED_FILES, f"{what}: files {files ^ EXPECTED_FILES}")
        inspected = {path.name for path in (run.path / "epochs").iterdir()}
        watched = {path.name for path in (run.path / "watching").iterdir()}
        check(watched <= EXPECTED_LOOKS, f"{what}: looks {watched - EXPECTED_LOOKS}")
        check(inspected == EXPECTED_EPOCHS, f"{what}: epochs {inspected ^ EXPECTED_EPOCHS}")
        check(len(list(run.path.glob("checkpoint-*"))) <= 2, f"{what}: more than two checkpoints")
        counts["resumed to identical weights and metric log"] += same
        shutil.rmtree(run.path)

    def kills(self, count: int) -> None:
        """``count`` SIGKILLs: half at a random moment, half inside the writing of a checkpoint."""
        ops = self.operations(every=ALWAYS)
        for number in range(count):
            run = create(CONFIG)
            if number % 2:
                at, share = self.dice.randrange(len(ops)), self.dice.random()
                in_child(partial(train, run, Ops(at, die(share))))
                self.findings.counts["SIGKILL inside saving"] += 1
                self.after(run, f"kill {number} at write call {at} ({ops[at]})", kept=None)
            else:
                moment = self.dice.uniform(0, self.seconds)
                process = in_child(partial(train, run, every=OFTEN), wait=False)
                time.sleep(moment)
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                self.findings.counts["SIGKILL at a random moment"] += 1
                self.after(run, f"kill {number} after {moment:.3f} s", kept=None)

    def chain(self, count: int) -> None:
        """One run killed ``count`` times in a row inside saving: nothing piles up."""
        run = create(CONFIG)
        for _ in range(count):
            at, share = self.dice.randrange(60, 160), self.dice.random()
            in_child(partial(train, run, Ops(at, die(share))))
            self.findings.counts["SIGKILL in a chain on one run"] += 1
            if run.status() == "completed":
                break
            self.findings.check(temporary_files(run) <= 1, "chain: temporary files pile up")
            self.findings.check(len(list(run.path.glob("checkpoint-*"))) <= 3, "chain: checkpoints pile up")
        self.after(run, "chain of kills", kept=None)

    def short_writes(self) -> None:
        """Each write of a checkpoint and its manifest cut short, by a kill and by a power cut after the rename."""
        ops = self.operations(every=ALWAYS)
        writes = [index for index, name in enumerate(ops) if name == "write"]
        late = writes[len(writes) // 2 : len(writes) // 2 + 3]  # the log, a checkpoint, a manifest
        for at in late:
            for share in (0.0, 0.0001, 0.02, 0.3, 0.7, 0.9999):
                run = create(CONFIG)
                in_child(partial(train, run, Ops(at, die(share))))
                self.findings.counts["write cut short by a kill"] += 1
                self.after(run, f"write call {at} cut after {share:.2%}", kept=None)
        with self.template() as stopped:
            for name, _file in stored(stopped):
                if name not in ("newest checkpoint", "manifest", "log"):
                    continue
                for length in prefixes((stopped.path / _file).stat().st_size):
                    run = copy_of(stopped)
                    older = run.checkpoints.manifest()[-1].step
                    os.truncate(run.path / _file, length)
                    self.findings.counts["stored file cut short"] += 1
                    # Its last line belongs to a stop; a log cut behind what the checkpoint knows loses nothing.
                    notice = None if name == "log" else True
                    kept = older if name == "newest checkpoint" else None
                    if name == "log":
                        self.after_lost_log(run, f"log cut to {length} bytes")
                    else:
                        self.after(run, f"{name} cut to {length} bytes", kept=kept, notice=notice)

    def after_lost_log(self, run: Run, what: str) -> None:
        """A log that lost lines cannot be whole again: the visitor is told, and the weights are the same."""
        newest = run.checkpoints.newest()
        lost = newest is not None and run.events_path.stat().st_size < newest.log_bytes
        in_child(lambda: train(run, every=OFTEN))
        told = any(event.message for event in resumes(run))
        self.findings.check(told == lost, f"{what}: told {told}, lost {lost}")
        summary = run.summary()
        same = summary is not None and summary.weights_sha256 == self.weights
        self.findings.check(same, f"{what}: other weights")
        self.findings.counts["visitor told of damage"] += told
        self.findings.counts["resumed to identical weights"] += same
        shutil.rmtree(run.path)

    def disk_errors(self, stride: int = 1) -> None:
        """ENOSPC and EIO at each call that writes: of one save, of the end; once, and from then on."""
        ops = self.operations(every="1000")  # a save at each epoch only
        places = range(self.dice.randrange(stride), len(ops), stride)
        for number in (errno.ENOSPC, errno.EIO):
            for forever in (False, True):
                for at in places:
                    run = create(CONFIG)
                    in_child(partial(train, run, Ops(at, refuse(number, forever=forever)), every="1000"))
                    self.findings.counts[f"{errno.errorcode[number]} {'from then on' if forever else 'once'}"] += 1
                    what = f"{errno.errorcode[number]} at write call {at} ({ops[at]}){' for good' if forever else ''}"
                    self.after(run, what, kept=None)

    def flipped_bits(self, count: int) -> None:
        """One flipped bit in each stored file, ``count`` times each."""
        with self.template() as stopped:
            for name, file in stored(stopped):
                results = self.flips(stopped, name, file, count)
                for outcome, times in results.items():
                    self.findings.counts[f"flipped bit in {name}: {outcome}"] += times
                self.findings.check(not results["undetected"], f"{results['undetected']} flips in {name} undetected")
            for name, file in stored(stopped)[:2]:  # the newest checkpoint, the manifest: and then what?
                for _ in range(4):
                    run = copy_of(stopped)
                    older = run.checkpoints.manifest()[-1].step
                    flip(run.path / file, self.dice)
                    if name == "manifest" and not run.checkpoints.manifest_is_damaged():
                        shutil.rmtree(run.path)
                        continue
                    self.findings.counts["resumed over a flipped bit"] += 1
                    kept = older if name == "newest checkpoint" else None
                    self.after(run, f"flipped bit in {name}", kept=kept, notice=True)

    def flips(self, stopped: Run, name: str, file: str, count: int) -> Counter[str]:
        run = copy_of(stopped)
        report = run.path.parent / f"flips-{os.getpid()}.json"
        seed = self.dice.random()

        def task() -> None:
            dice = random.Random(seed)
            whole = (run.path / file).read_bytes()
            expected, results = meaning(run, name), Counter[str]()
            for _ in range(count):
                flip(run.path / file, dice)
                found = meaning(run, name)
                results["detected" if found is None else "same meaning" if found == expected else "undetected"] += 1
                (run.path / file).write_bytes(whole)
            report.write_text(json.dumps(results))

        self.findings.check(in_child(task) == 0, f"flips in {name}: the reader broke")
        results: Counter[str] = Counter(json.loads(report.read_text()))
        report.unlink()
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

    def template(self) -> Any:
        """A run stopped in its second epoch, to be copied and damaged."""
        run = create(CONFIG)
        in_child(lambda: train(run, every=ALWAYS, stop_after=30))
        assert run.status() == "stopped", run.status()

        class _Kept:
            def __enter__(self) -> Run:
                return run

            def __exit__(self, *_: object) -> None:
                shutil.rmtree(run.path)

        return _Kept()

    def end(self) -> None:
        """Nothing may be left: no run that is said to go on, no process, no temporary file."""
        live = [run.run_id for run in list_runs() if run.status() in LIVE]
        self.findings.check(not live, f"said to be alive at the end: {live}")
        children = psutil.Process().children(recursive=True)
        self.findings.check(not children, f"processes left: {children}")
        home = Path(os.environ["DLCORE_HOME"])
        left = [str(path.relative_to(home)) for path in home.rglob("*.tmp")]
        self.findings.check(not left, f"temporary files left: {left}")


def parts(bench: Bench, options: argparse.Namespace) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "kills", lambda: bench.kills(options.kills)
    yield "chain", lambda: bench.chain(max(2, options.kills // 10))
    yield "writes", bench.short_writes
    yield "errors", lambda: bench.disk_errors(options.stride)
    yield "bits", lambda: bench.flipped_bits(options.flips)
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
