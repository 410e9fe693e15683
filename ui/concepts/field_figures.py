"""A small figure for each field of application, computed on the spot."""

from typing import Any

import streamlit as st

from dlcore.concepts import fields
from ui import palette
from ui.figure import figure
from ui.language import prose
from ui.language import translate as _

_HIDDEN = {"visible": False, "fixedrange": True}
_STILL = {"staticPlot": True}


def vision() -> None:
    """A digit as numbers."""
    grid = [list(row) for row in fields.EIGHT]
    trace = {
        "type": "heatmap",
        "z": grid,
        "text": grid,
        "texttemplate": "%{text}",
        "colorscale": palette.SEQUENTIAL,
        "showscale": False,
        "hoverinfo": "skip",
    }
    layout = {
        "xaxis": _HIDDEN | {"scaleanchor": "y"},
        "yaxis": _HIDDEN | {"autorange": "reversed"},
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    }
    figure(
        [trace],
        layout,
        key="concepts-vision",
        height=300,
        config=_STILL,
        description=_("An eight of 8 by 8 pixels, each with its number from 0 to 16"),
    )


def next_word() -> None:
    """What follows a word in a few sentences."""
    tokens = prose("concepts-sentences").split()
    words = sorted(set(tokens[:-1]), key=tokens.index)
    word = st.selectbox(_("After this word …"), words, key="concepts.word")
    after = fields.next_tokens(tokens, word)
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [token for token, _share in after],
        "x": [share for _token, share in after],
        "text": [f"{share:.0%}" for _token, share in after],
        "textposition": "auto",
        "marker": {"color": palette.TRAIN},
        "hoverinfo": "skip",
    }
    layout = {
        "xaxis": {"tickformat": ".0%", "range": [0, 1], "fixedrange": True},
        "yaxis": {"autorange": "reversed", "fixedrange": True, "type": "category"},
        "bargap": 0.3,
    }
    description = _("What follows “{word}”, and how often").format(word=word)
    figure([trace], layout, key="concepts-language", height=240, description=description)
    st.caption(_("Everything it has read: {text}").format(text=" ".join(tokens)))


def speech() -> None:
    """A wave and its spectrogram."""
    sound = fields.gliding_tone()
    times, frequencies, levels = fields.spectrogram(sound)
    shown = frequencies <= 4000
    part = slice(0, len(sound), 8)
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": [round(index / fields.SAMPLE_RATE, 4) for index in range(len(sound))[part]],
            "y": [round(float(value), 3) for value in sound[part]],
            "line": {"width": 1, "color": palette.TRAIN},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        {
            "type": "heatmap",
            "x": [round(float(time), 4) for time in times],
            "y": [float(frequency) for frequency in frequencies[shown]],
            "z": [[round(float(level), 1) for level in row] for row in levels[shown]],
            "zmin": -60,
            "zmax": 0,
            "colorscale": palette.SEQUENTIAL,
            "showscale": False,
            "xaxis": "x2",
            "yaxis": "y2",
            "hovertemplate": "%{x} s, %{y:.0f} Hz: %{z} dB<extra></extra>",
        },
    ]
    layout = {
        "xaxis": {"visible": False, "range": [0, 0.5]},
        "yaxis": {"domain": [0.7, 1], "title": {"text": _("pressure")}, "showticklabels": False},
        "xaxis2": {"title": {"text": _("seconds")}, "range": [0, 0.5], "anchor": "y2"},
        "yaxis2": {"domain": [0, 0.62], "title": {"text": "Hz"}, "anchor": "x2"},
        "margin": {"t": 8},
    }
    figure(
        data,
        layout,
        key="concepts-speech",
        height=340,
        description=_(
            "Above the wave of a rising tone, below its spectrogram: three rising lines, a tone and two overtones"
        ),
    )


