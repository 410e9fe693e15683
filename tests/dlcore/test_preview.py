"""Pictures of a dataset and of augmentation: kept, found again, swept, and a reason where there are none."""

import errno
import json
import os
import subprocess
import threading
from types import SimpleNamespace

import pytest
from filelock import Timeout
from PIL import Image

from dlcore import elsewhere, preview
from dlcore.config import TrainConfig
from dlcore.elsewhere import Bench
from dlcore.messages import UserError

DIGITS = TrainConfig(dataset="digits", augmentation="light")


@pytest.fixture(autouse=True)
def bench(monkeypatch):
    """A bench of its own for each test."""
    found = Bench("preview")
    monkeypatch.setattr(preview, "_bench", lambda: found)
    return found


def makers():
    """The threads that let pictures be made, of whatever test of this process."""
    return {thread for thread in threading.enumerate() if thread.name == "preview"}


def join():
    for thread in makers():
        thread.join(60)


def test_the_pictures_are_a_row_a_class_and_a_row_an_image():
    found = preview.render(DIGITS)
    step = 56 + preview.GAP
    with Image.open(found.samples) as sheet:
        assert sheet.size == (preview.SAMPLES_EACH * step - preview.GAP, 10 * step - preview.GAP)
        assert sheet.mode == "LA"
        assert sheet.getpixel((56 + 1, 5))[1] == 0  # between two images there is nothing
    with Image.open(found.augmentation) as sheet:
        assert sheet.size == ((1 + preview.DRAWS) * step - preview.GAP, preview.AUGMENTED * step - preview.GAP)
        tiles = [
            [sheet.crop((x * step, y * step, x * step + 56, y * step + 56)).tobytes() for x in range(1 + preview.DRAWS)]
            for y in range(preview.AUGMENTED)
        ]
    assert all(len(set(row)) == len(row) for row in tiles)  # each a draw of its own
    with Image.open(found.samples) as sheet:
        assert (
            tiles[3][0] == sheet.crop((0, 3 * step, 56, 3 * step + 56)).tobytes()
        )  # the first of the threes, as it is


def test_few_classes_are_shown_by_several_of_their_images():
    two = TrainConfig(dataset="digits", classes="1,7")
    found = preview.render(two)
    with Image.open(found.samples) as sheet:
        assert sheet.height == 2 * 56 + preview.GAP
    with Image.open(found.augmentation) as sheet:
        assert sheet.height == preview.AUGMENTED * (56 + preview.GAP) - preview.GAP


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"seed": 5, "epochs": 2, "model": "mlp"}, True),
        ({"shift_pixels": 3.5}, True),  # a strength counts only where it is one's own
        ({"augmentation": "strong"}, False),
        ({"classes": "1,2"}, False),
        ({"dataset": "mnist"}, False),
    ],
)
def test_a_key_depends_on_what_the_pictures_show_and_on_nothing_else(other, same):
    changed = DIGITS.model_copy(update=other)
    assert (preview.place(changed) == preview.place(DIGITS)) == same


def test_strengths_of_ones_own_count():
    own = TrainConfig(dataset="digits", augmentation="custom")
    assert preview.place(own) != preview.place(own.model_copy(update={"shift_pixels": 3.5}))


def test_what_was_made_once_is_found_again(monkeypatch):
    made = preview.render(DIGITS)
    os.utime(made.folder, (1, 1))
    monkeypatch.setattr(elsewhere.subprocess, "run", lambda *_a, **_o: pytest.fail("made once more"))
    assert preview.request(DIGITS) == made
    assert made.folder.stat().st_mtime > 1  # it was looked at, so it is kept longer
    assert preview.is_settled(DIGITS)


def test_a_process_makes_them_while_the_page_goes_on():
    left_by_others = makers()
    assert preview.request(DIGITS) is None
    assert preview.request(DIGITS) is None
    assert not preview.is_settled(DIGITS)
    assert len(makers() - left_by_others) == 1
    join()
    assert preview.is_settled(DIGITS)
    found = preview.request(DIGITS)
    assert found is not None
    assert found.samples.is_file()


def answering(template: str, **values: str) -> SimpleNamespace:
    """A process that answered with an error of its own."""
    told = {"template": template, "values": values, "verbatim": []}
    return SimpleNamespace(stdout=json.dumps({"error": "…", "told": told}).encode(), stderr=b"", returncode=2)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (answering("The moon is {phase}.", phase="full"), "The moon is full."),
        (answering("{much}", much="x" * 5000), "x" * 300),
        (answering("{nothing"), "something unforeseen, which the server's log holds. Try again."),
        (
            SimpleNamespace(stdout=b'{"error": "KeyError: 3"}\n', stderr=b"", returncode=1),
            "something unforeseen, which the server's log holds. Try again.",
        ),
        (
            SimpleNamespace(stdout=b"", stderr=b"", returncode=-9),
            "its process broke off, perhaps for want of memory. Try again.",
        ),
        (
            SimpleNamespace(stdout=b"nonsense", stderr=b"", returncode=1),
            "its process broke off, perhaps for want of memory. Try again.",
        ),
        (subprocess.TimeoutExpired("preview", 90), "it took too long, the server may be busy. Try again in a minute."),
        (Timeout("lock"), "it took too long, the server may be busy. Try again in a minute."),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Cannot allocate memory"),
    ],
)
def test_a_failure_is_told_once_and_then_tried_again(answer, told, monkeypatch):
    asked = []

    def run(*arguments, **_options):
        asked.append(arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(elsewhere.subprocess, "run", run)
    assert preview.request(DIGITS) is None
    join()
    with pytest.raises(UserError, match="could not be made") as caught:
        preview.request(DIGITS)
    assert str(caught.value.values["reason"]) == told
    assert preview.request(DIGITS) is None
    join()
    assert len(asked) == 2


def test_reasons_do_not_pile_up(bench):
    for number in range(elsewhere._KEPT + 20):
        bench._run(str(number), lambda: UserError("no"))
    assert len(bench._problems) <= elsewhere._KEPT + 1


def test_no_more_threads_wait_than_may_and_whoever_comes_then_is_told(monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(preview, "_render_elsewhere", lambda _: gate.wait(60) and UserError("no"))
    for number in range(elsewhere._MOST_WAITING):
        assert preview.request(DIGITS.model_copy(update={"classes": f"0,{number + 1}"})) is None
    with pytest.raises(UserError, match="Too many others"):
        preview.request(DIGITS)
    gate.set()
    join()
    assert preview.request(DIGITS) is None
    join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_that_nobody_foresaw_locks_nobody_out(monkeypatch):
    monkeypatch.setattr(preview, "_render_elsewhere", lambda _: 1 / 0)
    assert preview.request(DIGITS) is None
    join()
    assert preview.is_settled(DIGITS)
    with pytest.raises(UserError, match="could not be made"):
        preview.request(DIGITS)


def test_what_is_not_at_hand_is_not_downloaded_for_a_look(bench):
    for ask in (preview.request, preview.render):
        with pytest.raises(UserError, match="first run downloads"):
            ask(TrainConfig(dataset="mnist"))
    assert not bench.under_way


def test_only_what_was_looked_at_last_is_kept(monkeypatch):
    monkeypatch.setattr(preview, "_KEPT", 3)
    names = [f"old{number}" for number in range(6)]
    for number, name in enumerate(names):
        (preview._folder() / name).mkdir(parents=True)
        os.utime(preview._folder() / name, (1000 + number, 1000 + number))
    made = preview.render(DIGITS)
    assert {path.name for path in preview._folder().iterdir()} == {made.folder.name, "old5", "old4"}
