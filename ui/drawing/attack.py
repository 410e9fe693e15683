"""Break it on purpose: the smallest change of pixels that makes the network say something else."""

from html import escape

import streamlit as st

from dlcore.messages import UserError
from ui.class_names import shown_names
from ui.drawing import compare, link, models
from ui.drawing.answer import percent
from ui.drawing.answering import softened
from ui.drawing.pixels import gallery, picture, signed_picture
from ui.drawing.reading import Reading
from ui.language import explain
from ui.language import translate as _
from ui.part import part

_EPSILON = "draw.attack.epsilon"
_FIRST_EPSILON, _MOST_EPSILON, _STEP = 0.1, 0.5, 0.002


@part
def show(reading: Reading) -> None:
    """The attack's settings, its three pictures, the smallest ε, and the other models."""
    from dlcore.inference.adversarial import ATTACKS, attack  # noqa: PLC0415  # torch, not before it must
    from dlcore.inference.prediction import as_input  # noqa: PLC0415

    assert reading.model is not None
    assert reading.guess is not None
    names = shown_names(reading.class_names, reading.dataset)
    pixels = as_input(reading.model, reading.image)[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        titles = {name: _(title) for name, (title, _attack) in ATTACKS.items()}
        link.hold("draw.attack.method", "method", list(ATTACKS), "fgsm")
        method = st.segmented_control(
            _("Method"), list(ATTACKS), key="draw.attack.method", format_func=titles.get, required=True
        )
        classes = ["", *map(str, range(len(names)))]
        any_other = _("anything else")
        link.hold("draw.attack.target", "target", classes, "")
        wanted = st.selectbox(
            _("Make it say"),
            classes,
            key="draw.attack.target",
            format_func=lambda index: names[int(index)] if index else any_other,
            width=180,
        )
    # What is the answer already is no target; it stays chosen for the next drawing.
    target = int(wanted) if wanted and int(wanted) != reading.guess else None
    link.hold_number(_EPSILON, st.query_params.get("epsilon"), _FIRST_EPSILON, low=0.0, high=_MOST_EPSILON, step=_STEP)
    said = st.empty()
    if st.button(_("Find the smallest ε that flips the answer"), key="draw.attack.smallest", icon=":material/search:"):
        _find(reading, pixels, method, target, said)
    epsilon = st.slider(
        _("ε: the most that a pixel may change, of white"), 0.0, _MOST_EPSILON, step=_STEP, key=_EPSILON, format="%.3f"
    )
    link.follow(
        method="" if method == "fgsm" else str(method),
        target=wanted,
        epsilon="" if abs(epsilon - _FIRST_EPSILON) < _STEP / 2 else f"{epsilon:.3f}",
    )
    attacked = attack(reading.model, pixels, method, epsilon, target=target)
    top = int(attacked.probabilities.argmax())
    flipped = top != reading.guess
    before = f"{escape(names[reading.guess])}, {percent((reading.probabilities or [0.0])[reading.guess])}"
    after = f"{escape(names[top])}, {percent(softened(reading.model, attacked.probabilities)[top])}"
    magnified = _("shown {times} times as strong").format(times=f"{1 / epsilon:.0f}" if epsilon else "∞")
    st.html(
        gallery(
            picture(pixels, escape(_("Before")), before),
            signed_picture(
                attacked.perturbation.sum(0), max(epsilon, 1e-9), escape(_("The change")), escape(magnified)
            ),
            picture(attacked.pixels, escape(_("After")), f"<b>{after}</b>" if flipped else after),
            width_rem=11,
        )
    )
    if flipped:
        st.markdown(_("**Flipped.** To the eye it is still the same drawing."))
    else:
        st.markdown(_("The answer stands. More ε, the other method, or a smaller goal may flip it."))
    _others(reading, attacked)


def _find(reading: Reading, pixels, method: str, target: int | None, said) -> None:  # noqa: ANN001
    from dlcore.inference.adversarial import smallest_epsilon  # noqa: PLC0415

    assert reading.model is not None
    with st.spinner(_("Looking")):
        found = smallest_epsilon(reading.model, pixels, method, target=target, highest=_MOST_EPSILON)
    if found is None:
        said.info(_("No ε up to 0.5 flips it by this method."))
        return
    st.session_state[_EPSILON] = min(_MOST_EPSILON, -(-found.epsilon // _STEP) * _STEP)
    said.success(
        _("The smallest ε that flips it is {epsilon}: {levels} of 255 levels of grey.").format(
            epsilon=f"{found.epsilon:.4f}", levels=f"{255 * found.epsilon:.1f}"
        )
    )


def _others(reading: Reading, attacked) -> None:  # noqa: ANN001
    """Does it fool other models too? Attacks often carry over (Szegedy et al., 2014)."""
    from dlcore.inference.adversarial import shown_to  # noqa: PLC0415

    assert reading.model is not None
    with st.expander(_("Does it fool other models too?"), key="draw.attack.others", on_change="rerun") as fold:
        if not fold.open:
            return
        rows = [
            compare.Said(
                reading.source,
                shown_names(reading.class_names, reading.dataset),
                softened(reading.model, attacked.probabilities),
            )
        ]
        for source in compare.choose(reading, "draw.attack.models", without=reading.source):
            try:
                other = models.load(source)
            except UserError as error:
                rows.append(compare.Said(source, reason=explain(error)))
                continue
            found = shown_to(other, attacked, reading.model)
            if found is None:
                rows.append(compare.Said(source, reason=_("It reads images of another shape.")))
            else:
                rows.append(compare.Said(source, shown_names(other.class_names, other.dataset), softened(other, found)))
        st.html(compare.table(rows))
        if len(rows) == 1:
            st.caption(_("Train a model of your own, and try the attack on it."))
