"""What the rules call: one step of the workflow each, on files that are named one by one."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gp_cells.cli.command import TRY_AGAIN, as_json, file, folder, option, step

SETTINGS = file("--settings", "settings.json of the run")
DATA = folder("--data", "the prepared task")


@step(
    as_json("--task", "a task of the config: name and settings"),
    folder("--folder", "where to write"),
)
def prepare(task: Mapping[str, Any], folder: Path) -> None:
    """Reads an installed package, or the file that the task names.

    Writes data.json, reading.json, search.npz and test.npz.
    """
    from gp_cells.config.records import PlugIn
    from gp_cells.config.typed_json import decode
    from gp_cells.plugins import plug_in
    from gp_cells.tasks.prepared import prepare as prepare_task

    named = decode(PlugIn, task, "--task")
    for note in prepare_task(plug_in("task", named), named.name, folder):
        print(f"gp-cells step prepare: {note}", file=sys.stderr)


@step(
    as_json("--run-config", "the part of the config that concerns the run"),
    file("--data", "data.json of the prepared task"),
    file("--settings", "settings.json, to write"),
    file("--protocol", "protocol.json, to write"),
)
def settings(run_config: Mapping[str, Any], data: Path, settings: Path, protocol: Path) -> None:
    """Reads data.json. Writes settings.json and protocol.json."""
    from gp_cells.config.records import RunConfig
    from gp_cells.config.typed_json import decode
    from gp_cells.workflow.steps import write_protocol, write_settings

    write_settings(decode(RunConfig, run_config, "--run-config"), data, settings)
    write_protocol(settings, protocol)


@step(
    SETTINGS,
    file("--history", "history.jsonl.gz up to the newest wave that may be seen", required=False),
    folder("--wave", "the folder to write to; its name is the wave's number"),
)
def breed(settings: Path, history: Path | None, wave: Path) -> None:
    """Reads settings.json and the history. Writes lineage.json, and genome.json of each slot."""
    from gp_cells.workflow.steps import breed as breed_wave

    breed_wave(settings, history, wave)


@step(
    file("--protocol", "protocol.json of the run"),
    file("--genome", "genome.json of the trial"),
    DATA,
    file("--fitness", "fitness.json, to write"),
    file("--trial", "trial.h5, to write"),
)
def train(protocol: Path, genome: Path, data: Path, fitness: Path, trial: Path) -> int:
    """Reads protocol.json, genome.json and search.npz. Writes fitness.json and trial.h5.

    Exit status 75: it was asked to stop by SIGTERM or SIGINT, and a checkpoint is beside fitness.json; run
    it again.
    """
    from gp_cells.training.train import Interrupted
    from gp_cells.training.trial import run_trial

    try:
        run_trial(protocol, genome, data, fitness, trial)
    except Interrupted as interruption:
        print(f"gp-cells step train: {interruption}", file=sys.stderr)
        return TRY_AGAIN
    return 0


@step(
    folder("--wave", "the folder of the wave"),
    file("--before", "history.jsonl.gz of the wave before", required=False),
    file("--to", "history.jsonl.gz, to write"),
)
def score(wave: Path, before: Path | None, to: Path) -> None:
    """Reads the wave's lineage.json and fitness.json of each slot. Writes history.jsonl.gz."""
    from gp_cells.workflow.steps import score as score_wave

    score_wave(wave, before, to)


@step(
    SETTINGS,
    file("--history", "history.jsonl.gz of the last wave"),
    folder("--folder", "where to write"),
)
def replicate(settings: Path, history: Path, folder: Path) -> None:
    """Reads settings.json and the history. Writes genome.json of each finalist's trial."""
    from gp_cells.workflow.steps import replicate as replicate_finalists

    replicate_finalists(settings, history, folder)


@step(SETTINGS, file("--to", "conclusion.json, to write beside the finalists' trials"))
def conclude(settings: Path, to: Path) -> None:
    """Reads settings.json, and genome.json and fitness.json of the trials. Writes conclusion.json."""
    from gp_cells.workflow.steps import conclude as conclude_run

    conclude_run(settings, to.parent, to)


@step(
    SETTINGS,
    file("--conclusion", "conclusion.json of the run"),
    DATA,
    file("--to", "test.json, to write"),
)
def test(settings: Path, conclusion: Path, data: Path, to: Path) -> None:
    """Reads conclusion.json, trial.h5 of the chosen trials, and test.npz. Writes test.json."""
    from gp_cells.training.test_split import test as measure

    measure(settings, conclusion, data, to)


@step(
    folder("--run-folder", "the folder of the run"),
    folder("--results", "the results folder that gets the tables"),
)
def tabulate(run_folder: Path, results: Path) -> None:
    """Reads all files of a finished run. Writes tables/TABLE/run=RUN/part.parquet."""
    from gp_cells.workflow.tabulate import tabulate as tabulate_run

    tabulate_run(run_folder, results)


@step(
    folder("--results", "a results folder or a release"),
    option("--benchmark", "its name in the tables", required=True, metavar="NAME"),
    option("--runs", "else all runs of the benchmark in the tables", nargs="+", metavar="RUN"),
    file("--to", "comparison.json, to write"),
)
def compare(results: Path, benchmark: str, runs: Sequence[str] | None, to: Path) -> None:
    """Reads the tables. Writes comparison.json."""
    from gp_cells.compare import compare as compare_runs
    from gp_cells.compare.records import runs_of
    from gp_cells.config.files import write_json

    runs = runs or runs_of(results, benchmark)
    write_json(to, compare_runs(results, benchmark, runs))


@step(
    folder("--results", "a results folder"),
    option("--benchmark", "its name in the tables", required=True, metavar="NAME"),
    file("--comparison", "comparison.json of the benchmark"),
    file("--to", "the page to write"),
)
def report(results: Path, benchmark: str, comparison: Path, to: Path) -> None:
    """Reads the tables and comparison.json. Writes one HTML page."""
    from gp_cells.compare import read_comparison
    from gp_cells.report.page import write_report

    write_report(results, benchmark, read_comparison(comparison), to)


@step(
    file("--comparison", "comparison.json of a benchmark"),
    file("--table", "Markdown to write"),
    file("--figure", "SVG to write"),
)
def digest(comparison: Path, table: Path, figure: Path) -> None:
    """Reads comparison.json. Writes a table in Markdown and a figure in SVG."""
    from gp_cells.compare import read_comparison
    from gp_cells.report.digest import write_digest

    write_digest(read_comparison(comparison), table, figure)
