import pytest


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Learn deep learning by doing it"), ("zh", "在动手中学会深度学习")]
)
def test_home_opens_four_doors(open_page, language, title):
    app = open_page("home", language=language)
    assert app.title[0].value == title
    assert len(app.subheader) == 4
    pages = {link.proto.page for link in app.get("page_link")}
    assert pages == {"concepts", "train", "draw", "resources"}
