"""The images behind a cell of a confusion matrix: what the network said of each, and how sure it was."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dlcore.data import DATASETS, OWN_IMAGES
from dlcore.data.availability import available
from dlcore.runs.glimpses import Split
from ui.figure import clicked
from ui.language import translate as _
from ui.shell import plain_text
from ui.training.pictures import picture_of
from ui.training.state import Watch

_DRAW_PAGE = "pages/draw.py"
_WIDTH = 84
_MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    index: int
    pixels: str
    likeliest: Sequence[tuple[int, float]]


def choose_cell(watch: Watch, key: str, classes: int, *, split: Split) -> None:
    """Take in a click on the matrix ``key``; a second one on the same cell closes it."""
    cell = clicked(key, classes, classes)
    if cell is None or watch.cells.get(split) == cell:
        watch.cells.pop(split, None)
    else:
        watch.cells[split] = cell


def cell_images(watch: Watch, confusion: Sequence[Sequence[int]], names: Sequence[str], *, split: Split) -> None:
    """The images of the chosen cell, or that one may be chosen."""
    cell = watch.cells.get(split)
    if cell is None or max(cell) >= len(confusion):
        st.caption(_("Click a square to see its images."))
        return
    true, said = cell
    count = confusion[true][said]
    with st.container(border=True, key=f"train-cell-{split}"):
        words = _("**{label}, called {said}**: {count:,} images").format(
            label=plain_text(names[true]), said=plain_text(names[said]), count=count
        )
        st.markdown(words)
        seen = _recorded(watch, split, true, said)
        if not seen:
            st.caption(_no_images(count, over=watch.history.ended is not None))
            return
        order = _("the surest first") if true != said else _("the least sure first")
        st.caption(_("{shown} of them, {order}.").format(shown=len(seen), order=order))
        with st.container(horizontal=True, gap="medium"):
            for one in seen:
                _image(watch, one, names, split)


def _recorded(watch: Watch, split: Split, true: int, said: int) -> list[_Seen]:
    """What was recorded of the cell: at the end for all cells, after an epoch for its surest mistakes."""
    found = watch.feed.examples(split)
    if found is not None:
        return [
            _Seen(index=one.index, pixels=one.pixels, likeliest=one.probabilities)
            for one in found.of(true, said)[:_MOST]
        ]
    last = watch.history.evaluations[-1].epoch if watch.history.evaluations else 0
    inspected = watch.feed.inspection(last) if split == "validation" else None
    mistakes = inspected.mistakes if inspected else watch.history.tested.mistakes if watch.history.tested else []
    return [
        _Seen(index=one.index, pixels=one.pixels, likeliest=[(one.predicted, one.confidence)])
        for one in mistakes
        if (one.label, one.predicted) == (true, said)
    ][:_MOST]


def _no_images(count: int, *, over: bool) -> str:
    if count == 0:
        return _("No image is in this square.")
    if over:
        return _("None of its images was recorded.")
    return _("Its images are recorded when the run ends; until then only the surest mistakes are.")


def _name_in_links(watch: Watch, split: Split, index: int) -> str:
    """What the Draw page calls an image; by its number among the run's own data where it has no list of those."""
    config = watch.run.config
    spec = DATASETS[config.dataset]
    plain = (spec.channels, spec.image_size) == (1, 28) and config.dataset not in (OWN_IMAGES, "mnist-pen")
    name = config.dataset if plain and not config.classes else "own"
    return f"{name}:{'test' if split == 'test' else 'train'}:{index}"


def _image(watch: Watch, one: _Seen, names: Sequence[str], split: Split) -> None:
    picture = picture_of(one.pixels)
    if picture is None:
        return
    lines = [f"{plain_text(names[number])} {share:.1%}" for number, share in one.likeliest if number < len(names)]
    with st.container(width=_WIDTH + 16, gap=None):
        st.image(picture, caption="  \n".join(lines), width=_WIDTH, alt=_("Image {index}").format(index=one.index))
        if watch.run.model_at_hand() and available(watch.run.config.dataset, own_images=watch.run.config.own_images):
            sample = _name_in_links(watch, split, one.index)
            st.page_link(
                _DRAW_PAGE,
                label=_("Look inside"),
                query_params={"model": watch.run.run_id, "sample": sample, "panel": "microscope"},
            )
