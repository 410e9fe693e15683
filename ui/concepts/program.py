"""The chapter of the program: the article's network, explained line by line, and three lessons from it."""

import streamlit as st

from dlcore.concepts.article_network import article_network
from ui import language, palette
from ui.concepts.annotated import annotated, notes, rows
from ui.concepts.doors import door, read_next
from ui.concepts.measured import measured
from ui.concepts.prose import sections
from ui.figure import figure
from ui.language import CONTENT
from ui.language import translate as _

WITHOUT_EVAL = """correct = 0
for images, labels in test_loader:
    output = model(images)
    correct += (output.argmax(1) == labels).sum()
"""
WITH_EVAL = """model.eval()
with torch.no_grad():
    for images, labels in test_loader:
        output = model(images)
        correct += (output.argmax(1) == labels).sum()
"""


def source() -> str:
    """The program itself."""
    return (CONTENT / "program.py").read_text(encoding="utf-8")


def show() -> None:
    """The annotated program, then where its weights sit, then what it gets wrong."""
    text = sections("program")
    st.markdown(text["intro"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            _("Download the program"),
            source(),
            file_name="program.py",
            mime="text/x-python",
            icon=":material/download:",
            key="concepts.download",
        )
        door(_("Train exactly this network here"), "train", dataset="mnist", model="article-cnn", epochs=10)
    annotated(rows(source(), notes(text["lines"])), version=language.current(), key="concepts.annotated")
    with st.expander(_("The whole program in one piece, to copy"), icon=":material/content_copy:"):
        st.code(source(), language="python", line_numbers=True)
    _costs(text["parameters"])
    st.markdown(text["eval"])
    _two_tests()
    st.markdown(text["eval-answer"])
    st.markdown(text["relu"])
    read_next("program")


def _costs(words: str) -> None:
    layers = article_network()
    left, right = st.columns(2, gap="large")
    names = [layer.name for layer in layers]
    kinds = (
        (_("Weights"), palette.POSITIVE, "parameters"),
        (_("Multiplications per image"), palette.VALIDATION, "multiplications"),
    )
    data = []
    for title, color, field in kinds:
        values = [getattr(layer, field) for layer in layers]
        share = [value / sum(values) for value in values]
        data.append(
            {
                "type": "bar",
                "name": title,
                "x": names,
                "y": share,
                "text": [f"{part:.1%}" for part in share],
                "textposition": "outside",
                "cliponaxis": False,
                "customdata": [f"{value:,}" for value in values],
                "hovertemplate": "%{x}: %{customdata}<extra>" + title + "</extra>",
                "marker": {"color": color},
            }
        )
    with right:
        figure(
            data,
            {"barmode": "group", "yaxis": {"tickformat": ".0%", "range": [0, 1.1]}, "bargap": 0.25},
            key="concepts-costs",
            height=300,
            description=_("Each layer's share in the network's weights and in its multiplications: {shares}").format(
                shares=_(", ").join(
                    f"{name} {weights}, {products}"
                    for name, weights, products in zip(names, data[0]["text"], data[1]["text"], strict=True)
                )
            ),
        )
    left.markdown(words)
    left.table(
        [
            {
                _("Layer"): f"`{layer.name}`",
                _("Output shape"): " × ".join(map(str, layer.output_shape)),
                _("Weights"): f"{layer.parameters:,}",
                _("Multiplications per image"): f"{layer.multiplications:,}",
            }
            for layer in layers
        ],
        hide_index=True,
    )


def _two_tests() -> None:
    result = measured()["forgotten_eval"]
    tries, right = result["train"], result["eval"]
    left, middle = st.columns(2)
    with left:
        st.markdown(_("**Without `eval()`**"))
        st.code(WITHOUT_EVAL, language="python")
        st.markdown(
            _(":red[**{low} to {high}**] in ten tries on the same network").format(
                low=f"{min(tries):.2%}", high=f"{max(tries):.2%}"
            )
        )
    with middle:
        st.markdown(_("**With `eval()`**"))
        st.code(WITH_EVAL, language="python")
        st.markdown(_(":green[**{accuracy}**], the same at every try").format(accuracy=f"{right:.2%}"))
    st.caption(_("Measured: the article's network after one epoch of MNIST, seed 0, on the 10,000 test images."))
