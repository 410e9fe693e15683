"""Trying addresses politely: a bounded asynchronous client that asks little, waits when told to, and gives up in time.

Each address is asked with HEAD, and with GET if that is not answered well; of an answer only the head is read. One
request at a time goes to a host, with a pause after it; what may pass (429, 5xx, time-outs) is tried again, later each
time, and not before the site's own ``Retry-After``.
"""

import asyncio
import random
import ssl
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import httpx2

from dlcore.resources.links import LinkRecord, State
from dlcore.resources.rules import normalised

AGENT = "dlcore-resources-check/1 (link checker of a free course on deep learning; one request at a time a host)"
ARCHIVE = "https://archive.org/wayback/available"
_GONE = frozenset({404, 410})
_MAY_PASS = frozenset({408, 425, 429, *range(500, 600)})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOR_GOOD = frozenset({301, 308})
_GIVE_UP_ON_HOST = 6
"""Requests in a row that a host may leave unanswered before it is asked for nothing more."""
_LARGEST_ANSWER = 100_000


@dataclass(frozen=True)
class Manners:
    """How the client behaves: requests at once, the pause at a host, time-outs, tries and waits, all in seconds."""

    at_once: int = 8
    host_pause_seconds: float = 1.0
    timeout_seconds: float = 20.0
    tries: int = 3
    backoff_seconds: float = 2.0
    longest_wait_seconds: float = 60.0
    most_redirects: int = 5
    agent: str = AGENT
    archive: str = ARCHIVE


@dataclass(frozen=True)
class _Outcome:
    """What one request, and the redirects that it led through, came to."""

    state: State
    detail: str
    may_pass: bool = False
    final: str | None = None


@dataclass
class _Host:
    """A site: one request at a time, none before ``free``; ``silent`` counts the requests in a row without an answer."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    free: float = 0.0
    silent: int = 0


class _SilentHostError(Exception):
    """A host that did not answer so often that it is not asked any more."""


class _Client:
    """The addresses of one check. Holds the hosts' turns, and the connections while it runs."""

    def __init__(self, manners: Manners, http: httpx2.AsyncClient) -> None:
        self.manners = manners
        self.http = http
        self.hosts: dict[str, _Host] = defaultdict(_Host)
        self.at_once = asyncio.Semaphore(manners.at_once)

    async def request(self, method: str, url: str) -> tuple[int, Mapping[str, str], bytes]:
        """One request in its host's turn: status, headers, and for a GET of the archive the answer."""
        host = self.hosts[urlsplit(url).netloc.lower()]
        wanted = _LARGEST_ANSWER if url.startswith(self.manners.archive) else 0
        loop = asyncio.get_running_loop()
        async with host.turn:
            if host.silent >= _GIVE_UP_ON_HOST:
                raise _SilentHostError
            host.silent += 1
            await asyncio.sleep(max(0.0, host.free - loop.time()))
            try:
                async with (
                    self.at_once,
                    asyncio.timeout(self.manners.timeout_seconds),
                    self.http.stream(method, url) as response,
                ):
                    body = b""
                    if wanted:
                        async for part in response.aiter_bytes():
                            body += part
                            if len(body) > wanted:
                                break
                    status, headers = response.status_code, dict(response.headers)
            finally:
                host.free = loop.time() + self.manners.host_pause_seconds
            host.silent = 0
            wait = _retry_after(headers.get("retry-after", "")) if status in (429, 503) else 0.0
            if 0 < wait <= self.manners.longest_wait_seconds:
                host.free = max(host.free, loop.time() + wait)
        return status, headers, body

    async def ask(self, method: str, url: str) -> _Outcome:
        """One request and its redirects, told as what it means for the address."""
        try:
            return await self._follow(method, url.partition("#")[0])
        except _SilentHostError:
            return _Outcome("failing", "not asked: its host left other requests unanswered")
        except (TimeoutError, httpx2.TimeoutException):
            return _Outcome("failing", f"timed out after {self.manners.timeout_seconds:g} s", may_pass=True)
        except (httpx2.InvalidURL, ValueError) as error:
            return _Outcome("failing", f"leads to an address that is none: {error}"[:200])
        except httpx2.HTTPError as error:
            if secure := _tls_fault(error):
                return _Outcome("failing", f"TLS: {secure}"[:200])
            kind = "cannot connect" if isinstance(error, httpx2.ConnectError) else "broken answer"
            return _Outcome("failing", f"{kind}: {error or type(error).__name__}"[:200], may_pass=True)

    async def _follow(self, method: str, url: str) -> _Outcome:
        here, for_good = url, True
        for _hop in range(self.manners.most_redirects + 1):
            status, headers, _body = await self.request(method, here)
            if status not in _REDIRECTS or not headers.get("location"):
                return _meaning(status, headers, url, here, for_good, self.manners)
            for_good = for_good and status in _FOR_GOOD
            there = urljoin(here, headers["location"]).partition("#")[0]
            if urlsplit(there).scheme not in ("http", "https"):
                return _Outcome("failing", f"leads to {there[:100]}, which is no address of the web")
            here = there
        return _Outcome("failing", f"leads on more than {self.manners.most_redirects} times")

    async def look(self, url: str, today: date) -> LinkRecord:
        """What is at an address, after as many tries as it takes and the manners allow."""
        method: Literal["HEAD", "GET"] = "HEAD"
        tried = 0
        while True:
            outcome = await self.ask(method, url)
            if outcome.state in ("ok", "moved"):
                break
            if method == "HEAD" and not outcome.detail.startswith("TLS"):
                method = "GET"  # some sites refuse HEAD, or answer it with anything
                continue
            tried += 1
            if not outcome.may_pass or tried >= self.manners.tries:
                break
            # Jitter, so that addresses which failed together do not come back together.
            await asyncio.sleep(self.manners.backoff_seconds * 2 ** (tried - 1) * random.uniform(0.8, 1.2))
        day = today.isoformat()
        return LinkRecord(
            state=outcome.state, detail=outcome.detail, checked=day, since=day, how=method, final=outcome.final
        )

    async def archived(self, url: str, month: str) -> str | None:
        """The Internet Archive's copy nearest to ``month`` (YYYY-MM), if it says that it has one."""
        query = httpx2.QueryParams({"url": url, "timestamp": month.replace("-", "") + "01"})
        try:
            status, _headers, body = await self.request("GET", f"{self.manners.archive}?{query}")
            closest = httpx2.Response(status, content=body).json()["archived_snapshots"]["closest"]
            copy = closest["url"] if closest["available"] and status == 200 else ""
        except (_SilentHostError, TimeoutError, httpx2.HTTPError, ValueError, KeyError, TypeError):
            return None
        copy = str(copy).replace("http://", "https://", 1)
        return copy if copy.startswith("https://web.archive.org/web/") and len(copy) <= 500 else None


