"""The demonstrations of four fields that perceive: pictures, words, sounds, scans."""

from typing import Any

import streamlit as st

from dlcore.concepts import field_language, field_medical, field_speech, field_vision
from dlcore.messages import N_
from ui import palette
from ui.concepts.controls import Choice, Control, Controls, Free, Slide, Steps, Switch, Values
from ui.concepts.plots import labels
from ui.concepts.shown import initial, shown
from ui.figure import figure
from ui.language import prose
from ui.language import translate as _
from ui.shell import plain_text

_HIDDEN = {"visible": False, "fixedrange": True}
_FLUSH = {"l": 0, "r": 0, "t": 0, "b": 0}
_GREYS = [[0, "#000000"], [1, "#ffffff"]]
_STILL = {"staticPlot": True}


def _text(text: str) -> str:
    """A visitor's sentence from a link.

    Raises:
        ValueError: it is too long.
    """
    if len(text) > field_language.LONGEST_TEXT:
        raise ValueError("too long")
    return text


CONTROLS: tuple[Control, ...] = (
    Slide(name="digit", title=N_("Which digit of the test set"), default=5, low=0, high=359, step=1),
    Slide(name="right", title=N_("Pixels to the right"), default=0, low=-2, high=2, step=1),
    Slide(name="down", title=N_("Pixels down"), default=0, low=-2, high=2, step=1),
    Switch(name="moved", title=N_("Learned from moved digits as well"), default=False),
    Free(name="text", title=N_("Your sentence"), default="", reader=_text, writer=str),
    Choice(
        name="sound",
        title=N_("Sound"),
        default="a",
        options={"a": "a", "i": "i", "u": "u", "glide": N_("a gliding tone"), "clicks": N_("two clicks")},
        side_by_side=True,
    ),
    Steps(name="window", title=N_("Window in samples"), default=512, values=(64, 128, 256, 512, 1024, 2048)),
    Slide(name="hiss", title=N_("Noise"), default=0.0, low=0.0, high=0.5, step=0.05),
    Slide(name="patient", title=N_("Patient"), default=0, low=0, high=19, step=1),
    Slide(name="radius", title=N_("Radius of the spot in pixels"), default=4.0, low=0.0, high=7.0, step=0.5),
    Slide(name="gain", title=N_("Brightness of the scanner"), default=1.0, low=0.7, high=1.3, step=0.05),
    Steps(
        name="ill",
        title=N_("Ill among a hundred people"),
        default=1.0,
        values=(0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0),
    ),
)


def in_a_row(controls: Controls, *names: str) -> None:
    """Controls side by side where there is room."""
    for column, name in zip(st.columns(len(names), vertical_alignment="bottom"), names, strict=True):
        with column:
            controls.draw(name)


def _picture(
    values: list[list[float]], key: str, description: str, *, numbers: bool = False, height: int = 250
) -> None:
    trace: dict[str, Any] = {"type": "heatmap", "z": values, "colorscale": palette.SEQUENTIAL, "showscale": False}
    trace |= {"hoverinfo": "skip"}
    # A scan is grey and not stretched to its own extremes, or a brighter scanner would look like any other.
    trace |= {"zmin": 0, "zmax": 16} if numbers else {"zmin": 0, "zmax": 1, "colorscale": _GREYS}
    height_of, width_of = len(values), len(values[0])
    layout: dict[str, Any] = {
        "xaxis": _HIDDEN | {"scaleanchor": "y", "range": [-0.5, width_of - 0.5]},
        "yaxis": _HIDDEN | {"range": [height_of - 0.5, -0.5]},
        "margin": _FLUSH,
    }
    if numbers:
        layout["annotations"] = labels(values, [[str(value) for value in row] for row in values], 16)
    figure([trace], layout, key=key, height=height, config=_STILL, description=description)


