"""What an experiment learns from: a dataset, or some of its classes, or pictures that somebody brought. Torch-free."""

from collections.abc import Sequence
from dataclasses import replace

from dlcore.data import DATASETS, OWN_IMAGES, DatasetSpec
from dlcore.data import own_images as sets
from dlcore.messages import N_, UserError, Verbatim


def describe(name: str, *, own_images: str = "", classes: str = "") -> DatasetSpec:
    """What is known of a dataset as an experiment sees it: its own pictures, its chosen classes only.

    Raises:
        UserError: there is no such set of pictures, or the classes do not fit.
    """
    spec = DATASETS[name]
    if name == OWN_IMAGES:
        found = sets.describe(own_images)
        spec = replace(
            spec,
            class_names=found.class_names,
            train_count=sum(found.train_class_counts),
            test_count=sum(found.test_class_counts),
            train_class_counts=found.train_class_counts,
            test_class_counts=found.test_class_counts,
            image_size=found.image_size,
            channels=found.channels,
            held_back=found.held_back,
        )
    chosen = classes_of(spec, classes)
    if len(chosen) == len(spec.class_names):
        return spec
    train, test = (
        tuple(counts[index] for index in chosen) for counts in (spec.train_class_counts, spec.test_class_counts)
    )
    return replace(
        spec,
        class_names=tuple(spec.class_names[index] for index in chosen),
        train_count=sum(train),
        test_count=sum(test),
        train_class_counts=train,
        test_class_counts=test,
        # Of each class the same share, or nearly.
        held_back=round(spec.held_back * sum(train) / max(1, spec.train_count)),
    )


def classes_of(spec: DatasetSpec, text: str) -> tuple[int, ...]:
    """The numbers of the classes that ``text`` asks for, ascending; all of them if it is empty.

    Each is asked for by its name, large or small letters alike, or by its number counted from 0, separated by commas.

    Raises:
        UserError: there is no such class, or fewer than two are asked for.
    """
    names = list(spec.class_names)
    if not text.strip(" ,"):
        return tuple(range(len(names)))
    folded = [name.casefold() for name in names]
    chosen = set()
    for part in (part.strip() for part in text.split(",")):
        if part in names:
            chosen.add(names.index(part))
        elif part.casefold() in folded:
            chosen.add(folded.index(part.casefold()))
        elif part.isascii() and part.isdigit() and len(part) <= 4 and int(part) < len(names):
            chosen.add(int(part))
        elif part:
            raise UserError(
                N_("{dataset} has no class {name}. Its classes are {names}."),
                dataset=spec.title,
                name=Verbatim(part[:40]),
                names=Verbatim(", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")),
            )
    if len(chosen) < 2:
        name = names[min(chosen)]
        raise UserError(
            N_("Choose at least two classes: between {name} and nothing there is nothing to learn."),
            name=Verbatim(name) if spec.title == DATASETS[OWN_IMAGES].title else name,
        )
    return tuple(sorted(chosen))


def classes_text(spec: DatasetSpec, chosen: Sequence[int]) -> str:
    """What :func:`classes_of` reads back as ``chosen``; empty where that is all of them."""
    if len(set(chosen)) == len(spec.class_names):
        return ""
    return ",".join(spec.class_names[index] for index in sorted(set(chosen)))


_SHOWN = 30
