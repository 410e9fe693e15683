"""Versions of what is written: of the recipe, and of each kind of file. Nothing here imports torch.

The two are apart because they live apart. A new *file format* is one that older programs cannot read; this program reads
its own and all older ones, and says of a newer one that an update will. A new *recipe* changes numbers, not files: the
same settings and seed give other bits. Finished runs and weights of every recipe open and predict; only to continue one
exactly takes the recipe that began it.
"""

from typing import Any

from dlcore.messages import N_, UserError

RECIPE = "2"
"""Version of the arithmetic of training: within it, the same configuration gives the same numbers."""

RUN_FORMAT = 2
"""Of ``config.json``, and of the layout of a run directory."""
SUMMARY_FORMAT = 2
MANIFEST_FORMAT = 2
LABEL_FORMAT = 2
CONTROL_FORMAT = 2
SWEEP_FORMAT = 2
CHECKPOINT_FORMAT = 2
WEIGHTS_FORMAT = 1


def recipe_of(about: dict[str, Any]) -> str:
    """The recipe that a file's description names; the first files named none."""
    return str(about.get("recipe", "1"))


def check(file: str, found: object, known: int) -> int:
    """The format ``found`` in ``file``, given that this program reads those from 1 to ``known``.

    Raises:
        UserError: it is newer.
        ValueError: it is no format at all.
    """
    number = int(str(found)) if str(found).isascii() and str(found).isdigit() and len(str(found)) < 10 else 0
    if number < 1:
        raise ValueError(f"the format is {str(found)[:40]}")
    if number > known:
        raise UserError(
            N_(
                "{file} was made by a newer version of this program (format {format}; this one reads up to {known})."
                " Update the program to open it."
            ),
            file=file,
            format=number,
            known=known,
        )
    return number


def check_recipe(recipe: str) -> None:
    """Raise :class:`UserError` unless a run begun with ``recipe`` can be continued exactly by this program."""
    if recipe != RECIPE:
        raise UserError(
            N_(
                "This run was begun by another version of this program, which computes a little differently (recipe"
                " {recipe}; this one follows recipe {known}): it cannot go on exactly. What it has learned is kept."
                " Start it again with the same settings."
            ),
            recipe=recipe[:20],
            known=RECIPE,
        )