def vision(controls: Controls, values: Values) -> None:
    """A digit as numbers, moved about, and what a linear reader makes of it."""
    in_a_row(controls, "digit", "right", "down", "moved")
    data = field_vision.digits()
    picture = field_vision.moved(data.test_images[[values["digit"]]], values["right"], values["down"])
    scores = field_vision.scores(picture, trained_on_moved=values["moved"])[0]
    answer, truth = int(scores.argmax()), int(data.test_labels[values["digit"]])
    left, right = st.columns(2)
    with left:
        grid = [[round(16 * value) for value in row] for row in picture.reshape(8, 8).tolist()]
        rows = "; ".join(" ".join(map(str, row)) for row in grid)
        description = _("The digit {truth} as 8 by 8 pixels, each a number from 0 to 16, row by row: {rows}")
        _picture(grid, "concepts-vision", description.format(truth=truth, rows=rows), numbers=True)
    with right:
        colour = palette.RIGHT if answer == truth else palette.WRONG
        bars = {
            "type": "bar",
            "x": [str(name) for name in range(10)],
            "y": [round(float(score), 3) for score in scores],
            "marker": {"color": [colour if name == answer else palette.NEUTRAL for name in range(10)]},
            "hoverinfo": "skip",
        }
        layout = {
            "xaxis": {"title": {"text": _("digit")}, "type": "category", "fixedrange": True},
            "yaxis": {"title": {"text": _("score")}, "range": [-0.5, 1.3], "fixedrange": True},
        }
        said = _("The reader says {answer}; it is a {truth}.").format(answer=answer, truth=truth)
        figure([bars], layout, key="concepts-vision-scores", height=250, description=said)
    share = field_vision.accuracy(values["right"], values["down"], trained_on_moved=values["moved"])
    told = _("**{said}** With all 360 test digits moved like this, it reads {share} rightly.")
    st.markdown(told.format(said=said, share=f"{share:.0%}"))


def judge() -> field_language.Opinions:
    """The judge of opinions, from the examples in the visitor's language."""
    return field_language.learn(prose("concepts-opinions").splitlines())


def first_sentence() -> str:
    """What is judged before the visitor has written anything."""
    return prose("concepts-opinions-tried").splitlines()[0]


def _say(key: str, controls: Controls) -> None:
    controls.set(text=st.session_state[key])


def language(controls: Controls, values: Values) -> None:
    """A sentence cut into tokens, the evidence of each, and the judgement; below, next words by counting."""
    examples = prose("concepts-opinions-tried").splitlines()
    text = values["text"] or first_sentence()
    key = shown("fields.text", text)
    with st.container(horizontal=True, gap="small"):
        for number, example in enumerate(examples):
            st.button(example, key=f"concepts.fields.example.{number}", on_click=controls.set, kwargs={"text": example})
    st.text_input(
        _("Your sentence"),
        initial("fields.text"),
        key=key,
        max_chars=field_language.LONGEST_TEXT,
        on_change=_say,
        args=(key, controls),
    )
    opinions = judge()
    tokens = field_language.tokens_of(text, opinions.vocabulary)
    evidence = [round(opinions.evidence(token), 3) for token in tokens]
    probability = opinions.probability_of_praise(tokens)
    bars = {
        "type": "bar",
        "x": list(range(len(tokens))),
        "y": evidence,
        "marker": {"color": [palette.POSITIVE if value > 0 else palette.NEGATIVE for value in evidence]},
        "text": [
            f"{value:+.2f}" if token in opinions.vocabulary else "?"
            for token, value in zip(tokens, evidence, strict=True)
        ],
        "textposition": "outside",
        "hoverinfo": "skip",
    }
    layout = {
        "xaxis": {"tickvals": list(range(len(tokens))), "ticktext": tokens, "fixedrange": True},
        "yaxis": {"title": {"text": _("evidence for praise")}, "range": [-2.6, 2.6], "fixedrange": True},
    }
    said = _("Praise with {share}.").format(share=f"{probability:.0%}")
    description = _("The words of the sentence, each with its evidence for praise")
    figure([bars], layout, key="concepts-language", height=260, description=f"{description}. {said}")
    st.markdown(f"**{said}** " + _("A question mark: a word that it has never seen."))
    with st.expander(_("Everything it has learned from"), icon=":material/menu_book:", key="concepts.fields.opinions"):
        st.markdown("\n".join(f"- {plain_text(line)}" for line in prose("concepts-opinions").splitlines()))
    _next_word()


def _next_word() -> None:
    """What follows a word in a few sentences."""
    tokens = prose("concepts-sentences").split()
    words = sorted(set(tokens[:-1]), key=tokens.index)
    word = st.selectbox(_("After this word …"), words, key="concepts.word")
    after = field_language.next_tokens(tokens, word)
    found = _(", ").join(f"**{token}** {share:.0%}" for token, share in after)
    st.markdown(_("… comes {words}.").format(words=found))
    st.caption(_("Everything it has read: {text}").format(text=" ".join(tokens)))


