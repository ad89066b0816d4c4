"""Generated files of other people's making, read or refused: no traceback, nothing run or written.

    python benchmarks/fuzz.py --examples 10000 [--seed 0] [--kinds genomes configs …]

Hypothesis makes genomes, `.cell` files, configs, recipes of NAS-Bench-NLP, genotypes of DARTS and tables:
some right, some harmed, some with code in them that would leave a file behind. Each has to be read right,
or be refused in one line, which for a command is exit status 2. Printed is a line for each kind, then
the shortest case of each fault. A test runs a few of each.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fuzz_configs
import fuzz_genomes
import fuzz_imports
import fuzz_tables
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

LONGEST_S = 20  # seconds of CPU that one case may take
MEMORY = 4 << 30  # bytes that the process may grow by

Kind = tuple[Callable[[], st.SearchStrategy[Any]], Callable[[Any, Path], str]]

KINDS: dict[str, Kind] = {
    "genomes": (fuzz_genomes.texts, fuzz_genomes.read_text),
    "cells": (fuzz_genomes.files, fuzz_genomes.show_file),
    "configs": (fuzz_configs.files, fuzz_configs.check_file),
    "recipes": (fuzz_imports.recipes, fuzz_imports.import_recipes),
    "genotypes": (fuzz_imports.genotypes, fuzz_imports.import_genotypes),
    "tables": (fuzz_tables.cases, fuzz_tables.read_or_refuse),
}


class TooLongError(BaseException):
    """A case that takes more than `LONGEST_S`; no `except Exception` may swallow it."""


@dataclass
class Ended:
    """How the cases of a kind ended: by reason, and the shortest case of each fault."""

    reasons: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    shortest: dict[str, str] = field(default_factory=dict)

    def fault(self, error: BaseException, case: Any) -> None:
        """Count a fault by its place in the code."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = " ".join(str(error).split())[:200]
        name = f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
        self.faults[name] += 1
        shown = f"{said} <- {case!r}"
        if name not in self.shortest or len(shown) < len(self.shortest[name]):
            self.shortest[name] = shown


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Limit the memory of the process, and let the alarm of `timed` end a case."""

    def too_long(*_: object) -> None:
        raise TooLongError(f"more than {LONGEST_S} s")

    before, (soft, hard) = signal.getsignal(signal.SIGPROF), resource.getrlimit(resource.RLIMIT_AS)
    now = (
        int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
        * resource.getpagesize()
    )
    signal.signal(signal.SIGPROF, too_long)
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)


@contextlib.contextmanager
def timed() -> Iterator[None]:
    """Raise a `TooLongError` where the process computes for longer than a case may."""
    signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
    began = time.process_time()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if time.process_time() - began > LONGEST_S:  # in C, where no alarm is heard
        raise TooLongError(f"more than {LONGEST_S} s")


@contextlib.contextmanager
def empty_folder() -> Iterator[Path]:
    """Give an empty folder that is also the working one; what is written beside it is seen too."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer) / "around" / "here"
        folder.mkdir(parents=True)
        os.chdir(folder)
        try:
            yield folder
            beside = [path for path in Path(outer).rglob("*") if folder not in path.parents]
            assert set(beside) == {folder, folder.parent}, beside
            assert not list(Path(outer).rglob("marker")), "code of the file was run"
        finally:
            os.chdir(before)


def run(kind: str, examples: int, number: int) -> Ended:
    """Try as many cases of a kind as asked for, drawn by a seed, and return how they ended."""
    ended, (cases, outcome) = Ended(), KINDS[kind]

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def each(case: Any) -> None:
        try:
            with timed(), warnings.catch_warnings(), empty_folder() as folder:
                reason = outcome(case, folder)
        except (Exception, TooLongError) as error:
            ended.fault(error, case)
        else:
            ended.reasons[reason] += 1

    with limited():
        each()
    return ended


def main() -> int:
    """Run it from the command line; exit status 1 where a fault was found."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--examples", type=int, default=10_000, help="of all kinds together")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options.add_argument("--reasons", action="store_true", help="print why what was refused")
    asked = options.parse_args()
    print(f"{'kind':10}{'examples':>10}{'read':>8}{'refused':>9}{'faults':>8}")
    all_ended = {}
    for kind in asked.kinds:
        ended = all_ended[kind] = run(kind, -(-asked.examples // len(asked.kinds)), asked.seed)
        faults, read = ended.faults.total(), ended.reasons["read"]
        count = ended.reasons.total() + faults
        refused = count - faults - read
        print(f"{kind:10}{count:10}{read:8}{refused:9}{faults:8}", flush=True)
    for kind, ended in all_ended.items():
        for fault, count in ended.faults.most_common():
            print(f"\n{kind}: {count} × {fault}: {ended.shortest[fault][:1500]}")
        for reason, count in ended.reasons.most_common() if asked.reasons else ():
            print(f"{kind:10}{count:6} {reason}")
    return 1 if any(ended.faults for ended in all_ended.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
