"""How far the percentages can be trusted: confidence against accuracy on images held back from the training."""

from typing import Any

import streamlit as st

from dlcore.inference.calibration import BINS, SHARES, Bin, Calibration
from dlcore.messages import UserError
from ui import palette
from ui.drawing.reading import Reading
from ui.figure import figure
from ui.language import translate as _
from ui.shell import show_error


def show(reading: Reading) -> None:
    """The fold about calibration, for the model that answers."""
    if reading.model is None:
        return
    with st.expander(_("How far to trust the percentages"), key="draw.trust"):
        measured = reading.model.measured
        if measured is None:
            _offer(reading)
            return
        _explain(measured.calibration)


def _offer(reading: Reading) -> None:
    st.markdown(
        _(
            "Nobody has yet compared how sure this model is with how often it is right. That takes a few seconds and the"
            " images that were held back from its training; from then on its percentages are calibrated, and it can say “I"
            " don't know”."
        )
    )
    if st.button(_("Calibrate this model"), key="draw.calibrate", icon=":material/tune:"):
        from dlcore.inference.calibrate import calibrate  # noqa: PLC0415  # torch, not before it must

        assert reading.model is not None
        try:
            with st.spinner(_("Looking at the validation images …")):
                calibrate(reading.model)
        except UserError as error:
            show_error(error)
            return
        st.rerun()


def _explain(found: Calibration) -> None:
    words = _(
        "Of the answers that a calibrated network gives with 80%, eight in ten are right. A temperature of **{temperature:.2f}**,"
        " by which the logits are divided before the softmax, was fitted on {images:,} validation images: the cross-entropy falls"
        " from {loss_before:.4f} to **{loss_after:.4f}**. The mean gap between confidence and accuracy (expected calibration"
        " error) is {before:.2%} without it and **{after:.2%}** with it."
    )
    st.markdown(
        words.format(
            temperature=found.temperature,
            images=found.images,
            loss_before=found.loss_before,
            loss_after=found.loss_after,
            before=found.error_before,
            after=found.error_after,
        )
    )
    axis = {"range": [0, 1.02], "tickformat": ".0%"}
    told = _(", ").join(f"{one.confidence:.0%} → {one.accuracy:.0%}" for one in found.after if one.count)
    figure(
        [
            {
                "x": [0, 1],
                "y": [0, 1],
                "mode": "lines",
                "line": {"dash": "dot", "color": palette.NEUTRAL},
                "name": _("as sure as right"),
                "hoverinfo": "skip",
            },
            _curve(found.before, _("temperature 1"), palette.NEUTRAL),
            _curve(found.after, _("temperature {value:.2f}").format(value=found.temperature), palette.VALIDATION),
        ],
        {
            "xaxis": axis | {"title": {"text": _("Confidence: the highest probability")}},
            "yaxis": axis | {"title": {"text": _("Share that is right")}},
            "legend": {"x": 0.02, "y": 0.98},
            "uirevision": found.weights_sha256,
        },
        key="draw.reliability",
        height=360,
        description=_("Reliability: the share of right answers over the confidence, in tenths.") + " " + told,
    )
    st.caption(
        _(
            "Each point is a tenth of the scale, its size the number of images in it; tenths with few images scatter. “I don't"
            " know” goes by the nearest of {remembered:,} training images in the space of the network's last features: refusing"
            " {share:.0%} of the validation images means a cosine below {threshold:.3f}."
        ).format(remembered=2000, share=SHARES[5], threshold=found.familiarity[5])
    )


def _curve(bins: tuple[Bin, ...], name: str, colour: str) -> dict[str, Any]:
    assert len(bins) == BINS
    full = [one for one in bins if one.count]
    return {
        "x": [one.confidence for one in full],
        "y": [one.accuracy for one in full],
        "customdata": [one.count for one in full],
        "mode": "lines+markers",
        "name": name,
        "line": {"color": colour},
        "marker": {"size": [6 + min(18.0, one.count**0.35) for one in full], "color": colour},
        "hovertemplate": _("%{y:.1%} right at %{x:.1%}, %{customdata} images") + "<extra></extra>",
    }
