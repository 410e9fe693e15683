"""The network under the choice of the model: its layers with shapes and costs, and an editor for one's own.

An edit that makes a network becomes part of ``TrainPage.config`` at once. One that does not is kept as a draft, with
what is wrong at the layer where it is wrong, and nothing can be started until it is put right or given up.
"""

from collections.abc import Callable
from html import escape
from pathlib import Path

import streamlit as st

from dlcore.config import TrainConfig
from dlcore.data import DATASETS
from dlcore.knobs import Knob
from dlcore.messages import N_, UserError
from dlcore.models import stack
from dlcore.models.layers import (
    Activation,
    AveragePooling,
    Branches,
    Convolution,
    Deskewing,
    Dropout,
    Flatten,
    GlobalAveragePooling,
    Layer,
    Linear,
    LogSoftmax,
    MaxPooling,
    Normalization,
    Residual,
    Shape,
)
from dlcore.models.mixed_committee_cnn import BRANCHES
from dlcore.models.stack import WORDS, Argument, Item
from dlcore.models.table import Row, totals
from ui.language import translate as _
from ui.shell import plain_text, show_error
from ui.training.state import Draft, TrainPage

_STYLE = Path(__file__).with_name("architecture.css")
_WORDS: dict[type[Layer], str] = {
    Convolution: WORDS["conv"].title,
    MaxPooling: WORDS["maxpool"].title,
    AveragePooling: WORDS["avgpool"].title,
    GlobalAveragePooling: WORDS["globalpool"].title,
    Deskewing: N_("Deskewing"),
    Flatten: WORDS["flatten"].title,
    Linear: WORDS["linear"].title,
    Dropout: WORDS["dropout"].title,
    Residual: N_("Sum with the shortcut"),
    Branches: N_("Branches, one after the other"),
    LogSoftmax: N_("Log-softmax"),
}
_BRANCHES = {"plain": N_("The image as it is"), "deskewed": N_("The image upright")}
"""Those of ``mixed-committee-cnn``, by their names."""


def architecture(knob: Knob, state: TrainPage) -> None:
    """The editor where the model is the visitor's own; what the network costs; its table, folded."""
    st.html(_STYLE)
    if knob.applies(state.config.model_dump()):
        with st.expander(_("Build it"), expanded=True, key="train.build"):
            _editor(knob, state)
    rows = state.config.table()
    whole = totals(rows)
    st.caption(
        _("{parameters:,} parameters, {multiply_adds} multiply-adds an image.").format(
            parameters=whole.parameters, multiply_adds=short(whole.multiply_adds)
        )
    )
    with st.expander(_("Layer by layer"), key="train.architecture"):
        st.html(table(rows, _input_shape(state.config)))
        st.caption(
            _(
                "For one image. Multiply-adds: a weight times a value, added to a sum; those of convolutions and linear"
                " layers. Memory: what a layer hands on, as float32; learning keeps it for every image of a batch."
            )
        )


def pending(state: TrainPage) -> UserError | None:
    """Why the layers that are being edited make no network; None if they do. A draft that fits by now is taken."""
    draft = state.draft
    if draft is None:
        return None
    if state.config.model != "custom" or draft.base != state.config.layers:
        state.draft = None  # something else was opened since
        return None
    try:
        state.config = TrainConfig.parse(state.config.model_dump() | {"layers": draft.text}, check_data=False)
    except UserError as error:
        return error
    state.draft = None
    return None


# The table


def table(rows: list[Row], reaches: Shape) -> str:
    """The layers of a network as HTML: what each hands on, learns and costs; ``reaches`` is the shape of an image."""
    whole = totals(rows)
    head = [_("Layer"), _("Parameters"), _("Multiply-adds"), _("Memory, kB")]
    image, in_all = _head(_("Image"), _shape(reaches)), escape(_("In all"))
    lines = [f"<tr>{image}<td></td><td></td><td></td></tr>"]
    heading = ""
    for row in rows:
        if (title := branch_title(row.name)) != heading:
            heading = title
            lines.append(
                f"<tr class='branch'><th scope='rowgroup' colspan='{len(head)}'>{escape(title)}</th></tr>"
                if title
                else ""
            )
        inside = " class='inside'" if row.depth else ""
        cells = _amount(row.parameters, whole.parameters) + _amount(row.multiply_adds, whole.multiply_adds)
        first = _head(in_words(row.layer), f"{row.name} → {_shape(row.output)}")
        lines.append(f"<tr{inside}>{first}{cells}<td>{_kilobytes(row.memory_bytes)}</td></tr>")
    sums = [short(whole.parameters), short(whole.multiply_adds), _kilobytes(whole.memory_bytes)]
    foot = "".join(f"<td>{text}</td>" for text in sums)
    header = "".join(f"<th scope='col'>{escape(title)}</th>" for title in head)
    return (
        f"<table class='architecture'><thead><tr>{header}</tr></thead><tbody>{''.join(lines)}</tbody>"
        f"<tfoot><tr><th scope='row'>{in_all}</th>{foot}</tr></tfoot></table>"
    )


