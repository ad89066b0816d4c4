"""What people call to search without training: on stored results, and on complete tables."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gp_cells.cli.command import CONFIG, RESULTS, command, file, folder, option

if TYPE_CHECKING:
    from gp_cells.tabular.replay import Fitness, Missing

PAGE = file("--page", "HTML page to write, with regret curves and tests", required=False)
ALL = "which ones; default: all of the config"


@command(
    CONFIG,
    option("--task", ALL, nargs="+", metavar="LABEL"),
    option("--strategy", ALL, nargs="+", metavar="LABEL"),
    option("--seed", ALL, nargs="+", type=int, metavar="N"),
    option(
        "--workers", "simulated workers of a run (default: 1)", type=int, default=1, metavar="N"
    ),
    option(
        "--fitness",
        "of the trial with the run's own training seed, or the mean over all seeds (default: own)",
        choices=["own", "mean"],
        default="own",
    ),
    option(
        "--missing",
        "what was never trained ends the replay, is not proposed, or is guessed (default: refuse)",
        choices=["refuse", "avoid", "surrogate"],
        default="refuse",
    ),
    file("--to", "file to write (default: BENCHMARK-replay.parquet)", required=False),
    PAGE,
    RESULTS,
)
def replay(
    config: str,
    task: Sequence[str],
    strategy: Sequence[str],
    seed: Sequence[int],
    workers: int,
    fitness: Fitness,
    missing: Missing,
    to: Path | None,
    page: Path | None,
    results: Path,
) -> None:
    """Play a config's strategies on stored results; nothing is trained.

    Reads the tables. Writes a Parquet file with a row for each candidate, and prints how the strategies
    compare by the best validation loss of each search.
    """
    from gp_cells.config.given import plan_of
    from gp_cells.tabular.replay import (
        WHAT,
        Replay,
        as_table,
        chosen_runs,
        compare_replayed,
        summary,
        tell_compared,
        write,
    )

    plan = plan_of(config)
    player = Replay(results, workers, fitness, missing)
    replayed = [player.run(run) for run in chosen_runs(plan, task, strategy, seed)]
    path = to or Path(f"{plan.benchmark}-replay.parquet")
    write(as_table(player, replayed), path)
    print(summary(replayed, workers))
    compared = compare_replayed(player, replayed)
    print(tell_compared(compared))
    print(f"outcomes: {path}")
    if page is not None:
        chosen = {"--task": task, "--strategy": strategy, "--seed": seed}
        options: dict[str, Any] = {name: of for name, of in chosen.items() if of is not None}
        options |= {"--workers": workers, "--fitness": fitness, "--missing": missing}
        _write_page(compared, WHAT, ["replay", config], {**options, "--results": results}, page)


@command(
    option("--strategy", "its name as in a config", required=True, metavar="NAME"),
    option(
        "--settings", "as in a config (default: {})", type=json.loads, default={}, metavar="JSON"
    ),
    option(
        "--table",
        "nas_bench_201, or nas_bench_graph_cora and others",
        required=True,
        metavar="NAME",
    ),
    option("--seeds", "searches of each (default: 50)", type=int, default=50, metavar="N"),
    option("--candidates", "of a search (default: 300)", type=int, default=300, metavar="N"),
    option("--slots", "candidates of a wave (default: 10)", type=int, default=10, metavar="N"),
    option("--lag", "waves that a wave is behind (default: 1)", type=int, default=1, metavar="N"),
    option(
        "--format",
        "text, a table for a paper, or as json all there is (default: text)",
        choices=["text", "latex", "csv", "markdown", "json"],
        default="text",
    ),
    folder(
        "--figures", "where to write the regret by candidates as SVG, PDF and CSV", required=False
    ),
    PAGE,
)
def play(
    strategy: str,
    settings: Mapping[str, Any],
    table: str,
    seeds: int,
    candidates: int,
    slots: int,
    lag: int,
    format: str,
    figures: Path | None,
    page: Path | None,
) -> None:
    """Play a strategy against random search on a complete table of trained architectures.

    Reads a table of the packages in gp-cells[truth]; nothing is trained. Prints the regret, how much worse
    the best found is than the best there is, over the same seeds with a paired test.
    """
    from gp_cells.config.choose import check_range
    from gp_cells.report.figures import write_regret
    from gp_cells.tabular.paper import FORMS
    from gp_cells.tabular.searches import tell
    from gp_cells.tabular.truth.contest import UNIT, Contest, play_against_random

    check_range("--seeds", seeds, 2)
    contest = Contest(table, candidates, slots, lag)
    found = play_against_random(contest, strategy, settings, range(1, seeds + 1))
    title = f"regret on {table}, {UNIT}"
    print(f"{tell(found, title)}\n" if format == "text" else FORMS[format](found, title), end="")
    if figures is not None:
        write_regret(found, figures)
    if page is not None:
        options: dict[str, Any] = {
            "--strategy": strategy,
            "--settings": json.dumps(settings),
            "--table": table,
        }
        options |= {"--seeds": seeds, "--candidates": candidates, "--slots": slots, "--lag": lag}
        _write_page([found], "regret", ["play"], options, page)


def _write_page(
    compared: Sequence[Mapping[str, Any]],
    what: str,
    command: Sequence[str],
    options: Mapping[str, Any],
    page: Path,
) -> None:
    from gp_cells.report.played import write_played

    words = ["gp-cells", *command]
    for name, value in {**options, "--page": page}.items():
        words += [name, *map(str, value if isinstance(value, list) else [value])]
    write_played(compared, what, shlex.join(words), page)
    print(f"page: {page}")


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
