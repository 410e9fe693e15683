"""Finance in small: a network that explains every past day of a price made by coin tosses, and no day to come."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAYS = 200
"""Days that are learned from, and as many that come after."""
STEP = 0.01
MEMORY = 20
"""Days back that the network sees."""

Floats = NDArray[np.float64]


def coin_moves(seed: int, days: int) -> Floats:
    """Daily moves of +1 or −1, each by the toss of a coin."""
    return np.asarray(np.random.default_rng(seed).choice((1.0, -1.0), size=days))


def prices(moves: Floats) -> Floats:
    """Prices (days + 1) that start at 100 and are each day multiplied or divided by 1.01."""
    return np.asarray(100 * (1 + STEP) ** np.concatenate([[0.0], np.cumsum(moves)]))


@dataclass(frozen=True)
class Forecast:
    """What the network said of each day, and how it turned out.

    ``prices`` has 2 · DAYS + 1 values from the first day that is learned from; ``said`` the 2 · DAYS forecast prices of
    the days after the first, each made from what was known the day before.
    """

    prices: Floats
    said: Floats
    past_hits: float
    future_hits: float
    future_r2: float
    """Of the forecast prices; forecasting "as yesterday" would do as well."""
    yesterday_r2: float


def forecast(seed: int, neurons: int) -> Forecast:
    """Fit a network with one hidden layer to the past, and let it go on.

    The hidden layer is tanh over random weights that are not trained; the output layer is the shortest vector of
    weights with the least squared error over the past (``numpy.linalg.lstsq``). With as many neurons as days it fits
    every day exactly. 0 neurons: a straight line through the last MEMORY moves.

    Source: Huang, Zhu, Siew, "Extreme learning machine" (2006).
    """
    moves = coin_moves(seed, MEMORY + 2 * DAYS)
    windows = np.lib.stride_tricks.sliding_window_view(moves, MEMORY)[: 2 * DAYS]
    after = moves[MEMORY:]
    draw = np.random.default_rng((seed, 1))
    hidden = np.tanh(windows @ draw.normal(size=(MEMORY, neurons)) + draw.normal(size=neurons))
    inputs = np.hstack([windows, np.ones((2 * DAYS, 1)), hidden])
    weights = np.linalg.lstsq(inputs[:DAYS], after[:DAYS], rcond=None)[0]
    answer = inputs @ weights
    path = prices(after)
    # A forecast of a move is turned into one of a price, from yesterday's price.
    said = path[:-1] * (1 + STEP) ** np.clip(answer, -1, 1)
    hits = np.sign(answer) == after
    future = slice(DAYS, None)
    spread = ((path[1:][future] - path[1:][future].mean()) ** 2).sum()
    return Forecast(
        path,
        said,
        past_hits=float(hits[:DAYS].mean()),
        future_hits=float(hits[future].mean()),
        future_r2=float(1 - ((path[1:][future] - said[future]) ** 2).sum() / spread),
        yesterday_r2=float(1 - ((path[1:][future] - path[:-1][future]) ** 2).sum() / spread),
    )


def luckiest(seed: int, strategies: int) -> tuple[float, float]:
    """Of strategies that toss a coin each day, the best hit rate over the past of :func:`forecast`, and what it gets after."""
    draw = np.random.default_rng((seed, 2))
    moves = coin_moves(seed, MEMORY + 2 * DAYS)[MEMORY:]
    hits = draw.choice((1.0, -1.0), size=(strategies, 2 * DAYS)) == moves
    best = int(hits[:, :DAYS].mean(1).argmax())
    return float(hits[best, :DAYS].mean()), float(hits[best, DAYS:].mean())
