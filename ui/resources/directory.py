"""The directory: search, filters with counts, the cards, something to take home."""

import streamlit as st

from dlcore.resources.schema import Resource
from ui import language
from ui.language import translate as _
from ui.resources import selection, visit
from ui.resources.cards import bold, card, name, short_title
from ui.resources.catalogue import all_resources, by_id, link_of, vocabulary
from ui.resources.entry import show_entry
from ui.resources.export import CITED, to_bibtex, to_csv, to_markdown
from ui.resources.visit import Visit, key
from ui.shell import plain_text


def directory(state: Visit) -> None:
    """The list, or the one entry that is open."""
    if state.entry:
        comparison(state)
        show_entry(state.entry)
        return
    _search()
    found = selection.select(state.selection, language.current())
    _filters(state, len(found))
    comparison(state)
    if found:
        _cards(found, state.shown)
        _take_home(found)
    else:
        _nothing(state)
    st.caption(_how_true())


def comparison(state: Visit) -> None:
    """What is about to be compared, and the way there; nothing while nothing was chosen."""
    if not state.compare:
        return
    titles = _(", ").join(plain_text(short_title(by_id(identifier))) for identifier in state.compare)
    with st.container(horizontal=True, vertical_alignment="center", key="resources-comparing"):
        st.markdown(_("To compare: {titles}").format(titles=titles), width="content")
        st.button(
            _("Side by side"),
            key=key("compare.open"),
            type="primary",
            icon=":material/compare_arrows:",
            disabled=len(state.compare) < 2,
            on_click=visit.ask,
            kwargs={"view": "compare"},
        )
        st.button(
            _("None of them"), key=key("compare.clear"), type="tertiary", on_click=visit.ask, kwargs={"compare": []}
        )


def _search() -> None:
    st.text_input(
        _("Search"),
        key=key("q"),
        type="search",
        live=True,
        max_chars=selection.LONGEST_QUERY,
        placeholder=_("A title, a name, a topic; in English or Chinese"),
        icon=":material/search:",
        label_visibility="collapsed",
    )


def _filters(state: Visit, found: int) -> None:
    counts = selection.facet_counts(state.selection)
    labels = {
        "kind": _("Kind"),
        "topic": _("Topic"),
        "level": _("Level"),
        "speaks": _("Language"),
        "cost": _("Cost"),
        "status": _("Status"),
    }

    def pills(facet: str, *, visible: bool) -> None:
        shown = {value: f"{name(facet, value)} :gray[{counts[facet][value]}]" for value in vocabulary()[facet]}
        st.pills(
            labels[facet],
            list(shown),
            selection_mode="multi",
            key=key(facet),
            format_func=shown.__getitem__,
            label_visibility="visible" if visible else "collapsed",
        )

    pills("kind", visible=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        for facet in selection.FACETS[1:]:
            chosen = len(state.selection.wanted(facet))
            with st.popover(f"{labels[facet]} **({chosen})**" if chosen else labels[facet], key=f"resources-{facet}"):
                pills(facet, visible=True)
        st.toggle(
            _("In the article") + f" :gray[{selection.article_count(state.selection)}]",
            key=key("article"),
            help=_("Only what the article itself names."),
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.selectbox(
            _("Order"),
            list(selection.SORTS),
            key=key("sort"),
            format_func={sort: _(label) for sort, label in selection.SORTS.items()}.__getitem__,
            label_visibility="collapsed",
            width=170,
        )
        st.markdown(
            _("**{found}** of {total} entries").format(found=found, total=len(all_resources())),
            width="content",
        )
        if state.selection.narrowed:
            st.button(
                _("Clear filters"),
                key=key("clear"),
                type="tertiary",
                icon=":material/filter_alt_off:",
                on_click=visit.clear,
            )


def _cards(found: list[Resource], shown: int) -> None:
    visible = found[:shown]
    with st.container(key="resources-cards"):
        for index in range(0, len(visible), 2):
            columns = st.columns(2)
            for column, resource in zip(columns, visible[index : index + 2], strict=False):
                with column:
                    card(resource)
    if len(found) > shown:
        st.button(
            _("Show {count} more").format(count=min(2 * visit.PAGE, len(found) - shown)),
            key=key("more"),
            icon=":material/expand_more:",
            on_click=visit.show_more,
            width="stretch",
        )


def _nothing(state: Visit) -> None:
    """Say which filter stands in the way, and offer to drop it."""
    looser = selection.loosenings(state.selection)
    names = {
        "q": _("the search “{query}”").format(query=plain_text(state.selection.q)),
        "kind": _("the kind"),
        "topic": _("the topic"),
        "level": _("the level"),
        "speaks": _("the language"),
        "cost": _("the cost"),
        "status": _("the status"),
        "article": _("“in the article”"),
    }
    with st.container(border=True):
        st.markdown(bold(_("Nothing fits all of that.")))
        if not looser:
            st.markdown(_("Clear the filters, or search with fewer or other words."))
        for field, count in sorted(looser.items(), key=lambda item: -item[1]):
            st.button(
                _("Without {filter}: {count}").format(filter=names[field], count=count),
                key=key(f"loosen.{field}"),
                type="tertiary",
                icon=":material/remove_circle:",
                on_click=visit.ask,
                kwargs={field: {"q": "", "article": False}.get(field, [])},
            )


def _how_true() -> str:
    """When the entries were looked at, and what the link checker has tried so far."""
    months = sorted(resource.checked for resource in all_resources())
    told = _("Each entry was last looked at between {first} and {last}; its details say when, and at what.")
    lines = [told.format(first=months[0], last=months[-1])]
    tried = [record for resource in all_resources() if (record := link_of(resource))]
    if tried:
        template = _("The link checker has tried {tried} of {total} addresses, last on {day}; {dead} were dead.")
        last, dead = max(record.checked for record in tried), sum(record.dead for record in tried)
        lines.append(template.format(tried=len(tried), total=len(all_resources()), day=last, dead=dead))
    else:
        lines.append(_("The link checker has not tried their addresses yet."))
    return " ".join(lines)


def _take_home(found: list[Resource]) -> None:
    spoken = language.current()
    cited = sum(resource.kind in CITED for resource in found)
    with st.container(horizontal=True, vertical_alignment="center", key="resources-export"):
        st.markdown(_("Take these {count} home:").format(count=len(found)), width="content")
        st.download_button(
            _("Markdown"),
            lambda: to_markdown(found, spoken, _("Resources for learning deep learning")),
            file_name="resources.md",
            mime="text/markdown",
            key=key("markdown"),
            on_click="ignore",
        )
        st.download_button(
            _("CSV"),
            lambda: to_csv(found),
            file_name="resources.csv",
            mime="text/csv",
            key=key("csv"),
            on_click="ignore",
        )
        st.download_button(
            _("BibTeX"),
            lambda: to_bibtex(found),
            file_name="resources.bib",
            mime="application/x-bibtex",
            key=key("bibtex"),
            on_click="ignore",
            disabled=not cited,
            help=_("The {count} papers and books among them.").format(count=cited),
        )
