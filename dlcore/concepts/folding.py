"""Why depth multiplies: a layer of two ReLU neurons folds the line, and layers of folds fold folds (Telgarsky, 2016)."""


def relu(z: float) -> float:
    """The larger of z and 0."""
    return max(z, 0.0)


def fold(x: float) -> float:
    """The tent t(x) = 2 ReLU(x) − 4 ReLU(x − ½): one layer of two neurons that folds [0, 1] in half."""
    return 2 * relu(x) - 4 * relu(x - 0.5)


def folded(x: float, layers: int) -> float:
    """``fold`` applied ``layers`` times."""
    for _ in range(layers):
        x = fold(x)
    return x


def corners(layers: int) -> tuple[list[float], list[float]]:
    """The points between which the folded line is straight: 2^layers + 1 of them."""
    pieces = 2**layers
    xs = [index / pieces for index in range(pieces + 1)]
    return xs, [folded(x, layers) for x in xs]


def pieces_deep(layers: int) -> int:
    """Straight pieces of ``layers`` folding layers, two neurons each."""
    return int(2**layers)


def pieces_wide(neurons: int) -> int:
    """The most straight pieces that one hidden layer of ReLU neurons can make of a line: a corner a neuron."""
    return neurons + 1
