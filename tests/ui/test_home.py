import pytest

from ui.concepts.chapters import CHAPTERS
from ui.drawing import lab


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Learn deep learning by doing it"), ("zh", "在动手中学会深度学习")]
)
def test_home_opens_four_doors(open_page, language, title):
    app = open_page("home", language=language)
    assert app.title[0].value == title
    assert len(app.subheader) == 4
    pages = {link.proto.page for link in app.get("page_link")}
    assert pages == {"concepts", "train", "runs", "draw", "resources"}


def test_every_second_door_opens_what_it_names(open_page):
    queries = [link.proto.query_string for link in open_page("home").get("page_link")]
    assert [query for query in queries if "chapter=depth" in query]
    assert [query for query in queries if "panel=microscope" in query]
    assert [query for query in queries if "view=frameworks" in query]
    assert "depth" in CHAPTERS
    assert "microscope" in lab._PANELS
