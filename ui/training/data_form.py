"""The part of the form about data: which classes, which pictures, how they look, what augmentation does to them."""

import html
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st
from PIL import Image

from dlcore import preview
from dlcore.config import KNOBS
from dlcore.data import DATASETS, OWN_IMAGES, DatasetSpec, own_images
from dlcore.data.own_images import SIZES, ImageSet, Limits, Skipped
from dlcore.data.selection import classes_of, classes_text
from dlcore.knobs import Knob
from dlcore.messages import UserError
from dlcore.preview import Preview
from ui.class_names import shown_names
from ui.clock import run_again
from ui.language import translate as _
from ui.part import part
from ui.shell import plain_text, show_error
from ui.training.pictures import url_of
from ui.training.state import TrainPage

_LOOK_AGAIN_SECONDS = 0.5
_UPLOAD_MEGABYTES = 100
_SKIPPED_SHOWN = 20
_STYLE = Path(__file__).with_name("samples.css")


# Which classes


def classes_choice(knob: Knob, state: TrainPage) -> None:
    """The classes to tell apart, by their names; none chosen stands for all of them."""
    key = f"train.{knob.name}"
    try:
        spec = state.config.whole_data()
    except UserError:  # own images that are not there yet
        spec = DATASETS[OWN_IMAGES]
    chosen = list(classes_of(spec, state.config.classes)) if state.config.classes and spec.class_names else []
    st.session_state[key] = [state.single_class] if state.single_class is not None else chosen
    names = shown_names(spec.class_names, state.config.dataset)
    st.multiselect(
        _(knob.title),
        list(range(len(names))),
        key=key,
        format_func=lambda index: names[index],
        placeholder=_("All {count}").format(count=len(spec.class_names)),
        help=_(knob.description),
        disabled=not spec.class_names,
        on_change=_choose_classes,
        args=(state, spec, key),
    )
    if state.single_class is not None:
        st.caption(_("Choose one more: it takes two to tell apart. Until then all of them count."))
    elif chosen:
        st.caption(_counts(state.config.data()))


def _choose_classes(state: TrainPage, spec: DatasetSpec, key: str) -> None:
    chosen: Sequence[int] = st.session_state[key]
    state.single_class = chosen[0] if len(chosen) == 1 else None
    text = classes_text(spec, chosen) if len(chosen) > 1 else ""
    state.config = state.config.model_copy(update={"classes": text})
    state.refusals = ()


def _counts(spec: DatasetSpec) -> str:
    return _("{train:,} images to learn from and {test:,} to test with.").format(
        train=spec.train_count, test=spec.test_count
    )


# How they look


def samples_fold(state: TrainPage) -> None:
    """A fold with a few images of each class and how many there are; nothing is computed before it is opened."""
    if state.config.dataset == OWN_IMAGES and not state.config.own_images:
        return
    fold = st.expander(_("Look at the images"), icon=":material/grid_view:", key="train.samples", on_change="rerun")
    if fold.open:
        with fold:
            _when_made(state, _show_samples)


def augmentation_preview(state: TrainPage) -> None:
    """A switch, and below it what augmentation makes of a few training images, drawn several times."""
    if state.config.augmentation == "none":
        return
    if st.toggle(_("Show what it does"), key="train.augmented"):
        _when_made(state, _show_augmentation)


def _when_made(state: TrainPage, show: Callable[[TrainPage, Preview], None]) -> None:
    """Show pictures as soon as a process has made them."""
    try:
        found = preview.request(state.config)
    except UserError as error:
        show_error(error)
        return
    if found is not None:
        show(state, found)
        return
    part(_wait)(state, f"train.clock.{show.__name__}")


def _wait(state: TrainPage, key: str) -> None:
    if preview.is_settled(state.config):
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html('<span class="data-form-spinner" aria-hidden="true"></span>')
        st.caption(_("Making the pictures: a process of its own loads PyTorch for them, a few seconds."))
    st.html(_STYLE)
    run_again(_LOOK_AGAIN_SECONDS, key=key)


