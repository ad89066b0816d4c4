"""What a command is: a function, its options beside it, and what its help says."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gp_cells.workflow import STEPS

DIFFERENT, BAD_INPUT, TRY_AGAIN = 1, 2, 75
OUTPUT_CLOSED = 141  # as a shell reports a program that SIGPIPE ended

Run = Callable[..., int | None]


class Help(argparse.HelpFormatter):
    """Help whose paragraphs stay paragraphs, and whose list of commands has one column."""

    def _iter_indented_subactions(
        self, action: argparse.Action
    ) -> Generator[argparse.Action, None, None]:
        # indented, the longest name would not fit the column, which is as wide as the names are
        subactions = getattr(action, "_get_subactions", list)
        yield from subactions()

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        return "\n\n".join(fill(part, width, indent) for part in text.split("\n\n"))


@dataclass(frozen=True)
class Option:
    """One option or argument, as `argparse` takes it."""

    flag: str
    settings: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command: its path is `query` or `step breed`; its function takes the options by their names."""

    path: str
    run: Run
    sentence: str
    details: str
    options: tuple[Option, ...]

    @property
    def name(self) -> str:
        """The last word of its path."""
        return self.path.rpartition(" ")[2]

    def add_to(self, commands: Any, with_options: bool) -> None:
        """Add the command's parser to the commands of a parser."""
        own = commands.add_parser(
            self.name,
            help=self.sentence,
            description=f"{self.sentence}\n\n{self.details}".rstrip(),
            formatter_class=Help,
        )
        own.set_defaults(chosen=self)
        for option in self.options if with_options else ():
            own.add_argument(option.flag, **option.settings)


GROUPS: dict[str, dict[str, Command]] = {"people": {}, "step": {}}


def command(*options: Option, name: str | None = None) -> Callable[[Run], Run]:
    """Make a command of people of a function; its docstring is the help, the first line a sentence."""

    def register(run: Run) -> Run:
        sentence, _, details = inspect.cleandoc(run.__doc__ or "").partition("\n\n")
        called = name or run.__name__
        GROUPS["people"][called] = Command(
            path=called, run=run, sentence=sentence, details=details, options=options
        )
        return run

    return register


def step(*options: Option) -> Callable[[Run], Run]:
    """Make a step of the workflow of a function; its docstring says what it reads and writes."""

    def register(run: Run) -> Run:
        name = run.__name__
        details = inspect.cleandoc(run.__doc__ or "")
        GROUPS["step"][name] = Command(
            path=f"step {name}", run=run, sentence=STEPS[name], details=details, options=options
        )
        return run

    return register


def option(flag: str, help: str | None = None, **settings: Any) -> Option:
    """Return an option, or an argument if its name begins with no dash."""
    return Option(flag, {"help": help, **settings})


def file(flag: str, help: str | None = None, required: bool = True) -> Option:
    """Return an option that takes a file."""
    return option(flag, help, type=Path, required=required, metavar="FILE")


def folder(flag: str, help: str | None = None, required: bool = True) -> Option:
    """Return an option that takes a folder."""
    return option(flag, help, type=Path, required=required, metavar="FOLDER")


def as_json(flag: str, help: str) -> Option:
    """Return an option that takes JSON; by standard input, since Linux bounds an argument to 128 KiB."""

    def parsed(text: str) -> Any:
        return json.loads(sys.stdin.buffer.read() if text == "-" else text)

    told = f"{help}, or - for standard input"
    return option(flag, told, type=parsed, required=True, metavar="JSON")


CONFIG = option(
    "config", "a config file, - for standard input, or a config as JSON", metavar="CONFIG"
)
RESULTS = option(
    "--results",
    "a results folder or a release (default: results)",
    type=Path,
    default=Path("results"),
    metavar="FOLDER",
)
TRIAL = "RUN/CANDIDATE, or a trial_id or its first letters"
