"""A quick look at a network while it trains: it draws no random number, changes no weight and stays cheap.

Shape suffixes: N images, K classes, C channels, H height, W width.
"""

import base64

import torch
from torch import Tensor, nn

from dlcore.data.loading import Dataset
from dlcore.machine import peak_memory
from dlcore.runs.glimpses import WALL_IMAGES, Example, Examples, Filters, Glimpse, Picture, Split, Wall
from dlcore.training.evaluation import log_probabilities
from dlcore.training.state import TrainingState
from dlcore.training.telemetry import ReluWatch, gradient_norms, rounded

_MOST_FILTERS = 32
_MOST_FILTER_BYTES = 8_192
_EACH_CELL = 8
"""Most examples of a cell of the confusion matrix,"""
_MOST_EXAMPLES = 1_000
"""of the whole matrix,"""
_MOST_EXAMPLE_BYTES = 3_000_000
"""and their pixels together."""
_LIKELIEST = 3


def wall_of(state: TrainingState, dataset: Dataset) -> Wall:
    """The same images each time: the first of the validation images of each class in turn, in the order of classes."""
    by_class: dict[int, list[int]] = {}
    for index in state.validation_indices.tolist():
        by_class.setdefault(int(dataset.train_labels[index]), []).append(index)
    rows = [by_class[label] for label in sorted(by_class)]
    deepest = max(map(len, rows), default=0)
    in_turn = [row[place] for place in range(deepest) for row in rows if place < len(row)][:WALL_IMAGES]
    chosen = sorted(in_turn, key=lambda index: int(dataset.train_labels[index]))  # stable
    pictures = [
        Picture(index=index, label=int(dataset.train_labels[index]), pixels=_pixels(dataset.train_images[index]))
        for index in chosen
    ]
    return Wall(images=pictures)


def look(state: TrainingState, images: Tensor) -> Glimpse:
    """What the network answers on ``images``, uint8 (N, C, H, W), and how its layers move."""
    watch = ReluWatch(state.model, counting=True)
    with watch.watching():
        p_NK = log_probabilities(state.model, images).exp()
    confidence, predicted = p_NK.max(1)
    return Glimpse(
        step=state.step,
        epoch=state.epoch,
        seconds=round(state.seconds, 3),
        predicted=predicted.tolist(),
        confidence=[round(share, 3) for share in confidence.nan_to_num(0).clamp(0, 1).tolist()],
        gradient_norms=gradient_norms(state.network),
        update_ratios=state.meter.layer_ratios() if state.meter else {},
        active=watch.active(),
        memory_bytes=peak_memory(),
        filters=first_filters(state.model, channels=images.shape[1], size=images.shape[-1]),
    )


@torch.no_grad()
def first_filters(network: nn.Module, *, channels: int, size: int) -> Filters | None:
    """The weights of the first layer as images: kernels of a convolution on pixels, or one weight a pixel; else None."""
    for name, parameter in network.named_parameters():
        weight: Tensor
        if parameter.dim() == 4 and parameter.shape[1] == channels:
            weight = parameter
        elif parameter.dim() == 2 and parameter.shape[1] == channels * size * size:
            weight = parameter.view(-1, channels, size, size)
        elif parameter.dim() >= 2:
            return None
        else:
            continue
        each = weight[0].numel()
        count = min(len(weight), _MOST_FILTERS, _MOST_FILTER_BYTES // each)
        if count < 1:
            return None
        shown = weight[:count].float().cpu()
        largest = float(shown.abs().max())
        if not 0 < largest < float("inf"):
            return None
        content = (shown / largest * 127).round().to(torch.int8).contiguous().numpy().tobytes()
        return Filters(
            layer=name.removesuffix(".weight"),
            shape=(count, channels, shown.shape[2], shown.shape[3]),
            largest=rounded(largest),
            values=base64.b64encode(content).decode("ascii"),
        )
    return None


def examples_of(
    log_p_NK: Tensor, labels_N: Tensor, images: Tensor, *, split: Split, epoch: int, positions: Tensor | None = None
) -> Examples:
    """Some images for each cell of the confusion matrix; ``positions`` says where image i stands in ``images``."""
    p_NK = log_p_NK.exp()
    confidence, predicted = p_NK.max(1)
    cells: dict[tuple[int, int], list[int]] = {}
    for place, (label, said) in enumerate(zip(labels_N.tolist(), predicted.tolist(), strict=True)):
        cells.setdefault((label, said), []).append(place)
    room = min(_MOST_EXAMPLES, _MOST_EXAMPLE_BYTES // max(1, images[0].numel()))
    each = max(1, min(_EACH_CELL, room // max(1, len(cells))))
    sure = confidence.tolist()
    chosen: list[int] = []
    for (label, said), places in sorted(cells.items(), key=lambda cell: cell[0][0] == cell[0][1]):
        chosen += sorted(places, key=lambda place: sure[place], reverse=label != said)[:each]
    chosen = chosen[:room]
    top = p_NK[chosen].topk(min(_LIKELIEST, p_NK.shape[1]), dim=1) if chosen else None
    examples = []
    for row, place in enumerate(chosen):
        assert top is not None
        index = place if positions is None else int(positions[place])
        likeliest = zip(top.indices[row].tolist(), top.values[row].tolist(), strict=True)
        examples.append(
            Example(
                index=index,
                label=int(labels_N[place]),
                predicted=int(predicted[place]),
                probabilities=[(number, round(min(1.0, share), 4)) for number, share in likeliest],
                pixels=_pixels(images[index]),
            )
        )
    return Examples(split=split, epoch=epoch, examples=examples)


def _pixels(image_CHW: Tensor) -> str:
    return base64.b64encode(image_CHW.cpu().contiguous().numpy().tobytes()).decode("ascii")
