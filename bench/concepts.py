"""The measurements that the concepts page quotes, and how quickly the labs answer.

    python -m bench.concepts            needs MNIST and the pen strokes in $DLCORE_DATA; about six minutes on one core;
                                        writes content/measured/concepts.json
    python -m bench.concepts labs       milliseconds of each lab's answer, server side, over its controls' ranges; no data
    python -m bench.concepts small      parts 3 and 4 alone, which need no data; about a minute

1. Random labels (after Zhang et al., 2017): the same network on the same images, once with true labels, once with
   shuffled ones.
2. The forgotten ``model.eval()``: the article's network after one epoch of MNIST, its test accuracy in both modes.
3. Hand-made and learned features: the same small classifier on raw pixels, on eight edge detectors, on eight random
   kernels and on eight learned ones; the same digits, five seeds.
4. The small network with batch norm and dropout that the lab of train and eval mode runs.
5. Validation by chance and by person: the digits that thirty people drew with a pen, in five
   parts, each put to a model that has learned from the other four; divided by chance, or with a person's all in one.
"""

import json
import random
import statistics
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.labs import chapters, timed
from dlcore.data.availability import pen_strokes_file
from dlcore.data.loading import load
from dlcore.data.normalization import normalize
from dlcore.data.pen_strokes import read_drawings
from dlcore.inference.strokes import strokes_to_image
from dlcore.models import MODELS

RESULT = Path(__file__).resolve().parents[1] / "content" / "measured" / "concepts.json"
EPOCHS = (0, 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200)


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of right answers in whatever mode the model is in."""
    right = 0
    for images_part, labels_part in zip(images.split(1000), labels.split(1000), strict=True):
        right += int((model(images_part).argmax(1) == labels_part).sum())
    return right / len(labels)


def epoch(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> None:
    """One pass in batches of 64."""
    model.train()
    for batch in torch.randperm(len(images)).split(64):
        loss = F.nll_loss(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def random_labels() -> dict[str, object]:
    """Accuracy on training and test images after each of EPOCHS, with true and with shuffled labels."""
    data = load("digits")
    train, test = normalize(data.train_images).flatten(1), normalize(data.test_images).flatten(1)
    result: dict[str, object] = {"epochs": EPOCHS, "train_count": len(train), "test_count": len(test)}
    for name in ("true", "random"):
        torch.manual_seed(0)
        labels = data.train_labels
        if name == "random":
            labels = labels[torch.randperm(len(labels))]
        model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
        model.append(nn.LogSoftmax(1))
        optimizer = torch.optim.Adam(model.parameters(), 0.001)
        seen, learned = [], []
        for number in range(max(EPOCHS) + 1):
            if number:
                epoch(model, optimizer, train, labels)
            if number in EPOCHS:
                model.eval()
                seen.append(round(accuracy(model, train, labels), 4))
                learned.append(round(accuracy(model, test, data.test_labels), 4))
        result[name] = {"train": seen, "test": learned}
    return result


def forgotten_eval() -> dict[str, object]:
    """Test accuracy of the article's network after one epoch: once in eval mode, ten times in train mode."""
    data = load("mnist")
    torch.manual_seed(0)
    model = MODELS["article-cnn"].build(in_channels=1, image_size=28, classes=10, dropout=0.5)
    optimizer = torch.optim.Adam(model.parameters(), 0.001)
    epoch(model, optimizer, normalize(data.train_images), data.train_labels)
    test = normalize(data.test_images)
    in_train_mode = [round(accuracy(model.train(), test, data.test_labels), 4) for _ in range(10)]
    return {"eval": round(accuracy(model.eval(), test, data.test_labels), 4), "train": in_train_mode}


