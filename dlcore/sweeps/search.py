"""Conducting a sweep: ask Optuna for settings, let the ordinary queue train them, tell Optuna what came of it.

Runs in a process of its own and may be ended at any moment. All it knows is in the journal and in the directories of the
runs: a process that comes later takes up the trial that was under way, whose run may have gone on meanwhile.
"""

import json
import logging
import math
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import optuna
from filelock import Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from dlcore.config import KNOBS
from dlcore.messages import N_, UserError
from dlcore.runs import keeping, queue
from dlcore.runs.directory import Run, open_run
from dlcore.runs.status import LIVE, RESUMABLE
from dlcore.sweeps.directory import Progress, Sweep, Trial
from dlcore.sweeps.plan import Move, Plan, Value
from dlcore.training.events import Evaluated

_LOOK_SECONDS = 0.5
_WAIT_SECONDS = 3.0
"""Before a run that the queue did not take is offered again."""
_PATIENCE_SECONDS = 1800.0
_WEIGHING_SECONDS = 20.0
"""Between two computations of importance; after the last run there is one anyway."""
_STUDY = "sweep"
_ENOUGH = 6
"""Complete trials from which on importance says anything."""
_STATES = {
    TrialState.RUNNING: "running",
    TrialState.WAITING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


def conduct(sweep: Sweep, *, watch: Callable[[Progress], None] = lambda _progress: None) -> Progress:
    """Carry out what is left of ``sweep``; returns when it is finished or was asked to stop.

    Raises:
        UserError: another process conducts it.
    """
    try:
        with sweep.lock().acquire(timeout=2):
            (sweep.path / "launched").unlink(missing_ok=True)
            return _Conductor(sweep, watch).conduct()
    except Timeout:
        raise UserError(N_("This sweep is still going on.")) from None


def importance(sweep: Sweep) -> dict[str, float]:
    """The share of each moved setting in how the results differ, by PED-ANOVA (S. Watanabe et al., IJCAI 2023).

    Empty where there are too few results. Imports SciPy and scikit-learn: in a process of its own.
    """
    study = _study(sweep)
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    if len(complete) < _ENOUGH or len(sweep.plan.moves) < 2 or len({trial.value for trial in complete}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        try:
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (ValueError, RuntimeError) as error:  # a setting that was never varied
            logging.getLogger(__name__).info("no importance: %s", error)
            return {}
    return {name: float(share) for name, share in found.items() if share == share}  # noqa: PLR0124  # not a number


class _Conductor:
    """One process's part of a sweep."""

    def __init__(self, sweep: Sweep, watch: Callable[[Progress], None]) -> None:
        self._sweep, self._plan, self._watch = sweep, sweep.plan, watch
        before = sweep.progress()
        self._spent, self._began = before.spent_seconds, time.monotonic()
        self._importance = before.importance
        self._weighed_at = -math.inf
        self._study = _study(sweep)

    def conduct(self) -> Progress:
        if not self._study.trials and self._plan.sampler == "grid":
            for values in self._plan.grid():
                self._study.enqueue_trial(values)
        left_over = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for frozen in left_over:
            if self._sweep.asked_to_stop():
                return self._tell()
            self._take_up(frozen)
        while (reason := self._reason_to_end()) is None:
            self._next()
            if self._sweep.asked_to_stop():
                return self._tell()
        return self._tell(finished=reason)

    def _reason_to_end(self) -> str | None:
        if self._done() >= self._plan.count:
            return N_("All runs are done.")
        if self._seconds() >= 60 * self._plan.minutes:
            return N_("The time is up.")
        return None

    def _done(self) -> int:
        return len(
            self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL))
        )

    def _seconds(self) -> float:
        return self._spent + time.monotonic() - self._began

    def _next(self) -> None:
        trial = self._study.ask()
        values = {name: _suggest(trial, name, move) for name, move in self._plan.moves.items()}
        try:
            config = self._plan.with_values(values)
        except UserError as error:  # values that fit alone but not together
            self._study.tell(trial, state=TrialState.FAIL)
            self._tell(problem=error)
            return
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                run = queue.submit(config, owner=self._sweep.owner, sweep=self._sweep.sweep_id)
                break
            except UserError as error:  # the visitor's own runs wait, or the disk is full
                self._tell(problem=error)
                if self._sweep.asked_to_stop() or time.monotonic() > end or self._reason_to_end():
                    self._study.tell(trial, state=TrialState.FAIL)
                    return
            time.sleep(_WAIT_SECONDS)
        trial.set_user_attr("run", run.run_id)
        if tag := tag_of(self._sweep):
            with suppress(UserError):
                keeping.tag(run, [tag])
        self._follow(trial, run)

    def _take_up(self, frozen: FrozenTrial) -> None:
        """Go on with a trial that an earlier process began."""
        trial = optuna.trial.Trial(self._study, frozen._trial_id)  # noqa: SLF001  # Optuna's way to reopen one
        try:
            run = open_run(str(frozen.user_attrs.get("run", "")))
            if run.status() in RESUMABLE:
                queue.resume(run)
        except UserError:  # it was never submitted, was deleted, or cannot go on
            self._study.tell(trial, state=TrialState.FAIL)
            return
        self._follow(trial, run)

    def _follow(self, trial: optuna.trial.Trial, run: Run) -> None:
        """Watch ``run`` to its end, or until the sweep is to stop."""
        seen = _Seen(set(self._study.trials[trial.number].intermediate_values))
        self._tell()
        while True:
            status = run.status()
            self._listen(trial, run, seen)
            if status not in LIVE and not self._goes_on(run, seen):
                break
            if status in LIVE and self._sweep.asked_to_stop():
                _stop(run)
                return  # it stays under way in the journal, and is taken up when the sweep goes on
            if not seen.pruned and (
                self._seconds() >= 60 * self._plan.minutes
                or (status == "running" and seen.latest is not None and trial.should_prune())
            ):
                seen.pruned = True
                _stop(run)
            if status == "queued":
                with suppress(UserError):
                    queue.advance()
            time.sleep(_LOOK_SECONDS)
        if status == "completed" and seen.latest is not None:
            self._study.tell(trial, seen.latest)
        else:
            state = TrialState.PRUNED if seen.latest is not None and status != "failed" else TrialState.FAIL
            self._study.tell(trial, state=state)
        self._weigh()
        self._tell()

    def _listen(self, trial: optuna.trial.Trial, run: Run, seen: "_Seen") -> None:
        """Tell Optuna of the epochs that are new."""
        events, seen.offset = run.read(seen.offset)
        for event in events:
            if isinstance(event, Evaluated) and event.epoch > 0:
                value = getattr(event, self._plan.objective)
                if not math.isfinite(value):
                    continue
                seen.latest = value
                if event.epoch not in seen.reported:
                    seen.reported.add(event.epoch)
                    trial.report(value, event.epoch)

    def _goes_on(self, run: Run, seen: "_Seen") -> bool:
        """Whether a run whose worker died was set going again: once."""
        if seen.resumed or seen.pruned or run.status() != "interrupted":
            return False
        seen.resumed = True
        try:
            queue.resume(run)
        except UserError:
            return False
        return True

    def _weigh(self) -> None:
        """Have importance computed by a process that ends, since what it imports takes 150 MB."""
        if (
            len(self._plan.moves) < 2
            or len(self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) < _ENOUGH
        ):
            return
        if time.monotonic() - self._weighed_at < _WEIGHING_SECONDS and self._reason_to_end() is None:
            return
        self._weighed_at = time.monotonic()
        command = [sys.executable, "-m", "dlcore", "sweep", "importance", "--json", str(self._sweep.path)]
        with suppress(OSError, subprocess.SubprocessError, ValueError, IndexError, KeyError):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)  # noqa: S603  # our own module
            self._importance = dict(json.loads(done.stdout.splitlines()[-1])["importance"])

    def _tell(self, *, finished: str = "", problem: UserError | None = None) -> Progress:
        """Let watchers know; with the reason why it is ``finished``, or the ``problem`` for which it waits."""
        values = problem.values if problem else {}
        progress = Progress(
            trials=tuple(
                _told(trial) for trial in self._study.get_trials(deepcopy=False) if trial.state != TrialState.WAITING
            ),
            importance=self._importance,
            spent_seconds=self._seconds(),
            finished=bool(finished),
            message=problem.template if problem else finished,
            message_values={
                name: value if isinstance(value, int | float) else str(value) for name, value in values.items()
            },
        )
        self._sweep.write_progress(progress)
        self._watch(progress)
        return progress


