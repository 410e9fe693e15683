"""What the pages that watch a run share, and how often they look."""

import json
import sys
import threading

import pytest

from dlcore.config import TrainConfig
from dlcore.runs import directory, sealed
from dlcore.training.events import Inspected, Stepped, to_json
from ui.training import feed, moving
from ui.training.feed import Feed
from ui.training.live import LOOK_SECONDS, SLOWEST_SECONDS, WAITING_SECONDS, WORDS_SECONDS, next_look, next_words
from ui.training.moving import Moving, parcel
from ui.training.state import Watch


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("DLCORE_HOME", str(tmp_path))
    return directory.create(TrainConfig(dataset="digits", model="linear"))


def write(run, *steps: int) -> None:
    with run.events_path.open("ab") as log:
        for step in steps:
            event = Stepped(step=step, epoch=1, loss=1.0, learning_rate=0.1, images_seen=step, seconds=float(step))
            log.write(sealed.seal_line(to_json(event)))


def test_the_log_is_read_as_it_grows_and_once_for_all_who_look_at_the_same_time(run, monkeypatch):
    monkeypatch.setattr(feed.time, "monotonic", lambda: now)
    one, now = Feed(run), 0.0
    write(run, 1, 2)
    one.update("running")
    assert list(one.history.steps.step) == [1, 2]
    write(run, 3)
    one.update("running")
    assert list(one.history.steps.step) == [1, 2]
    one.update("completed")  # its last words must not be missed
    assert list(one.history.steps.step) == [1, 2, 3]
    write(run, 4)
    now = 60.0
    one.update("running")
    assert list(one.history.steps.step) == [1, 2, 3, 4]
    run.events_path.unlink()
    one.update("stopped")
    assert not one.history.steps.step


def test_what_was_drawn_is_kept_until_the_log_grows(run):
    one, made = Feed(run), []

    def make() -> int:
        made.append(len(made))
        return made[-1]

    assert [one.kept("a", make), one.kept("a", make), one.kept("b", make)] == [0, 0, 1]
    write(run, 1)
    one.update("paused")
    assert one.kept("a", make) == 2
    for key in range(200):
        one.kept(key, make)
    assert one.kept("a", make) > 200  # no more is kept than is shown


def test_an_inspection_is_parsed_once_and_again_when_it_was_written_anew(run, monkeypatch):
    one, reads = Feed(run), []
    read = directory.Run.inspection
    monkeypatch.setattr(directory.Run, "inspection", lambda self, epoch: reads.append(epoch) or read(self, epoch))

    def put(step: int) -> None:
        path = run.inspection_path(1)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(sealed.seal_line(to_json(Inspected(epoch=1, step=step, confusion=[[1]]))))

    assert one.inspection(1) is None
    put(5)
    assert [one.inspection(1).step, one.inspection(1).step] == [5, 5]
    assert reads == [1, 1]


def test_pages_look_less_often_where_nothing_is_new_and_where_looks_are_dear():
    def seconds(phase="going", *, quiet=0, cost=0.001, pages=1):
        return next_look(phase, quiet=quiet, cost_seconds=cost, pages=pages, processors=2)

    assert seconds() == LOOK_SECONDS
    assert LOOK_SECONDS < seconds(quiet=1) < seconds(quiet=9) == seconds(quiet=90)
    assert seconds(cost=0.015) == pytest.approx(1.0)  # 15 ms a second are three quarters of 1 % of two processors
    assert seconds(cost=0.015, pages=4) == pytest.approx(2.0)  # and of four pages together twice that
    assert seconds(cost=9) == SLOWEST_SECONDS
    assert seconds("waiting") == WAITING_SECONDS


def test_words_follow_as_soon_as_their_quarter_allows_and_never_much_later():
    assert next_words(cost_seconds=0.01, pages=1, processors=2) == pytest.approx(2.0)
    assert next_words(cost_seconds=0.005, pages=4, processors=2) == pytest.approx(2.0)
    assert next_words(cost_seconds=0.01, pages=6, processors=2) == WORDS_SECONDS
    assert next_words(cost_seconds=0.01, pages=1, processors=20) == pytest.approx(0.2)


def test_only_what_changed_is_sent_and_only_once(monkeypatch):
    shown, page, values = [], Moving(), {}
    monkeypatch.setattr(moving, "put", shown.append)
    for key in "ab":
        values[key] = 1
        page.part(lambda key=key: parcel("progress", key, share=values[key]))
    assert [one.key for one in shown] == ["a", "b"]
    assert page.news() == {}
    values["b"] = 2
    assert [json.loads(told)["share"] for told in page.news().values()] == [2]
    assert page.news() == {}
    page.forget()
    values["b"] = 3
    assert page.news() == {}  # it is not on the page any more


def test_two_parts_of_a_page_that_look_at_once_have_looked_once(run, monkeypatch):
    monkeypatch.setattr("ui.training.state.time.monotonic", lambda: now)
    watch, now = Watch(Feed(run)), 0.0
    watch.look()
    watch.look()
    assert watch.quiet == 0
    now = 1.0
    watch.look()
    watch.look()
    assert watch.quiet == 1


def test_pages_that_come_and_go_at_once_are_counted_all_the_same(run, monkeypatch):
    monkeypatch.setattr(feed, "PRESENT_SECONDS", -1.0)  # each look forgets whoever looked before, and itself
    shared, faults = Feed(run), []

    def look(first: int) -> None:
        try:
            for page in range(first, first + 3000):
                shared.present(page)
        except (KeyError, RuntimeError) as error:
            faults.append(error)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns in the middle of everything
    try:
        pages = [threading.Thread(target=look, args=(3000 * number,)) for number in range(8)]
        for page in pages:
            page.start()
        for page in pages:
            page.join()
    finally:
        sys.setswitchinterval(usual)
    assert not faults
