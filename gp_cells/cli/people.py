"""What people call: look at results, reproduce them, take them elsewhere, and check a config."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gp_cells.cli.command import (
    CONFIG,
    DIFFERENT,
    RESULTS,
    TRIAL,
    command,
    file,
    folder,
    option,
)

if TYPE_CHECKING:
    pass


@command(CONFIG)
def summary(config: str) -> None:
    """Print the comparison of a finished benchmark and where its report is.

    Reads results/report/BENCHMARK/comparison.json and the tables below results/.
    """
    from gp_cells.compare.summary import summary_of
    from gp_cells.config.given import plan_of

    print(summary_of(plan_of(config), Path("results")))


@command(
    option("sql", "each table is a view of its name, and `results` joins them", metavar="SQL"),
    option("--format", "(default: table)", choices=["table", "csv"], default="table"),
    RESULTS,
)
def query(sql: str, format: str, results: Path) -> None:
    """Print the answer to SQL over the tables.

    Reads the tables. On a terminal a table is cut to what it can show; in a pipe or file, and as csv, it
    has all rows and columns. `from columns` says what each column means.
    """
    from gp_cells.tables.query import show as show_answer

    show_answer(results, sql, format)


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
    again. A profile that is not in this folder is the checkout's.

    Exit status 1: a trial came out different, or could not be made.
    """
    from gp_cells.workflow.reproduce import rerun as reproduce
    from gp_cells.workflow.rerun import chosen_trials, summary

    verdicts = reproduce(results, chosen_trials(results, trial, all, sample, seed), profile, file)
    if all:
        print(summary(verdicts))
    return DIFFERENT if [verdict for verdict in verdicts if not verdict.is_good] else 0


@command(
    option("genome", "a .cell file, a baseline's name, or an architecture_id"),
    option("--space", "(default: recurrent)", default="recurrent"),
    option("--inputs", "of a recurrent layer (default: 128)", type=int, default=128, metavar="N"),
    option(
        "--units", "width: units, or filters (default: 128)", type=int, default=128, metavar="N"
    ),
    option(
        "--layers", "depth: layers, or normal cells (default: 1)", type=int, default=1, metavar="N"
    ),
    file("--svg", "its drawing, to write", required=False),
)
def show(genome: str, space: str, inputs: int, units: int, layers: int, svg: Path | None) -> None:
    """Print a genome in canonical form and its size, and draw it.

    Reads the file, or for an architecture_id the tables below results/.
    """
    from gp_cells.report.show import describe

    print(describe(genome, space, inputs, units, layers, svg))


@command(
    option("trial", TRIAL),
    folder("--to", "folder to write to (default: RUN-CANDIDATE)", required=False),
    RESULTS,
)
def export(trial: str, to: Path | None, results: Path) -> None:
    """Write a trial's network as Python, safetensors and ONNX.

    Reads the tables, the trial's own record trial.h5 and reading.json of its data. Writes network.py,
    weights.safetensors and network.onnx, and checks each of them; they need this package no more.
    """
    from gp_cells.exchange.export import export as export_trial

    print("\n".join(export_trial(results, trial, to)))


@command(
    option("trial", TRIAL),
    option("file", "new rows, with the columns of those trained on", type=Path, metavar="FILE"),
    file("--to", "CSV file to write (default: standard output)", required=False),
    RESULTS,
)
def predict(trial: str, file: Path, to: Path | None, results: Path) -> None:
    """Predict the classes or numbers of a file's rows with a trial's network.

    Reads the tables, the trial's own record trial.h5, reading.json of its data, and the file. Writes CSV
    with a line for each example: its row or sequence, then its class and the probability of each class,
    or its numbers.
    """
    from gp_cells.exchange.export.predict import predict as predict_rows

    predict_rows(results, trial, file, to)


@command(
    option("source", choices=["darts_rnn", "nas_bench_nlp"]),
    option("file", "genotypes in Python, or recipes in JSON", type=Path, metavar="FILE"),
    folder("--to", "folder to write to"),
    name="import",
)
def import_cells(source: str, file: Path, to: Path) -> None:
    """Write another benchmark's recurrent cells as formulas.

    Reads the file; no code in it is run. Writes a .cell file for each cell.
    """
    from gp_cells.exchange.bridges import import_file

    print("\n".join(import_file(source, file, to)))


