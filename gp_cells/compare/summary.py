"""A comparison in words and columns, for a terminal."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gp_cells.compare import read_comparison
from gp_cells.compare.finalists import once
from gp_cells.compare.labels import say_spent
from gp_cells.compare.novelty import say_novelty
from gp_cells.compare.power import say_power
from gp_cells.compare.sizes import say_sizes
from gp_cells.compare.versions import dirty_code, mixed_versions
from gp_cells.config.plan import Plan, trial_folder
from gp_cells.tables.parquet import read_tables

RESULTS = Path("results")  # which commands look into unless they are told
SHORT = 8  # letters of an id
NEXT = (  # what a user does at the end of a benchmark
    "next: open the report in a browser",
    '      gp-cells query "from results"    # the tables, a row a trial',
    "      gp-cells init FOLDER             # a benchmark of your own, by its config.yaml",
)


def summary_of(plan: Plan, results: Path) -> str:
    """Return the summary of a finished benchmark, where its report and tables are, and what is next.

    Raises:
        RecordError: it has not been run to its end.
    """
    folder = results / "report" / plan.benchmark
    parts = ["", summary(read_comparison(folder / "comparison.json"), results)]
    trials = read_tables(results, "trials", plan.runs).to_pylist()
    parts += [f"{line}\n" for line in (mixed_versions(trials), dirty_code(trials)) if line]
    parts.append(f"report: {folder / 'index.html'}    tables: {results / 'tables'}/")
    parts += NEXT
    return "\n".join(parts)


def summary(comparison: Mapping[str, Any], results: Path = RESULTS) -> str:
    """Return the comparison as short tables for a terminal, with the best evolved formulas.

    `results` is where the trials are that its commands name.
    """
    parts = [_task_summary(task, results) for task in comparison["tasks"]]
    return "\n\n".join([*parts, *_over_tasks(comparison["strategies"])]) + "\n"


def _task_summary(task: Mapping[str, Any], results: Path) -> str:
    symbol = task["symbol"]
    bits = f" (bits: validation, per {symbol[0]})" if symbol else ""
    lines = [f"{task['task']}: loss in {task['loss_unit']}, lower is better{bits}", ""]
    lines += _cells(task, None if symbol is None else symbol[1].get("valid", 1))
    lines += [f"  warning: {found['said']}" for found in task["guards"]]
    lines += _sizes(task["equal_size"])
    lines += _strategies(task["strategies"])
    lines += [line for of in task["ablations"] for line in _ablation(of)]
    lines += _spent(task["spent"])
    evolved = [row for row in task["rows"] if row["name"] is None]
    if evolved:
        best = evolved[0]
        lines += ["", f"  best evolved cell ({best['strategy']}, id {short_id(best['trial_id'])}):"]
        lines += [f"    {line}" for line in best["genome"].splitlines()]
        if "recipe" in best:
            lines.append(f"    trained at the rate {best['learning_rate']:g} by {best['recipe']}")
        lines += ["", *(f"    {command}" for command in commands(best, results))]
    lines += [f"  {_front_line(front)}" for front in task["fronts"]]
    lines += [f"  {rule['said']}" for rule in task["stopping"]]
    lines += [f"  {said}" for said in map(say_novelty, task["novelty"]) if said]
    return "\n".join(lines)


def _cells(task: Mapping[str, Any], size: float | None) -> list[str]:
    """Return the table of finalists and trivial predictors; of classes the errors come first.

    Of texts it has bits too; a target has `size` of what they are told of.
    """
    errors = has_errors(task["rows"])
    head = [
        *("cell", *(["test error"] if errors else []), "validation", "test", "spread"),
        *("parameters", "rate", "seeds", "id", *([] if size is None else ["bits"])),
    ]
    rows = []
    for row in once(task["rows"]):
        known = size is not None and row["valid_mean"] is not None
        error = [_error(row["test_error"])] if errors else []
        numbers = [*error, *_line(row), *([_bits(row["valid_mean"], size)] if known else [])]
        failed = (
            f"{row['failed']} failed" if row["failed"] and row["valid_mean"] is not None else ""
        )
        rows.append([cell_name(row), *numbers, failed])
    for name, loss in sorted(task["references"].items(), key=lambda item: item[1]):
        guess = [f"reference: {name}", *([""] if errors else []), f"{loss:.3f}"]
        bits = [] if size is None else [_bits(loss, size)]
        rows.append([*guess, *[""] * (len(head) - len(guess) - len(bits)), *bits])
    return [f"  {line}" for line in aligned([head, *rows])]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines of equal columns, the first to the left; a row may lack the last ones."""
    columns = max(map(len, rows))
    filled = [[*row, *[""] * (columns - len(row))] for row in rows]
    wide = [max(map(len, column)) for column in zip(*filled, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(wide[0]), *map(str.rjust, row[1:], wide[1:])],
        ).rstrip()
        for row in filled
    ]


