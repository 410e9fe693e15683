"""What a diagnosis says: one thing that the numbers show, its evidence, and the experiment that it suggests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dlcore.messages import N_

Kind = Literal[
    "learning-rate-too-high",
    "exploding-gradient",
    "vanishing-gradient",
    "learning-rate-too-low",
    "dead-units",
    "label-noise",
    "over-fitting",
    "under-fitting",
    "plateau",
]

TITLES: Mapping[Kind, str] = {
    "learning-rate-too-high": N_("Learning rate too high"),
    "exploding-gradient": N_("Exploding gradient"),
    "vanishing-gradient": N_("Vanishing gradient"),
    "learning-rate-too-low": N_("Learning rate too low"),
    "dead-units": N_("Dead units"),
    "label-noise": N_("Wrong labels suspected"),
    "over-fitting": N_("Over-fitting"),
    "under-fitting": N_("Under-fitting"),
    "plateau": N_("Plateau"),
}
"""Every kind of finding, the most fundamental first, and its English title."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that the numbers say."""

    kind: Kind
    text: str
    """An English template with this run's numbers in ``values``, see ``dlcore.messages``."""
    values: dict[str, Any]
    change: dict[str, Any] = field(default_factory=dict)
    """Settings of the experiment that this suggests, different from the run's; empty where there is none."""
    unsteered: bool = False
    """Whether the experiment is the run's own settings once more, this time left alone: what was changed is to blame."""
    epoch: int | None = None
    """Where it began, if that is known."""
