"""Stored runs that nobody trained: real strategies and genomes, losses by a rule, real tables.

They are written through the schema of the real tables and never published.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from gp_cells import parse
from gp_cells.config import seeds
from gp_cells.config.files import content_hash, write_json
from gp_cells.config.objectives import COUNTED
from gp_cells.config.plan import Run, searched_candidate
from gp_cells.config.records import LineageEntry, RunSettings
from gp_cells.config.typed_json import read_record
from gp_cells.genomes.genome import Genome
from gp_cells.plugins import counts_of, form_of, space_of, trial_seed
from gp_cells.strategies import Outcome, Proposal
from gp_cells.tables.parquet import write_rows
from gp_cells.tables.schemas import schema
from gp_cells.workflow import tabulate
from gp_cells.workflow.steps import propose, write_settings
from support.tiny import TINY

DATA = {
    "form": {"inputs": "frames", "features": 88, "targets": "keys", "outputs": 88},
    "unit": "nats per frame",
    "targets": {"train": 1000, "valid": 400},
    "passes": {"train": 1000, "valid": 400},
    "steps": 80,
    "hash": "1" * 32,
    "reference_valid": {},
}


def searched(name: str, waves: int = 4, slots: int = 6, lag: int = 1, **settings: Any) -> Any:
    """Return the entry of a strategy in a config."""
    search = {"waves": waves, "slots": slots, "lag": lag, "finalists": 1}
    return {"name": name, "search": search, **({"settings": settings} if settings else {})}


CONFIG: dict[str, Any] = {
    **TINY,
    "seeds": [1, 2],
    "strategies": {
        "gp": searched("gp"),
        "steady": searched("gp", lag=2),
        "random": searched("random"),
        "nsga2": searched(
            "nsga2", objectives=["fitness", "parameters"], reference_point=[9, 1e5], population=8
        ),
    },
}


def loss(proposal: Proposal, seed: int) -> float:
    """Return the loss of a training: longer formulas do worse, tanh does better, infinite if it fails."""
    text, key = str(proposal.genome), proposal.genome.architecture_id
    if int(key[:2], 16) < 16:
        return math.inf
    noise = seeds.generator(key=key, seed=seed, purpose="test").normal(0, 0.02)
    return 5 + 0.004 * len(text) - 0.2 * text.count("tanh") + float(noise)


def sizes(genome: Genome, settings: RunSettings) -> dict[str, int]:
    """Return what of a genome's sizes a history shows."""
    counts = space_of(settings).count(genome, form_of(settings), settings.recipe)
    return {name: counts[name] for name in COUNTED}


def play_and_store(results: Path, settings: RunSettings) -> list[Outcome]:
    """Write the tables of a run of some settings, and return its history."""
    history: list[Outcome] = []
    lineage, trials = [], []
    empty = dict.fromkeys(schema("trials").names)
    search = settings.search
    for wave in range(search.waves):
        seen = [outcome for outcome in history if outcome.wave <= wave - search.lag]
        for slot, proposal in enumerate(propose(settings, seen, wave)):
            name, seed = searched_candidate(wave, slot), trial_seed(settings)
            genome, key = str(proposal.genome), proposal.genome.architecture_id
            fitness = loss(proposal, seed)
            status = "diverged" if math.isinf(fitness) else "ok"
            entry = LineageEntry(
                candidate=name,
                wave=wave,
                slot=slot,
                architecture_id=key,
                genome=genome,
                operator=proposal.operator,
                parents=(),
            )
            lineage.append(entry)
            trial: dict[str, Any] = {"run": settings.run, "candidate": name, "architecture_id": key}
            trial |= tabulate.size_columns(counts_of(settings, genome, of_finalist=False))
            trial |= {"trial_id": content_hash(settings.run, name), "role": "search"}
            trial |= {"status": status, "fitness": None if status != "ok" else fitness}
            trial |= {"seed": seed, "learning_rate": 0.003, "epochs": 2, "device": "cpu"}
            seconds = 1.0 + 0.1 * len(genome)
            trial |= {"wall_s": seconds, "cpu_s": seconds, "introspectability": 0.25, "resumed": 0}
            trials.append({**empty, **trial, "peak_memory_mb": 300.0})
            found = {"entanglement": 0.75, **sizes(proposal.genome, settings)}
            outcome = Outcome(
                candidate=name,
                wave=wave,
                genome=genome,
                architecture_id=key,
                status=status,
                fitness=fitness,
                objectives=found,
            )
            history.append(outcome)
    rows = {
        "runs": [tabulate.run_row(settings)],
        "architectures": tabulate.architecture_rows(lineage, settings),
        "candidates": tabulate.candidate_rows(lineage, trials),
        "trials": trials,
    }
    for table, records in rows.items():
        write_rows(results, table, settings.run, records)
    return history


def write_trials(
    results: Path, settings: RunSettings, trials: list[tuple[str, dict[str, Any]]]
) -> None:
    """Write the tables of a run with nothing in them but some trials, given by formulas and columns."""
    empty = dict.fromkeys(schema("trials").names)
    rows, lineage = [], []
    for i, (text, columns) in enumerate(trials):
        key, name = parse(text).architecture_id, f"w000-{i:02d}"
        entry = LineageEntry(
            candidate=name,
            wave=0,
            slot=i,
            architecture_id=key,
            genome=text,
            operator="sample",
            parents=(),
        )
        lineage.append(entry)
        row: dict[str, Any] = {"run": settings.run, "candidate": name, "architecture_id": key}
        row["status"] = "ok"
        row |= tabulate.size_columns(counts_of(settings, text, of_finalist=False))
        row |= {"role": "search", "learning_rate": 0.003, "device": "cpu", "epochs": 1}
        rows.append({**empty, **row, "wall_s": 1.0, "cpu_s": 1.0, **columns})
    architectures = tabulate.architecture_rows(lineage, settings)
    write_rows(results, "runs", settings.run, [tabulate.run_row(settings)])
    write_rows(results, "architectures", settings.run, architectures)
    write_rows(results, "trials", settings.run, rows)


def settings_of(run: Run, folder: Path) -> RunSettings:
    """Return a run's settings with all defaults."""
    write_json(folder / "data.json", DATA)
    write_settings(run.config, folder / "data.json", folder / "settings.json")
    return read_record(RunSettings, folder / "settings.json")
