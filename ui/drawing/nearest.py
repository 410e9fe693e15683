"""The training images that are nearest in the network's own eyes, and a map with the drawing dropped in."""

import math
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from ui import palette
from ui.class_names import shown_names
from ui.drawing import known, models
from ui.drawing.pixels import gallery, picture
from ui.drawing.reading import Reading
from ui.figure import figure
from ui.language import translate as _
from ui.part import part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from dlcore.inference.neighbours import Projection
    from dlcore.inference.prediction import Model

_NEAREST = 8
_ON_THE_MAP = 600

_LEAST_ON_THE_MAP = 2
"""So few images span no plane, as of a set of own pictures that has just been begun."""


@part
def show(reading: Reading) -> None:
    """The nearest images, then the map."""
    import torch  # noqa: PLC0415  # not before it must

    from dlcore.inference.neighbours import features, nearest  # noqa: PLC0415
    from dlcore.inference.prediction import as_input  # noqa: PLC0415

    assert reading.model is not None
    data = known.known(reading)
    if data is None:
        st.info(
            _(
                "The images that this model has learned from are not on this server, and the bundled digits have other"
                " classes. Without labelled images there is nothing to be near to."
            ),
            icon=":material/info:",
        )
        return
    names = shown_names(reading.class_names, reading.dataset)
    with st.spinner(_("Looking at {count} images once").format(count=len(data.train_images)), show_time=False):
        at_hand = _Looked.at(reading.model, models.identity(reading.source), data)
    own = features(reading.model, torch.from_numpy(as_input(reading.model, reading.image).copy()))[0]
    found = nearest(at_hand.known, own, _NEAREST)
    words = _("The nearest of {count} training images of {dataset}, by what reaches the last layer.")
    st.markdown(words.format(count=len(data.train_images), dataset=data.title))
    if not data.learned:
        st.caption(_("The model never learned from these: its own training images are not on this server."))
    distance = _("distance {value}")
    st.html(
        gallery(
            *(
                picture(
                    data.train_images[one.index].numpy(),
                    escape(names[int(data.train_labels[one.index])]),
                    escape(distance.format(value=f"{one.distance:.3g}")),
                )
                for one in found
            ),
            width_rem=6.5,
        )
    )
    if at_hand.plane is not None:
        _map(at_hand, at_hand.plane, own, data, names)


def _map(at_hand: "_Looked", plane: "Projection", own: "Tensor", data: known.Known, names: list[str]) -> None:
    points = plane.project(at_hand.shown)
    labels = data.validation_labels[: len(points)]
    (x, y), *_rest = plane.project(own[None]).tolist()
    traces = []
    for index, name in enumerate(names):
        chosen = points[(labels == index).numpy()]
        if len(chosen):
            colour = palette.CLASSES[index % len(palette.CLASSES)]
            traces.append(
                {
                    "x": [round(value, 4) for value in chosen[:, 0].tolist()],
                    "y": [round(value, 4) for value in chosen[:, 1].tolist()],
                    "mode": "markers",
                    "name": name,
                    "marker": {"color": colour, "size": 5, "opacity": 0.7},
                    "hovertemplate": f"{escape(name)}<extra></extra>",
                }
            )
    traces.append(
        {
            "x": [x],
            "y": [y],
            "mode": "markers+text",
            "name": _("The drawing"),
            "text": [f"<b>{escape(_('The drawing'))}</b>"],
            "textposition": "top center",
            "showlegend": False,
            "marker": {"color": palette.HIGHLIGHT, "size": 20, "symbol": "star", "line": {"width": 2, "color": "#fff"}},
        }
    )
    axis = {"showticklabels": False, "zeroline": False}
    figure(
        traces,
        {
            "xaxis": axis | {"title": {"text": _("first principal component")}, "constrain": "domain"},
            "yaxis": axis
            | {"title": {"text": _("second principal component")}, "scaleanchor": "x", "constrain": "domain"},
            "margin": {"t": 50, "r": 10, "l": 40, "b": 40},
            "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        },
        key="draw.nearest.map",
        height=500,
        description=_(
            "Images that training held back, by class, in the plane in which they lie farthest apart; the drawing among them,"
            " nearest to the middle of {name}."
        ).format(name=_nearest_middle(points, labels, (x, y), names)),
    )
    st.caption(
        _(
            "The plane keeps {share} of the variance: what is near on the map need not be near in all dimensions."
        ).format(share=f"{plane.share:.0%}")
    )


def _nearest_middle(
    points: "NDArray[np.float32]", labels: "Tensor", place: tuple[float, float], names: list[str]
) -> str:
    """The name of the class in whose middle ``place`` lies nearest on the map, a middle being the mean of points (N, 2)."""
    middles = {index: points[(labels == index).numpy()].mean(0) for index in labels.unique().tolist()}
    return names[min(middles, key=lambda index: math.dist(middles[index].tolist(), place))]


class _Looked:
    """What a network makes of the labelled images; made once."""

    def __init__(self, known_ND: "Tensor", shown_ND: "Tensor", plane: "Projection | None") -> None:
        self.known, self.shown, self.plane = known_ND, shown_ND, plane

    @staticmethod
    def at(model: "Model", identity: tuple[str, str], data: known.Known) -> "_Looked":
        """From memory, if this model has looked at these images before."""
        return _look(_Same((identity, data.dataset), model, data))


class _Same:
    """A model and images that stand for the same as others with their key."""

    def __init__(self, key: object, model: "Model", data: known.Known) -> None:
        self.key, self.model, self.data = key, model, data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=4)
def _look(same: _Same) -> _Looked:
    from dlcore.inference.neighbours import Projection, features  # noqa: PLC0415

    seen = features(same.model, same.data.train_images)
    shown = features(same.model, same.data.validation_images[:_ON_THE_MAP])
    return _Looked(seen, shown, Projection.of(shown) if len(shown) > _LEAST_ON_THE_MAP else None)
