"""The visitor's token in a real browser: where it is kept, and to whom the browser tells it."""

import pytest

from ui.visitor import _JS

_KEPT, _NEW = "a-visitor-of-the-test-0001", "somebody-new-of-the-test-2"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("stored", "token", "said"), [(None, _NEW, []), (_KEPT, _KEPT, [_KEPT]), ("short; domain=.test", _NEW, [])]
)
def test_the_token_stays_in_the_browser_and_goes_to_this_page_alone(page, scheme, stored, token, said):
    address = f"{scheme}://dashboard.test/"
    page.route(f"{address}**", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto(address)
    heard = page.evaluate(
        """async ([source, stored, token]) => {
          if (stored !== null) localStorage.setItem("dlcore.visitor", stored)
          const module = await import("data:text/javascript," + encodeURIComponent(source))
          const heard = []
          module.default({ data: { token }, setStateValue: (_name, value) => heard.push(value) })
          return heard
        }""",
        [_JS, stored, _NEW],
    )
    assert heard == said
    assert page.evaluate("localStorage.getItem('dlcore.visitor')") == token
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["value"], cookie["domain"]) == ("dlcore.visitor", token, "dashboard.test")
    assert (cookie["sameSite"], cookie["secure"]) == ("Strict", scheme == "https")
