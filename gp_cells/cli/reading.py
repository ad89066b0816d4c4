"""What people call to look at results: the tables, a comparison, a page, one genome."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from gp_cells.cli.command import RESULTS, command, file, folder, option


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
    option("genome", "a .cell file, a baseline's name, an architecture_id, or a trial"),
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

    Reads the file, or for an id the tables below results/.
    """
    from gp_cells.report.show import describe

    print(describe(genome, space, inputs, units, layers, svg))


@command(
    option("runs", "of one task, as the tables name them", nargs="+", metavar="RUN"),
    option("--most", "pieces from either end (default: 10)", type=int, default=10, metavar="N"),
    option("--format", "(default: markdown)", choices=["markdown", "csv"], default="markdown"),
    RESULTS,
)
def beliefs(runs: Sequence[str], most: int, format: str, results: Path) -> None:
    """Print which pieces of formulas helped a search, and how surely, as a Gaussian process believes.

    Reads the tables. The process is that of the strategy `bayesian`, whatever strategy searched. The score
    is the rank of the validation loss in standard deviations: less is better.
    """
    from gp_cells.tabular.beliefs import told_of

    print("\n".join(told_of(results, runs, most, format)))


@command(
    option("--benchmark", "else the only one that is stored", metavar="NAME"),
    option("--format", "(default: markdown)", choices=["markdown", "json"], default="markdown"),
    RESULTS,
)
def transfers(benchmark: str | None, format: str, results: Path) -> None:
    """Print how cells found on each task do on every other, and how alike two tasks rank them.

    Reads the tables: runs of the strategy `transfer`. The rank correlation is Kendall's tau-b over all
    cells that were trained on both tasks. As json also every cell with its losses and where it comes from.
    """
    import json

    from gp_cells.compare.transfers import read_transfers, say

    found = read_transfers(results, benchmark)
    print("\n".join(say(found)) if format == "markdown" else json.dumps(found, indent=1))


@command(
    option("--benchmark", "else the only one that is stored", metavar="NAME"),
    option("--format", "(default: markdown)", choices=["markdown", "json"], default="markdown"),
    RESULTS,
)
def noise(benchmark: str | None, format: str, results: Path) -> None:
    """Print how much of each task's losses is the cell's and how much the seed's, and what can be told so.

    Reads the tables: the finalists, all trained with the same seeds, so those of config/noise.yaml for
    designed cells. Below the smallest differences no claim of one cell being ahead of another stands.
    """
    import json

    from gp_cells.compare.noise import read_noise, say_noise

    found = read_noise(results, benchmark)
    print("\n".join(say_noise(found)) if format == "markdown" else json.dumps(found, indent=1))


@command(
    option("runs", "of the strategy one_shot, as in results/runs/", nargs="+", metavar="RUN"),
    RESULTS,
)
def refute(runs: Sequence[str], results: Path) -> None:
    """Print how far one-shot searches' supernets order genomes as training them alone does, and a control.

    Reads settings.json and the last history of the runs. The taus are Kendall's between losses by shared
    weights and alone, with 95 % intervals; the control has the supernet's weights as they were drawn.
    Beside them: how many values the derived genome passes on as they are, and its rank among those drawn.
    """
    from gp_cells.tabular.refutation import told_of

    print("\n".join(told_of(results, runs)))


@command(
    option("runs", "of the strategy minimise, as in results/runs/", nargs="+", metavar="RUN"),
    RESULTS,
)
def minimised(runs: Sequence[str], results: Path) -> None:
    """Print which sub-formulas of a cell can go, step by step, and what each costs.

    Reads settings.json and the newest history of the runs, and of finished ones the tables. A step has a
    row for each deletion: its loss over seeds against that of the given cell with the 95 % interval, and
    the corrected p. At the end the smallest cell is held against the given one with fresh seeds.
    """
    from gp_cells.tabular.minimised import told_of

    print("\n".join(told_of(results, runs)))
