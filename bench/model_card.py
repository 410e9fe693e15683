"""Make the bundled model: put its members together, judge it on people it never learned from, write its card.

    DLCORE_DATA=<a torchvision root with pen-strokes/> python -m bench.model_card MEMBERS [MEMBERS …]

MEMBERS is a completed run of ``--preset pretrained`` or of ``--preset pretrained-deskewed``, four of each and each with
a seed of its own; or, in place of the former four, a file of the weights of a whole ``committee-cnn``. Writes
``dlcore/inference/pretrained``, the card in both languages. What the former four got alone, their seeds, and how long the
training of each kind took stand in the templates.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlcore.config import TrainConfig
from dlcore.data.availability import pen_strokes_file
from dlcore.data.loading import load
from dlcore.data.pen_strokes import Drawing, held_out, read_drawings
from dlcore.inference.calibrate import calibrate
from dlcore.inference.prediction import Model, load_model, predict
from dlcore.inference.strokes import strokes_to_image
from dlcore.models import MODELS
from dlcore.models.mixed_committee_cnn import PARTS
from dlcore.presets import BUNDLED, PRESETS
from dlcore.runs.directory import open_run
from dlcore.training.checkpoints import load_weights, save_weights
from dlcore.training.committee import merged, mixed
from dlcore.training.evaluation import judge, log_probabilities
from dlcore.training.metrics import accuracy_interval

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "dlcore" / "inference" / "pretrained"
PLAIN, DESKEWED = (PRESETS[name].config for name in ("pretrained", "pretrained-deskewed"))


def percent(share: float) -> str:
    return f"{100 * share:.2f}"


def answers(model: Model, drawings: list[Drawing]) -> list[int]:
    images = np.stack([strokes_to_image(drawing.strokes) for drawing in drawings])
    return [int(answer) for answer in predict(model, images).argmax(axis=1)]


@dataclass(frozen=True)
class Members:
    """Networks of one kind that are put together already, or a single one."""

    weights: dict[str, Tensor]
    count: int
    about: dict[str, Any]
    """What stands beside the weights in their file."""

    @classmethod
    def of(cls, source: str) -> "Members":
        """What an argument of the command names."""
        path = Path(source) if source.endswith(".safetensors") else open_run(source).weights_path
        assert path is not None, f"{source} has no weights"
        network, about = load_weights(path)
        assert about["model"] in PARTS.values(), f"{source} is of neither kind"
        count = about["options"]["members"] if about["model"] == "committee-cnn" else 1
        return cls(network.state_dict(), count, about)


def bundle(found: Sequence[Members]) -> None:
    """Write the weights of the committee of all that was ``found``, in a quarter of their bytes."""
    first = found[0].about
    same = ("dataset", "held_back", "class_names", "recipe")
    assert all(members.about[name] == first[name] for name in same for members in found), "not of the same data"
    committees = {}
    for (branch, model), preset in zip(PARTS.items(), (PLAIN, DESKEWED), strict=True):
        own = [members for members in found if members.about["model"] == model]
        configs = [TrainConfig.parse(members.about["config"]) for members in own]
        recipes = {config.model_copy(update={"seed": preset.seed, "members": preset.members}) for config in configs}
        assert recipes == {preset}, f"not the preset's recipe: {model}"
        assert len({config.seed for config in configs}) == len(own), "two members have the same seed"
        assert sum(members.count for members in own) == BUNDLED.members, f"not {BUNDLED.members} of {model}"
        assert len(own) == 1 or all(members.count == 1 for members in own), "a whole committee beside others"
        committees[branch] = own[0].weights if len(own) == 1 else merged([members.weights for members in own])
    network = MODELS[BUNDLED.model].build(
        in_channels=1, image_size=28, classes=10, dropout=BUNDLED.dropout, options=BUNDLED.options
    )
    network.load_state_dict(mixed(committees))
    about = first | {
        "model": BUNDLED.model,
        "config": BUNDLED.model_dump(),
        "options": BUNDLED.options.model_dump(),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
    for name in ("test_accuracy", "test_loss", "test_count", "epoch", "step"):
        about.pop(name, None)  # a member's
    save_weights(network, TARGET / "model.safetensors", about, compact=True)


def main() -> None:
    found = [Members.of(source) for source in sys.argv[1:]]
    mnist, learned = load("mnist"), load(BUNDLED.dataset)
    drawings = list(read_drawings(pen_strokes_file()))
    bundle(found)
    model = load_model()
    answered = log_probabilities(model.network, mnist.test_images)
    tested = judge(answered, mnist.test_images, mnist.test_labels)

    judges = held_out({drawing.writer for drawing in drawings})
    judged = list(zip(drawings, answers(model, drawings), strict=True))
    right_of_all = sum(drawing.label == answer for drawing, answer in judged)
    unseen = [(drawing.label, answer) for drawing, answer in judged if drawing.writer in judges]
    right = sum(label == answer for label, answer in unseen)
    confusions = Counter(pair for pair in unseen if pair[0] != pair[1]).most_common(3)

    calibrated = calibrate(model).calibration

    low, high = accuracy_interval(tested.correct, tested.count)
    pen_low, pen_high = accuracy_interval(right, len(unseen))
    members = [one.about for one in found if one.about["model"] == DESKEWED.model]
    seeds = [str(about["config"]["seed"]) for about in members]
    alone = [percent(about["test_accuracy"]) for about in members]
    held_back = found[0].about["held_back"]
    weights = TARGET / "model.safetensors"
    facts = {
        "members": BUNDLED.members,
        "params": f"{model.metadata['parameters']:,}",
        "size": f"{weights.stat().st_size / 1e6:.2f}",
        "learned": f"{len(learned.train_images) - held_back:,}",
        "validated": f"{held_back:,}",
        "plain": PLAIN,
        "deskewed": DESKEWED,
        "seeds": ", ".join(seeds),
        "seedsz": "、".join(seeds),
        "alone": ", ".join(alone),
        "alonez": "、".join(alone),
        "torch": torch.__version__.split("+")[0],
        "acc": percent(tested.accuracy),
        "correct": f"{tested.correct:,}",
        "wrong": tested.count - tested.correct,
        "lo": percent(low),
        "hi": percent(high),
        "loss": f"{tested.loss:.4f}",
        "pen": percent(right / len(unseen)),
        "pc": f"{right:,}",
        "pn": f"{len(unseen):,}",
        "plo": percent(pen_low),
        "phi": percent(pen_high),
        "all": percent(right_of_all / len(judged)),
        "ac": f"{right_of_all:,}",
        "an": f"{len(judged):,}",
        "calibrated": f"{calibrated.images:,}",
        "temperature": f"{calibrated.temperature:.2f}",
        "cb": f"{calibrated.loss_before:.4f}",
        "ca": f"{calibrated.loss_after:.4f}",
        "sha": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "w": ", ".join(f"{label} read as {answer} ({count})" for (label, answer), count in confusions),
        "wz": "、".join(f"{label} 认作 {answer}（{count} 次）" for (label, answer), count in confusions),
    }
    for language in ("en", "zh"):
        template = (HERE / f"model_card.{language}.md").read_text(encoding="utf-8")
        (TARGET / f"card.{language}.md").write_text(template.format(**facts), encoding="utf-8")
    print(*(f"{name}: {value}" for name, value in facts.items()), sep="\n")


if __name__ == "__main__":
    main()
