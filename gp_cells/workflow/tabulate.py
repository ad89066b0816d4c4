"""From the files of a finished run to the rows of its tables."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gp_cells.config.files import RecordError, content_hash, read_fitness, read_json
from gp_cells.config.objectives import COUNTED, LATENCY_BATCHES, SCORES
from gp_cells.config.plan import replicate_slot
from gp_cells.genomes.genome import parse
from gp_cells.plugins import form_of, plug_in
from gp_cells.strategies.strategy import baseline_name, searches
from gp_cells.tables.names import VERSION
from gp_cells.tables.parquet import write_rows
from gp_cells.training.trial_file import read_trial


def tabulate(run_folder: Path, results: Path) -> None:
    """Build every table of a finished run from its files.

    Raises:
        RecordError: a file of the run is missing or broken.
    """
    rows = build_rows(run_folder)
    for table, records in reversed(rows.items()):  # `runs` last: a run that is listed has all
        write_rows(results, table, rows["runs"][0]["run"], records)


def build_rows(run_folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table of a run."""
    settings = read_json(run_folder / "settings.json")
    conclusion = read_json(run_folder / "replicates" / "conclusion.json")
    waves = [f"{wave:03d}" for wave in range(settings["search"]["waves"])]
    lineage = [
        entry for wave in waves for entry in read_json(run_folder / "waves" / wave / "lineage.json")
    ]
    chosen = {name for of in conclusion["finalists"] for name in of["candidates"]}
    trials = [
        _read_both(run_folder / folder / "trial.h5") for folder in _folders(settings, lineage)
    ]
    rows = [trial_row(trial, settings, chosen) for trial in trials]
    machines = {row["hardware_id"]: row for row in (hardware_row(t, settings) for t in trials)}
    return {
        "runs": [run_row(settings)],
        "architectures": architecture_rows(lineage, settings),
        "candidates": candidate_rows(lineage, rows),
        "lineage": lineage_rows(lineage, settings),
        "trials": rows,
        "curves": [
            row for trial, of in zip(trials, rows, strict=True) for row in curve_rows(trial, of)
        ],
        "test": _test_rows(run_folder, rows),
        "hardware": list(machines.values()),
    }


