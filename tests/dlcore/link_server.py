"""A small web of bad manners on this machine: every way in which an address can answer, or not."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from urllib.parse import parse_qs, urlsplit


@dataclass
class Web:
    """The server's address, what it was asked, how much of it slowly at once, and what of the huge body it got rid of."""

    url: str = ""
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    at_once: int = 0
    most_at_once: int = 0
    huge_sent: int = 0
    closing: Event = field(default_factory=Event)
    counting: Lock = field(default_factory=Lock)

    def times(self, path: str) -> Counter[str]:
        return Counter(method for method, asked in self.asked if asked == path)


class Handler(BaseHTTPRequestHandler):
    """One request. The first part of the path names what happens."""

    server: "Server"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        web, parts = self.server.web, urlsplit(self.path)
        self.query, self.path_only = parse_qs(parts.query), parts.path
        self.tries = sum(web.times(parts.path).values())
        web.asked.append((self.command, parts.path))
        web.agents.add(self.headers.get("User-Agent", ""))
        name, *more = parts.path.strip("/").split("/")
        getattr(self, f"show_{name.replace('-', '_')}", self.show_fine)(*more)

    do_HEAD = do_GET  # noqa: N815

    @property
    def is_head(self) -> bool:
        return self.command == "HEAD"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not self.is_head:
            self.wfile.write(body)

    def show_fine(self, *_: str) -> None:
        self.answer(200)

    def show_status(self, number: str, *_: str) -> None:
        self.answer(int(number), b"sorry")

    def show_no_head(self) -> None:
        self.answer(405 if self.is_head else 200)

    def show_head_lies(self) -> None:
        self.answer(404 if self.is_head else 200)

    def show_moved(self, number: str) -> None:
        self.answer(int(number), Location="/new-place")

    def show_to_front(self) -> None:
        self.answer(301, Location="/")

    def show_to_ftp(self) -> None:
        self.answer(301, Location="ftp://elsewhere.example/file")

    def show_to_nowhere(self) -> None:
        self.answer(302, Location="http://[half/")

    def show_round_and_round(self) -> None:
        self.answer(302, Location="/round-and-round")

    def show_busy(self, wait: str) -> None:
        if self.tries < 2:
            self.answer(429, Retry_After=wait)
        else:
            self.answer(200)

    def show_busy_for_long(self) -> None:
        self.answer(429, Retry_After="86400")

    def show_broken_then_fine(self) -> None:
        self.answer(500 if self.tries < 2 else 200)

    def show_slow(self, *_: str) -> None:
        self.server.web.closing.wait(20)
        self.close_connection = True

    def show_slowly(self, *_: str) -> None:
        web = self.server.web
        with web.counting:
            web.at_once += 1
            web.most_at_once = max(web.most_at_once, web.at_once)
        time.sleep(0.05)
        with web.counting:
            web.at_once -= 1
        self.answer(200)  # only now: whoever has read it may ask again before this thread goes on

    def show_hangs_up(self) -> None:
        self.close_connection = True

    def show_drips(self) -> None:
        self.close_connection = True
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.server.web.closing.wait(0.05):
                self.wfile.write(b"X-Drip: 1\r\n")
        except OSError:
            pass  # the client has had enough

    def show_huge(self) -> None:
        if self.is_head:
            self.answer(405)
            return
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Length", str(10**12))
        self.end_headers()
        try:
            while self.server.web.huge_sent < 10**9:
                self.wfile.write(b"x" * 65_536)
                self.server.web.huge_sent += 65_536
        except OSError:
            pass  # the client has had enough

    def show_wayback(self, _available: str) -> None:
        wanted, moment = self.query["url"][0], self.query["timestamp"][0]
        copy = f"http://web.archive.org/web/{moment}120000/{wanted}"
        if "foreign" in wanted:
            copy = "https://elsewhere.example/phishing"
        closest = {} if "never-archived" in wanted else {"closest": {"available": True, "url": copy}}
        self.answer(200, json.dumps({"archived_snapshots": closest}).encode())


class Server(ThreadingHTTPServer):
    """The server with what is to be remembered of its requests."""

    daemon_threads = True

    def __init__(self, web: Web) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.web = web


@contextmanager
def serve() -> Iterator[Web]:
    """The server, for as long as the block lasts. As an HTTP proxy it answers for every host."""
    web = Web()
    server = Server(web)
    web.port = server.server_address[1]
    web.url = f"http://127.0.0.1:{web.port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield web
    finally:
        web.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
