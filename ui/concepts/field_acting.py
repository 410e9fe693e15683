"""The demonstrations of three fields that act: trading on a price, steering a car, playing a game."""

import re
from functools import cache
from pathlib import Path

import streamlit as st

from dlcore.concepts import field_driving, field_finance, field_games
from dlcore.messages import N_
from ui import palette
from ui.concepts.controls import Choice, Control, Controls, Free, Slide, Steps, Switch, Values
from ui.concepts.field_figures import in_a_row
from ui.figure import figure
from ui.language import translate as _

_STYLE = Path(__file__).with_name("fields.css")
_SQUARE = 76
_COLOURS = {"x": "blue", "o": "orange"}
_STRATEGIES = 1000


def _game(text: str) -> str:
    """The moves of a game from a link, the squares 0 to 8 in the order in which they were taken.

    Raises:
        ValueError: no such game can be played.
    """
    board = field_games.EMPTY
    for mark in text:
        if not (mark.isascii() and mark.isdigit() and int(mark) in field_games.moves(board)):
            raise ValueError("no legal game")
        board = field_games.after(board, int(mark))
    return text


CONTROLS: tuple[Control, ...] = (
    Slide(name="tosses", title=N_("Another price, by other tosses"), default=0, low=0, high=99, step=1),
    Steps(name="neurons", title=N_("Hidden neurons"), default=200, values=(0, 20, 50, 100, 200)),
    Steps(name="speed", title=N_("Speed in km/h"), default=60, values=(30, 60, 90, 120)),
    Steps(name="delay", title=N_("Delay in milliseconds"), default=0, values=(0, 100, 200, 300, 500, 800)),
    Switch(name="recoveries", title=N_("It was also shown how to come back"), default=False),
    Choice(
        name="games",
        title=N_("Games played against itself"),
        default="300",
        options={str(games): f"{games:,}" for games in field_games.CHECKPOINTS},
        side_by_side=True,
    ),
    Switch(name="second", title=N_("The machine begins"), default=False),
    Free(name="moves", title="", default="", reader=_game, writer=str),
)


def finance(controls: Controls, values: Values) -> None:
    """A price of coin tosses, a network fitted to its first half, and how it goes on."""
    in_a_row(controls, "tosses", "neurons")
    found = field_finance.forecast(values["tosses"], int(values["neurons"]))
    days = field_finance.DAYS
    half = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 0}, "layer": "below"}
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": list(range(first, first + len(line))),
            "y": [round(float(price), 2) for price in line],
            "name": name,
            "line": {"width": width, "color": colour},
        }
        for name, line, first, width, colour in (
            (_("price"), found.prices, 0, 2, palette.NEUTRAL),
            (_("forecast the day before"), found.said, 1, 1.4, palette.VALIDATION),
        )
    ]
    layout = {
        "xaxis": {"title": {"text": _("day")}},
        "yaxis": {"title": {"text": _("price")}},
        "shapes": [half | {"x0": 0, "x1": days, "fillcolor": palette.faded(palette.NEUTRAL, 0.12)}],
        "uirevision": str(values["tosses"]),
    }
    description = _("A price and the forecasts of it: they hug it closely. Shaded: the days that were learned from")
    told = _(
        "Right about up or down: **{past}** of the days that it learned from (shaded), **{future}** of the days after. "
        "The line still fits: R² = {network}. “Tomorrow as today” gets {yesterday}."
    )
    told = told.format(
        past=f"{found.past_hits:.0%}",
        future=f"{found.future_hits:.0%}",
        network=f"{found.future_r2:.2f}",
        yesterday=f"{found.yesterday_r2:.2f}",
    )
    spoken = f"{description}. {told.replace('*', '')}"
    figure(data, layout, key="concepts-finance", height=300, description=spoken)
    st.markdown(told)
    past, future = field_finance.luckiest(values["tosses"], _STRATEGIES)
    told = _(
        "The best of {count} strategies that only toss a coin got {past} of the same past days right, then {future}."
    )
    st.markdown(told.format(count=f"{_STRATEGIES:,}", past=f"{past:.0%}", future=f"{future:.0%}"))


def hits_of_many() -> float:
    """The mean hit rate on days to come, over ten prices."""
    return sum(field_finance.forecast(seed, 100).future_hits for seed in range(10)) / 10


