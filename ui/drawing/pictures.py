"""Other ways in than the pen: a photo, the camera, an image of a dataset. Each gives pictures of one digit each."""

import base64
import io
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from dlcore.data import DATASETS
from dlcore.inference import samples
from dlcore.inference.photo import image_to_digit, image_to_digits, naive, open_image
from dlcore.messages import N_, UserError
from dlcore.settings import number
from ui.drawing import models, pixels, state
from ui.language import translate as _
from ui.packing import packed

_HERE = Path(__file__).parent
_SHOWN = 320
_PASTED = "data:image/png;base64,"
_SAMPLE = "draw.sample"


@dataclass(frozen=True, eq=False)
class Given:
    """What came in."""

    images: Sequence[NDArray[np.uint8]]
    """uint8 (28, 28) each, from left to right; or one (1, C, S, S) of the model's own data."""
    whole: NDArray[np.uint8]
    """uint8 (28, 28): all that is in the picture as one image."""
    naive_image: NDArray[np.uint8]
    address: str
    """The picture itself, small, as an address that a browser shows."""
    label: str = ""
    """Its true class, where that is known; English."""
    dataset: str = ""


def show(page: state.DrawPage, source: str) -> Given | None:
    """The controls of the chosen way, and what came in by it; None as long as nothing has."""
    return _WAYS[page.way](page, source)


def take_away(page: state.DrawPage) -> None:
    """Make room for the next picture: no photo, or another image of the dataset; for callbacks."""
    if page.way == "sample":
        _another()
    else:
        page.pictures_taken_away += 1


def _fresh(key: str, page: state.DrawPage) -> str:
    return f"{key}.{page.pictures_taken_away}" if page.pictures_taken_away else key


_WORDS = """
.st-key-draw-photo [data-testid=stFileUploaderDropzoneInstructions] { display: none; }
.st-key-draw-photo [data-testid=stFileUploaderDropzone] button { font-size: 0; }
.st-key-draw-photo [data-testid=stFileUploaderDropzone] button * { display: none; }
.st-key-draw-photo [data-testid=stFileUploaderDropzone] button::after { content: "BUTTON"; font-size: 1rem; }
.st-key-draw-photo [data-testid=stFileUploaderDropzone]::after { content: "REMARK"; font-size: .85rem; opacity: .75; margin-left: .8rem; }
.st-key-draw-camera [data-testid=stCameraInputButton] { font-size: 0; }
.st-key-draw-camera [data-testid=stCameraInputButton]::after { content: "SHOT"; font-size: 1rem; }
"""
"""Streamlit's own words for a file and a shot are English in every language: ours stand in their place."""


def _own_words() -> None:
    limit = number("DLCORE_PICTURE_MEGABYTES", 20, low=0.01, high=1000)
    remark = _("or drop a picture here, at most {limit} MB").format(limit=f"{limit:g}")
    words = {"BUTTON": _("Choose a picture"), "REMARK": remark, "SHOT": _("Take or clear the picture")}
    style = _WORDS
    for place, text in words.items():
        style = style.replace(place, text.replace("\\", "").replace('"', ""))
    st.html(f"<style>{style}</style>")


def _photo(page: state.DrawPage, _source: str) -> Given | None:
    _own_words()
    with st.container(key="draw-photo"):
        file = _file(page)
    with st.container(key="draw-paste"):
        pasted = _paste(_fresh("draw.pasted", page))
    if file is not None:
        return _read(file.getvalue())
    return _read(pasted) if pasted else None


def _file(page: state.DrawPage) -> Any:
    return st.file_uploader(
        _("A photo of digits on paper"),
        type=["png", "jpg", "jpeg", "webp", "bmp", "gif"],
        key=_fresh("draw.photo", page),
    )


def _camera(page: state.DrawPage, _source: str) -> Given | None:
    _own_words()
    with st.container(key="draw-camera"):
        shot = st.camera_input(_("Hold a digit in front of the camera"), key=_fresh("draw.camera", page))
    return None if shot is None else _read(shot.getvalue())


def _sample(page: state.DrawPage, source: str) -> Given | None:
    """An image of a dataset: as chosen here, else as in the link, which follows."""
    names = samples.offered()
    asked = page.sample or str(st.query_params.get("sample", ""))
    try:
        chosen = samples.parse(asked) if asked else samples.Sample(names[0], "test", 0)
    except UserError:
        _forget()
        raise
    if chosen.dataset == samples.OWN:
        return _own_sample(page, source, chosen)
    st.session_state[f"{_SAMPLE}.dataset"] = chosen.dataset
    st.session_state[f"{_SAMPLE}.split"] = chosen.split
    st.session_state[f"{_SAMPLE}.index"] = chosen.index
    st.selectbox(
        _("Dataset"),
        names,
        key=f"{_SAMPLE}.dataset",
        format_func={name: _(DATASETS[name].title) for name in names}.__getitem__,
        on_change=_chosen,
    )
    words = {"test": _("test set"), "train": _("training set")}
    st.segmented_control(
        _("Part"),
        samples.SPLITS,
        key=f"{_SAMPLE}.split",
        format_func=words.__getitem__,
        on_change=_chosen,
        required=True,
    )
    st.number_input(
        _("Image number"),
        min_value=0,
        max_value=samples.count(chosen.dataset, chosen.split) - 1,
        key=f"{_SAMPLE}.index",
        on_change=_chosen,
    )
    with st.container(horizontal=True):
        st.button(_("Another"), key=f"{_SAMPLE}.another", icon=":material/casino:", on_click=_another)
        st.button(
            _("A hard one"),
            key=f"{_SAMPLE}.hard",
            icon=":material/psychology:",
            on_click=_hard,
            args=(source,),
            help=_("One of those that this model gets wrong, or nearly so, among the first 400 test images."),
        )
    page.sample = str(chosen)
    st.query_params["sample"] = page.sample
    image, label = samples.fetch(chosen)
    return Given([image], image, image, _address(Image.fromarray(image)), label, chosen.dataset)


