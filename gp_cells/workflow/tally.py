"""Which trials of a plan have finished and how, read from their files, each once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from gp_cells.config.empty_slot import read_empty_slot
from gp_cells.config.files import RecordError
from gp_cells.config.plan import Plan, Run, wave_of_place
from gp_cells.config.records import ENDED_WELL, FitnessRecord
from gp_cells.config.typed_json import read_record

EMPTY = "empty"  # a status


@dataclass(frozen=True, kw_only=True)
class FinishedTrial:
    """What a finished trial's file says; a broken one says `unreadable`, one of no candidate `empty`.

    `stage` is its wave, or one more than the last of a finalist's trial.
    """

    run: Run
    candidate: str  # as `rerun` and `export` take it, or its folder where the file is unreadable
    stage: int
    status: str
    fitness: float | None
    written_s: float  # when

    @property
    def is_empty(self) -> bool:
        """Whether its slot has no candidate; see `gp_cells.config.empty_slot`."""
        return self.status == EMPTY

    @property
    def has_failed(self) -> bool:
        """Whether it ended without what it was to tell."""
        return self.status not in (*ENDED_WELL, EMPTY)

    @property
    def name(self) -> str:
        """What it is called everywhere, e.g. quickstart-bach_chorales-gp-s1/w003-05."""
        return f"{self.run.name}/{self.candidate}"


@dataclass
class _Standing:
    """What all finished trials together say, so that one more is no look at all of them."""

    best: dict[str, FinishedTrial] = field(default_factory=dict)
    failed: int = 0
    empty: int = 0

    def add(self, trial: FinishedTrial) -> None:
        """Take in a trial."""
        self.failed += trial.has_failed
        self.empty += trial.is_empty
        if best := best_of([*filter(None, [self.best.get(trial.run.task)]), trial]):
            self.best[trial.run.task] = best


@dataclass
class Tally:
    """All trials of a plan that have finished, each file read once."""

    plan: Plan
    root: Path
    finished: dict[str, FinishedTrial] = field(default_factory=dict)  # by its folder
    _standing: _Standing | None = None  # of what has finished; None if that is to be looked at anew

    @cached_property
    def runs(self) -> dict[str, Run]:
        """The run of each trial of the plan, by the trial's folder."""
        return {folder: run for run in self.plan.runs.values() for folder in run.candidates()}

    def look(self) -> list[FinishedTrial]:
        """Read what has finished since the last look, the oldest first, and forget what is gone."""
        kept, new = {}, []
        for folder, run in self.runs.items():
            path = os.path.join(self.root, folder, "fitness.json")
            if os.path.exists(path):
                known = self.finished.get(folder)
                if known is None or known.status == "unreadable":
                    known = _read(run, folder, Path(path))
                    new.append(known)
                kept[folder] = known
        self.finished, self._standing = kept, None
        return sorted(new, key=lambda trial: trial.written_s)

    def add(self, folder: str) -> FinishedTrial:
        """Read one trial that has just finished."""
        trial = _read(self.runs[folder], folder, self.root / folder / "fitness.json")
        if folder in self.finished:
            self._standing = None
        elif self._standing is not None:
            self._standing.add(trial)
        self.finished[folder] = trial
        return trial

    def forget(self, folder: str) -> None:
        """Take a trial that is made again for one that has not finished."""
        if self.finished.pop(folder, None) is not None:
            self._standing = None

    @property
    def best(self) -> Mapping[str, FinishedTrial]:
        """The best trial of each task that has one."""
        return self._stand().best

    @property
    def failed(self) -> int:
        """How many trials failed."""
        return self._stand().failed

    @property
    def empty(self) -> int:
        """How many slots turned out to have no candidate."""
        return self._stand().empty

    def _stand(self) -> _Standing:
        if self._standing is None:
            self._standing = _Standing()
            for trial in self.finished.values():
                self._standing.add(trial)
        return self._standing

    @cached_property
    def total(self) -> int:
        """How many trials there will be."""
        return sum(run.trials for run in self.plan.runs.values())

    def groups(self) -> Iterator[tuple[str, str, list[Run], list[FinishedTrial]]]:
        """Yield each task and strategy with its runs and their finished trials."""
        groups: dict[tuple[str, str], list[Run]] = {}
        for run in self.plan.runs.values():
            groups.setdefault((run.task, run.strategy), []).append(run)
        finished: dict[tuple[str, str], list[FinishedTrial]] = {of: [] for of in groups}
        for trial in self.finished.values():
            finished[trial.run.task, trial.run.strategy].append(trial)
        for (task, strategy), runs in groups.items():
            yield task, strategy, runs, finished[task, strategy]

    def unfinished(self) -> dict[str, list[int]]:
        """Return how many trials of each stage of each run have not finished, the finalists' last."""
        left = {
            run.name: [*run.widths, run.trials - sum(run.widths)] for run in self.plan.runs.values()
        }
        for trial in self.finished.values():
            left[trial.run.name][trial.stage] -= 1
        return left


def stage_of(run: Run, folder: str) -> int:
    """Return the wave of a trial, or one more than the last of a finalist's trial."""
    wave = wave_of_place(folder.removeprefix(f"{run.folder}/"))
    return run.waves if wave is None else wave


def best_of(trials: Iterable[FinishedTrial]) -> FinishedTrial | None:
    """Return the trial with the least loss, None if none ended well."""
    known = [trial for trial in trials if trial.fitness is not None]
    return min(known, key=lambda trial: (trial.fitness, trial.written_s), default=None)


def count_failed(trials: Iterable[FinishedTrial]) -> int:
    """Return how many trials failed."""
    return sum(trial.has_failed for trial in trials)


def _is_empty(path: Path) -> bool:
    try:
        return read_empty_slot(path) is not None
    except RecordError:
        return False


def _read(run: Run, folder: str, path: Path) -> FinishedTrial:
    known: tuple[str, str, float | None]
    try:
        written_s = path.stat().st_mtime
        record = read_record(FitnessRecord, path)
        known = record.candidate, record.status, record.fitness
    except (RecordError, OSError):
        written_s = 0.0
        status = EMPTY if _is_empty(path) else "unreadable"
        known = folder.removeprefix(f"{run.folder}/"), status, None
    candidate, status, fitness = known
    return FinishedTrial(
        run=run,
        candidate=candidate,
        stage=stage_of(run, folder),
        status=status,
        fitness=fitness,
        written_s=written_s,
    )