def driving(controls: Controls, values: Values) -> None:
    """A lane, a gust of wind after four seconds, and a steering learned by watching."""
    in_a_row(controls, "speed", "delay", "recoveries")
    gains = field_driving.imitated(with_recoveries=values["recoveries"])
    drives = (
        (_("the good driver"), field_driving.drive(field_driving.EXPERT, values["speed"]), palette.NEUTRAL),
        (_("learned by watching"), field_driving.drive(gains, values["speed"], values["delay"]), palette.TRAIN),
    )
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [round(second, 2) for second in drive.seconds[::5]],
            "y": [round(offset, 3) for offset in drive.offset[::5]],
            "name": name,
            "line": {"width": 2.5, "color": colour},
            "hovertemplate": "%{y:.2f} m",
        }
        for name, drive, colour in drives
    ]
    edge = field_driving.LANE_HALF_WIDTH
    line = {"type": "line", "x0": 0, "x1": field_driving.SECONDS, "line": {"color": palette.WRONG, "dash": "dash"}}
    gust = {"type": "line", "x0": field_driving.GUST_SECONDS, "x1": field_driving.GUST_SECONDS, "y0": -edge, "y1": edge}
    layout = {
        "xaxis": {"title": {"text": _("seconds")}, "range": [0, field_driving.SECONDS]},
        "yaxis": {"title": {"text": _("metres beside the middle")}, "range": [-1.15 * edge, 1.15 * edge]},
        "hovermode": "x unified",
        "shapes": [
            line | {"y0": edge, "y1": edge},
            line | {"y0": -edge, "y1": -edge},
            gust | {"line": {"color": palette.NEUTRAL, "width": 1, "dash": "dot"}},
        ],
    }
    left_after = drives[1][1].left_after
    told = _("It stays in its lane.") if left_after is None else _("It leaves its lane after {time} s.")
    said = told.format(time=f"{left_after or 0:.1f}")
    described = _("How far beside the middle of the lane the car drives, over time; dashed the edges of the lane")
    figure(data, layout, key="concepts-driving", height=300, description=f"{described}. {said}")
    far = field_driving.metres_travelled(values["speed"], values["delay"])
    told = _("**{said}** While it computes, the car goes {metres} m. Dotted: a gust turns its nose by 3.4°.")
    st.markdown(told.format(said=said, metres=f"{far:.1f}"))


def unbeatable_after() -> int:
    """The recorded number of games after which no opponent can win any more, neither first nor second."""
    return next(
        games
        for games, values in field_games.recorded().items()
        if not any(field_games.beaten_at_best(values, begins=begins) for begins in (True, False))
    )


@cache
def _defeats() -> dict[bool, list[float]]:
    """The share of games lost against chance, by who begins, after each recorded number of games."""
    recorded = field_games.recorded()
    return {
        begins: [field_games.against_chance(recorded[games], begins=begins)[2] for games in field_games.CHECKPOINTS]
        for begins in (True, False)
    }


def board_of(moves: str) -> str:
    """The board after the moves of a game."""
    board = field_games.EMPTY
    for square in moves:
        board = field_games.after(board, int(square))
    return board


def with_reply(moves: str, values: field_games.Values, *, machine_begins: bool) -> str:
    """The game after the machine's move, if it is the machine's turn."""
    board = board_of(moves)
    mine = (len(moves) % 2 == 0) == machine_begins
    return moves + str(field_games.best_move(values, board)) if mine and field_games.moves(board) else moves


def games(controls: Controls, values: Values) -> None:
    """A board to play on, what the machine thought of its moves, and how it grew."""
    controls.draw("games", "second")
    learned = field_games.recorded()[int(values["games"])]
    machine_begins = bool(values["second"])
    moves = with_reply(values["moves"], learned, machine_begins=machine_begins)
    board = board_of(moves)
    st.html(_STYLE)
    left, right = st.columns(2)
    with left:
        _squares(controls, board, moves)
        _verdict(board, machine="x" if machine_begins else "o")
        st.button(_("New game"), key="concepts.fields.new", on_click=controls.set, kwargs={"moves": ""})
    with right:
        _thoughts(learned, moves, machine_begins=machine_begins)
    _growth()