def speech(controls: Controls, values: Values) -> None:
    """A sound to hear, its wave and its spectrogram."""
    in_a_row(controls, "sound", "window", "hiss")
    sound = field_speech.sound_of(values["sound"], values["hiss"])
    rate, window = field_speech.SAMPLE_RATE, int(values["window"])
    times, frequencies, levels = field_speech.spectrogram(sound, window, max(32, window // 4))
    step = max(1, window // 512)  # no more rows than a screen has
    rows = [index for index, hertz in enumerate(frequencies) if hertz <= 4000][::step]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": [round(index / rate, 4) for index in range(0, len(sound), 8)],
            "y": [round(float(value), 3) for value in sound[::8]],
            "line": {"width": 1, "color": palette.TRAIN},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        {
            "type": "heatmap",
            "x": [round(float(time), 4) for time in times],
            "y": [round(float(frequencies[row]), 1) for row in rows],
            "z": [[round(float(level)) for level in levels[row]] for row in rows],
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
        "xaxis": {"visible": False, "range": [0, field_speech.SECONDS]},
        "yaxis": {"domain": [0.74, 1], "title": {"text": _("pressure")}, "showticklabels": False},
        "xaxis2": {"title": {"text": _("seconds")}, "range": [0, field_speech.SECONDS], "anchor": "y2"},
        "yaxis2": {"domain": [0, 0.66], "title": {"text": "Hz"}, "anchor": "x2", "range": [0, 4000]},
        "margin": {"t": 8},
    }
    description = _("Above the wave of the sound, below its spectrogram: loudness by time and frequency")
    told = _("A window of {window} samples lasts {time} ms and tells frequencies {hertz} Hz apart.")
    told = told.format(window=window, time=f"{1000 * window / rate:g}", hertz=f"{rate / window:.0f}")
    figure(data, layout, key="concepts-speech", height=340, description=f"{description}. {told}")
    st.markdown(told)
    st.audio(field_speech.wav(sound), format="audio/wav")


def medical(controls: Controls, values: Values) -> None:
    """A made-up scan, outlined; and what a positive test means where an illness is rare."""
    in_a_row(controls, "patient", "radius", "gain")
    scan = field_medical.scan(values["patient"], values["radius"], gain=values["gain"])
    found = field_medical.outlined(scan.picture)
    left, right = st.columns(2)
    with left:
        st.markdown(_("**In:** brightness"))
        grid = [[round(float(value), 2) for value in row] for row in scan.picture]
        described = _("A made-up slice through a head; a spot in it, {count} pixels large, is brighter than the rest")
        _picture(grid, "concepts-medical", described.format(count=int(scan.truth.sum())))
    with right:
        st.markdown(_("**Out:** found and true, missed, false alarm"))
        marks = found.astype(int) + 2 * scan.truth.astype(int)
        colours = ["rgba(124,130,152,0.12)", palette.WRONG, palette.VALIDATION, palette.RIGHT]
        steps = [[edge, colour] for number, colour in enumerate(colours) for edge in (number / 4, (number + 1) / 4)]
        trace = {"type": "heatmap", "z": marks.tolist(), "zmin": 0, "zmax": 3, "colorscale": steps, "showscale": False}
        layout = {
            "xaxis": _HIDDEN | {"scaleanchor": "y"},
            "yaxis": _HIDDEN | {"autorange": "reversed"},
            "margin": _FLUSH,
        }
        described = _(
            "The outline: green where the spot was found, {both} pixels, orange where it was missed, {missed}, red where"
            " there is none, {wrong}"
        ).format(
            both=int((found & scan.truth).sum()),
            missed=int((scan.truth & ~found).sum()),
            wrong=int((found & ~scan.truth).sum()),
        )
        config = _STILL
        figure(
            [trace | {"hoverinfo": "skip"}],
            layout,
            key="concepts-outline",
            height=250,
            config=config,
            description=described,
        )
    told = _("Pixels labelled rightly: **{accuracy}**. Overlap with the true spot (Dice): **{dice}**.")
    accuracy, overlap = field_medical.pixel_accuracy(found, scan.truth), field_medical.dice(found, scan.truth)
    st.markdown(told.format(accuracy=f"{accuracy:.1%}", dice=f"{overlap:.2f}"))
    st.divider()
    controls.draw("ill")
    share = field_medical.positive_predictive_value(0.95, 0.95, values["ill"] / 100)
    told = _(
        "A test is right for 95% of the ill and for 95% of the healthy. Of those who test positive, **{share} are ill.**"
    )
    st.markdown(told.format(share=f"{share:.0%}"))
