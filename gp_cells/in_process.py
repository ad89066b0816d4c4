"""A benchmark run in this very process, for notebooks: the workflow's steps on the workflow's files.

The same bytes as by `gp-cells run`, which is for more than some minutes: it trains several candidates at
once, on a cluster too. What has ended is kept, and the same call goes on.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gp_cells.compare import compare
from gp_cells.config.files import RecordError, write_json
from gp_cells.config.given import plan_of
from gp_cells.config.plan import Plan, Run, read_plan
from gp_cells.config.records import PlugIn, TrialProtocol
from gp_cells.config.typed_json import decode, plain, read_record
from gp_cells.plugins import plug_in
from gp_cells.report.page import write_report
from gp_cells.results import Results
from gp_cells.tasks.prepared import prepare, read_facts
from gp_cells.training.test_split import test
from gp_cells.training.train import Interrupted
from gp_cells.training.trial import run_trial
from gp_cells.workflow.check import check
from gp_cells.workflow.standing import misfit_of
from gp_cells.workflow.steps import (
    breed,
    conclude,
    replicate,
    score,
    write_protocol,
    write_settings,
)
from gp_cells.workflow.tabulate import tabulate

RESULTS = Path("results")


def run(config: Mapping[str, Any] | str | Path) -> Results:
    """Run a benchmark, one trial after the other, and return its results.

    `config` is what a config file holds, or its path. Writes below results/ of the current folder. It sets
    torch to deterministic algorithms and to the config's number of threads, and leaves it so.

    Raises:
        SettingError: the config is refused.
        DataError: the data of a task cannot be read or used.
        KeyboardInterrupt: it was interrupted; a checkpoint is kept.
    """
    plan = read_plan(config) if isinstance(config, Mapping) else plan_of(str(config))
    check(plan)
    plan.refuse_missing_files()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn()) as progress:
        bar = progress.add_task("preparing data", total=len(plan.candidates()))
        for data in plan.tasks:
            _prepare(plan, data)
        for one in plan.runs.values():
            progress.update(bar, description=one.name)
            _run(one, lambda: progress.advance(bar))
    comparison = compare(RESULTS, plan.benchmark, list(plan.runs))
    page = RESULTS / "report" / plan.benchmark
    write_json(page / "comparison.json", comparison)
    write_report(RESULTS, plan.benchmark, comparison, page / "index.html")
    return Results(RESULTS)


def _prepare(plan: Plan, data: str) -> None:
    """Prepare a task's data, unless those that are there are what its settings say."""
    folder = RESULTS / "data" / data
    named = decode(PlugIn, plan.tasks[data], f"{plan.place}: tasks.{plan.label_of(data)}")
    task = plug_in("task", named)
    settings = {key: value for key, value in plain(task).items() if key != "recipe"}
    if not plan.source(data) and (folder / "data.json").exists():
        facts = read_facts(folder)
        if (facts["task"], facts["settings"]) == (named.name, settings):
            return
    prepare(task, named.name, folder)


def _run(of: Run, advance: Callable[[], object]) -> None:
    folder = Path(of.folder)
    settings, protocol = folder / "settings.json", folder / "protocol.json"
    write_settings(of.config, RESULTS / "data" / of.data / "data.json", settings)
    write_protocol(settings, protocol)
    for wave in range(of.waves):
        breed(settings, _only(of.history_before(wave)), Path(of.wave_folder(wave)))
        for trial in of.wave(wave):
            _train(Path(trial), protocol, of)
            advance()
        [history] = of.history_after(wave)
        score(Path(of.wave_folder(wave)), _only(of.history_after(wave - 1)), Path(history))
    conclusion = folder / "replicates/conclusion.json"
    replicate(settings, Path(history), conclusion.parent)
    for trial in of.replicate_folders():
        _train(Path(trial), protocol, of)
        advance()
    conclude(settings, conclusion.parent, conclusion)
    test(settings, conclusion, RESULTS / "data" / of.data, folder / "test/test.json")
    tabulate(folder, RESULTS)


def _only(paths: list[str]) -> Path | None:
    return Path(paths[0]) if paths else None


def _train(trial: Path, protocol: Path, of: Run) -> None:
    """Train a candidate, unless its files are what its genome and the protocol ask for."""
    fitness, record = trial / "fitness.json", trial / "trial.h5"
    try:
        if not misfit_of(trial, read_record(TrialProtocol, protocol)):
            return
    except RecordError:
        pass  # there is none yet, or half of one
    with _own_signals():
        try:
            data = RESULTS / "data" / of.data
            interrupted = run_trial(protocol, trial / "genome.json", data, fitness, record)
        except Interrupted as interruption:
            raise KeyboardInterrupt(str(interruption)) from interruption
    if interrupted:
        raise KeyboardInterrupt("interrupted as a trial ended")


@contextmanager
def _own_signals() -> Iterator[None]:
    """Give the signals that a trial heeds back to whoever had them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
