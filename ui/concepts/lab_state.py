"""What the lab of the six steps remembers, how it moves, and how it stands in a link."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dlcore.concepts.six_steps import (
    UPDATES_LIMIT,
    Experiment,
    Lap,
    Trajectory,
    Weights,
    draw_weights,
    lap,
    train,
)
from dlcore.messages import N_, UserError

STATE = "concepts.six_steps"
"""The lab's key in the session."""
PREVIEW = 100
"""Updates that the preview and the guess look ahead, from the start."""
LAST_STEP = 6
PARAMETERS = ("x", "y", "rate", "hidden", "head", "weights", "seed", "updates", "step")
"""The lab's share of the link."""
SEED_LIMIT = 2**31 - 1

TRIALS: Mapping[str, tuple[str, Experiment]] = {
    "default": (N_("A well-behaved start"), Experiment()),
    "too-far": (N_("Steps too long"), Experiment(head="identity-squared", learning_rate=2.0)),
    "saturated": (N_("Wrong and sure of it"), Experiment(weights=(0.4, -0.6, 0.3, 0.8, 0.1, -0.2, -4, -4, -4))),
    "cross-entropy": (
        N_("The same with cross-entropy"),
        Experiment(head="sigmoid-cross-entropy", weights=(0.4, -0.6, 0.3, 0.8, 0.1, -0.2, -4, -4, -4)),
    ),
    "dead": (
        N_("Dead ReLUs"),
        Experiment(hidden="relu", head="identity-squared", weights=(-1, -0.5, -0.5, -1, -0.3, -0.2, 0.8, 0.5, -0.4)),
    ),
    "twins": (N_("Twins"), Experiment(weights=(0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.4, 0.4, 0.0))),
}
"""Ready experiments, each with something to find out; ``content/*/concepts-lab.md`` says what."""


@dataclass
class Lab:
    """One visitor's lab. ``updates`` counts the rounds finished before the one on show; ``step`` is 1 to 6."""

    experiment: Experiment = field(default_factory=Experiment)
    seed: int | None = None
    """The seed the weights were drawn from, where they were."""
    updates: int = 0
    step: int = 1
    guess: str = ""
    guessed: bool = False
    """Whether the preview may be shown: after a guess, or when the visitor would rather see than guess."""
    written: deque[Mapping[str, str]] = field(default_factory=lambda: deque(maxlen=50))
    """What this lab wrote into the link lately."""
    _trajectory: Trajectory | None = None

    def trajectory(self) -> Trajectory:
        """The training from the start, at least as far as the preview and the present round need it."""
        wanted = min(max(PREVIEW, self.updates + 1), UPDATES_LIMIT)
        known = self._trajectory
        if known is None or (len(known.losses) <= wanted and not known.diverged):
            self._trajectory = known = train(self.experiment, wanted)
        return known

    def preview(self) -> Trajectory:
        """The first updates only, by which a guess is judged."""
        known = self.trajectory()
        end = PREVIEW + 1
        return Trajectory(
            weights=known.weights[:end],
            losses=known.losses[:end],
            diverged=known.diverged and len(known.losses) < end,
        )

    def change(self, experiment: Experiment, *, seed: int | None = None) -> None:
        """A new experiment: back to step 1, and the preview waits for a guess."""
        if experiment == self.experiment and seed == self.seed:
            return
        self.experiment, self.seed = experiment, seed
        self.updates, self.step, self.guess, self._trajectory = 0, 1, "", None
        self.guessed = False

    @property
    def finished(self) -> int:
        """Updates made so far, the one on show included once it has been made."""
        return self.updates + (self.step >= 5)

    @property
    def last_update(self) -> int:
        """The number of the last update that can be made: the limit, or the last before a diverged loss."""
        known = self.trajectory()
        return len(known.losses) - 1 if known.diverged else UPDATES_LIMIT

    @property
    def at_end(self) -> bool:
        """Whether no further round can begin."""
        return self.step == LAST_STEP and self.finished >= self.last_update

    @property
    def at_start(self) -> bool:
        """Whether there is nothing to go back to."""
        return self.step == 1

    def forward(self) -> None:
        """One step on; from the last step into the next round."""
        if self.at_end:
            return
        if self.step < LAST_STEP:
            self.step += 1
        else:
            self.updates, self.step = self.updates + 1, 2

    def back(self) -> None:
        """One step back, through all rounds to the start."""
        if self.step > 2 or self.updates == 0:
            self.step = max(1, self.step - 1)
        else:
            self.updates, self.step = self.updates - 1, LAST_STEP

    def show_step(self, step: int) -> None:
        """Show another step of this round; step 1 is only that of the first round."""
        self.updates, self.step = self.updates if step > 1 else 0, step

    def run(self, rounds: int) -> None:
        """Make so many updates at once and stand at the last step of the last."""
        self.go_to(self.finished + rounds)

    def go_to(self, finished: int) -> None:
        """Stand right after update number ``finished``; 0 is the start."""
        self.guessed = True
        if finished <= 0:
            self.updates, self.step = 0, 1
            return
        self.updates, self.step = min(finished, UPDATES_LIMIT) - 1, LAST_STEP
        self.updates = max(0, min(self.updates, self.last_update - 1))

    def weights(self) -> Weights:
        """The weights with which the round on show began."""
        return self.trajectory().weights[min(self.updates, len(self.trajectory().weights) - 1)]

    def lap(self) -> Lap:
        """The round on show."""
        return lap(self.experiment, self.weights())

    def next_lap(self) -> Lap:
        """The round after it: the same example through the new weights."""
        return lap(self.experiment, self.lap().weights_after)


