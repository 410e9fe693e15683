"""What an entry of the resource catalogue is: one validated schema for the files, the pages and the check.

The description of each field is what a contributor reads: in ``entry.schema.json``, and in what the check says is missing.
"""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Kind = Literal[
    "framework",
    "library",
    "tool",
    "course",
    "book",
    "tutorial",
    "paper",
    "dataset",
    "explorable",
    "community",
    "news",
]
Level = Literal["beginner", "intermediate", "advanced"]
Cost = Literal["free", "freemium", "paid"]
Status = Literal["active", "maintained", "archived", "discontinued"]
Spoken = Literal["en", "zh", "ja"]
Topic = Literal[
    "basics",
    "theory",
    "optimization",
    "vision",
    "nlp",
    "speech",
    "multimodal",
    "generative",
    "games",
    "medical",
    "finance",
    "driving",
    "interpretability",
    "security",
    "privacy",
    "lightweight",
    "deployment",
    "mlops",
]
How = Literal["repository", "announcement", "citation", "list", "report"]
KINDS: tuple[Kind, ...] = get_args(Kind)
RETIRED: frozenset[Status] = frozenset({"archived", "discontinued"})

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Month = Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]
Day = Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+\.[a-z]{2,}(/[^\s<>\"'`]*)?$", max_length=500)]


class Content(BaseModel):
    """Content as it was written: unchanging, nothing unknown in it, texts in both languages as ``<field>_<language>``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def told(self, field: str, language: str) -> str:
        """A text of this content in a language, ``why`` for instance; empty if there is none."""
        return getattr(self, f"{field}_{language}") or ""


class Named(Content):
    """Something with a name in both languages."""

    en: Text
    zh: Text

    def name(self, language: str) -> str:
        """The name in a language."""
        return self.zh if language == "zh" else self.en


class Here(Content):
    """Where in this dashboard an entry can be tried: a page and the experiment in its link."""

    page: Literal["train", "draw", "concepts"]
    query: dict[str, str | int | float]


class Resource(Content):
    """One entry of the directory, one file of ``content/resources/entries``."""

    id: Identifier = Field(
        description="A short name of lower-case words joined by hyphens; the file is called <id>.json."
    )
    kind: Kind = Field(description="What it is.")
    title_en: Text = Field(description="The title in English, as its makers write it.")
    title_zh: Text = Field(description="The title in Chinese; names that nobody translates stay as they are.")
    authors: Text = Field(description="Who made it: 'A, B, C', 'A et al.' for more than six, or an organisation.")
    year: int | None = Field(
        default=None, ge=1940, le=2100, description="The year it first appeared, or of this edition."
    )
    year_approximate: bool = Field(default=False, description="true if the year is only about right.")
    url: Link = Field(description="Its own address, https where the site can; no trackers, no mirrors.")
    archive: Link | None = Field(
        default=None,
        description="A copy to lead to if the address dies, where the Internet Archive's is not good enough.",
    )
    languages: tuple[Spoken, ...] = Field(
        min_length=1, description=f"The languages it can be used in: {', '.join(get_args(Spoken))}."
    )
    level: Level = Field(description="For whom it is.")
    cost: Cost = Field(description="What it costs, in a word; never a price.")
    license: Text | None = Field(
        default=None, description="An SPDX name; of a course or a book that of its code or text, not of its videos."
    )
    minutes: int | None = Field(default=None, gt=0, description="Minutes to do it once.")
    minutes_from: Literal["source", "estimate"] | None = Field(
        default=None, description="Whether a source names the minutes or they are an estimate."
    )
    topics: tuple[Topic, ...] = Field(
        min_length=1, description=f"What it is about, one or more of {', '.join(get_args(Topic))}."
    )
    prerequisites: tuple[Identifier, ...] = Field(default=(), description="Ids of entries to do first.")
    related: tuple[Identifier, ...] = Field(default=(), description="Ids of entries to look at beside it.")
    aliases: tuple[Text, ...] = Field(default=(), description="What else people type for it, in any language.")
    status: Status = Field(
        description="active: seen alive within a year; maintained: stable but slow, and every paper; archived: frozen, "
        "still readable; discontinued: gone, kept as a warning."
    )
    status_reason_en: Text | None = Field(default=None, description="Why it is archived or discontinued, one sentence.")
    status_reason_zh: Text | None = Field(default=None, description="The same in Chinese.")
    successor: Identifier | None = Field(default=None, description="The id of what to use instead.")
    last_activity: Month | None = Field(
        default=None, description="The last change seen in its own repository, YYYY-MM."
    )
    checked: Month = Field(description="When somebody last looked, YYYY-MM.")
    checked_how: How = Field(description="What they looked at.")
    evidence: Text = Field(description="Where exactly: the page, the commit, the issue that the facts above come from.")
    in_article: bool = Field(default=False, description="true if the article that this dashboard grew from names it.")
    idea_en: Text | None = Field(default=None, description="A paper's idea in two sentences.")
    idea_zh: Text | None = Field(default=None, description="The same in Chinese, two sentences.")
    why_en: Text = Field(description="For whom it is worth the time and what to look out for, 30 to 330 characters.")
    why_zh: Text = Field(description="The same in Chinese, 15 to 150 characters.")
    here: Here | None = Field(default=None, description="An experiment on this dashboard's own pages that shows it.")

    @model_validator(mode="before")
    @classmethod
    def _without_schema_name(cls, values: Any) -> Any:
        """``$schema`` is for the editor that a file is written in."""
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if name != "$schema"}
        return values

    @model_validator(mode="after")
    def _complete(self) -> Self:
        faults = []
        if self.status in RETIRED and not (self.status_reason_en and self.status_reason_zh):
            faults.append(f"is {self.status}: say why in status_reason_en and status_reason_zh")
        if self.status == "discontinued" and not self.successor:
            faults.append("is discontinued: name a successor")
        if (self.idea_en is None) != (self.idea_zh is None):
            faults.append("has an idea in one language: idea_en and idea_zh belong together")
        if (self.minutes is None) != (self.minutes_from is None):
            faults.append("has minutes without minutes_from, or the other way round")
        if faults:
            raise ValueError("; ".join(f"{self.id} {fault}" for fault in faults))
        return self

    @property
    def retired(self) -> bool:
        """Whether the entry is kept as a warning or for reading only."""
        return self.status in RETIRED


class Word(Named):
    """A word of a vocabulary, and what people type for it."""

    aliases: tuple[Text, ...] = ()


class Lab(Named):
    """A place in this dashboard where something can be seen or tried, and the entries that it leads to.

    ``entries`` are what a visitor of the lab should read next, ``entries_zh`` the same for one who reads Chinese, where
    it differs. ``shows`` are those whose very idea can be seen there: an entry's page opens the lab for these.
    """

    page: Literal["home", "concepts", "train", "draw"]
    query: dict[str, str] = {}
    entries: tuple[Identifier, ...] = Field(min_length=1)
    entries_zh: tuple[Identifier, ...] = ()
    shows: tuple[Identifier, ...] = ()

    def reading(self, language: str) -> tuple[Identifier, ...]:
        """The ids of the entries to read next, for a visitor of that language."""
        return (language == "zh" and self.entries_zh) or self.entries

    @property
    def all_entries(self) -> tuple[Identifier, ...]:
        """The ids of all entries that the lab names, each once."""
        return tuple(dict.fromkeys((*self.entries, *self.entries_zh, *self.shows)))


def entry_schema() -> dict[str, Any]:
    """The JSON schema of an entry's file, for editors: completion, and a word on each field."""
    schema = Resource.model_json_schema()
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