def _show_samples(state: TrainPage, found: Preview) -> None:
    spec = state.config.data()
    names = shown_names(spec.class_names, state.config.dataset)
    strips = _strips(found.samples, min(len(names), preview.MOST_CLASSES))
    most = max(spec.train_class_counts)
    rows = []
    for name, strip, train, test in zip(names, strips, spec.train_class_counts, spec.test_class_counts, strict=False):
        words = html.escape(_("Training images of the class {name}").format(name=name), quote=True)
        rows.append(
            f'<tr><th scope="row">{html.escape(name)}</th><td><img src="{strip}" alt="{words}"></td>'
            f'<td class="count" style="--share:{train / most:.3f}">{train:,}</td><td class="count">{test:,}</td></tr>'
        )
    head = "".join(
        f'<th scope="col">{html.escape(word)}</th>'
        for word in (_("Class"), _("Training images"), _("Train"), _("Test"))
    )
    st.html(
        f'<div class="data-form-samples"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )
    st.html(_STYLE)
    if len(names) > len(rows):
        st.caption(_("and {count} more classes").format(count=len(names) - len(rows)))
    st.caption(_balance(spec))


def _balance(spec: DatasetSpec) -> str:
    """What the counts mean for whoever trains on them."""
    few, many = min(spec.train_class_counts), max(spec.train_class_counts)
    words = _counts(spec)
    if many > 2 * few:
        return f"{words} " + _(
            "The largest class has {ratio:.1f} times as many as the smallest: accuracy alone flatters a network that prefers it."
        ).format(ratio=many / few)
    return words


def _strips(path: Path, count: int) -> list[str]:
    """The rows of a picture of samples, each as a URL that holds it."""
    with Image.open(path) as sheet:
        side = (sheet.height + preview.GAP) // count - preview.GAP
        tops = [number * (side + preview.GAP) for number in range(count)]
        return [url_of(sheet.crop((0, top, sheet.width, top + side))) for top in tops]


def _show_augmentation(_state: TrainPage, found: Preview) -> None:

    with Image.open(found.augmentation) as sheet:
        url = url_of(sheet)
    words = _("Some training images, one a row: at the left as they are, then as {count} draws of the augmentation.")
    st.image(url, width="stretch", alt=words.format(count=preview.DRAWS))
    st.caption(words.format(count=preview.DRAWS))


# Own images


def own_images_form(state: TrainPage) -> None:
    """Choose among the sets one has brought, or bring one."""
    sets = own_images.list_sets(state.visitor)
    _choose_set(state, sets)
    if state.imported is not None and state.imported.set_id == state.config.own_images:
        _report(state.imported)
    with st.expander(_("Bring pictures"), icon=":material/upload:", expanded=not sets, key="train.bring"):
        _bring(state)


def _choose_set(state: TrainPage, sets: list[ImageSet]) -> None:
    known = {one.set_id: one for one in sets}
    options = list(known)
    if state.config.own_images and state.config.own_images not in known:
        options.append(state.config.own_images)  # from a link
    key = "train.own_images"
    st.session_state[key] = state.config.own_images or None
    knob = KNOBS["own_images"]
    st.selectbox(
        _(knob.title),
        options,
        key=key,
        index=None,
        format_func=lambda set_id: _title(known.get(set_id), set_id),
        placeholder=_("Choose a set, or bring pictures below") if options else _("Bring pictures below"),
        help=_(knob.description),
        disabled=not options,
        filter_mode=None,
        on_change=_choose,
        args=(state, key),
    )
    if (chosen := known.get(state.config.own_images)) is not None:
        description = chosen.description
        pixels = f"{description.image_size}×{description.image_size}"
        kind = _("{pixels} pixels, in colour.") if description.channels == 3 else _("{pixels} pixels, grey.")
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.caption(f"{_counts(state.config.whole_data())} {kind.format(pixels=pixels)}", width="content")
            if own_images.has(chosen.set_id, state.visitor):
                with st.popover(_("Delete"), icon=":material/delete:", type="tertiary"):
                    st.markdown(
                        _("Deletes these pictures here. Runs that learned from them stay, but cannot be continued.")
                    )
                    st.button(
                        _("Delete the set"), key="train.delete_set", on_click=_delete, args=(state, chosen.set_id)
                    )


def _title(found: ImageSet | None, set_id: str) -> str:
    if found is None:
        return _("from a link ({name})").format(name=set_id[:8])
    return _("{name} · {count} classes").format(name=found.record.name, count=len(found.description.class_names))


def _choose(state: TrainPage, key: str) -> None:
    _use(state, st.session_state[key] or "")


def _use(state: TrainPage, set_id: str) -> None:
    state.config = state.config.model_copy(update={"dataset": OWN_IMAGES, "own_images": set_id, "classes": ""})
    state.single_class, state.refusals = None, ()


def _delete(state: TrainPage, set_id: str) -> None:
    try:
        own_images.remove(set_id, state.visitor)
    except UserError as error:
        state.refusals = (error,)
        return
    _use(state, "")
    state.imported = None


def _bring(state: TrainPage) -> None:
    st.markdown(
        _(
            "A zip, or a folder, with **one folder for each class**: `cats/1.jpg`, `dogs/7.png`. Five different pictures a class at least, in any size; each is fitted into a square. A fifth of them is set aside to test with."
        )
    )
    with st.container(horizontal=True):
        size = st.segmented_control(
            _("Pixels a side"), SIZES, default=SIZES[0], required=True, key="train.bring.size", width="content"
        )
        kinds = ["grey", "colour"]
        kind = st.segmented_control(
            _("Colours"),
            kinds,
            default="grey",
            required=True,
            key="train.bring.kind",
            format_func=lambda name: {"grey": _("Grey"), "colour": _("Colour")}[name],
            width="content",
        )
    way = st.segmented_control(
        _("From"),
        ["zip", "folder"],
        default="zip",
        required=True,
        key="train.bring.way",
        format_func=lambda name: {"zip": _("a zip file"), "folder": _("a folder")}[name],
        width="content",
    )
    if way == "zip":
        sent = st.file_uploader(
            _("Zip file"),
            type="zip",
            key="train.bring.zip",
            max_upload_size=_UPLOAD_MEGABYTES,
            label_visibility="collapsed",
        )
        named = [(sent.name, sent)] if sent is not None else []
    else:
        files = st.file_uploader(
            _("Folder"),
            accept_multiple_files="directory",
            key="train.bring.folder",
            max_upload_size=_UPLOAD_MEGABYTES,
            label_visibility="collapsed",
        )
        named = [(file.name, file) for file in files or []]
    if st.button(
        _("Make a dataset of them"),
        icon=":material/dataset:",
        key="train.bring.start",
        disabled=not named,
        width="stretch",
    ):
        _import(state, named, is_zip=way == "zip", size=size, colour=kind == "colour")
    st.caption(
        _(
            "The pictures stay on the machine of this page. Only you are offered them; but whoever has the link of a run can see its mistakes, which are pictures of the set."
        )
    )


def _import(
    state: TrainPage, named: Sequence[tuple[str, io.BytesIO]], *, is_zip: bool, size: int, colour: bool
) -> None:
    """Make the set here, telling how far it is; leaving the page ends it without a trace."""
    from dlcore.data import picture_import, picture_sources  # noqa: PLC0415  # it brings numpy, only where it is needed

    bar = st.progress(0.0, text=_("Reading the files…"))
    shown = 0.0
    try:
        limit: Limits = own_images.limits()
        listing = picture_sources.from_zip(named[0][1], limit) if is_zip else picture_sources.from_files(named, limit)
        with listing as (entries, skipped):
            importing = picture_import.import_pictures(
                entries,
                size=size,
                colour=colour,
                name=_name(named, is_zip=is_zip),
                owner=state.visitor,
                limit=limit,
                skipped=skipped,
            )
            while True:
                try:
                    progress = next(importing)
                except StopIteration as done:
                    state.imported = done.value
                    break
                share = progress.done / max(1, progress.total)
                if share - shown >= 0.01:
                    shown = share
                    words = _("{done:,} of {total:,} files").format(done=progress.done, total=progress.total)
                    bar.progress(share, text=words)
    except UserError as error:
        bar.empty()
        show_error(error)
        return
    assert state.imported is not None
    _use(state, state.imported.set_id)
    st.rerun()


def _name(named: Sequence[tuple[str, io.BytesIO]], *, is_zip: bool) -> str:
    first = named[0][0]
    return first.rpartition(".")[0] if is_zip else first.replace("\\", "/").partition("/")[0]


def _report(found: ImageSet) -> None:
    """What became of the files, once they were made a set."""
    record, description = found.record, found.description
    pictures = sum(description.train_class_counts) + sum(description.test_class_counts)
    st.success(
        _("{pictures:,} pictures in {classes} classes are ready to be learned from.").format(
            pictures=pictures, classes=len(description.class_names)
        ),
        icon=":material/check_circle:",
    )
    if record.skipped_count:
        with st.expander(_("{count:,} files were left out").format(count=record.skipped_count), key="train.skipped"):
            st.markdown("\n".join(_skipped_line(one) for one in record.skipped[:_SKIPPED_SHOWN]))
            if (more := record.skipped_count - _SKIPPED_SHOWN) > 0:
                st.caption(_("and {count:,} more").format(count=more))


def _skipped_line(one: Skipped) -> str:
    return "- " + _("{file}: {reason}").format(file=plain_text(one.file), reason=_(one.reason))
