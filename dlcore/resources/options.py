"""The words of ``python -m dlcore resources``; apart from the work itself, so that other commands start without it."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any


def describe(
    parser: argparse.ArgumentParser,
    shared: argparse.ArgumentParser,
    check_it: Callable[..., Any],
    show_schema: Callable[..., Any],
) -> None:
    """Give ``parser`` the commands of the catalogue; ``check_it`` and ``show_schema`` are called with the options."""
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    text = "Validate the catalogue or single entries, and with --links try their addresses."
    check = commands.add_parser("check", help=text, description=text, parents=[shared], allow_abbrev=False)
    check.set_defaults(command=check_it)
    check.add_argument("files", nargs="*", metavar="FILE", type=Path, help="entries to look at; all if not given")
    check.add_argument("--links", action="store_true", help="try the addresses as well (wants httpx2)")
    check.add_argument(
        "--record", action="store_true", help="keep what was found in the catalogue's links.json, which the page reads"
    )
    check.add_argument(
        "--max-age",
        default="7",
        metavar="DAYS",
        help="do not ask again what answered within so many days; 7 if not given",
    )
    check.add_argument(
        "--timeout", default="20", metavar="SECONDS", help="give up a request after so many seconds; 20 if not given"
    )
    check.add_argument(
        "--pause", default="1", metavar="SECONDS", help="leave a host alone between two requests; 1 if not given"
    )
    check.add_argument("--report", metavar="FOLDER", type=Path, help="write report.json and report.md there")
    check.add_argument("--catalogue", metavar="FOLDER", type=Path, help="another catalogue than this project's")
    text = "Print the JSON schema of an entry, which content/resources/entry.schema.json keeps for editors."
    schema = commands.add_parser("schema", help=text, description=text, parents=[shared], allow_abbrev=False)
    schema.set_defaults(command=show_schema)
