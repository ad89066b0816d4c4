"""The comparison of a benchmark's finalists, designed and evolved, from its tables alone.

Every finalist was trained anew with the same learning rates and seeds, none of which the search saw;
its row is that of its best learning rate. Selection among finalists uses validation losses only.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from gp_cells import pareto
from gp_cells.objectives import FITNESS, SCORES, entanglement
from gp_cells.search import counts_of
from gp_cells.tables import read_tables

Row = dict[str, Any]


def compare(results: Path, benchmark: str, runs: Iterable[str]) -> dict[str, Any]:
    """Return, for each task, its finalists with the lowest mean validation loss first.

    Beside them the Pareto fronts of the runs that searched for several objectives.

    Raises:
        RecordError: a table of one of the runs is missing or broken.
    """
    names = list(runs)
    tables = {
        name: read_tables(results, name, names).to_pylist()
        for name in ("runs", "architectures", "candidates", "trials", "test")
    }
    tasks = []
    for task in dict.fromkeys(run["task"] for run in tables["runs"]):
        of_task = [run for run in tables["runs"] if run["task"] == task]
        rows = [row for run in of_task for row in _rows(run, tables)]
        rows.sort(key=_rank)
        tasks.append(
            {
                "task": task,
                "loss_unit": of_task[0]["loss_unit"],
                "references": json.loads(of_task[0]["references"]),
                "rows": rows,
                "signs": early_signs(of_task, tables),
                "fronts": [front for run in of_task for front in _fronts(run, tables)],
            }
        )
    return {"benchmark": benchmark, "tasks": tasks}


def _rows(run: Row, tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Return the finalists of a run."""
    architectures = {
        row["architecture_id"]: row for row in tables["architectures"] if row["run"] == run["run"]
    }
    tested = {row["trial_id"]: row for row in tables["test"]}
    trials = [row for row in tables["trials"] if row["run"] == run["run"] and row["chosen"]]
    settings = json.loads(run["settings"])
    enlarged = "recipe" in settings.get("finalists", {})
    rows = []
    for finalist in sorted({trial["finalist"] for trial in trials}):
        members = [trial for trial in trials if trial["finalist"] == finalist]
        architecture = architectures[members[0]["architecture_id"]]
        described = ("architecture_id", "name", "genome")
        counts = counts_of(settings, architecture["genome"], True) if enlarged else architecture
        valid = [trial["fitness"] for trial in members if trial["fitness"] is not None]
        test = [tested[t["trial_id"]] for t in members if t["trial_id"] in tested]
        errors = [row["test_error"] for row in test if row["test_error"] is not None]
        rows.append(
            {
                **{key: run[key] for key in ("run", "strategy", "seed")},
                "finalist": finalist,
                **{key: architecture[key] for key in described},
                **{key: counts[key] for key in ("parameters", "multiply_adds")},
                "learning_rate": members[0]["learning_rate"],
                **_spread("valid", valid),
                **_spread("test", [row["test_loss"] for row in test]),
                "test_error": math.fsum(errors) / len(errors) if errors else None,
                "seeds": len(members),
                "failed": len(members) - len(valid),
            }
        )
    return rows


SIGNS = (*SCORES, "introspectability", "network_parameters", "network_multiply_adds")
FEWEST = 5  # architectures that a rank correlation is taken of


