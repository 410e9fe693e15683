"""How many images a run learns from and is judged by. Torch-free, so a form can count updates."""


def split_counts(
    images: int, *, validation_fraction: float, train_fraction: float = 1.0, held_back: int = 0
) -> tuple[int, int]:
    """Training and validation images out of ``images``; at least one each.

    The validation share is taken of all, unless the dataset has ``held_back`` some itself; the training share is of what
    is left, so a smaller one changes nothing about whom it is judged by.
    """
    validation = held_back or min(max(1, round(validation_fraction * images)), images - 1)
    return max(1, round(train_fraction * (images - validation))), validation
