"""`gp-cells …`: each command reads its options, hands them to one function, and prints what that returns.

Exit status: 0 done; 2 the input is bad (one line says what, where and what is allowed); 75 asked to
go, a checkpoint is kept, run again; 141 what reads the output has gone, as `head` does; anything else is
the machine's fault, but for `rerun`, whose 1 says that a trial came out different or could not be made,
and `verify`, whose 1 says what is wrong.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Collection

from gp_cells.cli import exchange, extending, reading, running, steps, tabular
from gp_cells.cli.command import BAD_INPUT, GROUPS, OUTPUT_CLOSED, Command, Help
from gp_cells.config.refusal import NOT_AGAIN, Refusal, printable

__all__ = ["main", "ordered", "parser", "steps"]

MODULES = (running, reading, tabular, exchange, extending)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    _open_closed_streams()
    _print_utf_8()
    options = vars(parser(words).parse_args(words))
    command: Command = options.pop("chosen")
    try:
        status = command.run(**options) or 0
        sys.stdout.flush()
    except Refusal as refusal:
        said = f"gp-cells {command.path}: {refusal}"
        print(
            printable(f"{said} {NOT_AGAIN}" if command.path.startswith("step ") else said),
            file=sys.stderr,
        )
        return BAD_INPUT
    except BrokenPipeError:
        # what is still to be written at the exit would fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    except OSError as error:
        print(f"gp-cells {command.path}: {error}", file=sys.stderr)
        return 1
    return status


def _open_closed_streams() -> None:
    """Give a standard stream that the caller has closed, as by `>&-`, one that leads nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _print_utf_8() -> None:
    """Print UTF-8 whatever the locale is: names and formulas have more letters than some locales."""
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


class _Version(argparse.Action):
    """Print the version; it is looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"gp-cells {version('gp-cells')}")
        parser.exit()


def parser(words: Collection[str] | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands.

    Given the words of a command line, only commands among them get their options: making all of them
    takes longer than it takes to parse.
    """
    top = argparse.ArgumentParser(
        prog="gp-cells",
        description="Evolve and compare network cells.",
        epilog="`gp-cells COMMAND --help` has a command's options, and what it reads and writes.",
        formatter_class=Help,
    )
    top.add_argument(
        "--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="print the version"
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in ordered():
        command.add_to(commands, words is None or command.name in words)
    step = commands.add_parser(
        "step",
        formatter_class=Help,
        help="Run one step of the workflow, as the rules do.",
        description="Run one step of the workflow on files that are named one by one, as the rules do.",
        epilog="`gp-cells step STEP --help` has its options, and what it reads and writes.",
    )
    steps_of_it = step.add_subparsers(required=True, metavar="STEP", title="steps")
    for command in GROUPS["step"].values() if words is None or "step" in words else ():
        command.add_to(steps_of_it, words is None or command.name in words)
    return top


def ordered() -> list[Command]:
    """Return the commands that people call, in the order in which someone comes to need them."""
    places = [module.__name__ for module in MODULES]
    return sorted(
        GROUPS["people"].values(), key=lambda command: places.index(command.run.__module__)
    )