def medical() -> None:
    """Bayes' rule by slider."""
    percent = st.select_slider(
        _("Ill among a hundred people"), [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0], 1.0, key="concepts.prevalence"
    )
    share = fields.positive_predictive_value(0.95, 0.95, percent / 100)
    ill = percent / 100 * 0.95 * 10_000
    healthy = (1 - percent / 100) * 0.05 * 10_000
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [""],
            "x": [count],
            "name": name,
            "text": [f"{count:.0f}"],
            "textposition": "auto",
            "marker": {"color": color},
            "hoverinfo": "skip",
        }
        for name, count, color in (
            (_("positive and ill"), ill, palette.RIGHT),
            (_("positive but healthy"), healthy, palette.WRONG),
        )
    ]
    layout = {
        "barmode": "stack",
        "legend": {"traceorder": "normal"},
        "xaxis": {"title": {"text": _("positive tests among 10,000 people")}, "fixedrange": True},
        "yaxis": {"fixedrange": True, "showticklabels": False},
    }
    description = _("Of those who test positive, {percent}% are ill.").format(percent=f"{100 * share:.0f}")
    figure(data, layout, key="concepts-medical", height=190, description=description)
    st.markdown(f"**{description}**")


def finance() -> None:
    """Random walks that look like trends."""
    st.session_state.setdefault("concepts.walks", 4)
    seed = st.session_state["concepts.walks"]
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "y": [round(float(price), 2) for price in walk],
            "name": "ABCD"[index],
            "line": {"width": 2, "color": palette.CLASSES[index]},
        }
        for index, walk in enumerate(fields.coin_walks(seed))
    ]
    layout = {"xaxis": {"title": {"text": _("day")}}, "yaxis": {"title": {"text": _("price")}}, "uirevision": str(seed)}
    description = _("Four price curves made of coin tosses, with what look like trends")
    figure(data, layout, key="concepts-finance", height=280, description=description)
    st.button(_("Toss again"), key="concepts.toss", icon=":material/casino:", on_click=_toss)


def _toss() -> None:
    st.session_state["concepts.walks"] += 1


def driving() -> None:
    """Metres travelled while computing."""
    speeds = list(range(0, 131, 10))
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": speeds,
            "y": [fields.metres_travelled(speed, milliseconds) for speed in speeds],
            "name": _("{count} ms").format(count=milliseconds),
            "line": {"width": 2.5, "color": color},
            "hovertemplate": "%{y:.1f} m",
        }
        for milliseconds, color in zip((30, 100, 300), palette.CLASSES, strict=False)
    ]
    layout = {
        "xaxis": {"title": {"text": _("speed in km/h")}},
        "yaxis": {"title": {"text": _("metres travelled")}},
        "hovermode": "x unified",
    }
    description = _("Metres travelled while the network computes for 30, 100 or 300 milliseconds, by speed")
    figure(data, layout, key="concepts-driving", height=280, description=description)


def games() -> None:
    """How many positions there could be."""
    boards = (
        (_("Tic-tac-toe, 3 states on 9 squares"), 3, 9),
        (_("Connect four, 3 on 42"), 3, 42),
        (_("Chess, 13 on 64"), 13, 64),
        (_("Go, 3 on 361"), 3, 361),
    )
    powers = [fields.colourings_log10(states, squares) for _name, states, squares in boards]
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [name for name, _states, _squares in boards],
        "x": powers,
        "text": [f"10<sup>{power:.0f}</sup>" for power in powers],
        "textposition": "auto",
        "marker": {"color": palette.TRAIN},
        "hoverinfo": "skip",
    }
    layout = {
        "xaxis": {"title": {"text": _("digits of the number of boards")}, "fixedrange": True},
        "yaxis": {"autorange": "reversed", "fixedrange": True},
        "bargap": 0.35,
    }
    description = _(
        "Ways to fill the board, legal or not: from 10 to the 4th for tic-tac-toe to 10 to the 172nd for go"
    )
    figure([trace], layout, key="concepts-games", height=250, description=description)
    st.caption(_("All ways to fill the board, legal or not. The observable universe has about 10⁸⁰ atoms."))