def _squares(controls: Controls, board: str, moves: str) -> None:
    over = not field_games.moves(board)
    board_of_buttons = st.container(gap="small", key="concepts-board")
    for row in range(3):
        with board_of_buttons, st.container(horizontal=True, gap="small"):
            for square in range(3 * row, 3 * row + 3):
                mark = board[square].strip()
                place = _("row {row}, column {column}").format(row=row + 1, column=square % 3 + 1)
                st.button(
                    f":{_COLOURS[mark]}[{mark.upper()}]" if mark else f":gray[{square + 1}]",
                    key=f"concepts.fields.square.{square}",
                    help=place,
                    disabled=bool(mark) or over,
                    width=_SQUARE,
                    on_click=controls.set,
                    kwargs={"moves": moves + str(square)},
                )


def _verdict(board: str, machine: str) -> None:
    if won := field_games.winner(board):
        st.markdown(_("**The machine has won.**") if won == machine else _("**You have won.**"))
    elif not field_games.moves(board):
        st.markdown(_("**A draw.**"))
    else:
        st.markdown(_("Your turn, with {mark}.").format(mark=field_games.mover(board).upper()))


def _thoughts(learned: field_games.Values, moves: str, *, machine_begins: bool) -> None:
    """What the squares were worth to the machine when it moved last."""
    if not moves or (len(moves) == 1 and not machine_begins):
        st.caption(_("After your first move, this shows what the machine thought of each of its own."))
        return
    last = len(moves) - 1 if (len(moves) % 2 == 1) == machine_begins else len(moves) - 2
    board, taken = board_of(moves[:last]), int(moves[last])
    worth = [
        round(field_games.value(learned, field_games.after(board, square)), 2)
        if square in field_games.moves(board)
        else None
        for square in range(9)
    ]
    words = [
        board[square].upper() if value is None else f"<b>{value:+.2f}</b>" if square == taken else f"{value:+.2f}"
        for square, value in enumerate(worth)
    ]
    trace = {
        "type": "heatmap",
        "z": [worth[3 * row : 3 * row + 3] for row in range(3)],
        "text": [words[3 * row : 3 * row + 3] for row in range(3)],
        "texttemplate": "%{text}",
        # Plotly.js would choose a colour as if the page were white.
        "textfont": {"size": 16, "color": palette.NEUTRAL},
        "zmin": -1,
        "zmax": 1,
        "colorscale": [
            [0.0, palette.faded(palette.NEGATIVE, 0.22)],
            [0.5, palette.faded(palette.NEUTRAL, 0.1)],
            [1.0, palette.faded(palette.POSITIVE, 0.22)],
        ],
        "showscale": False,
        "xgap": 4,
        "ygap": 4,
        "hoverinfo": "skip",
    }
    axis = {"visible": False, "fixedrange": True}
    layout = {"xaxis": axis | {"scaleanchor": "y"}, "yaxis": axis | {"autorange": "reversed"}}
    layout["margin"] = {"l": 0, "r": 0, "t": 0, "b": 0}
    description = _("What each square was worth to the machine at its last move, from −1, lost, to +1, won")
    config = {"staticPlot": True}
    rows = "; ".join(_(", ").join(re.sub("<.*?>", "", word) or "–" for word in words[at : at + 3]) for at in (0, 3, 6))
    figure([trace], layout, key="concepts-thoughts", height=230, config=config, description=f"{description}: {rows}")
    st.caption(description)


def _growth() -> None:
    names = [f"{games:,}" for games in field_games.CHECKPOINTS]
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": names,
            "y": [round(share, 4) for share in _defeats()[begins]],
            "name": name,
            "line": {"width": 2.5, "color": colour},
            "hovertemplate": "%{y:.1%}",
        }
        for begins, name, colour in (
            (True, _("the machine begins"), palette.TRAIN),
            (False, _("chance begins"), palette.VALIDATION),
        )
    ]
    layout = {
        "xaxis": {"title": {"text": _("games played against itself")}, "type": "category"},
        "yaxis": {"title": {"text": _("lost against chance")}, "tickformat": ".0%", "rangemode": "tozero"},
        "hovermode": "x unified",
    }
    description = _("How many games the machine loses against somebody who moves at random, by how long it has learned")
    shares = _(", ").join(f"{games} {share:.1%}" for games, share in zip(names, _defeats()[True], strict=True))
    figure(data, layout, key="concepts-games", height=240, description=f"{description}: {shares}")
