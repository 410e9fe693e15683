"""Downloads from a local server that behaves well, breaks off, lies, or is not there."""

import gzip
import hashlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from filelock import FileLock

from dlcore.data import download as downloading
from dlcore.data.availability import FILES, available, raw_folder
from dlcore.data.loading import load
from dlcore.data.torchvision_datasets import torchvision_datasets
from dlcore.messages import UserError
from dlcore.training.events import Preparing
from tests.dlcore.test_data import small_mnist

CONTENTS = small_mnist(train=400, test=100)
PACKED = {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in CONTENTS.items()}
LARGE = "train-images-idx3-ubyte.gz"


class Server(ThreadingHTTPServer):
    """Serves ``PACKED`` by ``answer(handler, data)``, and keeps the requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str]] = []
        self.answer: Callable = send

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        name = self.path.lstrip("/")
        self.server.requests.append((name, self.headers.get("Range", "")))
        self.server.answer(self, name, PACKED[name])

    def log_message(self, *_):
        pass


def send(handler, _name, data, *, cut=None, ranges=True):
    """``data`` from where the client asks, all of it or only the first ``cut`` bytes of the answer."""
    asked = handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-")
    start = int(asked) if ranges else 0
    if start > len(data) or (start == len(data) and start):
        handler.send_response(416)
        handler.end_headers()
        return
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Length", str(len(data) - start))
    handler.end_headers()
    handler.wfile.write(data[start:][:cut])


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def mirrors(server, monkeypatch):
    """Torchvision's MNIST, but with our server and our files' checksums."""
    source = torchvision_datasets().MNIST
    md5 = [(file, hashlib.md5(PACKED[file]).hexdigest()) for file in (f"{name}.gz" for name in FILES)]
    monkeypatch.setattr(source, "mirrors", [server.address])
    monkeypatch.setattr(source, "resources", md5)
    monkeypatch.setattr(downloading, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(downloading, "_TIMEOUT_SECONDS", 5)
    return source


def names():
    return sorted(path.name for path in raw_folder("mnist").iterdir() if path.name != ".lock")


def test_downloads_verifies_unpacks_and_reads(server):
    events: list[Preparing] = []
    dataset = load("mnist", on_event=events.append)
    assert dataset.train_images.numpy().tobytes() == CONTENTS["train-images-idx3-ubyte"][16:]
    assert len(dataset.test_images) == 100
    assert names() == sorted(FILES)
    assert [name for name, _ in server.requests] == [f"{name}.gz" for name in FILES]
    progress = [event for event in events if event.file == LARGE]
    assert progress[-1].bytes_done == progress[-1].bytes_total == len(PACKED[LARGE])
    assert [event.stage for event in events if event.stage != "downloading"] == ["verifying"] * 4 + ["reading"]
    server.requests.clear()
    load("mnist")
    assert server.requests == []  # the second time needs no network


def test_a_download_that_breaks_off_continues_where_it_stopped(server):
    def break_off_once(handler, name, data):
        first = (name, "bytes=0-") == server.requests[-1]
        send(handler, name, data, cut=100_000 if name == LARGE and first else None)

    server.answer = break_off_once
    assert len(load("mnist").train_images) == 400
    assert [asked for name, asked in server.requests if name == LARGE] == ["bytes=0-", "bytes=100000-"]


def test_a_server_that_knows_no_ranges_sends_all_of_it_again(server):
    def break_off_once(handler, name, data):
        first = [asked for asked, _ in server.requests].count(LARGE) == 1
        send(handler, name, data, cut=100_000 if name == LARGE and first else None, ranges=False)

    server.answer = break_off_once
    assert len(load("mnist").train_images) == 400


def test_a_later_run_continues_what_an_earlier_one_left(server):
    server.answer = lambda handler, name, data: send(handler, name, data, cut=50_000)
    with pytest.raises(UserError, match="broke off"):
        load("mnist")
    assert names() == [f"{LARGE}.part"]
    assert not available("mnist")
    server.answer = send
    assert len(load("mnist").train_images) == 400
    asked = [asked for name, asked in server.requests if name == LARGE]
    assert asked == [f"bytes={50_000 * k}-" for k in range(4)]


def test_a_wrong_checksum_is_refused_and_leaves_nothing(server):
    def spoil(handler, name, data):
        send(handler, name, data[:-1] + b"?")

    server.answer = spoil
    with pytest.raises(UserError, match=r"MNIST could not be downloaded \(wrong checksum\)"):
        load("mnist")
    assert names() == []
    assert len(server.requests) == 3
    server.answer = send
    assert len(load("mnist").train_images) == 400


def test_a_part_that_is_longer_than_the_file_is_thrown_away(server):
    raw_folder("mnist").mkdir(parents=True)
    (raw_folder("mnist") / f"{LARGE}.part").write_bytes(b"x" * (len(PACKED[LARGE]) + 1))
    assert len(load("mnist").train_images) == 400


def test_who_waits_for_anothers_download_can_be_stopped(server, monkeypatch):
    monkeypatch.setattr(downloading, "_LOCK_SECONDS", 0.05)
    raw_folder("mnist").mkdir(parents=True)
    other = FileLock(raw_folder("mnist") / ".lock")
    with other:
        waiting = downloading.download("mnist")
        assert [next(waiting).file for _ in range(3)] == ["MNIST"] * 3
        assert server.requests == []
    assert len(list(waiting)) > 4
    with other.acquire(timeout=0):  # whoever has fetched it keeps no lock
        assert available("mnist")


def test_a_missing_file_is_not_asked_for_again(server):
    def missing(handler, *_):
        handler.send_error(404)

    server.answer = missing
    with pytest.raises(UserError, match=r"404 Not Found.*small digits.*DLCORE_DATA"):
        load("mnist")
    assert len(server.requests) == 1


def test_a_server_error_is_tried_again(server):
    def fail_once(handler, name, data):
        if len(server.requests) == 1:
            handler.send_error(503)
        else:
            send(handler, name, data)

    server.answer = fail_once
    assert len(load("mnist").train_images) == 400


def test_the_next_mirror_helps(server, mirrors, monkeypatch):
    monkeypatch.setattr(mirrors, "mirrors", [_closed_port(), server.address])
    assert len(load("mnist").train_images) == 400


def test_no_connection_is_one_sentence_with_the_way_on(mirrors, monkeypatch):
    monkeypatch.setattr(mirrors, "mirrors", [_closed_port()])
    with pytest.raises(UserError, match=r"refused\)\. Train on the small digits.* or set DLCORE_DATA"):
        load("mnist")
    assert not available("mnist")


def test_a_folder_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DLCORE_DATA", str(tmp_path / "file"))
    with pytest.raises(UserError, match="could not be downloaded"):
        load("mnist")


def _closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"
