"""The chapters: the same in both languages, formulas whole, the program true to the article's network."""

import re
from pathlib import Path

import pytest
import torch

from dlcore.data.torchvision_datasets import torchvision_datasets
from dlcore.models import MODELS
from ui.concepts import fields, trends
from ui.concepts.annotated import notes, pieces, rows
from ui.concepts.chapters import CHAPTERS
from ui.concepts.check import parts
from ui.concepts.lab import STEPS
from ui.concepts.lab_state import TRIALS
from ui.concepts.measured import measured
from ui.concepts.prose import split
from ui.resources.catalogue import labs

CONTENT = Path(__file__).resolve().parents[2] / "content"
NAMES = sorted(path.stem for path in (CONTENT / "en").glob("concepts-*.md"))
PROGRAM = (CONTENT / "program.py").read_text(encoding="utf-8")


def text(language: str, name: str) -> str:
    return (CONTENT / language / f"{name}.md").read_text(encoding="utf-8")


def both(name: str) -> list[str]:
    return [text(language, name) for language in ("en", "zh")]


def test_every_chapter_has_its_text_in_both_languages():
    assert sorted(path.stem for path in (CONTENT / "zh").glob("concepts-*.md")) == NAMES
    assert {f"concepts-{chapter}" for chapter in CHAPTERS} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestPairs:
    def test_same_sections_in_the_same_order(self, name):
        english, chinese = (list(split(content)) for content in both(name))
        assert english == chinese

    def test_same_headings_formulas_and_tables(self, name):
        english, chinese = (
            [
                re.findall(r"^#+(?= )", content, re.MULTILINE),
                content.count("$$"),
                len(re.findall(r"^\|", content, re.MULTILINE)),
                len(re.findall(r"^- ", content, re.MULTILINE)),
            ]
            for content in both(name)
        )
        assert english == chinese

    @pytest.mark.parametrize("language", ["en", "zh"])
    def test_formulas_are_balanced(self, name, language):
        for section in split(text(language, name)).values():
            assert section.count("$$") % 2 == 0
            formulas = re.findall(r"\$\$\n(.+?)\n\$\$", section, re.DOTALL)
            rest = re.sub(r"\$\$.+?\$\$", "", section, flags=re.DOTALL)
            assert rest.count("$") % 2 == 0, section[:60]
            formulas += re.findall(r"\$([^$]+)\$", rest)
            for formula in formulas:
                assert formula == formula.strip()
                assert formula.count("{") == formula.count("}"), formula
                assert len(re.findall(r"\\left\b", formula)) == len(re.findall(r"\\right\b", formula)), formula
                assert formula.count(r"\begin") == formula.count(r"\end"), formula

    @pytest.mark.parametrize("language", ["en", "zh"])
    def test_tables_are_rectangular(self, name, language):
        for block in re.findall(r"(?:^\|.*\n?)+", text(language, name), re.MULTILINE):
            assert len({line.count("|") for line in block.strip().splitlines()}) == 1, block


def test_chinese_is_chinese_and_english_english():
    for name in NAMES:
        english, chinese = both(name)
        assert not re.search(r"[\u4e00-\u9fff]", english), name
        assert re.search(r"[\u4e00-\u9fff]", chinese), name


def test_each_chapter_with_a_lab_has_what_its_frame_shows():
    for name, chapter in CHAPTERS.items():
        if chapter.lab and name not in {"fields", "questions"}:
            for language in ("en", "zh"):
                assert {"intro", "mathematics"} <= set(split(text(language, f"concepts-{name}")))
                questions = split(text(language, f"concepts-{name}-check"))
                assert len(questions) == 3
                assert all(len(parts(question)[1]) >= 3 for question in questions.values())


def test_the_lab_has_words_for_each_step_and_each_trial():
    assert list(split(text("en", "concepts-steps"))) == ["intro", *STEPS, "mathematics"]
    assert list(split(text("en", "concepts-lab"))) == list(TRIALS)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_field_has_what_its_frame_shows(language):
    needed = {f"{field}{part}" for field in fields.FIELDS for part in ("", "-reveal", "-mathematics")}
    assert set(split(text(language, "concepts-fields"))) == {"intro", *needed}
    for chapter in ("fields", "questions"):
        assert len(split(text(language, f"concepts-{chapter}-check"))) == 3


def test_each_chapter_names_labs_of_the_catalogue_and_each_lab_is_named():
    source = "".join(path.read_text(encoding="utf-8") for path in Path(fields.__file__).parents[1].rglob("*.py"))
    named = set(re.findall(r'read_next\("([^"]+)"', source))
    # Their frame says so; the fields have labs of their own, and so have the questions.
    named |= {name for name, chapter in CHAPTERS.items() if chapter.lab} - {"fields", "questions"}
    named |= {f"field-{name}" for name in fields.FIELDS} | {f"trend-{name}" for name in trends._FIGURES}
    assert named == set(labs())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_line_of_the_program_is_explained_once(language):
    explained = notes(split(text(language, "concepts-program"))["lines"])
    cut = rows(PROGRAM, explained)
    shown = [line["number"] for row in cut for line in row["lines"]]
    code = [number for number, line in enumerate(PROGRAM.splitlines(), 1) if line.strip()]
    assert shown == code[1:]  # all but the docstring
    for row in cut:
        for line in row["lines"]:
            source = PROGRAM.splitlines()[line["number"] - 1]
            assert " " * line["indent"] + "".join(piece for piece, _kind in line["tokens"]) == source


def test_inline_marks_become_pieces():
    assert pieces("a `b` **c**, *d*.") == [
        ("a ", ""),
        ("b", "code"),
        (" ", ""),
        ("c", "strong"),
        (", ", ""),
        ("d", "em"),
        (".", ""),
    ]
    with pytest.raises(ValueError, match="no line"):
        rows(PROGRAM, {"x = 1": "not there"})


@pytest.fixture(scope="module")
def space() -> dict:
    """The names that the program defines, without its ``main`` having run."""
    torchvision_datasets()  # makes torchvision importable beside a CPU-only torch
    names = {"__name__": "program"}
    exec(compile(PROGRAM, "program.py", "exec"), names)
    return names


def test_the_program_trains_the_articles_network(space):
    theirs = space["Net"]()
    ours = MODELS["article-cnn"].build(in_channels=1, image_size=28, classes=10, dropout=0.5)
    assert {name: tuple(p.shape) for name, p in theirs.named_parameters()} == {
        name: tuple(p.shape) for name, p in ours.named_parameters()
    }
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(4, 1, 28, 28)
    assert torch.equal(theirs.eval()(images), ours.eval()(images))


def test_the_programs_own_loops_learn_and_measure(space):
    torch.manual_seed(0)
    images, labels = torch.randn(24, 1, 28, 28), torch.arange(24) % 10
    loader = torch.utils.data.DataLoader(list(zip(images, labels.tolist(), strict=True)), batch_size=10)
    model, device = space["Net"](), torch.device("cpu")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    before, _ = space["test"](model, device, loader)
    for _epoch in range(12):
        space["train"](model, device, loader, optimizer)
    after, accuracy = space["test"](model, device, loader)
    assert not model.training
    assert after < before / 2
    assert accuracy > 0.8


def test_the_measurements_say_what_the_words_say():
    labels = measured()["random_labels"]
    assert labels["random"]["train"][-1] > 0.99
    assert labels["random"]["test"][-1] < 0.2
    assert labels["true"]["test"][-1] > 0.9
    evaluation = measured()["forgotten_eval"]
    assert max(evaluation["train"]) < evaluation["eval"]
    assert len(set(evaluation["train"])) > 1
