"""From the files of a finished run to the rows of its tables."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from gp_cells.config.files import RecordError, canonical_json, content_hash
from gp_cells.config.objectives import CARRIED, COUNTED
from gp_cells.config.plan import Run, candidate_place, wave_place
from gp_cells.config.recipe import SHARD
from gp_cells.config.records import (
    ChosenTrial,
    Conclusion,
    FitnessRecord,
    LineageEntry,
    RunSettings,
)
from gp_cells.config.typed_json import encode, read_record, read_records
from gp_cells.genomes.genome import parse
from gp_cells.genomes.terms import heads, height
from gp_cells.measures import cost_column, table_columns
from gp_cells.plugins import form_of, recipe_of, space_of, strategy_of
from gp_cells.strategies.history import or_infinite
from gp_cells.strategies.strategy import assembled_from, baseline_name, searches
from gp_cells.tables.failures import failure_of
from gp_cells.tables.names import VERSION
from gp_cells.tables.parquet import write_rows
from gp_cells.training.trial_file import TrialRecord, read_trial

Row = dict[str, Any]


def tabulate(run_folder: Path, results: Path) -> None:
    """Build every table of a finished run from its files.

    Raises:
        RecordError: a file of the run is missing or broken.
    """
    rows = build_rows(run_folder)
    for table, records in reversed(rows.items()):  # `runs` last: a run that is listed has all
        write_rows(results, table, rows["runs"][0]["run"], records)


def build_rows(run_folder: Path) -> dict[str, list[Row]]:
    """Return the rows of every table of a run."""
    settings = read_record(RunSettings, run_folder / "settings.json")
    chosen = set(read_record(Conclusion, run_folder / "replicates" / "conclusion.json").chosen)
    run = Run(settings.config)
    # By the run's plan: what an older plan left may still be there.
    lineage = [
        entry
        for wave in range(run.waves)
        for entry in read_records(LineageEntry, run_folder / wave_place(wave) / "lineage.json")
    ]
    places = [
        *(candidate_place(entry.candidate) for entry in lineage),
        *(folder.removeprefix(f"{run.folder}/") for folder in run.replicate_folders()),
    ]
    trials = [_read_both(run_folder / place / "trial.h5") for place in places]
    rows = [trial_row(trial, settings, chosen) for trial in trials]
    machines = {row["hardware_id"]: row for row in (hardware_row(t, settings) for t in trials)}
    return {
        "runs": [run_row(settings)],
        "architectures": architecture_rows(lineage, settings),
        "candidates": candidate_rows(lineage, rows),
        "lineage": lineage_rows(lineage, settings),
        "assemblies": assembly_rows(lineage, settings),
        "trials": rows,
        "curves": [
            row for trial, of in zip(trials, rows, strict=True) for row in curve_rows(trial, of)
        ],
        "test": _test_rows(run_folder, rows),
        "hardware": list(machines.values()),
    }


def _read_both(path: Path) -> TrialRecord:
    """Read a trial's record, comparing it with its fitness file."""
    trial = read_trial(path)
    fitness = read_record(FitnessRecord, path.with_name("fitness.json"))
    if (trial.spec.candidate, trial.outcome.fitness) != (fitness.candidate, fitness.fitness):
        raise RecordError(f"{path} and its fitness.json differ; delete both and run again")
    return trial


def run_row(settings: RunSettings) -> Row:
    """Return a run's row of table `runs`."""
    search, data, recipe = settings.search, settings.data, settings.recipe
    return {
        **{key: getattr(settings, key) for key in ("run", "benchmark", "seed")},
        **{key: getattr(search, key) for key in ("waves", "lag")},
        "slots": search.slots if isinstance(search.slots, int) else None,
        "task": settings.task_label,
        "space": settings.space.name,
        "strategy": settings.strategy_label,
        "searches": searches(strategy_of(settings)),
        "loss_unit": data.unit,
        "direction": "minimise",
        "data_hash": data.hash,
        **{key: getattr(data.form, key) for key in ("inputs", "features", "targets", "outputs")},
        **{key: getattr(recipe, key) for key in ("units", "layers")},
        "references": json.dumps(data.reference_valid, sort_keys=True),
        "settings": json.dumps(encode(settings), sort_keys=True),
        "schema_version": VERSION,
    }


