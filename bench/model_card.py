"""Make runs the bundled model: merge them, judge it on people it never learned from, write its card in both languages.

    DLCORE_DATA=<a torchvision root with pen-strokes/> python -m bench.model_card RUN [RUN …]

Each RUN is a completed run of ``--preset pretrained``, each with a seed of its own. Writes ``dlcore/inference/pretrained``.
"""

import hashlib
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from dlcore.data.availability import pen_strokes_file
from dlcore.data.loading import load
from dlcore.data.pen_strokes import Drawing, held_out, read_drawings
from dlcore.inference.calibrate import calibrate
from dlcore.inference.prediction import Model, load_model, predict
from dlcore.inference.strokes import strokes_to_image
from dlcore.models import MODELS
from dlcore.runs.directory import Run, open_run
from dlcore.runs.history import RunHistory
from dlcore.training.checkpoints import load_weights, save_weights
from dlcore.training.committee import merged
from dlcore.training.evaluation import judge, log_probabilities
from dlcore.training.metrics import accuracy_interval

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "dlcore" / "inference" / "pretrained"


def percent(share: float) -> str:
    return f"{100 * share:.2f}"


def answers(model: Model, drawings: list[Drawing]) -> list[int]:
    images = np.stack([strokes_to_image(drawing.strokes) for drawing in drawings])
    return [int(answer) for answer in predict(model, images).argmax(axis=1)]


def history_of(run: Run) -> RunHistory:
    history = RunHistory()
    history.append(run.read()[0])
    assert history.started is not None
    assert history.tested is not None
    return history


def bundle(runs: list[Run], histories: list[RunHistory]) -> None:
    """Write the weights of the committee of ``runs``, in a quarter of their bytes."""
    assert all((run.config.model, run.config.members) == ("committee-cnn", 1) for run in runs), "not of the preset"
    versions = {(history.started.versions["torch"], history.started.versions["recipe"]) for history in histories}
    assert len(versions) == 1, "the runs are of several versions"
    configs = {run.config.model_copy(update={"seed": 0}) for run in runs}
    assert len(configs) == 1, "the runs differ in more than their seed"
    assert len({run.config.seed for run in runs}) == len(runs), "two runs have the same seed"
    found = []
    for run in runs:
        assert run.weights_path is not None
        found.append(load_weights(run.weights_path))
    config = configs.pop().model_copy(update={"members": len(runs)})
    network = MODELS[config.model].build(
        in_channels=1, image_size=28, classes=10, dropout=config.dropout, options=config.options
    )
    network.load_state_dict(merged([member.state_dict() for member, _about in found]))
    started = histories[0].started
    about = found[0][1] | {
        "held_back": started.validation_count,
        "config": config.model_dump(),
        "options": config.options.model_dump(),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
    for name in ("test_accuracy", "test_loss", "test_count"):
        about.pop(name, None)  # a member's
    save_weights(network, TARGET / "model.safetensors", about, compact=True)


def main() -> None:
    runs = [open_run(run_id) for run_id in sys.argv[1:]]
    histories = [history_of(run) for run in runs]
    bundle(runs, histories)
    model = load_model()
    mnist = load("mnist")
    answered = log_probabilities(model.network, mnist.test_images)
    tested = judge(answered, mnist.test_images, mnist.test_labels)

    drawings = list(read_drawings(pen_strokes_file()))
    judges = held_out({drawing.writer for drawing in drawings})
    judged = list(zip(drawings, answers(model, drawings), strict=True))
    right_of_all = sum(drawing.label == answer for drawing, answer in judged)
    unseen = [(drawing.label, answer) for drawing, answer in judged if drawing.writer in judges]
    right = sum(label == answer for label, answer in unseen)
    confusions = Counter(pair for pair in unseen if pair[0] != pair[1]).most_common(3)

    calibrated = calibrate(model).calibration

    low, high = accuracy_interval(tested.correct, tested.count)
    pen_low, pen_high = accuracy_interval(right, len(unseen))
    config, started = runs[0].config, histories[0].started
    assert started is not None
    alone = [history.tested for history in histories if history.tested is not None]
    weights = TARGET / "model.safetensors"
    facts = {
        "members": len(runs),
        "params": f"{model.metadata['parameters']:,}",
        "size": f"{weights.stat().st_size / 1e6:.2f}",
        "learned": f"{started.train_count:,}",
        "validated": f"{started.validation_count:,}",
        "epochs": config.epochs,
        "bs": config.batch_size,
        "lr": config.learning_rate,
        "wd": config.weight_decay,
        "do": config.dropout,
        "aug": config.augmentation,
        "precision": "mixed precision" if started.mixed_precision else "float32",
        "precision_zh": "混合精度" if started.mixed_precision else "float32",
        "seeds": ", ".join(str(run.config.seed) for run in runs),
        "alone": ", ".join(percent(one.accuracy) for one in alone),
        "torch": started.versions["torch"].split("+")[0],
        "threads": started.threads,
        "minutes": round(sum(one.seconds for one in alone) / len(alone) / 60),
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