def _retry_after(value: str) -> float:
    """Seconds, from a number or a date; 0 if it is neither."""
    if value.isascii() and value.isdigit():
        return float(value[:6])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _tls_fault(error: BaseException | None) -> str:
    """What was wrong with a site's certificate or encryption, if that was it."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return getattr(error, "verify_message", "") or error.reason or str(error)
        error = error.__cause__ or error.__context__
    return ""


def _meaning(
    status: int, headers: Mapping[str, str], url: str, final: str, for_good: bool, manners: Manners
) -> _Outcome:
    if status in _GONE:
        return _Outcome("gone", f"HTTP {status}")
    if status in _MAY_PASS:
        wait = _retry_after(headers.get("retry-after", ""))
        if wait > manners.longest_wait_seconds:
            return _Outcome("failing", f"HTTP {status}, asks to wait {wait:.0f} s")
        return _Outcome("failing", f"HTTP {status}", may_pass=True)
    if status >= 400:
        return _Outcome("refused", f"HTTP {status}")
    if for_good and normalised(final) != normalised(url):
        home = not urlsplit(final).path.strip("/") and urlsplit(url).path.strip("/")
        detail = "leads to a front page; the page itself may be gone" if home else "moved for good"
        return _Outcome("moved", detail, final=final[:500])
    return _Outcome("ok", f"HTTP {status}")


async def _look_at_all(
    addresses: Mapping[str, str], manners: Manners, today: date, tell: Callable[[str, LinkRecord], None]
) -> None:
    async with httpx2.AsyncClient(
        headers={"User-Agent": manners.agent, "Accept": "*/*"},
        timeout=manners.timeout_seconds,
        limits=httpx2.Limits(max_connections=manners.at_once, max_keepalive_connections=manners.at_once),
        follow_redirects=False,
    ) as http:
        client = _Client(manners, http)

        async def one(url: str, month: str) -> None:
            record = await client.look(url, today)
            if record.state == "gone" and (copy := await client.archived(url, month)):
                record = record.model_copy(update={"archive": copy})
            tell(url, record)

        async with asyncio.TaskGroup() as group:
            for url, month in addresses.items():
                group.create_task(one(url, month))


def look_at_all(
    addresses: Mapping[str, str],
    *,
    today: date,
    manners: Manners | None = None,
    tell: Callable[[str, LinkRecord], Any] = lambda _url, _record: None,
) -> dict[str, LinkRecord]:
    """What is at each address; ``tell`` is called with each as it is known.

    Args:
        addresses: each address, with the month (YYYY-MM) in which somebody last saw it alive.
        today: the day to write into the records.
        manners: how to behave; the usual ones if not given.
        tell: called with an address and its record.
    """
    found: dict[str, LinkRecord] = {}

    def keep(url: str, record: LinkRecord) -> None:
        found[url] = record
        tell(url, record)

    asyncio.run(_look_at_all(addresses, manners or Manners(), today, keep))
    return found