def shows_its_own(page: state.DrawPage) -> bool:
    """Whether an image of the model's own data is asked for, in the session or in the link."""
    asked = page.sample or str(st.query_params.get("sample", ""))
    return page.way == "sample" and asked.startswith(f"{samples.OWN}:")


def _own_sample(page: state.DrawPage, source: str, chosen: samples.Sample) -> Given:
    """An image of the data that the model has learned from, as another page has named it."""
    part = _("test set") if chosen.split == "test" else _("training set")
    words = _("Image {number} of the {part} of this model's own data.")
    st.caption(words.format(number=chosen.index, part=part))
    st.button(_("Another image, from any dataset"), key=f"{_SAMPLE}.leave", icon=":material/undo:", on_click=_forget)
    config = models.config_of(models.load(source))
    image, label = samples.fetch_own(chosen, config)
    page.sample = str(chosen)
    st.query_params["sample"] = page.sample
    shaped = np.moveaxis(image[0], 0, -1)
    address = pixels.data_address(shaped[..., 0] if shaped.shape[-1] == 1 else shaped)
    return Given([image], image, image, address, label, config.dataset)


def _forget() -> None:
    """Show no longer what the link has named."""
    state.page().sample = ""
    st.query_params.pop("sample", None)


_WAYS: Mapping[str, Callable[[state.DrawPage, str], Given | None]] = {
    "photo": _photo,
    "camera": _camera,
    "sample": _sample,
}


def _chosen() -> None:
    values = [st.session_state[f"{_SAMPLE}.{name}"] for name in ("dataset", "split", "index")]
    dataset, split = str(values[0]), str(values[1])
    state.page().sample = f"{dataset}:{split}:{min(int(values[2]), samples.count(dataset, split) - 1)}"


def _another() -> None:
    dataset, split = (str(st.session_state[f"{_SAMPLE}.{name}"]) for name in ("dataset", "split"))
    index = random.randrange(samples.count(dataset, split))
    state.page().sample = f"{dataset}:{split}:{index}"


def _hard(source: str) -> None:
    dataset = str(st.session_state[f"{_SAMPLE}.dataset"])
    found = _hardest(source, models.load(source).sha256, dataset)
    if found:
        before = state.page().sample.rpartition(":")[2]
        place = found.index(int(before)) + 1 if before.isdigit() and int(before) in found else 0
        state.page().sample = f"{dataset}:test:{found[place % len(found)]}"


@lru_cache(maxsize=16)
def _hardest(source: str, _sha256: str, dataset: str) -> list[int]:
    return samples.hardest(models.load(source), dataset)


@cache
def _paste_mount() -> Callable[..., Any]:
    component: Callable[..., Any] = st.components.v2.component(
        "pasted_picture",
        html='<div class="paste" tabindex="0" role="button"></div>',
        css=(_HERE / "paste.css").read_text(encoding="utf-8"),
        js=(_HERE / "paste.js").read_text(encoding="utf-8"),
    )
    return component


def _paste(key: str) -> bytes:
    """What was pasted as the bytes of a PNG, at most 1,024 pixels a side as it comes from our own script; else empty."""
    refused = UserError(N_("What was pasted is no picture: copy a picture and paste it again."))
    try:
        said = _paste_mount()(
            key=key,
            data=packed({"text": _("Or copy a picture and press Ctrl+V")}),
            default={"picture": ""},
            on_picture_change=lambda: None,
        ).picture
    except (ValueError, RecursionError):
        raise refused from None
    return decode_pasted(said)


def decode_pasted(said: Any) -> bytes:
    """The bytes in what the browser says was pasted: anything at all.

    Raises:
        UserError: it is no address of a PNG, or a larger one than is read.
    """
    if said in ("", None):
        return b""
    limit = number("DLCORE_PICTURE_MEGABYTES", 20, low=0.01, high=1000) * 1e6
    if not isinstance(said, str) or not said.startswith(_PASTED) or len(said) > 1.4 * limit:
        raise UserError(N_("What was pasted is no picture: copy a picture and paste it again."))
    try:
        return base64.b64decode(said[len(_PASTED) :], validate=True)
    except ValueError:
        raise UserError(N_("What was pasted is no picture: copy a picture and paste it again.")) from None


def read_picture(content: bytes) -> Given:
    """The digits in a picture file, trusted as little as anything from outside.

    Raises:
        UserError: it is no picture, damaged, or larger than is read.
    """
    limit = number("DLCORE_PICTURE_MEGABYTES", 20, low=0.01, high=1000)
    if len(content) > limit * 1e6:
        raise UserError(N_("The picture has more than {limit} megabytes: make it smaller."), limit=f"{limit:g}")
    image = open_image(content)
    digits = image_to_digits(image)
    whole = digits[0] if len(digits) == 1 else image_to_digit(image)
    return Given(digits, whole, naive(image), _address(image))


@lru_cache(maxsize=8)
def _read(content: bytes) -> Given:
    return read_picture(content)


def _address(image: Image.Image) -> str:
    small = image.convert("RGB")
    small.thumbnail((_SHOWN, _SHOWN))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
