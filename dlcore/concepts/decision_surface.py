"""A small network learns to tell two spirals apart, and its answer over the whole plane is recorded as it learns.

Shapes: N points, G grid cells a side, F frames.
"""

import base64
import json
import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EXTENT = 1.15
"""The plane that is recorded reaches from -EXTENT to EXTENT on both axes."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A whole training, ready to be played: plain numbers, no tensors."""

    extent: float
    layers: list[int]
    """Neurons of each layer, input and output included."""
    points: list[list[float]]
    """N pairs x, y."""
    labels: list[int]
    grid: int
    epochs: list[int]
    """The epoch of each of the F frames; 0 is the untrained network."""
    losses: list[float]
    """Mean binary cross-entropy over the points, in nats."""
    accuracies: list[float]
    surfaces: str
    """F × G × G probabilities of class 1, as bytes 0 to 255, first row at y = -extent, base64."""


def two_spirals(count: int, *, turns: float, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points (N, 2) within the unit circle, evenly from two interleaved spirals, and their labels (N,) 0 or 1."""
    labels = torch.arange(count) % 2
    radius = torch.sqrt(torch.rand(count, generator=generator) * 0.95 + 0.05)
    angle = radius * turns * 2 * math.pi + labels * math.pi
    points = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)
    return points + noise * torch.randn(count, 2, generator=generator), labels.float()


def _frame_epochs(epochs: int, frames: int) -> list[int]:
    """Epochs to record, from 0 to ``epochs``: close together at first, where most happens."""
    return sorted({round(epochs * (frame / (frames - 1)) ** 1.4) for frame in range(frames)})


def record(
    *,
    seed: int = 0,
    count: int = 300,
    hidden: tuple[int, ...] = (16, 16, 16),
    epochs: int = 240,
    frames: int = 64,
    grid: int = 40,
) -> Recording:
    """Train a tanh network by full-batch Adam (rate 0.01) on two spirals and record it. Same seed, same recording."""
    generator = torch.Generator().manual_seed(seed)
    points, labels = two_spirals(count, turns=1.25, noise=0.025, generator=generator)
    layers = [2, *hidden, 1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts: list[nn.Module] = []
        for width_in, width_out in pairwise(layers):
            parts += [nn.Linear(width_in, width_out), nn.Tanh()]
        network = nn.Sequential(*parts[:-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    axis = torch.linspace(-EXTENT, EXTENT, grid)
    plane = torch.cartesian_prod(axis, axis).flip(1)  # (G·G, 2), x fastest
    wanted = set(_frame_epochs(epochs, frames))
    shots: list[tuple[int, float, float, bytes]] = []
    for epoch in range(epochs + 1):
        logits = network(points).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(logits, labels)
        if epoch in wanted:
            with torch.no_grad():
                surface = torch.sigmoid(network(plane)).mul(255).round().to(torch.uint8)
            accuracy = ((logits > 0) == (labels > 0.5)).double().mean().item()
            shots.append((epoch, loss.item(), accuracy, bytes(surface.flatten().tolist())))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
    return Recording(
        extent=EXTENT,
        layers=layers,
        points=[[round(x, 4), round(y, 4)] for x, y in points.tolist()],
        labels=[int(label) for label in labels.tolist()],
        grid=grid,
        epochs=[shot[0] for shot in shots],
        losses=[round(shot[1], 5) for shot in shots],
        accuracies=[round(shot[2], 5) for shot in shots],
        surfaces=base64.b64encode(b"".join(shot[3] for shot in shots)).decode(),
    )


def main() -> None:
    """Write the recording that the home page plays: ``python -m dlcore.concepts.decision_surface``."""
    path = Path(__file__).resolve().parents[2] / "content" / "learning.json"
    path.write_text(json.dumps(asdict(record()), separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
