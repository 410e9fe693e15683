"""The first layer's weights as images, while they form."""

import numpy as np
from PIL import Image

from dlcore.runs.glimpses import Filters
from ui.language import current
from ui.language import translate as _
from ui.packing import Parcel
from ui.palette import NEGATIVE, POSITIVE
from ui.training import readings
from ui.training.moving import parcel
from ui.training.pictures import url_of
from ui.training.readings import explained
from ui.training.state import Watch


def filters_view(watch: Watch) -> None:
    """Each filter at the newest look: the colour of positive numbers where a pixel speaks for it, of negative against."""
    newest = watch.feed.glimpses[-1]
    if newest.filters is None or not newest.filters.weights():
        return
    explained(
        _("**First filters**: what each unit of the first layer looks for in the image"),
        "filters",
        lambda: readings.filters(newest),
    )

    def make() -> Parcel:
        now = watch.feed.glimpses[-1]
        filters = now.filters or known
        return watch.feed.kept(("filters", current()), lambda: _tiles(filters), version=now.step)

    known = newest.filters
    watch.moving.part(make)


def _tiles(filters: Filters) -> Parcel:
    words = _("Filter {number} of the layer {layer}")
    images = [
        {"source": source, "words": words.format(number=number, layer=filters.layer)}
        for number, source in enumerate(pictures(filters), start=1)
    ]
    return parcel("pictures", "train.filters", images=images)


def pictures(filters: Filters) -> list[str]:
    """Each filter as the URL of a small picture; where it sees colours, the mean over them."""
    count, channels, height, width = filters.shape
    weights = np.asarray(filters.weights(), dtype=np.float64).reshape(count, channels, height, width).mean(axis=1)
    largest = np.abs(weights).max(axis=(1, 2), keepdims=True)
    shares = weights / np.where(largest > 0, largest, 1)
    tones = [[int(tone[start : start + 2], 16) for start in (1, 3, 5)] for tone in (POSITIVE, NEGATIVE)]
    found = []
    for one in shares:
        pixels = np.zeros((height, width, 4), np.uint8)
        pixels[..., :3] = np.where(one[..., None] >= 0, np.array(tones[0]), np.array(tones[1]))
        pixels[..., 3] = np.round(255 * np.abs(one))
        found.append(url_of(Image.fromarray(pixels)))
    return found
