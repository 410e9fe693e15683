"""The wall: forty validation images, and what the network says of each while it learns."""

from collections.abc import Sequence

import streamlit as st

from dlcore.runs.glimpses import Glimpse, Wall
from ui.class_names import shown_names
from ui.language import current
from ui.language import translate as _
from ui.packing import Parcel
from ui.training.moving import parcel
from ui.training.pictures import picture_of
from ui.training.state import Watch


def wall_view(watch: Watch) -> None:
    """The images with the newest answers, in place."""
    wall, looks, started = watch.feed.wall, watch.feed.glimpses, watch.history.started
    if wall is None or not looks or started is None:
        st.caption(_("The first look is near."))
        return
    names = shown_names(started.class_names, watch.run.config.dataset)

    def make() -> Parcel:
        newest = watch.feed.glimpses[-1]
        version = newest.step, len(watch.feed.glimpses)
        return watch.feed.kept(
            ("wall", current()), lambda: _wall(watch.run.run_id, wall, newest, names), version=version
        )

    watch.moving.part(make)


def wall_in_words(wall: Wall, newest: Glimpse) -> str:
    """How many are right, and how sure the network is."""
    right = sum(said == picture.label for said, picture in zip(newest.predicted, wall.images, strict=False))
    sure = sum(newest.confidence) / max(1, len(newest.confidence))
    return _(
        "After update {step:,}: {right} of {count} right, {sure:.0%} sure on average. These images are never learned from."
    ).format(step=newest.step, right=right, count=len(wall.images), sure=sure)


def _wall(run_id: str, wall: Wall, newest: Glimpse, names: Sequence[str]) -> Parcel:
    def name(number: int) -> str:
        return names[number] if number < len(names) else "?"

    answers = []
    words = _("An image of {label}; the network says {said}, {share:.0%} sure.")
    for picture, said, share in zip(wall.images, newest.predicted, newest.confidence, strict=False):
        told = words.format(label=name(picture.label), said=name(said), share=share)
        answers.append({"said": name(said), "share": share, "right": said == picture.label, "words": told})
    tiles = [picture_of(picture.pixels, 1) or "" for picture in wall.images]
    told = wall_in_words(wall, newest)
    return parcel("wall", "train.wall", run=run_id, words=told, tiles=tiles, answers=answers)