@dataclass(slots=True)
class _Seen:
    """What is known of a run that is followed."""

    reported: set[int]
    """Epochs that Optuna knows of."""
    offset: int = 0
    latest: float | None = None
    pruned: bool = False
    resumed: bool = False


def _stop(run: Run) -> None:
    with suppress(UserError):
        queue.stop(run)


def tag_of(sweep: Sweep) -> str:
    """The tag of all runs of ``sweep``: its name, as far as a tag can say it; empty if it has none."""
    shown = "".join(letter for letter in sweep.plan.name if letter.isprintable())
    return " ".join(shown.split())[: keeping.TAG_LENGTH].rstrip()


def _study(sweep: Sweep) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = str(sweep.path / "journal.log")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Optuna, about what it calls experimental
        plan, done = sweep.plan, len(sweep.progress().trials)
        samplers: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
            # A process that comes later must not draw the same numbers again.
            "tpe": lambda: optuna.samplers.TPESampler(
                seed=plan.seed + done, n_startup_trials=min(10, max(3, plan.runs // 3))
            ),
            "random": lambda: optuna.samplers.RandomSampler(seed=plan.seed + done),
            "grid": lambda: optuna.samplers.RandomSampler(seed=plan.seed),
        }
        pruners: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
            "none": optuna.pruners.NopPruner,
            "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
            "hyperband": lambda: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=_epochs(plan)),
        }
        return optuna.create_study(
            storage=JournalStorage(JournalFileBackend(journal, lock_obj=JournalFileOpenLock(journal))),
            study_name=_STUDY,
            direction="minimize" if plan.smaller_is_better else "maximize",
            sampler=samplers[plan.sampler](),
            pruner=pruners[plan.pruner](),
            load_if_exists=True,
        )


def _epochs(plan: Plan) -> int:
    move = plan.moves.get("epochs")
    if move is None:
        return max(1, plan.config.epochs)
    return max(1, int(move.high or max(int(value) for value in move.choices)))


def _suggest(trial: optuna.trial.Trial, name: str, move: Move) -> Value:
    if move.choices:
        chosen = trial.suggest_categorical(name, list(move.choices))
        assert chosen is not None
        return chosen
    assert move.low is not None
    assert move.high is not None
    if KNOBS[name].kind is int:
        whole: Value = trial.suggest_int(name, int(move.low), int(move.high), log=move.logarithmic)
        return whole
    return trial.suggest_float(name, move.low, move.high, log=move.logarithmic)


def _told(trial: FrozenTrial) -> Trial:
    value: float | None = trial.value if trial.state == TrialState.COMPLETE else None
    if value is None and trial.intermediate_values:
        value = trial.intermediate_values[max(trial.intermediate_values)]
    return Trial.model_validate(
        {
            "number": trial.number,
            "state": _STATES[trial.state],
            "values": trial.params,
            "run_id": str(trial.user_attrs.get("run", "")),
            "value": value,
        }
    )