def early_signs(runs: Sequence[Row], tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Return how well each score foretold the fitness of the searches' architectures.

    Spearman's rank correlation with the loss, so that a score of which higher is better has a
    negative one, over the architectures that were trained well, each once; `n` says how many, and
    with fewer than `FEWEST` of them, or all scores alike, there is no correlation. `median_s` is what
    a score took.
    """
    names = {run["run"] for run in runs}
    size = {(a["run"], a["architecture_id"]): a for a in tables["architectures"]}
    trained: dict[str, Row] = {}
    for trial in tables["trials"]:
        if trial["run"] in names and trial["role"] == "search" and trial["fitness"] is not None:
            row = {**size[trial["run"], trial["architecture_id"]], **trial}
            trained.setdefault(trial["architecture_id"], row)
    return [sign for name in SIGNS if (sign := _sign(name, list(trained.values())))["n"]]


def _sign(name: str, trained: Sequence[Row]) -> Row:
    known = [row for row in trained if row[name] is not None and math.isfinite(row[name])]
    pairs = [(row[name], row["fitness"]) for row in known]
    correlation = None
    if len(known) >= FEWEST and all(len(set(column)) > 1 for column in zip(*pairs, strict=True)):
        correlation = float(spearmanr(*zip(*pairs, strict=True)).statistic)
    spent = [row[f"{name}_s"] for row in known if row.get(f"{name}_s") is not None]
    median_s = statistics.median(spent) if spent else None
    return {"name": name, "correlation": correlation, "n": len(known), "median_s": median_s}


def _fronts(run: Row, tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Return the front of a run and its hypervolume, or nothing if its strategy has no objectives."""
    chosen = json.loads(run["settings"])["strategy"]["settings"]
    if "objectives" not in chosen:
        return []
    names, reference = chosen["objectives"], chosen["reference_point"]
    architectures = {
        row["architecture_id"]: row for row in tables["architectures"] if row["run"] == run["run"]
    }
    searched = [
        {
            **architectures[row["architecture_id"]],
            **row,
            "entanglement": entanglement(row["introspectability"]),
        }
        for row in tables["trials"]
        if row["run"] == run["run"] and row["role"] == "search" and row[FITNESS] is not None
    ]
    trained = [row for row in searched if all(row[name] is not None for name in names)]
    points = [tuple(float(row[name]) for name in names) for row in trained]
    best = sorted(pareto.front(points), key=lambda i: points[i])
    return [
        {
            **{key: run[key] for key in ("run", "strategy", "seed")},
            "objectives": names,
            "reference_point": reference,
            "hypervolume": pareto.hypervolume(points, tuple(reference)),
            "points": [
                {"candidate": trained[i]["candidate"], "values": [*points[i]]} for i in best
            ],
        }
    ]


def _spread(name: str, losses: Sequence[float]) -> Row:
    mean = math.fsum(losses) / len(losses) if losses else None
    return {
        f"{name}_mean": mean,
        f"{name}_min": min(losses, default=None),
        f"{name}_max": max(losses, default=None),
    }


def _rank(row: Row) -> tuple[bool, float, str, int]:
    """Order by mean validation loss, those of which a trial failed behind all others."""
    mean = math.inf if row["valid_mean"] is None else row["valid_mean"]
    return row["failed"] > 0, mean, row["run"], row["finalist"]


VERSIONS = (
    *("gp_cells", "git_commit", "torch", "python"),
    *("engine", "compiler", "precision", "device", "threads"),
)


def count_versions(trials: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return, for each part of what made some trials, its versions with how many trials each made."""
    counts: dict[str, dict[str, int]] = {name: {} for name in VERSIONS}
    for trial in trials:
        for name, of in counts.items():
            if trial[name] is not None:
                of[str(trial[name])] = of.get(str(trial[name]), 0) + 1
    return {name: dict(sorted(of.items())) for name, of in counts.items()}


def mixed_versions(trials: Iterable[Mapping[str, Any]]) -> str:
    """Return one line on what not all trials were made with the same of; "" if there is nothing."""
    mixed = [
        f"{name} {' and '.join(f'{version} ({n})' for version, n in of.items())}"
        for name, of in count_versions(trials).items()
        if len(of) > 1
    ]
    return f"not all trials were made alike: {'; '.join(mixed)}" if mixed else ""


def summary(comparison: Mapping[str, Any]) -> str:
    """Return the comparison as a short table for a terminal, with the best evolved formulas."""
    return "\n\n".join(_task_summary(task) for task in comparison["tasks"]) + "\n"


def _task_summary(task: Mapping[str, Any]) -> str:
    in_bits = task["loss_unit"] == "nats per character"
    bits = " (in brackets: validation in bits per character)" if in_bits else ""
    lines = [f"{task['task']}: loss in {task['loss_unit']}, lower is better{bits}", ""]
    lines.append(
        f"  {'cell':<28} {'validation':>10} {'test':>8} {'spread':>8} "
        f"{'parameters':>11} {'rate':>8} {'seeds':>6}"
        + (f" {'test error':>11}" if has_errors(task["rows"]) else "")
    )
    for row in task["rows"]:
        known = in_bits and row["valid_mean"] is not None
        lines.append(f"  {_line(row)}" + (_bits(row["valid_mean"]) if known else ""))
    for name, loss in sorted(task["references"].items(), key=lambda item: item[1]):
        line = f"  {'reference: ' + name:<28} {loss:>10.3f}"
        lines.append(line + (_bits(loss) if in_bits else ""))
    evolved = [row for row in task["rows"] if row["name"] is None]
    if evolved:
        lines += ["", f"  best evolved cell ({evolved[0]['strategy']}):"]
        lines += [f"    {line}" for line in evolved[0]["genome"].splitlines()]
    lines += [f"  {_front_line(front)}" for front in task["fronts"]]
    return "\n".join(lines)


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
    return f"  [{nats / math.log(2):.3f}]"


def _line(row: Mapping[str, Any]) -> str:
    name = row["name"] or f"{row['strategy']} (seed {row['seed']}, no. {row['finalist'] + 1})"
    if row["valid_mean"] is None:
        return f"{name:<28} {'failed':>10}"
    test = "" if row["test_mean"] is None else f"{row['test_mean']:.3f}"
    spread = row["valid_max"] - row["valid_min"]
    failed = f"  {row['failed']} failed" if row["failed"] else ""
    error = "" if row["test_error"] is None else f" {row['test_error']:>11.2%}"
    return (
        f"{name:<28} {row['valid_mean']:>10.3f} {test:>8} {spread:>8.3f} "
        f"{row['parameters']:>11,} {row['learning_rate']:>8.4f} {row['seeds']:>6}{error}{failed}"
    )