@command(
    option("source", choices=["a4nn"]),
    option("files", "CSV files, a task each", nargs="+", type=Path, metavar="FILE"),
    file("--to", "Parquet file to write"),
    name="import-curves",
)
def import_curves(source: str, files: Sequence[Path], to: Path) -> None:
    """Write another system's learning curves in the layout that `gp-cells stopping` reads.

    Reads the files. Writes a Parquet file with a row for each trial and epoch; the loss is what an accuracy
    in percent lacks.
    """
    from gp_cells.exchange.bridges.a4nn import read_curves
    from gp_cells.tabular.curves import write_curves

    rows = [row for path in files for row in read_curves(path)]
    write_curves(to, rows)
    print(f"{to}: {len(rows)} epochs of {len({(r['task'], r['trial']) for r in rows})} trials")


@command(
    option(
        "place",
        "results folder, or Parquet file of curves (default: results)",
        nargs="?",
        type=Path,
        default=Path("results"),
        metavar="PLACE",
    ),
    option("--rule", "with --settings; default: all rules, each with several", metavar="NAME"),
    option("--settings", "of the rule", type=json.loads, default={}, metavar="JSON"),
    option("--format", "(default: table)", choices=["table", "csv", "json"], default="table"),
    folder("--figures", "where to write what rules train against tau and regret", required=False),
)
def stopping(
    place: Path,
    rule: str | None,
    settings: Mapping[str, Any],
    format: str,
    figures: Path | None,
) -> None:
    """Judge stopping rules on stored curves, each beside the cut of equal cost; nothing is trained.

    Reads the tables, or a Parquet file with the columns trial, epoch and valid_loss, and perhaps
    train_loss, task, seed, architecture and cpu_s. Print for each rule the share of epochs that it saves,
    the CPU seconds that these took where that is recorded, Kendall's tau of what the search would have read
    with the best loss of all epochs, that of the cut, the 95 % interval of the difference, and of rule and
    cut how many of the best 5 % are in the chosen best 10 %, and the regret of the one that is chosen.

    With --figures also draw rules beside the front of all plain cuts, as SVG, PDF and CSV; curves of a
    single seed are then told in fifths by all rules, as they are by those that learn.
    """
    from gp_cells.tabular.stopping import VARIANTS, judge_all
    from gp_cells.tabular.stopping_text import written_as

    rules = VARIANTS if rule is None else {rule: [settings]}
    judged = judge_all(place, rules, alike=figures is not None)
    if figures is not None:
        from gp_cells.report.figures import write_verdicts

        judged = write_verdicts(judged, figures)
    for line in written_as(judged, format):
        print(line, flush=True)


@command(
    folder("--to", "folder to write to"),
    option("--benchmark", "else the only one that is stored", metavar="NAME"),
    RESULTS,
)
def blackbox(to: Path, benchmark: str | None, results: Path) -> None:
    """Write a benchmark's trials as a tabular blackbox of Syne Tune.

    Reads the tables.
    """
    from gp_cells.tabular.syne_tune import write_blackbox

    print(write_blackbox(results, benchmark, to))


@command(
    option("folder", "folder of the release, new or empty", type=Path, metavar="FOLDER"),
    option("--benchmark", "which ones; default: all", nargs="+", default=[], metavar="NAME"),
    option(
        "--weights",
        "add the networks of each task's N best finalists",
        type=int,
        default=0,
        metavar="N",
    ),
    option(
        "--authors",
        "whom to cite, e.g. 'Ada Lovelace'; else the authors of gp-cells",
        nargs="+",
        default=[],
        metavar="NAME",
    ),
    RESULTS,
)
def publish(
    folder: Path, benchmark: Sequence[str], weights: int, authors: Sequence[str], results: Path
) -> None:
    """Write a release: results that others can use without this package.

    Reads the tables, the workflow at the commit that made them, and with --weights the trials' records.
    """
    from gp_cells.exchange.release import NetworkWriter
    from gp_cells.exchange.release import publish as publish_results

    writer: NetworkWriter | None = None
    if weights:  # torch: not where no network is asked for
        from gp_cells.exchange.export import write_network

        writer = write_network
    paths = publish_results(results, folder, benchmark, weights, authors, writer)
    size = sum((folder / path).stat().st_size for path in paths)
    print(f"{folder}: {len(paths)} files, {size / 1e6:.2f} MB")


@command(option("folder", "a release", type=Path, metavar="FOLDER"))
def verify(folder: Path) -> int:
    """Check everything in a release, a line for each check and more for what is wrong.

    Reads the release; needs no network.

    Exit status 1: something is wrong. 2: the folder is no release.
    """
    from gp_cells.exchange.release.verify import verify as check_release

    findings = check_release(folder)
    print("\n".join(str(finding) for finding in findings))
    return DIFFERENT if any(finding.faults for finding in findings) else 0