def _head(words: str, below: str) -> str:
    return f"<th scope='row'>{escape(words)}<small>{escape(below)}</small></th>"


def branch_title(name: str) -> str:
    """What the branch does in which the module called ``name`` lies; empty if it lies in none."""
    first, *inside = name.split(".")
    return _(_BRANCHES[inside[0]]) if first == BRANCHES and inside else ""


def _amount(value: int, whole: int) -> str:
    if not value:
        return "<td>–</td>"
    return f"<td class='share' style='--share: {100 * value / whole:.0f}%'>{short(value)}</td>"


def in_words(layer: Layer) -> str:
    """A layer's kind, with the numbers that its output does not tell."""
    match layer:
        case Convolution(kernel=kernel, stride=stride, padding=padding, groups=groups):
            text = f"{_(_WORDS[Convolution])} {kernel}×{kernel}"
            text += _(", stride {stride}").format(stride=stride) if stride > 1 else ""
            text += _(", padding {padding}").format(padding=padding) if padding else ""
            return text + (_(", in {groups} groups").format(groups=groups) if groups > 1 else "")
        case MaxPooling(window=window, pace=pace) | AveragePooling(window=window, pace=pace):
            text = f"{_(_WORDS[type(layer)])} {window}×{window}"
            return text + (_(", stride {stride}").format(stride=pace) if pace != window else "")
        case Dropout(share=share):
            return f"{_(_WORDS[Dropout])} {share:g}"
        case Activation(function=function):
            return _(WORDS[function].title)
        case Normalization(over=over):
            return _(WORDS[f"{over}norm"].title)
    return _(_WORDS[type(layer)])