EDGES = [[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]


def _edge_kernels() -> Tensor:
    """Sobel's kernel in eight directions, (8, 1, 3, 3): the ring of eight weights turned step by step."""
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    base = torch.tensor(EDGES)
    kernels = torch.zeros(8, 1, 3, 3)
    for turn in range(8):
        for place, (row, column) in enumerate(ring):
            source = ring[(place + turn) % 8]
            kernels[turn, 0, row, column] = base[source]
    return kernels / 4


def _digit_tensors() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The lab's digits: training images and labels, and the last 360 for testing."""
    from dlcore.concepts.digits import digits
    from dlcore.concepts.modes import TEST_COUNT

    images, labels = (torch.tensor(part) for part in digits())
    images = images.float()
    return images[:-TEST_COUNT], labels[:-TEST_COUNT], images[-TEST_COUNT:], labels[-TEST_COUNT:]


def _fit(model: nn.Module, images: Tensor, labels: Tensor, epochs: int) -> None:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.005)
    model.train()
    for _epoch in range(epochs):
        for batch in torch.randperm(len(images)).split(64):
            loss = F.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def features_compared() -> dict[str, object]:
    """Test accuracy of each kind of feature for five seeds; everything else alike."""
    images, labels, test_images, test_labels = _digit_tensors()
    result: dict[str, object] = {"train_count": len(images), "test_count": len(test_images)}
    for kind in ("pixels", "hand-made", "random", "learned"):
        reached = []
        for seed in range(5):
            torch.manual_seed(seed)
            if kind == "pixels":
                model = nn.Sequential(nn.Linear(64, 10))
            else:
                convolution = nn.Conv2d(1, 8, 3, padding=1)
                if kind == "hand-made":
                    with torch.no_grad():
                        convolution.weight.copy_(_edge_kernels())
                        convolution.bias.zero_()
                convolution.requires_grad_(kind == "learned")
                model = nn.Sequential(
                    nn.Unflatten(1, (1, 8, 8)),
                    convolution,
                    nn.ReLU(),
                    nn.MaxPool2d(2),
                    nn.Flatten(),
                    nn.Linear(128, 10),
                )
            _fit(model, images, labels, 40)
            model.eval()
            reached.append(round(accuracy(model, test_images, test_labels), 4))
        result[kind] = reached
    return result


def small_network() -> dict[str, object]:
    """The trained network of the lab of modes, its tensors as nested lists of five significant digits."""
    images, labels, test_images, test_labels = _digit_tensors()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))
    _fit(model, images, labels, 20)
    model.eval()
    first, norm, last = model[0], model[1], model[4]
    tensors = {
        "w1": first.weight, "b1": first.bias, "gamma": norm.weight, "beta": norm.bias,
        "running_mean": norm.running_mean, "running_var": norm.running_var, "w2": last.weight, "b2": last.bias,
    }  # fmt: skip
    rounded = {name: _rounded(tensor.detach().tolist()) for name, tensor in tensors.items()}
    return {"dropout": 0.5, "test_accuracy": round(accuracy(model, test_images, test_labels), 4), "tensors": rounded}


FOLDS = 5


def strangers() -> dict[str, object]:
    """Errors of 1-NN and of the article's network, out of all drawings, with each kind of fold."""
    drawings = list(read_drawings(pen_strokes_file()))
    images = torch.from_numpy(np.stack([strokes_to_image(drawing.strokes) for drawing in drawings])).unsqueeze(1)
    labels = torch.tensor([drawing.label for drawing in drawings])
    people = sorted({drawing.writer for drawing in drawings})
    by_chance = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0)) % FOLDS
    by_person = torch.tensor([people.index(drawing.writer) % FOLDS for drawing in drawings])
    result: dict[str, object] = {"count": len(labels), "people": len(people), "folds": FOLDS}
    pixels = normalize(images)
    for kind, fold in (("chance", by_chance), ("person", by_person)):
        wrong = {"neighbour": 0, "network": 0}
        for number in range(FOLDS):
            known, asked = fold != number, fold == number
            nearest = torch.cdist(pixels[asked].flatten(1), pixels[known].flatten(1)).argmin(1)
            wrong["neighbour"] += int((labels[known][nearest] != labels[asked]).sum())
            torch.manual_seed(number)
            model = MODELS["article-cnn"].build(in_channels=1, image_size=28, classes=10, dropout=0.5)
            optimizer = torch.optim.Adam(model.parameters(), 0.001)
            for _epoch in range(3):
                epoch(model, optimizer, pixels[known], labels[known])
            model.eval()
            wrong["network"] += round((1 - accuracy(model, pixels[asked], labels[asked])) * int(asked.sum()))
        result[kind] = wrong
    return result


