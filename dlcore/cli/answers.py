"""What a command answers, and how people are told of it. Nothing here imports torch."""

import math
import sys
from collections.abc import Mapping
from typing import Any

from dlcore.training.events import Evaluated

Answer = tuple[int, dict[str, Any], str]
"""Exit status, the object for ``--json``, and the text for people."""

SUCCESS, FAILURE, BAD_INPUT = 0, 1, 2


def epoch_line(event: Evaluated) -> str:
    """What an evaluation found, in one line."""
    return (
        f"epoch {event.epoch}: loss {event.train_loss:.4f}, validation loss {event.validation_loss:.4f},"
        f" validation accuracy {event.validation_accuracy:.2%}, {event.seconds:.1f} s"
    )


def table(values: Mapping[str, Any]) -> str:
    """A line a value, its name before it; what is empty is left out."""
    shown = {name: value for name, value in values.items() if value not in (None, "")}
    return "\n".join(
        f"{name:<15} {f'{value:.4f}' if isinstance(value, float) else value}" for name, value in shown.items()
    )


def finite(value: Any) -> Any:
    """``value`` with ``null`` for what JSON has no number for."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say(text: str) -> None:
    """Tell people: on standard error."""
    print(text, file=sys.stderr, flush=True)
