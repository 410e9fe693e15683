"""Visitors that watch a run, without a browser: they speak with the server as a page does, and draw nothing.

A visitor's browser is a machine of its own. Here eight of them would take more of two cores than all that is to be
measured, and so look less often than they would; these take next to nothing, and look when they are told to. An answer
that is lost they do not ask for again.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

APART_SECONDS = 0.05
"""As in ``ui/clock.js``, whose part is played here."""
_LARGEST_MESSAGE = 64 << 20


class Visitor:
    """A page of the app. While it is ``seen`` its clocks ask for news when they are told to."""

    def __init__(self, address: str, page: str, query: str) -> None:
        """``address`` is the server's, ``host:port``."""
        self.seen = True
        self.asked = 0
        """Questions so far."""
        self.waits: list[float] = []
        """Seconds that each answer took, from the question, or the first of several that it answers, to the end of it."""
        self.problem = ""
        """What the page showed as an exception, which no page of this project may."""
        self._address, self._page, self._query = address, page, query
        self._script = ""
        """The page's own number, once the server has named it."""
        self._buttons: dict[str, tuple[str, str]] = {}
        """The identifier of each button, and of the fragment that it lies in, by its key."""
        self._clocks: dict[str, asyncio.Task[None]] = {}
        self._roused: dict[str, asyncio.Event] = {}
        self._waiting_since: float | None = None
        self._asked_at = 0.0
        self._free = asyncio.Lock()
        self._line: ClientConnection | None = None
        self._tasks: asyncio.TaskGroup | None = None

    async def visit(self) -> None:
        """Open the page and stay on it until cancelled.

        Raises:
            ExceptionGroup: with :class:`ConnectionError` where the server ends the visit.
        """
        url = f"ws://{self._address}/_stcore/stream"
        async with (
            connect(url, subprotocols=["streamlit"], max_size=_LARGEST_MESSAGE) as self._line,  # type: ignore[list-item]
            asyncio.TaskGroup() as self._tasks,
        ):
            await self._ask()
            async for data in self._line:
                self._hear(data if isinstance(data, bytes) else data.encode())
            raise ConnectionError("the server has ended the visit")

    async def press(self, key: str) -> None:
        """Press the button of this key."""
        button, fragment = self._buttons[key]
        await self._ask(button=button, fragment=fragment)

    def shows(self, key: str) -> bool:
        """Whether the page has shown a button of this key."""
        return key in self._buttons

    @property
    def is_answered(self) -> bool:
        """Whether no question is open."""
        return self._waiting_since is None

    async def _ask(self, *, clock: str = "", button: str = "", fragment: str = "") -> None:
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string, rerun.fragment_id = self._query, fragment
        if self._script:
            rerun.page_script_hash = self._script
        else:
            rerun.page_name = self._page
        rerun.context_info.timezone, rerun.context_info.locale = "UTC", "en-US"
        if clock:
            widget = rerun.widget_states.widgets.add()
            widget.id = f"$$STREAMLIT_INTERNAL_KEY_{clock}__events"
            widget.json_trigger_value = json.dumps([{"event": "tick", "value": round(1000 * time.time())}])
        if button:
            widget = rerun.widget_states.widgets.add()
            widget.id, widget.trigger_value = button, True
        self.asked += 1
        self._asked_at = time.perf_counter()
        if self._waiting_since is None:
            self._waiting_since = self._asked_at
        assert self._line is not None
        await self._line.send(message.SerializeToString())

    def _hear(self, data: bytes) -> None:
        message = ForwardMsg.FromString(data)
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self._script = message.navigation.page_script_hash
        elif kind == "script_finished":
            # A script that asks for another run of itself has answered nothing yet.
            if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN and self._waiting_since is not None:
                self.waits.append(time.perf_counter() - self._waiting_since)
                self._waiting_since = None
        elif kind == "delta":
            element, fragment = message.delta.new_element, message.delta.fragment_id
            what = element.WhichOneof("type")
            if what == "button":
                self._buttons[element.button.id.split("-", 2)[2]] = element.button.id, fragment
            elif what == "exception":
                self.problem = element.exception.message or element.exception.type
            elif what == "bidi_component" and element.bidi_component.component_name.endswith("clock"):
                component = element.bidi_component
                told = json.loads(json.loads(component.json or component.mixed.json)["json"])
                self._wind(told, component.id, fragment)

    def _wind(self, told: dict[str, Any], clock: str, fragment: str) -> None:
        """The server said when this clock shall strike."""
        name = told["name"]
        if name in self._clocks:
            self._clocks[name].cancel()
        roused = self._roused[name] = asyncio.Event()

        async def strike() -> None:
            with suppress(TimeoutError):
                await asyncio.wait_for(roused.wait(), told["seconds"])
            while not self.seen:  # noqa: ASYNC110  # it is set in another thread
                await asyncio.sleep(APART_SECONDS)
            async with self._free:
                await asyncio.sleep(APART_SECONDS - (time.perf_counter() - self._asked_at))
                await self._ask(clock=clock, fragment=fragment)

        assert self._tasks is not None
        self._clocks[name] = self._tasks.create_task(strike())
        if told["rouse"] in self._roused:
            self._roused[told["rouse"]].set()


@contextmanager
def visiting(address: str, page: str, query: str, count: int) -> Iterator[list[Visitor]]:
    """So many visitors on that page, in a thread, until the block ends.

    Raises:
        ExceptionGroup: some did not get in, or were thrown out.
    """
    visitors = [Visitor(address, page, query) for _ in range(count)]
    loop, leave = asyncio.new_event_loop(), asyncio.Event()

    async def stay() -> None:
        async with asyncio.TaskGroup() as group:
            visits = [group.create_task(visitor.visit()) for visitor in visitors]
            await leave.wait()
            for visit in visits:
                visit.cancel()

    with ThreadPoolExecutor(1) as pool, closing(loop):
        all_of_them = pool.submit(loop.run_until_complete, stay())
        try:
            yield visitors
        finally:
            if not all_of_them.done():
                loop.call_soon_threadsafe(leave.set)
            all_of_them.result()