def _rounded(numbers: object) -> object:
    return [_rounded(part) for part in numbers] if isinstance(numbers, list) else float(f"{numbers:.5g}")


def labs() -> dict[str, dict[str, float]]:
    """Median, 95th percentile and worst, in milliseconds; the playground over 40 experiments drawn at random."""
    from dlcore.concepts.playground import record
    from dlcore.concepts.playground_experiment import (
        ACTIVATIONS,
        BATCH_SIZES,
        DATA,
        FEATURES,
        OPTIMIZERS,
        PENALTIES,
        Experiment,
        losses_of,
    )
    from ui.concepts.player import payload, recorded, size_of
    from ui.concepts.playground_state import TRIALS

    draw = random.Random(0)
    record(Experiment(epochs=5))  # the first call pays for numpy's warming up

    def anything() -> Experiment:
        data = draw.choice([name for name in DATA if name != "own"])
        return Experiment(
            data=data,
            loss=draw.choice(losses_of(data)),
            train_share=draw.choice([0.1, 0.5, 0.9]),
            features=tuple(name for name in FEATURES if draw.random() < 0.5) or ("x1",),
            hidden=tuple(draw.randint(1, 8) for _layer in range(draw.randint(0, 4))),
            activation=draw.choice(list(ACTIVATIONS)),
            optimizer=draw.choice(list(OPTIMIZERS)),
            learning_rate=draw.choice([0.003, 0.03, 0.3]),
            penalty=draw.choice(list(PENALTIES)),
            batch_size=draw.choice(BATCH_SIZES),
            seed=draw.randint(0, 999),
        )

    everything = [anything() for _turn in range(40)]
    default = [Experiment(seed=seed) for seed in range(15)]
    ready = [experiment for _title, experiment in TRIALS.values()]
    result = {}
    for name, experiments in (("default network", default), ("ready", ready), ("all controls", everything)):
        recording = sorted(timed(lambda experiment=experiment: recorded(experiment)) for experiment in experiments)
        packing = sorted(timed(lambda experiment=experiment: payload(experiment)) for experiment in experiments)
        for part, times in (("recording", recording), ("packing", packing)):
            result[f"playground, {name}, {part}"] = {
                "median": round(statistics.median(times), 1),
                "p95": round(times[int(0.95 * (len(times) - 1))], 1),
                "worst": round(times[-1], 1),
            }
        result[f"playground, {name}, kB sent"] = {
            "median": round(statistics.median(map(size_of, experiments)) / 1000),
            "worst": round(max(map(size_of, experiments)) / 1000),
        }
    return result


SMALL = RESULT.with_name("small_network.json")


def main() -> None:
    if sys.argv[1:] == ["labs"]:
        for lab, numbers in (chapters() | labs()).items():
            print(f"{lab:48}" + "  ".join(f"{name} {number:g}" for name, number in numbers.items()))
        return
    torch.set_num_threads(1)
    measured = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    if sys.argv[1:] != ["small"]:
        measured |= {"random_labels": random_labels(), "forgotten_eval": forgotten_eval()}
        measured["strangers"] = strangers()
    measured |= {"features": features_compared(), "torch": torch.__version__}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    SMALL.write_text(json.dumps(small_network()) + "\n", encoding="utf-8")
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
