"""Make a run the bundled model: judge it on people it never learned from, write its card in both languages.

    DLCORE_DATA=<a torchvision root with pen-strokes/> python -m bench.model_card RUN

RUN is a completed run of ``--preset pretrained``. Writes ``dlcore/inference/pretrained``.
"""

import hashlib
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from dlcore.data.availability import pen_strokes_file
from dlcore.data.pen_strokes import Drawing, held_out, read_drawings
from dlcore.inference.calibrate import calibrate
from dlcore.inference.prediction import Model, load_model, predict
from dlcore.inference.strokes import strokes_to_image
from dlcore.runs.directory import open_run
from dlcore.runs.history import RunHistory
from dlcore.training.checkpoints import load_weights
from dlcore.training.metrics import accuracy_interval

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "dlcore" / "inference" / "pretrained"


def percent(share: float) -> str:
    return f"{100 * share:.2f}"


def answers(model: Model, drawings: list[Drawing]) -> list[int]:
    images = np.stack([strokes_to_image(drawing.strokes) for drawing in drawings])
    return [int(answer) for answer in predict(model, images).argmax(axis=1)]


def main() -> None:
    run = open_run(sys.argv[1])
    history = RunHistory()
    history.append(run.read()[0])
    started, tested = history.started, history.tested
    assert started is not None
    assert tested is not None
    assert run.weights_path is not None
    model = load_model(run.run_id)
    about = load_weights(run.weights_path)[1]

    drawings = list(read_drawings(pen_strokes_file()))
    judges = held_out({drawing.writer for drawing in drawings})
    judged = list(zip(drawings, answers(model, drawings), strict=True))
    right_of_all = sum(drawing.label == answer for drawing, answer in judged)
    unseen = [(drawing.label, answer) for drawing, answer in judged if drawing.writer in judges]
    right = sum(label == answer for label, answer in unseen)
    confusions = Counter(pair for pair in unseen if pair[0] != pair[1]).most_common(3)

    shutil.copyfile(run.weights_path, TARGET / "model.safetensors")
    calibrated = calibrate(load_model()).calibration

    low, high = accuracy_interval(tested.correct, tested.count)
    pen_low, pen_high = accuracy_interval(right, len(unseen))
    config = run.config
    facts = {
        "params": f"{about['parameters']:,}",
        "size": f"{run.weights_path.stat().st_size / 1e6:.2f}",
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
        "seed": config.seed,
        "torch": started.versions["torch"].split("+")[0],
        "threads": started.threads,
        "minutes": round(tested.seconds / 60),
        "acc": percent(tested.accuracy),
        "correct": f"{tested.correct:,}",
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
        "sha": hashlib.sha256(run.weights_path.read_bytes()).hexdigest(),
        "w": ", ".join(f"{label} read as {answer} ({count})" for (label, answer), count in confusions),
        "wz": "、".join(f"{label} 认作 {answer}（{count} 次）" for (label, answer), count in confusions),
    }
    for language in ("en", "zh"):
        template = (HERE / f"model_card.{language}.md").read_text(encoding="utf-8")
        (TARGET / f"card.{language}.md").write_text(template.format(**facts), encoding="utf-8")
    print(*(f"{name}: {value}" for name, value in facts.items()), sep="\n")


if __name__ == "__main__":
    main()
