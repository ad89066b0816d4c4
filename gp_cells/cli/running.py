"""What people call to run a benchmark: before it, while it runs, and to make a row of it again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gp_cells.cli.command import CONFIG, DIFFERENT, RESULTS, TRIAL, command, file, option


@command(
    option("folder", "new or empty", type=Path, metavar="FOLDER"),
    option(
        "--plugin",
        "rather a package of plug-ins of that name: one of each family, its entry points, its tests",
        metavar="NAME",
    ),
)
def init(folder: Path, plugin: str | None) -> None:
    """Make a folder to run benchmarks in, or a package of plug-ins. No checkout is needed.

    Writes Snakefile, config.yaml (the quickstart, to change) and profiles/, so that there
    `gp-cells run config.yaml` and `snakemake --profile profiles/local` run. The Snakefile leads to the
    workflow of the package that is installed. Prints what to do next.
    """
    from gp_cells.workflow.folders import begin_benchmark, begin_plug_ins

    print(begin_plug_ins(plugin, folder) if plugin is not None else begin_benchmark(folder))


@command(
    CONFIG,
    option(
        "--start",
        "as each start of the workflow does: of data read only own files that are not prepared yet, "
        "and be silent if all is well",
        action="store_true",
    ),
    option(
        "--elsewhere",
        "other machines train, as on a cluster, so that this one needs no GPU",
        action="store_true",
    ),
)
def check(config: str, start: bool, elsewhere: bool) -> None:
    """Refuse a config that could not run to its end on this machine, and say what its data are.

    Reads the config and the data. Prints a line a task: examples, classes, splits, trainings. To standard
    error go notes on what cores and memory are limited to, and why no record will say the commit. Exit
    status 1: its engine needs a compiler, and there is none.
    """
    from gp_cells.config.given import plan_of
    from gp_cells.workflow.check import check as check_plan
    from gp_cells.workflow.check import code_note, read_data
    from gp_cells.workflow.limits import limits_note

    plan = plan_of(config)
    check_plan(plan, elsewhere)
    for line in read_data(plan, only_unprepared_files=start):
        if not start:
            print(line, flush=True)
    for note in filter(None, (code_note(), limits_note())):
        print(f"gp-cells check: {note}", file=sys.stderr)


@command(
    CONFIG,
    option(
        "--workers",
        "trainings at once, to foretell the wall time of (default: this machine's cores, 16 and 100)",
        nargs="+",
        type=int,
        metavar="N",
    ),
    option("--no-probes", "rather call a time unknown than train three cells", action="store_true"),
    RESULTS,
)
def plan(config: str, workers: Sequence[int] | None, no_probes: bool, results: Path) -> None:
    """Print what a config will take: trainings, hours, memory, disk, and wall time.

    Reads the config, the data unless they are prepared, and the tables, from whose trials it foretells.
    Where they know none of the kind, it trains three small, middling and large cells a task for two
    epochs, in a folder that it deletes.
    """
    from gp_cells.config.choose import check_range
    from gp_cells.config.given import plan_of
    from gp_cells.workflow.forecast import forecast
    from gp_cells.workflow.forecast_text import tell
    from gp_cells.workflow.limits import workers_here
    from gp_cells.workflow.probe import probe

    planned = plan_of(config)
    for number in workers or ():
        check_range("--workers", number, 1)
    forecasts = forecast(planned, results, None if no_probes else probe)
    print(tell(planned, forecasts, workers or sorted({workers_here(planned.threads), 16, 100})))


@command(
    option("config", "a config file", metavar="CONFIG"),
    option(
        "--profile",
        "of Snakemake's: where it runs (default: profiles/local)",
        default="profiles/local",
    ),
    option("options", "more options of Snakemake's", nargs=argparse.REMAINDER, metavar="OPTION"),
)
def run(config: str, profile: str, options: Sequence[str]) -> None:
    """Run a benchmark: print the Snakemake command that does, and become it.

    On a terminal it shows one block: trials that run, wait, are done and failed, the best so far of each
    task and whose, the time left. In a pipe or file it prints a line for each trial. Writes what the rules
    write below results/, and Snakemake's own lines to .snakemake/log/. It ends with the result, or with
    what failed and how to go on; Ctrl-C keeps what has ended, and the same command goes on.

    Exit status: Snakemake's.
    """
    from gp_cells.workflow.start import command_of, start

    start(command_of(config, profile, options))


@command(
    option(
        "cell",
        "a hand-designed cell by its name, a .cell file, or a trial as RUN/CANDIDATE or trial_id",
        metavar="CELL",
    ),
    option("--task", "to train on; default, of a trial: its own", metavar="TASK"),
    option("--like", "a config that has the task, to train as it says", metavar="CONFIG"),
    option(
        "--seeds",
        "trainings of each smaller cell; of the given one twice as many (default: 10)",
        type=int,
        default=10,
        metavar="N",
    ),
    option(
        "--steps",
        "about how many sub-formulas may go (default: 8)",
        type=int,
        default=8,
        metavar="N",
    ),
    file("--to", "config to write (default: minimise_CELL_TASK.yaml)", required=False),
    option("--dry", "only write the config", action="store_true"),
    RESULTS,
)
def minimise(
    cell: str,
    task: str | None,
    like: str | None,
    seeds: int,
    steps: int,
    to: Path | None,
    dry: bool,
    results: Path,
) -> None:
    """Find which sub-formulas of a cell can go: each is deleted in turn and the rest trained again.

    Writes a config for the strategy `minimise` and runs it, as `gp-cells run` does; the same command goes
    on where that was interrupted. Each step trains every cell that lacks one more sub-formula with some
    seeds, and goes on from the smallest that is not worse by a test of non-inferiority.
    `gp-cells minimised RUN` prints what went and what it cost, also while it runs.
    """
    from gp_cells.workflow.minimise import write_config

    path, run_name = write_config(cell, task, like, seeds, steps, to, results)
    print(f"config: {path}\nresult, also while it runs: gp-cells minimised {run_name}", flush=True)
    if not dry:
        run(str(path), "profiles/local", ())


@command(
    CONFIG,
    option("--process", "end when this process has ended", type=int, metavar="PID"),
    option(
        "--every",
        "between two looks, and for every 1,000 trials of a larger plan (default: 2)",
        type=float,
        default=2.0,
        metavar="SECONDS",
    ),
)
def watch(config: str, process: int | None, every: float) -> None:
    """Follow a running benchmark: what is done, what failed, the best so far, the time left.

    Reads fitness.json of each trial below results/. Writes to standard error.
    """
    from gp_cells.config.given import plan_of
    from gp_cells.workflow.watch import follow

    follow(plan_of(config), Path(), process, every)


@command(CONFIG)
def summary(config: str) -> None:
    """Print the comparison of a finished benchmark and where its report is.

    Reads results/report/BENCHMARK/comparison.json and the tables below results/.
    """
    from gp_cells.compare.summary import summary_of
    from gp_cells.config.given import plan_of

    print(summary_of(plan_of(config), Path("results")))


@command(
    option("trial", TRIAL, nargs="?"),
    option("--all", "reproduce every trial of the tables", action="store_true"),
    option("--sample", "with --all: N of them, drawn at random", type=int, metavar="N"),
    option("--seed", "seed of the sample (default: 1)", type=int, default=1, metavar="N"),
    option("--profile", "Snakemake profile (default: profiles/local)", default="profiles/local"),
    file("--file", "the own data of a task, if the file has moved", required=False),
    RESULTS,
)
def rerun(
    trial: str | None,
    all: bool,
    sample: int | None,
    seed: int,
    profile: str,
    file: Path | None,
    results: Path,
) -> int:
    """Reproduce a trial of the tables, or a sample of them, and say whether it came out the same.

    Reads the tables; trains in results/reruns/ and writes nothing else. Data that are gone are prepared
    again. A profile that is not in this folder is the workflow's.

    Exit status 1: a trial came out different, or could not be made.
    """
    from gp_cells.workflow.reproduce import rerun as reproduce
    from gp_cells.workflow.rerun import chosen_trials, summary

    verdicts = reproduce(results, chosen_trials(results, trial, all, sample, seed), profile, file)
    if all:
        print(summary(verdicts))
    return DIFFERENT if [verdict for verdict in verdicts if not verdict.is_good] else 0


@command(RESULTS)
def cost(results: Path) -> None:
    """Print how well the trials' time and memory are predicted.

    Reads the tables.
    """
    from gp_cells.workflow.cost import report as cost_report

    print(cost_report(results))


@command(
    option("run", "as in results/runs/", metavar="RUN"),
    file("--to", "where to write it (default: beside where the answer goes)", required=False),
    RESULTS,
)
def prompt(run: str, to: Path | None, results: Path) -> None:
    """Write what an outside author is asked before the next wave of a run: a person, or a language model.

    Reads settings.json, histories and lineages of the run. Writes the words and limits of its space, the
    best cells so far with their losses and ancestors, what was refused and why, and how to answer; equal
    histories give equal bytes. Prints where, the text's hash, and the file that the answer goes to, which
    the strategy `dictated` reads.
    """
    from gp_cells.workflow.prompt import write_prompt

    print(write_prompt(results, run, to))