def _folders(settings: Mapping[str, Any], lineage: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the folders of the run's trials, by its plan: an older plan's may still lie about."""
    final = settings["finalists"]
    searched = [f"waves/{entry['wave']:03d}/{entry['slot']:02d}" for entry in lineage]
    replicated = [
        f"replicates/{replicate_slot(finalist, rate, seed)}"
        for finalist in range(settings["search"]["finalists"])
        for rate in range(len(final["learning_rate_factors"]))
        for seed in range(len(final["seeds"]))
    ]
    return searched + replicated


def _read_both(path: Path) -> dict[str, Any]:
    """Read a trial's record, holding it against its fitness file."""
    trial, fitness = read_trial(path), read_fitness(path.with_name("fitness.json"))
    if (trial["order"]["candidate"], trial["outcome"]["fitness"]) != (
        fitness["candidate"],
        fitness["fitness"],
    ):
        raise RecordError(f"{path} and its fitness.json differ; delete both and run again")
    return {**trial, "file": str(path)}


def run_row(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's row of table `runs`."""
    search, data = settings["search"], settings["data"]
    recipe = settings["task"]["settings"]["recipe"]
    return {
        **{key: settings[key] for key in ("run", "benchmark", "seed")},
        **{key: search[key] for key in ("waves", "slots", "lag")},
        "task": settings["task_label"],
        "space": settings["space"]["name"],
        "strategy": settings["strategy_label"],
        "searches": searches(plug_in(settings, "strategy")),
        "loss_unit": data["unit"],
        "direction": "minimise",
        "data_hash": data["hash"],
        **{key: data["form"][key] for key in ("inputs", "features", "targets", "outputs")},
        **{key: recipe[key] for key in ("units", "layers")},
        "references": json.dumps(data["reference_valid"], sort_keys=True),
        "settings": json.dumps(settings, sort_keys=True),
        "schema_version": VERSION,
    }


def architecture_rows(
    lineage: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return a run's rows of table `architectures`, each once."""
    space, recipe = plug_in(settings, "space"), plug_in(settings, "task").recipe
    rows: dict[str, dict[str, Any]] = {}
    language = space.language
    projections = {
        f"{f}{i + 1}" for f, n in (*language.leaves, *language.weighted) for i in range(n)
    }
    for entry in lineage:
        genome = parse(entry["genome"], language)
        counts = space.count(genome, form_of(settings), recipe)
        row = {
            "run": settings["run"],
            "architecture_id": entry["architecture_id"],
            "name": baseline_name(entry["operator"]),
            "genome": entry["genome"],
            **size_columns(counts),
            "nodes": counts["nodes"],
            "formulas": len(genome.formulas),
            "projections": len(
                {node.name for _, tree in genome.formulas for node in tree} & projections
            ),
            "depth": max(tree.height for _, tree in genome.formulas),
        }
        rows.setdefault(entry["architecture_id"], row)
    return list(rows.values())


def size_columns(counts: Mapping[str, Any]) -> dict[str, int]:
    """Return the columns that say how large a network is, from what `Space.count` gave of it."""
    return {**{name: counts[name] for name in COUNTED}, "activations": counts["kept"]}


def candidate_rows(
    lineage: Sequence[Mapping[str, Any]], trials: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return a run's rows of table `candidates`."""
    by_candidate = {trial["candidate"]: trial for trial in trials}
    rows, best = [], math.inf
    for entry in lineage:
        trial = by_candidate[entry["candidate"]]
        best = min(best, math.inf if trial["fitness"] is None else trial["fitness"])
        shared = ("run", "candidate", "architecture_id", "status", "fitness", "trial_id")
        rows.append(
            {
                **{key: trial[key] for key in shared},
                **{key: entry[key] for key in ("wave", "slot", "operator")},
                "best_so_far": None if math.isinf(best) else best,
            }
        )
    return rows


def lineage_rows(
    lineage: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return a run's rows of table `lineage`."""
    return [
        {
            "run": settings["run"],
            "child": entry["candidate"],
            "parent": parent,
            "parent_number": i,
            "operator": entry["operator"],
        }
        for entry in lineage
        for i, parent in enumerate(entry["parents"])
    ]


def trial_row(
    trial: Mapping[str, Any], settings: Mapping[str, Any], chosen: set[str]
) -> dict[str, Any]:
    """Return a trial's row of table `trials`; `chosen` are the candidates of the conclusion."""
    order, outcome, made = trial["order"], trial["outcome"], trial["provenance"]
    curve, finalist = trial["curve"], order.get("finalist")
    shared = ("run", "candidate", "architecture_id", "seed", "learning_rate")
    measured = ("process_cpu_s", "first_step_s", "peak_memory_mb", "resumed", "threads")
    engine = made["engine"] or {"name": None, "compiler": None, "compile_s": None}
    return {
        "trial_id": content_hash(trial["settings"], order),
        **{key: order[key] for key in shared},
        **size_columns(order),
        **{key: outcome[key] for key in ("status", "reason", "fitness", "best_epoch")},
        **{key: made[key] for key in (*measured, "slurm_job_id", "started_utc")},
        "role": "search" if finalist is None else "replicate",
        "finalist": finalist,
        "chosen": None if finalist is None else order["candidate"] in chosen,
        "epochs": len(curve["epoch"]),
        "wall_s": float(curve["wall_s"].sum()),
        "cpu_s": float(curve["cpu_s"].sum()),
        "engine": engine["name"],
        "precision": trial["settings"]["training"]["precision"],
        "compiler": engine["compiler"],
        "compile_s": engine["compile_s"],
        "device": trial["settings"]["training"]["device"],
        **measure_columns(trial["measures"]),
        "hardware_id": content_hash(made["hardware"]),
        "gp_cells": made["versions"]["gp-cells"],
        "torch": made["versions"]["torch"],
        "python": made["versions"]["python"],
        "git_commit": made["git"]["commit"],
        "git_dirty": made["git"]["dirty"],
        "data_hash": settings["data"]["hash"],
        "file": trial["file"],
    }


def measure_columns(measures: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the columns of table `trials` that say what a candidate is like beside its loss."""
    columns = {"introspectability": measures["introspectability"]}
    columns |= {f"latency_{n}_ms": measures["latency_ms"].get(str(n)) for n in LATENCY_BATCHES}
    for name in SCORES:
        columns |= {name: measures["scores"].get(name), f"{name}_s": measures["scores_s"].get(name)}
    return {name: None if value is None else float(value) for name, value in columns.items()}


def curve_rows(trial: Mapping[str, Any], row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of table `curves` of the trial that has this row of `trials`."""
    curve = {name: column.tolist() for name, column in trial["curve"].items()}
    return [
        {
            "trial_id": row["trial_id"],
            "run": row["run"],
            **{name: column[i] for name, column in curve.items()},
            "valid_error": None if math.isnan(curve["valid_error"][i]) else curve["valid_error"][i],
        }
        for i in range(len(curve["epoch"]))
    ]


def hardware_row(trial: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of table `hardware` of the machine that a trial ran on."""
    machine = trial["provenance"]["hardware"]
    return {"hardware_id": content_hash(machine), "run": settings["run"], **machine}


def _test_rows(run_folder: Path, trials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    by_candidate = {trial["candidate"]: trial for trial in trials}
    rows = []
    for tested in read_json(run_folder / "test" / "test.json"):
        trial = by_candidate[tested["candidate"]]
        shared = {key: trial[key] for key in ("trial_id", "run", "finalist", "seed")}
        loss = float(tested["test_loss"])  # JSON says "nan" of what is not a number
        rows.append({**shared, "test_loss": loss, "test_error": tested.get("test_error")})
    return rows
