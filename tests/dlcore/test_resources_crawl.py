"""The link checker against a server that behaves in every way; never against the real net."""

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import pytest

from dlcore.resources import crawl
from dlcore.resources.crawl import Manners, look_at_all
from tests.dlcore.link_server import Web, serve

TODAY = date(2026, 11, 23)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def web(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with serve() as web:
        yield web


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """The seconds that the client meant to wait; it need not."""
    meant: list[float] = []
    sleep = asyncio.sleep

    async def at_once(seconds: float) -> None:
        meant.append(seconds)
        await sleep(0)

    monkeypatch.setattr(crawl.asyncio, "sleep", at_once)
    return meant


def manners(web: Web, **changes) -> Manners:
    usual = Manners(
        host_pause_seconds=0, timeout_seconds=5, backoff_seconds=0.01, archive=f"{web.url}/wayback/available"
    )
    return replace(usual, **changes)


def look(web: Web, path: str, **changes):
    url = path if "://" in path else web.url + path
    found = look_at_all({url: "2026-08"}, today=TODAY, manners=manners(web, **changes))
    assert list(found) == [url]
    return found[url]


@pytest.mark.parametrize(
    ("path", "state", "detail", "how"),
    [
        ("/fine", "ok", "HTTP 200", "HEAD"),
        ("/no-head", "ok", "HTTP 200", "GET"),
        ("/head-lies", "ok", "HTTP 200", "GET"),
        ("/status/404", "gone", "HTTP 404", "GET"),
        ("/status/410", "gone", "HTTP 410", "GET"),
        ("/status/401", "refused", "HTTP 401", "GET"),
        ("/status/403", "refused", "HTTP 403", "GET"),
        ("/status/451", "refused", "HTTP 451", "GET"),
        ("/status/999", "refused", "HTTP 999", "GET"),
        ("/status/500", "failing", "HTTP 500", "GET"),
        ("/moved/301", "moved", "moved for good", "HEAD"),
        ("/moved/308", "moved", "moved for good", "HEAD"),
        ("/moved/302", "ok", "HTTP 200", "HEAD"),
        ("/to-front", "moved", "leads to a front page; the page itself may be gone", "HEAD"),
        ("/round-and-round", "failing", "leads on more than 5 times", "GET"),
        ("/broken-then-fine", "ok", "HTTP 200", "GET"),
        ("/huge", "ok", "HTTP 200", "GET"),
    ],
)
def test_what_an_answer_means(web, path, state, detail, how):
    record = look(web, path)
    assert (record.state, record.detail, record.how) == (state, detail, how)
    assert record.checked == record.since == "2026-11-23"


def test_where_it_moved_is_told(web):
    assert look(web, "/moved/301").final == f"{web.url}/new-place"
    assert look(web, "/moved/302").final is None


def test_a_page_that_is_there_is_asked_for_once_and_by_its_head(web):
    look(web, "/fine#part")
    assert web.asked == [("HEAD", "/fine")]


def test_the_client_says_who_it_is(web):
    look(web, "/fine")
    assert web.agents == {crawl.AGENT}
    assert "link checker" in crawl.AGENT


def test_a_huge_page_is_not_read(web):
    look(web, "/huge")
    assert web.huge_sent < 10**8


def test_what_may_pass_is_tried_again_and_later_each_time(web, waits):
    assert look(web, "/status/503", tries=4, backoff_seconds=10).state == "failing"
    assert web.times("/status/503") == {"HEAD": 1, "GET": 4}
    longer = [wait for wait in waits if wait > 1]
    assert len(longer) == 3
    assert all(0.8 * meant <= wait <= 1.2 * meant for wait, meant in zip(longer, (10, 20, 40), strict=True))


def test_what_will_not_pass_is_not_asked_again(web):
    look(web, "/status/404")
    assert web.times("/status/404") == {"HEAD": 1, "GET": 1}


def test_retry_after_is_understood_in_seconds_and_as_a_date():
    assert crawl._retry_after("30") == 30
    later = datetime.now(UTC) + timedelta(hours=1)
    assert 3000 < crawl._retry_after(format_datetime(later, usegmt=True)) <= 3600
    assert crawl._retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_a_busy_host_is_left_alone_for_as_long_as_it_asks(web, waits):
    assert look(web, "/busy/30").state == "ok"
    assert sum(25 < wait <= 30 for wait in waits) == 2
    assert web.times("/busy/30") == {"HEAD": 1, "GET": 2}


def test_who_asks_for_a_day_is_not_waited_for(web, waits):
    record = look(web, "/busy-for-long")
    assert record.detail == "HTTP 429, asks to wait 86400 s"
    assert max(waits, default=0) < 1
    assert web.times("/busy-for-long") == {"HEAD": 1, "GET": 1}


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e9", "٣", "Mon, 99 Xxx"])
def test_an_odd_retry_after_asks_for_nothing(value):
    assert crawl._retry_after(value) == 0


@pytest.mark.parametrize("path", ["/slow", "/drips"])
def test_a_slow_site_is_given_up(web, path):
    record = look(web, path, timeout_seconds=0.3, tries=1)
    assert (record.state, record.detail) == ("failing", "timed out after 0.3 s")


def test_who_hangs_up_is_no_error_of_ours(web):
    record = look(web, "/hangs-up", tries=1)
    assert record.state == "failing"
    assert record.detail.startswith("broken answer: ")


def test_no_encryption_where_there_should_be_is_told_and_not_tried_again(web):
    record = look(web, f"https://127.0.0.1:{web.port}/fine")
    assert record.state == "failing"
    assert record.detail.startswith("TLS: ")


def test_nobody_there(web):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        record = look(web, f"http://127.0.0.1:{probe.getsockname()[1]}/", tries=2)
    assert record.state == "failing"
    assert record.detail.startswith("cannot connect")


@pytest.mark.parametrize(("path", "part"), [("/to-ftp", "no address of the web"), ("/to-nowhere", "")])
def test_a_way_that_leads_nowhere_is_not_followed(web, path, part):
    record = look(web, path, tries=1)
    assert record.state == "failing"
    assert part in record.detail
    assert len(record.detail) <= 200


def test_one_request_at_a_time_goes_to_a_host_with_a_pause_between(web, waits):
    urls = {f"{web.url}/slowly/{number}": "2026-08" for number in range(8)}
    found = look_at_all(urls, today=TODAY, manners=manners(web, host_pause_seconds=7))
    assert {record.state for record in found.values()} == {"ok"}
    assert web.most_at_once == 1
    assert sum(6 < wait <= 7 for wait in waits) == 7


def test_only_so_many_requests_run_at_once(web):
    urls = {f"http://{host}:{web.port}/slowly/{n}": "2026-08" for n in range(3) for host in ("127.0.0.1", "localhost")}
    look_at_all(urls, today=TODAY, manners=manners(web, at_once=1))
    assert web.most_at_once == 1


def test_a_host_that_is_silent_is_not_asked_for_everything(web):
    urls = {f"{web.url}/slow/{number}": "2026-08" for number in range(8)}
    found = look_at_all(urls, today=TODAY, manners=manners(web, timeout_seconds=0.1, tries=1))
    assert {record.state for record in found.values()} == {"failing"}
    assert sum("not asked" in record.detail for record in found.values()) >= 1
    assert len(web.asked) < 16


def test_a_page_that_is_gone_comes_with_its_archived_copy(web):
    record = look(web, "/status/404/page")
    assert record.archive == f"https://web.archive.org/web/20260801120000/{web.url}/status/404/page"
    assert look(web, "/status/404/never-archived").archive is None
    assert look(web, "/status/404/foreign").archive is None
    assert look(web, "/status/404", archive=f"{web.url}/status/500").archive is None