def architecture_rows(lineage: Sequence[LineageEntry], settings: RunSettings) -> list[Row]:
    """Return a run's rows of table `architectures`, each once."""
    space, recipe = space_of(settings), recipe_of(settings)
    rows: dict[str, Row] = {}
    language = space.language
    for entry in lineage:
        genome = parse(entry.genome, language)
        counts = space.count(genome, form_of(settings), recipe)
        names = {head for _, term in genome.formulas for head in heads(term)}
        row = {
            "run": settings.run,
            "architecture_id": entry.architecture_id,
            "name": baseline_name(entry.operator),
            "genome": entry.genome,
            **size_columns(counts),
            "nodes": counts["nodes"],
            "formulas": len(genome.formulas),
            "projections": len({*filter(language.is_learned, names)}),
            "depth": max(height(term) for _, term in genome.formulas),
        }
        rows.setdefault(entry.architecture_id, row)
    return list(rows.values())


def size_columns(counts: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the columns that say how large a network is, from what `Space.count` gave of it."""
    carried = {name: counts.get(name) for name in CARRIED}
    return {**{name: counts[name] for name in COUNTED}, **carried, "activations": counts["kept"]}


def candidate_rows(
    lineage: Sequence[LineageEntry], trials: Sequence[Mapping[str, Any]]
) -> list[Row]:
    """Return a run's rows of table `candidates`."""
    by_candidate = {trial["candidate"]: trial for trial in trials}
    rows, best = [], math.inf
    for entry in lineage:
        trial = by_candidate[entry.candidate]
        best = min(best, or_infinite(trial["fitness"]))
        shared = ("run", "candidate", "architecture_id", "status", "fitness", "trial_id")
        rows.append(
            {
                **{key: trial[key] for key in shared},
                **{key: getattr(entry, key) for key in ("wave", "slot", "operator")},
                "best_so_far": None if math.isinf(best) else best,
                "note": None if entry.note is None else json.dumps(entry.note, sort_keys=True),
            }
        )
    return rows


def lineage_rows(lineage: Sequence[LineageEntry], settings: RunSettings) -> list[Row]:
    """Return a run's rows of table `lineage`."""
    architectures = {entry.candidate: entry.architecture_id for entry in lineage}

    def weights(entry: LineageEntry, parent: str) -> str | None:
        if parent != entry.start:
            return None
        same = architectures[parent] == entry.architecture_id
        return "resumed" if same else "inherited"

    return [
        {
            "run": settings.run,
            "child": entry.candidate,
            "parent": parent,
            "parent_number": i,
            "operator": entry.operator,
            "weights": weights(entry, parent),
        }
        for entry in lineage
        for i, parent in enumerate(entry.parents)
    ]


def assembly_rows(lineage: Sequence[LineageEntry], settings: RunSettings) -> list[Row]:
    """Return a run's rows of table `assemblies`: the parts of each candidate that was assembled."""
    outputs = space_of(settings).language.kind.outputs
    return [
        {
            "run": settings.run,
            "candidate": entry.candidate,
            "name": name,
            "role": "blueprint" if name in outputs else "module",
            "part": part,
        }
        for entry in lineage
        for name, part in assembled_from(entry.note).items()
    ]


def trial_row(trial: TrialRecord, settings: RunSettings, chosen: Collection[str]) -> Row:
    """Return a trial's row of table `trials`; `chosen` are the candidates of the conclusion."""
    spec, training, made = trial.spec, trial.protocol.training, trial.provenance
    curve, finalist = trial.curve, spec.finalist
    shared = ("run", "candidate", "architecture_id", "seed", "learning_rate")
    measured = ("process_cpu_s", "first_step_s", "peak_memory_mb", "resumed", "threads")
    failure, failure_epoch = failure_of(trial.outcome.status, trial.outcome.reason)
    engine = made["engine"] or {"name": None, "compiler": None, "compile_s": None}
    return {
        "trial_id": content_hash(encode(trial.protocol), encode(spec)),
        **{key: getattr(spec, key) for key in shared},
        **size_columns(spec.sizes),
        **_outcome_columns(trial),
        "failure": failure,
        "failure_epoch": failure_epoch,
        **{key: made[key] for key in (*measured, "slurm_job_id", "started_utc")},
        "role": "search" if finalist is None else "replicate",
        "finalist": finalist,
        "chosen": None if finalist is None else spec.candidate in chosen,
        "recipe": json.dumps(spec.recipe, sort_keys=True) if spec.recipe else None,
        "judged": judged_text(spec.recipe, trial.outcome.judged),
        "start": None if spec.start is None else spec.start.candidate,
        "start_state": None if spec.start is None else spec.start.state,
        "inherited": trial.outcome.inherited,
        "epochs": len(curve["epoch"]),
        "total_epochs": len(curve["epoch"]) + (0 if spec.start is None else spec.start.epochs),
        "wall_s": float(curve["wall_s"].sum()),
        "cpu_s": float(curve["cpu_s"].sum()),
        "cpu_capability": made.get("cpu_capability"),
        "engine": engine["name"],
        "precision": training.precision,
        "compiler": engine["compiler"],
        "compile_s": engine["compile_s"],
        "device": training.device,
        **measure_columns(trial.measures),
        "hardware_id": content_hash(made["hardware"]),
        "gp_cells": made["versions"]["gp-cells"],
        "torch": made["versions"]["torch"],
        "python": made["versions"]["python"],
        "git_commit": made["git"]["commit"],
        "git_dirty": made["git"]["dirty"],
        "git_unknown": made["git"].get("unknown"),
        "data_hash": settings.data.hash,
        "file": str(trial.file),
    }


def judged_text(recipe: Mapping[str, Any] | None, losses: Sequence[float]) -> str | None:
    """Return the losses on what shards hold out as JSON by the shards' numbers, None of none."""
    if not losses:
        return None
    numbers = (recipe or {})[SHARD]["judged"]
    return canonical_json({str(n): loss for n, loss in zip(numbers, losses, strict=True)})


def _outcome_columns(trial: TrialRecord) -> Row:
    """Return the columns of table `trials` that say how a trial ended, and what a stopping rule said."""
    ended = encode(trial.outcome)
    stopped = ended.pop("stopped", None) or {}
    surface = ended.pop("surface", None)
    return {
        **ended,
        "surface": None if surface is None else canonical_json(surface),
        **{
            f"stop_{name}": stopped.get(name) for name in ("epoch", "code", "observed", "predicted")
        },
        "control": trial.spec.control,
        "learned": json.dumps(trial.spec.learned, sort_keys=True) if trial.spec.learned else None,
    }


def measure_columns(measures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of table `trials` that say what a candidate is like beside its loss."""
    if "scores" in measures:
        measures = _measures_of_0_1_0(measures)
    costs = {cost_column(name).name: seconds for name, seconds in measures["cpu_s"].items()}
    given = {**measures["values"], **costs}
    names = [column.name for column in table_columns()]
    others = {name: value for name, value in given.items() if name not in names}
    return {
        **{name: None if given.get(name) is None else float(given[name]) for name in names},
        "other_measures": json.dumps(others, sort_keys=True) if others else None,
        "measure_failures": json.dumps(measures["failures"], sort_keys=True)
        if measures["failures"]
        else None,
    }


def _measures_of_0_1_0(measures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the measures of a record that version 0.1.0 wrote as they are written now."""
    values = {f"latency_{size}_ms": value for size, value in measures["latency_ms"].items()}
    values |= {**measures["scores"], "introspectability": measures["introspectability"]}
    return {"values": values, "cpu_s": measures["scores_s"], "failures": {}}


def curve_rows(trial: TrialRecord, row: Mapping[str, Any]) -> list[Row]:
    """Return the rows of table `curves` of the trial that has this row of `trials`."""
    curve = {name: column.tolist() for name, column in trial.curve.items()}
    return [
        {
            "trial_id": row["trial_id"],
            "run": row["run"],
            **{name: column[i] for name, column in curve.items()},
            "valid_error": None if math.isnan(curve["valid_error"][i]) else curve["valid_error"][i],
        }
        for i in range(len(curve["epoch"]))
    ]


def hardware_row(trial: TrialRecord, settings: RunSettings) -> Row:
    """Return the row of table `hardware` of the machine that a trial ran on."""
    machine = trial.provenance["hardware"]
    return {"hardware_id": content_hash(machine), "run": settings.run, **machine}


def _test_rows(run_folder: Path, trials: Sequence[Mapping[str, Any]]) -> list[Row]:
    by_candidate = {trial["candidate"]: trial for trial in trials}
    rows = []
    for tested in read_records(ChosenTrial, run_folder / "test" / "test.json"):
        trial = by_candidate[tested.candidate]
        shared = {key: trial[key] for key in ("trial_id", "run", "finalist", "seed")}
        loss = float(tested.test_loss)
        pairs = None if tested.confusion is None else json.dumps(tested.confusion)
        error = tested.test_error
        rows.append({**shared, "test_loss": loss, "test_error": error, "confusion": pairs})
    return rows