def short(number: int) -> str:
    """A count in three digits or so: 784, 18.5 k, 11.2 M."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return (
                f"{number / size:.3g}\N{NO-BREAK SPACE}{letter}"
                if number < 100 * size
                else f"{number / size:.0f}\N{NO-BREAK SPACE}{letter}"
            )
    return str(number)


def _kilobytes(count: int) -> str:
    return f"{count / 1000:.3g}" if count < 100_000 else f"{count / 1000:,.0f}"


def _shape(shape: Shape) -> str:
    return "×".join(str(side) for side in shape)


def _input_shape(config: TrainConfig) -> Shape:
    try:
        spec = config.data()
    except UserError:  # own images that are not there yet
        spec = DATASETS[config.dataset]
    return (spec.channels, spec.image_size, spec.image_size)


# The editor


def _editor(knob: Knob, state: TrainPage) -> None:
    """One row a layer; the open one shows its numbers. Below, a way to add one, and the whole as text."""
    problem = pending(state)
    text = state.config.layers if state.draft is None else state.draft.text
    parts = stack.split(text)
    if state.layer is not None and state.layer >= len(parts):
        state.layer = None
    at_fault = _at_fault(problem, parts)
    shapes = stack.outputs(parts, _input_shape(state.config))
    with st.container(key="train-layers"):
        for place, part in enumerate(parts):
            _row(state, parts, place, shapes[place] if place < len(shapes) else None, wrong=place == at_fault)
            if problem is not None and place == at_fault:
                show_error(problem)
            if place == state.layer:
                with st.container(border=True, gap="small"):
                    _details(state, parts, place, part)
    if problem is not None and at_fault is None:
        show_error(problem)
    if problem is not None:
        st.button(
            _("Back to the last network that fitted"),
            icon=":material/undo:",
            key="train.layers.undo",
            on_click=_give_up,
            args=(state,),
        )
    _adding(state, parts)
    key = f"train.{knob.name}"
    words = _("Words: {words}.").format(words=", ".join(f"`{word}`" for word in WORDS))
    st.session_state[key] = text
    st.text_area(
        _("The same as text"),
        key=key,
        help=f"{_(knob.description)} {words}",
        max_chars=knob.longest,
        height="content",
        on_change=lambda: _change(state, stack.split(st.session_state[key]), state.layer),
    )


def _at_fault(problem: UserError | None, parts: list[str]) -> int | None:
    """The row, from 0, where something is wrong; what is wrong with the last layer that comes by itself shows at none."""
    number = problem.values.get("number") if problem is not None else None
    return number - 1 if isinstance(number, int) and number <= len(parts) else None


def _row(state: TrainPage, parts: list[str], place: int, shape: Shape | None, *, wrong: bool) -> None:
    words = _item_in_words(parts[place], place + 1)
    words = f":red[{words}]" if wrong else words
    shown = f" :gray[→ {_shape(shape)}]" if shape else ""
    chosen = place == state.layer
    st.button(
        f":gray[{place + 1}]  {words}{shown}",
        key=f"train-layer-{place}",
        type="secondary" if chosen else "tertiary",
        width="stretch",
        on_click=_choose,
        args=(state, None if chosen else place),
    )


def _item_in_words(part: str, number: int) -> str:
    try:
        item = stack.parse_item(part, number)
    except UserError:
        return plain_text(part[:40])
    if item.word == "residual" or (item.word == "dropout" and not item.values):
        return _(WORDS[item.word].title)
    return in_words(stack.layers([item], in_channels=1, classes=1, dropout=0)[item.word == "linear"])


def _details(state: TrainPage, parts: list[str], place: int, part: str) -> None:
    """The kind and the numbers of a layer, and its place among the others."""
    try:
        item = stack.parse_item(part, place + 1)
    except UserError:
        item = None
    kind_key = f"train.layer.{place}.kind.{item.word if item else ''}"
    st.selectbox(
        _("Kind of layer"),
        list(WORDS),
        index=list(WORDS).index(item.word) if item else None,
        key=kind_key,
        format_func=lambda word: _(WORDS[word].title),
        help=_(WORDS[item.word].summary) if item else None,
        filter_mode=None,
        on_change=lambda: _replace(state, parts, place, stack.offered(st.session_state[kind_key])),
    )
    if item is not None and WORDS[item.word].arguments:
        with st.container(horizontal=True, gap="small"):
            for argument in WORDS[item.word].arguments:
                _argument(state, parts, place, item, argument)
    with st.container(horizontal=True, gap="small"):
        last = len(parts) - 1
        for name, title, possible, act in (
            ("up", _("Up"), place > 0, lambda: _move(state, parts, place, -1)),
            ("down", _("Down"), place < last, lambda: _move(state, parts, place, 1)),
            ("remove", _("Remove"), True, lambda: _remove(state, parts, place)),
        ):
            st.button(title, key=f"train.layer.{name}", disabled=not possible, on_click=act)


def _argument(state: TrainPage, parts: list[str], place: int, item: Item, argument: Argument) -> None:
    kind: Callable[[float], float] = int if argument.whole else float
    key = f"train.layer.{place}.{item.word}.{argument.name}"
    value = item.values.get(argument.name, argument.default)
    st.session_state[key] = None if value is None else kind(value)

    def change() -> None:
        entered = st.session_state[key]
        values = {name: number for name, number in item.values.items() if name != argument.name}
        if entered is not None:
            values[argument.name] = entered
        elif argument.required:
            return  # emptied: what it was comes back
        _replace(state, parts, place, Item(item.word, values))

    st.number_input(
        _(argument.title),
        min_value=kind(argument.minimum),
        max_value=kind(argument.maximum),
        step=kind(1) if argument.whole else 0.05,
        format="%d" if argument.whole else "%g",
        placeholder=_("by itself"),
        key=key,
        width=110,
        on_change=change,
    )


def _adding(state: TrainPage, parts: list[str]) -> None:
    place = len(parts) if state.layer is None else state.layer + 1
    key = "train.layer.add"
    st.session_state[key] = None

    def add() -> None:
        item = stack.offered(st.session_state[key])
        _change(state, [*parts[:place], str(item), *parts[place:]], place)

    st.selectbox(
        _("Add a layer at the end") if state.layer is None else _("Add a layer after the open one"),
        list(WORDS),
        key=key,
        format_func=lambda word: _(WORDS[word].title),
        placeholder=_("Choose its kind"),
        filter_mode=None,
        on_change=add,
    )


def _choose(state: TrainPage, place: int | None) -> None:
    state.layer = place


def _replace(state: TrainPage, parts: list[str], place: int, item: Item) -> None:
    _change(state, [*parts[:place], str(item), *parts[place + 1 :]], place)


def _move(state: TrainPage, parts: list[str], place: int, by: int) -> None:
    order = parts.copy()
    order[place], order[place + by] = order[place + by], order[place]
    _change(state, order, place + by)


def _remove(state: TrainPage, parts: list[str], place: int) -> None:
    _change(state, parts[:place] + parts[place + 1 :], None)


def _give_up(state: TrainPage) -> None:
    state.draft, state.layer = None, None


def _change(state: TrainPage, parts: list[str], chosen: int | None) -> None:
    """Take the layers ``parts``, as a draft first; the row ``chosen`` is open afterwards."""
    state.draft, state.layer, state.refusals = Draft(base=state.config.layers, text=stack.join(parts)), chosen, ()
    pending(state)
