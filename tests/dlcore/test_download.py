"""Downloads from a local server that behaves well, breaks off, lies, or is not there."""

import gzip
import hashlib
import io
import socket
import tarfile
import threading
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from filelock import FileLock

from dlcore.data import download as downloading
from dlcore.data.availability import FILES, available, files, raw_folder
from dlcore.data.loading import load
from dlcore.data.torchvision_datasets import torchvision_datasets
from dlcore.messages import UserError
from dlcore.training.events import Preparing
from tests.dlcore.test_data import cifar_batch, small_emnist, small_mnist

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


# The archives of letters and photos


@pytest.fixture
def emnist(server, monkeypatch):
    """Torchvision's EMNIST with our server: one zip of all its parts."""
    contents = small_emnist(train=520, test=52)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for name, data in contents.items():
            file.writestr(f"gzip/{name}.gz", gzip.compress(data, mtime=0))
        file.writestr("gzip/emnist-byclass-train-images-idx3-ubyte.gz", bytes(200_000))
    monkeypatch.setitem(PACKED, "gzip.zip", archive.getvalue())
    source = torchvision_datasets().EMNIST
    monkeypatch.setattr(source, "url", server.address + "gzip.zip")
    monkeypatch.setattr(source, "md5", hashlib.md5(archive.getvalue()).hexdigest())
    return source


@pytest.fixture
def cifar(server, monkeypatch):
    """Torchvision's CIFAR10 with our server: one tar of six batches."""
    batches = {name: cifar_batch(number) for number, name in enumerate(files("cifar10"))}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as file:
        for name, data in {**batches, "readme.html": b"x", "../../evil": b"x"}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    source = torchvision_datasets().CIFAR10
    monkeypatch.setitem(PACKED, source.filename, archive.getvalue())
    monkeypatch.setattr(source, "url", server.address + source.filename)
    monkeypatch.setattr(source, "tgz_md5", hashlib.md5(archive.getvalue()).hexdigest())
    lists = [[name, hashlib.md5(data).hexdigest()] for name, data in batches.items()]
    monkeypatch.setattr(source, "train_list", lists[:5])
    monkeypatch.setattr(source, "test_list", lists[5:])
    return source


def test_of_emnist_only_the_letters_are_kept(server, emnist):
    events: list[Preparing] = []
    letters = load("emnist-letters", on_event=events.append)
    assert (len(letters.train_images), len(letters.test_images)) == (520, 52)
    folder = raw_folder("emnist-letters")
    assert sorted(path.name for path in folder.iterdir() if path.name != ".lock") == sorted(files("emnist-letters"))
    assert [event.stage for event in events][-2:] == ["verifying", "reading"]
    assert events[0].bytes_total == len(PACKED["gzip.zip"])
    server.requests.clear()
    load("emnist-letters")
    assert server.requests == []


def test_a_large_archive_that_breaks_off_continues(server, emnist, cifar):
    def break_off_once(handler, name, data):
        send(handler, name, data, cut=30_000 if server.requests[-1] == (name, "bytes=0-") else None)

    server.answer = break_off_once
    for name in ("emnist-letters", "cifar10"):
        server.requests.clear()
        load(name)
        assert [asked for _, asked in server.requests] == ["bytes=0-", "bytes=30000-"]


def test_photos_are_fetched_checked_and_unpacked(cifar):
    photos = load("cifar10")
    assert photos.train_images.shape == (100, 3, 32, 32)
    folder = raw_folder("cifar10")
    assert sorted(path.name for path in folder.iterdir() if path.name != ".lock") == sorted(files("cifar10"))
    assert not list(folder.parent.parent.rglob("evil"))


def test_a_batch_that_is_not_the_known_one_is_refused(cifar, monkeypatch):
    monkeypatch.setattr(cifar, "test_list", [["test_batch", "0" * 32]])
    with pytest.raises(UserError, match=r"CIFAR-10 could not be downloaded \(wrong checksum\)"):
        load("cifar10")
    assert not available("cifar10")


@pytest.mark.parametrize("name", ["emnist-letters", "cifar10"])
def test_an_archive_without_what_is_needed_is_refused(name, emnist, cifar, monkeypatch):
    monkeypatch.setattr(downloading, "files", lambda _name: ("missing",))
    with pytest.raises(UserError, match="lacks a file"):
        load(name)


def test_a_file_that_swells_is_cut_off(emnist, monkeypatch):
    monkeypatch.setattr(downloading, "_UNPACKED_LIMIT_BYTES", 10_000)
    with pytest.raises(UserError, match="something else"):
        load("emnist-letters")


def test_a_server_that_sends_far_more_is_cut_off(server, monkeypatch):
    monkeypatch.setattr(downloading, "_SLACK", 0.001)
    with pytest.raises(UserError, match="something else"):
        load("mnist")


def _closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"
