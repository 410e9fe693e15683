"""What the playground remembers, its ready experiments, and how it stands in a link."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from dlcore.concepts.playground import Recording
from dlcore.concepts.playground_experiment import OWN_LIMIT, Experiment, with_values
from dlcore.messages import N_, UserError

STATE = "concepts.playground"
"""The playground's key in the session."""
PREFIX = "p."
"""Before each of the playground's names in a link: other chapters have a rate and a seed too."""

_SPIRALS = {"data": "spirals", "noise": 0.02, "train_share": 0.8, "batch_size": 8}
TRIALS: Mapping[str, tuple[str, Experiment]] = {
    "line": (N_("No hidden layer"), Experiment(hidden=(), seed=2)),
    "layer": (N_("One hidden layer"), Experiment(seed=2)),
    "feature": (N_("A feature instead of a layer"), Experiment(hidden=(), features=("x1", "x2", "x1-x2"), seed=2)),
    "spirals": (N_("Deep, on spirals"), Experiment(hidden=(8, 8), seed=1, **_SPIRALS)),  # type: ignore[arg-type]
    "flat": (N_("Deep without bends"), Experiment(data="circles", hidden=(8, 8, 8), activation="identity")),
    "zeros": (N_("All weights zero"), Experiment(data="circles", initialisation="zeros")),
    "fast": (N_("A rate too high"), Experiment(data="circles", learning_rate=3.0)),
    "few": (
        N_("Ten times too few points"),
        Experiment(data="moons", noise=0.25, hidden=(8, 8), train_share=0.1, batch_size=8, epochs=300),
    ),
}
"""Ready experiments, each with something to find out; ``content/*/concepts-depth.md`` says what."""

GUESSES: Mapping[str, str] = {
    "coin": N_("under 65%: little better than a coin"),
    "some": N_("65 to 95%: it gets the gist"),
    "all": N_("95% or more: solved"),
}
"""What share of the test points is right at the end."""

_SHORT = {
    "data": "data",
    "noise": "noise",
    "train_share": "train",
    "own_points": "points",
    "features": "features",
    "hidden": "hidden",
    "activation": "activation",
    "optimizer": "optimizer",
    "learning_rate": "rate",
    "penalty": "penalty",
    "penalty_rate": "lambda",
    "batch_size": "batch",
    "loss": "loss",
    "initialisation": "init",
    "seed": "seed",
    "epochs": "epochs",
}
PARAMETERS = tuple(PREFIX + name for name in _SHORT.values())
"""The playground's share of the link."""


def start() -> Experiment:
    """The experiment of a link that says nothing: the first of the ready ones."""
    return next(experiment for _title, experiment in TRIALS.values())


@dataclass
class Playground:
    """One visitor's playground. A ready experiment asks for a guess first; whatever is set by hand plays at once."""

    experiment: Experiment = field(default_factory=start)
    guess: str = ""
    shown: bool = False
    """Whether the outcome may be told: after a guess, or when the visitor would rather see than guess."""
    adding: int | None = None
    """The mark of the points that are drawn on the plane."""
    written: deque[Mapping[str, str]] = field(default_factory=lambda: deque(maxlen=50))
    """What was written into the link lately."""

    @property
    def trial(self) -> str | None:
        """The name of the ready experiment on show, where it is one."""
        return next((name for name, (_title, ready) in TRIALS.items() if ready == self.experiment), None)

    def change(self, experiment: Experiment, *, ask: bool = False) -> None:
        """Another experiment; ``ask`` keeps its outcome back until a guess was made."""
        if experiment == self.experiment:
            return
        self.experiment, self.guess, self.shown = experiment, "", not ask

    def set(self, **changes: object) -> None:
        """Some values changed by hand.

        Raises:
            UserError: a value out of range.
        """
        self.change(with_values(self.experiment, **changes))

    def add_points(self, sent: object) -> None:
        """What was drawn, ``{"points": [{"x": …, "y": …, "mark": …}, …]}``; anything else is passed over.

        Raises:
            UserError: a point does not lie on the plane.
        """
        points = sent.get("points") if isinstance(sent, Mapping) else None
        for point in points[:OWN_LIMIT] if isinstance(points, list) else ():
            self.add_point(point)

    def add_point(self, point: object) -> None:
        """A click of the visitor's; what is not a point on the plane is refused, a point too many drops the oldest."""
        if not isinstance(point, Mapping):
            return
        x, y, mark = (point.get(name) for name in ("x", "y", "mark"))
        if not (isinstance(x, int | float) and isinstance(y, int | float) and isinstance(mark, int)):
            return
        own = (*self.experiment.own_points, (round(float(x), 2), round(float(y), 2), int(mark)))
        self.set(own_points=own[-OWN_LIMIT:])


def outcome(recording: Recording) -> str:
    """The guess that would have been right, by the share of test points right at the end."""
    share = recording.test_accuracies[-1]
    return "coin" if share < 0.65 else "some" if share < 0.95 else "all"


def to_query(experiment: Experiment) -> dict[str, str]:
    """What differs from the first experiment, as the link holds it."""
    first = start()
    return {
        PREFIX + _SHORT[item.name]: _written(getattr(experiment, item.name))
        for item in fields(Experiment)
        if getattr(experiment, item.name) != getattr(first, item.name)
    }


def _written(value: object) -> str:
    """A value without any character that a link would have to escape: ``8-8``, ``x1_x1-x2``, ``0.5_-0.5_1~0_0_0``."""
    if isinstance(value, tuple):
        sign = "~" if value and isinstance(value[0], tuple) else "_" if value and isinstance(value[0], str) else "-"
        return sign.join("_".join(map(_written, part)) if isinstance(part, tuple) else _written(part) for part in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def from_query(query: Mapping[str, str]) -> Experiment:
    """The experiment of a link.

    Raises:
        UserError: a value that is no number, or out of range.
    """
    changes: dict[str, object] = {}
    for name, short in _SHORT.items():
        if PREFIX + short not in query:
            continue
        text = query[PREFIX + short][:2000]
        if name in {"noise", "train_share", "learning_rate", "penalty_rate"}:
            changes[name] = _number(short, text)
        elif name in {"batch_size", "seed", "epochs"}:
            changes[name] = _whole(short, text)
        elif name == "hidden":
            changes[name] = tuple(_whole(short, part) for part in text.split("-") if part)
        elif name == "features":
            changes[name] = tuple(text.split("_"))
        elif name == "own_points":
            changes[name] = tuple(_point(part) for part in text.split("~") if part)
        else:
            changes[name] = text
    return with_values(start(), **changes)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UserError(N_("{name} must be a number; got {value}."), name=name, value=text[:40]) from error


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        raise UserError(N_("{name} must be a number; got {value}."), name=name, value=text[:40])
    return int(text)


def _point(text: str) -> tuple[float, float, int]:
    parts = text.split("_")
    if len(parts) != 3:
        raise UserError(N_("{name} must hold {count} numbers; got {given}."), name="points", count=3, given=len(parts))
    return (_number("points", parts[0]), _number("points", parts[1]), _whole("points", parts[2]))