def to_query(lab: Lab) -> dict[str, str]:
    """What differs from the untouched lab, as the link holds it."""
    plain, experiment = Experiment(), lab.experiment
    texts = {
        "x": (experiment.x, plain.x),
        "y": ((experiment.y,), (plain.y,)),
        "rate": ((experiment.learning_rate,), (plain.learning_rate,)),
        "hidden": (experiment.hidden, plain.hidden),
        "head": (experiment.head, plain.head),
        "weights": (experiment.weights, plain.weights),
        "updates": ((lab.updates,), (0,)),
        "step": ((lab.step,), (1,)),
    }
    query = {
        name: value if isinstance(value, str) else ",".join(f"{number:.10g}" for number in value)
        for name, (value, untouched) in texts.items()
        if value != untouched
    }
    if lab.seed is not None:
        query.pop("weights", None)
        query["seed"] = str(lab.seed)
    return query


def from_query(query: Mapping[str, str]) -> Lab:
    """The lab of a link.

    Raises:
        UserError: a value that is no number, too many or out of range.
    """
    plain = Experiment()
    seed = _whole("seed", query["seed"], 0, SEED_LIMIT) if "seed" in query else None
    x = _numbers("x", query["x"], 2) if "x" in query else plain.x
    weights = _numbers("weights", query["weights"], 9) if "weights" in query else plain.weights
    experiment = Experiment(
        x=(x[0], x[1]),
        y=_numbers("y", query["y"], 1)[0] if "y" in query else plain.y,
        learning_rate=_numbers("rate", query["rate"], 1)[0] if "rate" in query else plain.learning_rate,
        hidden=query.get("hidden", plain.hidden),
        head=query.get("head", plain.head),
        weights=draw_weights(seed) if seed is not None else weights,
    )
    lab = Lab(experiment=experiment, seed=seed)
    lab.updates = _whole("updates", query.get("updates", "0"), 0, UPDATES_LIMIT - 1)
    lab.step = _whole("step", query.get("step", "1"), 1, LAST_STEP)
    lab.updates = max(0, min(lab.updates, lab.last_update - 1))
    if lab.step == 1:
        lab.updates = 0
    lab.guessed = lab.finished > 0
    return lab


def _numbers(name: str, text: str, count: int) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text[:400].split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        if count == 1:
            raise UserError(N_("{name} must be a number; got {value}."), name=name, value=text[:40])
        message = N_("{name} must be {count} numbers with commas between them; got {value}.")
        raise UserError(message, name=name, count=count, value=text[:40])
    return values


def _whole(name: str, text: str, low: int, high: int) -> int:
    if not (text.isdecimal() and len(text) < 12 and low <= int(text) <= high):
        message = N_("{name} must be in {allowed}; got {value}.")
        raise UserError(message, name=name, allowed=f"[{low}, {high}]", value=text[:40])
    return int(text)


def with_values(experiment: Experiment, **changes: object) -> Experiment:
    """The experiment with some values changed; a target that the new output cannot reach moves into its range.

    Raises:
        UserError: a value out of range.
    """
    head = str(changes.get("head", experiment.head))
    y = float(str(changes.get("y", experiment.y)))
    if head.startswith("sigmoid"):
        changes["y"] = min(1.0, max(0.0, y))
    return replace(experiment, **changes)  # type: ignore[arg-type]
