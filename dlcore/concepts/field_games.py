"""Games in small: tic-tac-toe learned by playing against itself, with a table of values and no teacher.

A board is a text of nine characters, ``x`` (who begins), ``o`` or a blank, row by row. A value belongs to a board and the player
who has just moved: how good it is for that player, from −1 (lost) over 0 (a draw) to 1 (won).

Source: Sutton and Barto, "Reinforcement Learning" (2018), section 1.5: values of the boards after a move, moved a little
towards the value of what came next.
"""

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

EMPTY = " " * 9
LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
STEP_SIZE = 0.3
"""How far a value moves towards what came next."""
CURIOSITY = 0.15
"""The share of moves that are tried at random while learning."""

CHECKPOINTS = (0, 10, 30, 100, 300, 1000, 3000, 10_000)
"""Numbers of games after which the values were recorded."""
RECORD = Path(__file__).resolve().parents[2] / "content" / "measured" / "tic-tac-toe.json"

Values = dict[str, float]


@cache
def winner(board: str) -> str:
    """``x``, ``o``, or an empty text while nobody has three in a row."""
    for a, b, c in LINES:
        if board[a] != " " and board[a] == board[b] == board[c]:
            return board[a]
    return ""


def mover(board: str) -> str:
    """Whose turn it is."""
    return "x" if board.count("x") == board.count("o") else "o"


def moves(board: str) -> list[int]:
    """The free squares, 0 to 8; none once the game is over."""
    return [] if winner(board) else [square for square, mark in enumerate(board) if mark == " "]


def after(board: str, square: int) -> str:
    """The board after the one whose turn it is has taken a free square."""
    return board[:square] + mover(board) + board[square + 1 :]


@cache
def canonical(board: str) -> str:
    """The first in alphabetical order of the eight boards that turns and mirrors make of one: they are worth the same."""
    views, view = [], board
    for _turn in range(4):
        view = "".join(view[6 - 3 * (index % 3) + index // 3] for index in range(9))
        views += [view, "".join(view[3 * (index // 3) + 2 - index % 3] for index in range(9))]
    return min(views)


def value(values: Values, board: str) -> float:
    """What a board is worth to who has just moved: known where the game is over, else learned, 0 if never met."""
    if winner(board):
        return 1.0  # only who has just moved can have won
    return values.get(canonical(board), 0.0) if " " in board else 0.0


def best_move(values: Values, board: str) -> int:
    """The free square that leads to the most valuable board.

    Among equals the name of the board decides, not the square, so that turning or mirroring a board turns the move too.
    """
    return max(moves(board), key=lambda square: (value(values, new := after(board, square)), canonical(new)))


def learned(checkpoints: Sequence[int], seed: int = 0) -> dict[int, Values]:
    """The values after so many games of the learner against itself, from nothing, rounded to three digits."""
    values: Values = {}
    draw = random.Random(seed)
    found = {}
    for games in range(max(checkpoints) + 1):
        if games in checkpoints:
            found[games] = {board: round(worth, 3) for board, worth in values.items()}
        play_one(values, draw)
    return found


@cache
def recorded() -> dict[int, Values]:
    """What ``learned(CHECKPOINTS)`` gives, from a file, since ten thousand games take seconds."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    return {int(games): values for games, values in record.items()}


def play_one(values: Values, draw: random.Random) -> None:
    """One game against itself; what it teaches goes into ``values``.

    The value of a board moves towards minus the value of the next one, since the next belongs to the other player. A
    move made out of curiosity teaches nothing about the board before it, unless it happens to be a best one.
    """
    board, before = EMPTY, ""
    while free := moves(board):
        ranked = {square: value(values, after(board, square)) for square in free}
        top = max(ranked.values())
        curious = draw.random() < CURIOSITY
        square = draw.choice(free if curious else [square for square in free if ranked[square] == top])
        board = after(board, square)
        if before and ranked[square] == top:
            name = canonical(before)
            values[name] = values.get(name, 0.0) + STEP_SIZE * (-top - values.get(name, 0.0))
        before = board


def against_chance(values: Values, *, begins: bool) -> tuple[float, float, float]:
    """The exact probabilities to win, draw and lose against an opponent who takes any free square, by full recursion."""
    mine = "x" if begins else "o"
    known: dict[str, tuple[float, float, float]] = {}

    def outcome(board: str) -> tuple[float, float, float]:
        board = canonical(board)
        if board in known:
            return known[board]
        free = moves(board)
        if not free:
            won = winner(board)
            result = (float(won == mine), float(not won), float(bool(won) and won != mine))
        elif mover(board) == mine:
            result = outcome(after(board, best_move(values, board)))
        else:
            parts = [outcome(after(board, square)) for square in free]
            win, draw, loss = (sum(part) / len(parts) for part in zip(*parts, strict=True))
            result = (win, draw, loss)
        known[board] = result
        return result

    return outcome(EMPTY)


def beaten_at_best(values: Values, *, begins: bool) -> bool:
    """Whether somebody who plays well enough can beat the learner, by looking at all that an opponent may do."""
    mine = "x" if begins else "o"
    seen: set[str] = set()
    waiting = [EMPTY]
    while waiting:
        board = canonical(waiting.pop())
        if board in seen:
            continue
        seen.add(board)
        if winner(board) and winner(board) != mine:
            return True
        free = moves(board)
        if free and mover(board) == mine:
            free = [best_move(values, board)]
        waiting += [after(board, square) for square in free]
    return False
