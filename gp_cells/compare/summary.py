"""A comparison in words and columns, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gp_cells.compare import read_comparison
from gp_cells.compare.finalists import once
from gp_cells.compare.power import say_power
from gp_cells.compare.sizes import say_sizes
from gp_cells.compare.versions import dirty_code, mixed_versions
from gp_cells.config.plan import Plan
from gp_cells.tables.parquet import read_tables


def summary_of(plan: Plan, results: Path) -> str:
    """Return the summary of a finished benchmark, and where its report and tables are.

    Raises:
        RecordError: it has not been run to its end.
    """
    folder = results / "report" / plan.benchmark
    parts = ["", summary(read_comparison(folder / "comparison.json"))]
    trials = read_tables(results, "trials", plan.runs).to_pylist()
    parts += [f"{line}\n" for line in (mixed_versions(trials), dirty_code(trials)) if line]
    parts.append(f"report: {folder / 'index.html'}    tables: {results / 'tables'}/")
    return "\n".join(parts)


def summary(comparison: Mapping[str, Any]) -> str:
    """Return the comparison as short tables for a terminal, with the best evolved formulas."""
    parts = [_task_summary(task) for task in comparison["tasks"]]
    return "\n\n".join([*parts, *_over_tasks(comparison["strategies"])]) + "\n"


def _task_summary(task: Mapping[str, Any]) -> str:
    in_bits = task["loss_unit"] == "nats per character"
    bits = " (in brackets: validation in bits per character)" if in_bits else ""
    lines = [f"{task['task']}: loss in {task['loss_unit']}, lower is better{bits}", ""]
    lines.append(
        f"  {'cell':<28} {'validation':>10} {'test':>8} {'spread':>8} "
        f"{'parameters':>11} {'rate':>8} {'seeds':>6}"
        + (f" {'test error':>11}" if has_errors(task["rows"]) else "")
    )
    for row in once(task["rows"]):
        known = in_bits and row["valid_mean"] is not None
        lines.append(f"  {_line(row)}" + (_bits(row["valid_mean"]) if known else ""))
    for name, loss in sorted(task["references"].items(), key=lambda item: item[1]):
        line = f"  {'reference: ' + name:<28} {loss:>10.3f}"
        lines.append(line + (_bits(loss) if in_bits else ""))
    lines += [f"  warning: {found['said']}" for found in task["guards"]]
    lines += _sizes(task["equal_size"])
    lines += _strategies(task["strategies"])
    evolved = [row for row in task["rows"] if row["name"] is None]
    if evolved:
        lines += ["", f"  best evolved cell ({evolved[0]['strategy']}):"]
        lines += [f"    {line}" for line in evolved[0]["genome"].splitlines()]
    lines += [f"  {_front_line(front)}" for front in task["fronts"]]
    return "\n".join(lines)


def _sizes(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the best evolved and designed cell under each limit of size, where both are there."""
    if not rows:
        return []
    names = [[cell_name(row[kind]) for kind in ("evolved", "designed")] for row in rows]
    wide = [max(map(len, column)) for column in zip(*names, strict=True)]
    lines = [
        "",
        f"  {'at most so many parameters':<28} {'evolved':>{wide[0]}} {'test':>8}   "
        f"{'designed':>{wide[1]}} {'test':>8}   difference, 95 %",
    ]
    for row, (evolved, designed) in zip(rows, names, strict=True):
        lines.append(
            f"  {row['parameters']:>26,}   {evolved:>{wide[0]}} {row['evolved']['test_mean']:>8.3f}   "
            f"{designed:>{wide[1]}} {row['designed']['test_mean']:>8.3f}   "
            f"{row['difference']:+z.3f} {_range(row)}".rstrip()
        )
    return lines + [f"  {said}" for said in [say_sizes(rows)] if said]


def _strategies(strategies: Mapping[str, Any]) -> list[str]:
    """Return a task's strategies and pairs, where a strategy has more than one search to speak of."""
    if all(row["n"] + row["missing"] < 2 for row in strategies["rows"]):
        return []
    designed = strategies["designed"]
    behind = f"behind {designed['name']}" if designed else ""
    lines = [
        "",
        f"  {'best finalist of a search':<28} {'test':>10} {'95 %':>18} {'n':>4}   {behind}",
    ]
    for row in strategies["rows"]:
        missing = f"  {row['missing']} missing" if row["missing"] else ""
        if row["mean"] is None:
            lines.append(f"  {row['strategy']:<28} {'none':>10} {'':>18} {row['n']:>4}{missing}")
            continue
        further = row["behind_designed"]
        gap = f"{further['mean']:+z.3f} {_range(further)}" if further else ""
        lines.append(
            f"  {row['strategy']:<28} {row['mean']:>10.3f} {_range(row):>18} {row['n']:>4}   "
            f"{gap}{missing}"
        )
    if strategies["pairs"]:
        lines += [
            "",
            f"  {'pair':<28} {'difference':>10} {'95 %':>18} {'n':>4}   Wilcoxon p (Holm)",
        ]
    for pair in strategies["pairs"]:
        name = f"{pair['left']} − {pair['right']}"
        if pair["difference"] is None:
            lines.append(f"  {name:<28} {'none':>10} {'':>18} {pair['n']:>4}")
            continue
        lines.append(
            f"  {name:<28} {pair['difference']:>+10.3f} {_range(pair):>18} {pair['n']:>4}   "
            f"{pair['p']:z.3f} ({pair['p_holm']:z.3f}); "
            f"P({pair['left']} better) {pair['improvement']:z.2f}"
        )
    lines += [f"  {said}" for said in [say_power(strategies["pairs"])] if said]
    return lines + [f"  warning: {warning}" for warning in strategies["warnings"]]


def _over_tasks(over: Mapping[str, Any]) -> list[str]:
    """Return what all tasks together say, where there is more than one."""
    if len(over["tasks"]) < 2 or not over["rows"]:
        return []
    lines = [
        f"over {len(over['tasks'])} tasks ({', '.join(over['tasks'])}); "
        "0 is the best designed cell, 1 the weakest trivial predictor (on validation)",
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
    return "–" if value is None else f"{value:z.3f}"


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


def _bits(nats: float) -> str:
    return f"  [{nats / math.log(2):z.3f}]"


def cell_name(row: Mapping[str, Any]) -> str:
    """Return what a finalist is called."""
    return row["name"] or f"{row['strategy']} (seed {row['seed']}, no. {row['finalist'] + 1})"


def _line(row: Mapping[str, Any]) -> str:
    name = cell_name(row)
    if row["valid_mean"] is None:
        return f"{name:<28} {'failed':>10}"
    test = "" if row["test_mean"] is None else f"{row['test_mean']:z.3f}"
    spread = row["valid_max"] - row["valid_min"]
    failed = f"  {row['failed']} failed" if row["failed"] else ""
    error = "" if row["test_error"] is None else f" {row['test_error']:>11.2%}"
    size = "" if row["parameters"] is None else f"{row['parameters']:,}"
    return (
        f"{name:<28} {row['valid_mean']:>10.3f} {test:>8} {spread:>8.3f} "
        f"{size:>11} {row['learning_rate']:>8.4f} {row['seeds']:>6}{error}{failed}"
    )