@command(RESULTS)
def cost(results: Path) -> None:
    """Print how well the trials' time and memory are predicted.

    Reads the tables.
    """
    from gp_cells.workflow.cost import report as cost_report

    print(cost_report(results))


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
    option("--benchmark", "else the only one that is stored", metavar="NAME"),
    option(
        "--format",
        "text for a terminal, one table for a paper, or as json all there is (default: text)",
        choices=["text", "latex", "csv", "markdown", "json"],
        default="text",
    ),
    folder(
        "--figures", "where to write each chart as SVG and PDF, its data as CSV", required=False
    ),
    RESULTS,
)
def compare(benchmark: str | None, format: str, figures: Path | None, results: Path) -> None:
    """Print a comparison of the cells and strategies of a benchmark's runs in the tables.

    Reads the tables. The table for LaTeX needs the package booktabs. With --figures the charts of the
    report are written too, in a style that prints.
    """
    from gp_cells.compare import compare as compare_runs
    from gp_cells.compare.paper import say
    from gp_cells.compare.records import chosen_benchmark, runs_of
    from gp_cells.report.figures import write_figures

    benchmark = benchmark or chosen_benchmark(results, None)
    found = compare_runs(results, benchmark, runs_of(results, benchmark))
    print(say(found, format, results), end="")
    if figures is not None:
        names = write_figures(results, benchmark, found, figures)
        print(f"{figures}: {len(names)} charts, each as .svg, .pdf and .csv", file=sys.stderr)


@command(
    option("--benchmark", "else the only one that is stored", metavar="NAME"),
    file("--to", "page to write (default: BENCHMARK.html)", required=False),
    RESULTS,
)
def report(benchmark: str | None, to: Path | None, results: Path) -> None:
    """Write the page of a benchmark from tables alone, those of a release too.

    Reads the tables. The page needs no network and no other file.
    """
    from gp_cells.compare import compare as compare_runs
    from gp_cells.compare.records import chosen_benchmark, runs_of
    from gp_cells.report.page import write_report

    name = benchmark or chosen_benchmark(results, None)
    page = to or Path(f"{name}.html")
    write_report(results, name, compare_runs(results, name, runs_of(results, name)), page)
    print(f"report: {page}")


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


@command(
    option("family", "task, space, strategy, stopping or measure"),
    option("name", "as a config has it"),
    option(
        "--settings", "as in a config (default: {})", type=json.loads, default={}, metavar="JSON"
    ),
    option(
        "--space",
        "that a strategy proposes in (default: recurrent)",
        default="recurrent",
        metavar="NAME",
    ),
    option(
        "--slots",
        "of each wave of a strategy (default: 4 4 3 3 3)",
        nargs="+",
        type=int,
        metavar="N",
    ),
)
def vet(
    family: str, name: str, settings: Mapping[str, Any], space: str, slots: Sequence[int] | None
) -> int:
    """Check that a plug-in does what its family has to do. Print a line for each check.

    Trains nothing. Of a strategy: it is a pure function of its history, fills its slots, goes on after
    failures and with a lag, and proposes the same in processes with other hash seeds. In tests of your
    own: `gp_cells.testing`.

    Exit status 1: a check failed.
    """
    from gp_cells.testing.strategies import WIDTHS
    from gp_cells.testing.vet import vet as vet_plug_in

    lines, is_good = vet_plug_in(family, name, settings, space, slots or WIDTHS)
    print("\n".join(lines))
    return 0 if is_good else DIFFERENT


@command()
def dictionary() -> None:
    """Print every table and column, with unit, direction and meaning, as Markdown."""
    from gp_cells.tables.schemas import dictionary as all_columns
    from gp_cells.tables.schemas import schemas

    print(all_columns(schemas()), end="")


@command()
def schema() -> None:
    """Print the JSON Schema of configs, made from the plug-ins' own fields."""
    from gp_cells.plugins import schema_of_configs

    print(json.dumps(schema_of_configs(), indent=1, ensure_ascii=False))


@command(name="settings-reference")
def settings_reference() -> None:
    """Print every key of a config and every setting of every plug-in, as Markdown."""
    from gp_cells.plugins import reference_of_settings

    print(reference_of_settings())


@command(option("shell", choices=["bash", "zsh"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete `gp-cells`.

    Writes to standard output, for a shell to read: source <(gp-cells completion bash)
    """
    from gp_cells.cli.completion import completion as script

    print(script(shell), end="")