def short_id(trial_id: str) -> str:
    """Return as many letters of a trial's id as every command understands."""
    return trial_id[:SHORT]


def commands(row: Mapping[str, Any], results: Path) -> list[str]:
    """Return the lines that train a finalist again and, where its record is, write its network."""
    run, _, candidate = row["trial"].partition("/")
    record = results / Path(trial_folder(run, candidate)).relative_to(RESULTS) / "trial.h5"
    verbs = ["rerun", *(["export"] if record.is_file() else [])]
    return [f"gp-cells {verb} {short_id(row['trial_id'])}{in_results(results)}" for verb in verbs]


def in_results(results: Path) -> str:
    """Return what a command is told of a results folder that is not the usual one."""
    return "" if results == RESULTS else f" --results {shlex.quote(str(results))}"


def _sizes(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the best evolved and designed cell under each limit of size, where both are there."""
    if not rows:
        return []
    table = [
        ["parameters", "evolved", "test", "id", "designed", "test", "id", "difference", "95 %"]
    ]
    for row in rows:
        cells = [
            word
            for cell in (row["evolved"], row["designed"])
            for word in (cell_name(cell), f"{cell['test_mean']:.3f}", short_id(cell["trial_id"]))
        ]
        limit, gap = f"up to {row['parameters']:,}", f"{row['difference']:+z.3f}"
        table.append([limit, *cells, gap, _range(row)])
    said = say_sizes(rows)
    return ["", *(f"  {line}" for line in [*aligned(table), *([said] if said else [])])]


def _strategies(strategies: Mapping[str, Any]) -> list[str]:
    """Return a task's strategies and pairs, where a strategy has more than one search to speak of."""
    if all(row["n"] + row["missing"] < 2 for row in strategies["rows"]):
        return []
    lines = ["", *(f"  {line}" for line in aligned(_strategy_rows(strategies)))]
    if strategies["pairs"]:
        lines += ["", *(f"  {line}" for line in aligned(pair_rows(strategies["pairs"])))]
    lines += [f"  {said}" for said in [say_power(strategies["pairs"])] if said]
    return lines + [f"  warning: {warning}" for warning in strategies["warnings"]]


def _ablation(of: Mapping[str, Any]) -> list[str]:
    """Return what the settings of a strategy do that runs under several labels."""
    first = of["rows"][0]["label"]
    table = [[f"{of['strategy']} as", *of["settings"], "test", "95 %", "n", f"less {first}", "p"]]
    for row in of["rows"]:
        values = ["–" if value is None else str(value) for value in row["values"]]
        gap = row["against_first"]
        table.append(
            [
                row["label"],
                *values,
                "none" if row["mean"] is None else f"{row['mean']:.3f}",
                _range(row),
                str(row["n"]),
                *([f"{gap['difference']:+z.3f} {_range(gap)}", _p(gap["p_holm"])] if gap else []),
            ]
        )
    return ["", *(f"  {line}" for line in aligned(table))]


def _spent(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the searches of each strategy took."""
    if not rows:
        return []
    on_gpu = any(row["gpu_h"] for row in rows)
    head = ["spent by searches", "searches", "candidates", "epochs", "CPU hours"]
    table = [[*head, *(["GPU hours"] if on_gpu else [])]]
    for row in rows:
        counts = [f"{row[key]:,}" for key in ("searches", "candidates", "epochs")]
        hours = [row["cpu_h"], *([row["gpu_h"]] if on_gpu else [])]
        table.append([row["strategy"], *counts, *(f"{hour:.3g}" for hour in hours)])
    said = filter(None, map(say_spent, rows))
    return ["", *(f"  {line}" for line in [*aligned(table), *said])]


def _strategy_rows(strategies: Mapping[str, Any]) -> list[list[str]]:
    designed = strategies["designed"]
    behind = f"behind {designed['name']}, 95 %" if designed else ""
    errors = any(row["error"] is not None for row in strategies["rows"])
    shown = ["test error", "95 %"] if errors else []
    rows = [["best finalist of a search", *shown, "test", "95 %", "n", behind, "best"]]
    for row in strategies["rows"]:
        further, missing = row["behind_designed"], row["missing"]
        error = ""
        if row["error_low"] is not None:
            error = f"[{100 * row['error_low']:z.1f}, {100 * row['error_high']:z.1f}] %"
        rows.append(
            [
                row["strategy"],
                *([_error(row["error"]), error] if errors else []),
                "none" if row["mean"] is None else f"{row['mean']:.3f}",
                _range(row),
                str(row["n"]),
                f"{further['mean']:+z.3f} {_range(further)}" if further else "",
                short_id(row["best"]["trial_id"]) if row["best"] else "",
                *([f"{missing} missing"] if missing else []),
            ]
        )
    return rows


def mean_within(row: Mapping[str, Any]) -> str:
    """Return a strategy's mean loss with its interval."""
    return "none" if row["mean"] is None else f"{row['mean']:.3f} {_range(row)}".rstrip()


def pair_rows(pairs: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return the rows of the table of pairs, the head first."""
    rows = [["pair", "difference", "95 %", "n", "Wilcoxon p (Holm)", "P(left better)"]]
    for pair in pairs:
        name, n = f"{pair['left']} − {pair['right']}", str(pair["n"])
        if pair["difference"] is None:
            rows.append([name, "none", "", n])
            continue
        p = f"{_p(pair['p'])} ({_p(pair['p_holm'])})"
        gap, better = f"{pair['difference']:+.3f}", f"{pair['improvement']:z.2f}"
        rows.append([name, gap, _range(pair), n, p, better])
    return rows


def _over_tasks(over: Mapping[str, Any]) -> list[str]:
    """Return what all tasks together say, where there is more than one."""
    if len(over["tasks"]) < 2 or not over["rows"]:
        return []
    lines = [
        f"over {len(over['tasks'])} tasks ({', '.join(over['tasks'])}); "
        "0 is the best designed cell, 1 the weakest trivial predictor (on validation)",
        *(
            f"without {task}: less than half of its spread is the cell's"
            for task in over["tasks_of_luck"]
        ),
        "",
        f"  {'strategy':<28} {'interquartile mean':>18} {'95 %':>18}   n a task",
    ]
    lines += [
        f"  {row['strategy']:<28} {row['interquartile_mean']:>18.4f} {_range(row, 4):>18}   "
        f"{', '.join(map(str, row['n']))}"
        for row in over["rows"]
    ]
    lines += [
        f"  P({pair['left']} better than {pair['right']}) = {pair['improvement']:z.2f} {_range(pair, 2)}"
        for pair in over["pairs"]
    ]
    lines += [
        f"  {strategy} is left out: it has no result on {', '.join(tasks)}"
        for strategy, tasks in over["strategies_left_out"].items()
    ]
    ranks = over["ranks"]
    if "why_not" in ranks:
        return ["\n".join([*lines, f"  {ranks['why_not']}"])]
    named = ", ".join(f"{name} {rank:z.2f}" for name, rank in ranks["ranks"].items())
    lines.append(
        f"  mean ranks: {named}; Friedman p {_p(ranks['friedman_p'])}, critical difference "
        f"{ranks['critical_difference']:z.2f} (n = {ranks['n']} tasks)"
    )
    return ["\n".join(lines)]


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.001" if value < 0.0005 else f"{value:z.3f}"


def _range(row: Mapping[str, Any], digits: int = 3) -> str:
    if row["low"] is None:
        return ""
    return f"[{row['low']:z.{digits}f}, {row['high']:z.{digits}f}]"


def has_errors(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether some finalists of a task predict classes, and have an error beside their loss."""
    return any(row["test_error"] is not None for row in rows)


def _front_line(front: Mapping[str, Any]) -> str:
    reference = ", ".join(f"{value:g}" for value in front["reference_point"])
    return (
        f"{front['strategy']} (seed {front['seed']}): {len(front['points'])} on the front of "
        f"{', '.join(front['objectives'])}; hypervolume {front['hypervolume']:.6g} "
        f"within ({reference})"
    )


def _bits(nats: float, size: float | None) -> str:
    return f"{nats / math.log(2) / (size or 1):z.3f}"


def _error(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def cell_name(row: Mapping[str, Any]) -> str:
    """Return what a finalist is called."""
    return row["name"] or f"{row['strategy']} (seed {row['seed']}, no. {row['finalist'] + 1})"


def _line(row: Mapping[str, Any]) -> list[str]:
    """Return a finalist's numbers, from its validation loss to its id."""
    if row["valid_mean"] is None:
        return ["failed", *[""] * 5, short_id(row["trial_id"])]
    return [
        f"{row['valid_mean']:.3f}",
        "" if row["test_mean"] is None else f"{row['test_mean']:z.3f}",
        f"{row['valid_max'] - row['valid_min']:.3f}",
        "" if row["parameters"] is None else f"{row['parameters']:,}",
        f"{row['learning_rate']:.4f}",
        str(row["seeds"]),
        short_id(row["trial_id"]),
    ]
