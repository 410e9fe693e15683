"""The command line: ``python -m dlcore train | resume | steer | runs | show | predict | strokes | images | preview | …``.

With ``--json`` the last line of standard output is exactly one JSON object; progress and messages go to standard error.
The exit status is 0 on success, 1 on failure and 2 on bad input, which is told in one sentence.
"""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from dlcore.cli.answers import BAD_INPUT, FAILURE, Answer, finite, say
from dlcore.cli.parser import command_parser
from dlcore.messages import UserError, refused


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        options = command_parser().parse_args(words)
        command: Callable[[argparse.Namespace], Answer] = options.command
        status, answer, text = command(options)
    except UserError as error:
        status, answer, text = BAD_INPUT, {"error": str(error), "told": error.as_data()}, ""
        say(str(error))
    except OSError as error:
        status, answer, text = FAILURE, {"error": str(error), "told": refused(error).as_data()}, ""
        say(f"The system refused: {error}")
    except KeyboardInterrupt:
        status, answer, text = FAILURE, {"error": "interrupted"}, ""
        say("Interrupted.")
    except Exception as error:  # a mistake of ours: whoever parses the answer still gets one, the rest is for a report
        if not as_json:
            raise
        status, answer, text = FAILURE, {"error": f"{type(error).__name__}: {error}"}, ""
        traceback.print_exc()
    if as_json:
        _print(json.dumps(finite(answer)))
    elif text:
        _print(text)
    return status


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # whoever reads, as ``head`` does, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it closes
