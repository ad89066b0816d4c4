"""What the page says of how its numbers came about: what was compared, the protocol, the machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gp_cells.compare.labels import say_budget
from gp_cells.compare.records import candidates_of
from gp_cells.compare.versions import count_versions, dirty_code, mixed_versions, unknown_commits
from gp_cells.report.answer import name_task
from gp_cells.report.evidence import Evidence, Row, count_runs


def say_what_was_compared(gathered: Sequence[Evidence]) -> str:
    """Return one sentence on what the benchmark compared, and how large it is."""
    tasks = [name_task(evidence.task) for evidence in gathered]
    counts = [count_runs(evidence) for evidence in gathered]
    searches = sum(sum(of.values()) for of in counts)
    strategies = list(dict.fromkeys(strategy for of in counts for strategy in of))
    designed = {row["name"] for evidence in gathered for row in evidence.designed}
    trials = sum(len(evidence.tables["trials"]) for evidence in gathered)
    sides = []
    if strategies:
        sides.append(f"{_counted(searches, 'search', 'searches')} by {_listed(strategies)}")
    if designed:
        sides.append(_counted(len(designed), "hand-designed cell", "hand-designed cells"))
    on = f"on {_listed(tasks)}: {_counted(trials, 'trial', 'trials')} under one protocol"
    return f"{' against '.join(sides) or 'Nothing'} {on}."


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _optimiser(recipe: Mapping[str, Any]) -> str:
    decay, name = recipe.get("weight_decay", 0), recipe.get("optimiser", "adam")
    said = {"adam": "AdamW" if decay else "Adam", "sgd": "SGD", "rmsprop": "RMSprop"}[name]
    return f"{said}, weight decay {decay:g}" if decay else said


def _seldom(recipe: Mapping[str, Any]) -> str:
    """Return what of a recipe is seldom other than nothing, where it is."""
    usual = {"initial_scale": 1, "label_smoothing": 0, "shift": 0, "flip": False}
    other = [name for name in usual if recipe.get(name, usual[name]) != usual[name]]
    said = [f"{name.replace('_', ' ')} {json.dumps(recipe[name])}" for name in other]
    return "".join(f", {one}" for one in said)


def _changes(recipe: Mapping[str, Any]) -> str:
    """Return how the learning rate changes; a recipe that does not say so has a constant one."""
    said = []
    if recipe.get("warm_up"):
        said.append(f"warmed up for {_counted(recipe['warm_up'], 'step', 'steps')}")
    if recipe.get("schedule", "constant") != "constant":
        said.append(f"{recipe['schedule']} schedule")
    return f" ({', '.join(said)})" if said else ""


def describe_protocol(evidence: Evidence) -> list[tuple[str, str]]:
    """Return what all runs of a task share, and what each strategy may spend, from the settings."""
    settings = evidence.settings
    recipe, final = settings["task"]["settings"]["recipe"], settings["finalists"]
    factors = ", ".join(f"{factor:g}" for factor in final["learning_rate_factors"])
    said = [
        ("network", f"{recipe['layers']} layer(s) of {recipe['units']} units"),
        (
            "training",
            f"{_optimiser(recipe)}, learning rate {recipe['learning_rate']:g}"
            f"{_changes(recipe)}, batches of {recipe['batch_size']}, "
            f"{recipe['epochs']} epochs, gradient norm at most {recipe['clip_norm']:g}, "
            f"dropout {recipe['dropout']:g}{_seldom(recipe)}; stopping rule {settings['stopping']['name']}",
        ),
        (
            "finalists",
            f"trained again at {len(final['learning_rate_factors'])} learning rates (× {factors}) "
            f"with {len(final['seeds'])} seeds; the rate with the lowest mean validation loss counts"
            + (
                f"; otherwise than in the search: {json.dumps(final['recipe'])}"
                if "recipe" in final
                else ""
            ),
        ),
        ("space", _written_settings(settings["space"])),
    ]
    firsts = {run["strategy"]: json.loads(run["settings"]) for run in evidence.tables["runs"]}
    for strategy, own in firsts.items():
        search = own["search"]
        said.append(
            (
                strategy,
                f"{_slots_words(search)} = {candidates_of(search)} candidates"
                f"{_budget_words(search)}, "
                f"lag {search['lag']}, {search['finalists']} finalist(s)"
                f"{', resumed from their searches' if search.get('resume') else ''}"
                f"{_genes_words(search)}; "
                f"{_written_settings(own['strategy'])}",
            )
        )
    return said


def _slots_words(search: Mapping[str, Any]) -> str:
    slots = search["slots"]
    return (
        " + ".join(map(str, slots)) if isinstance(slots, list) else f"{search['waves']} × {slots}"
    )


def _genes_words(search: Mapping[str, Any]) -> str:
    """Return what of its training each candidate has of its own, and which cells a search keeps to."""
    cells = f"; only {_listed(search['cells'])}" if search.get("cells") else ""
    return cells + (f"; genes {json.dumps(search['genes'])}" if search.get("genes") else "")


def _budget_words(search: Mapping[str, Any]) -> str:
    budget = say_budget(search.get("budget"))
    return f" at most, ended by a budget of {budget}" if budget else ""


def _written_settings(entry: Mapping[str, Any]) -> str:
    values = {
        key: ", ".join(map(str, value)) if isinstance(value, list) else f"{value}"
        for key, value in entry["settings"].items()
    }
    written = "; ".join(f"{key} {value}" for key, value in values.items())
    return f"{entry['name']} ({written})" if written else str(entry["name"])


def describe_machines(gathered: Sequence[Evidence]) -> Row:
    """Return the machines and the versions that made the trials."""
    trials = [trial for evidence in gathered for trial in evidence.tables["trials"]]
    rows = {row["hardware_id"]: row for evidence in gathered for row in evidence.tables["hardware"]}
    return {
        "rows": [
            {**row, "trials": sum(t["hardware_id"] == key for t in trials)}
            for key, row in rows.items()
        ],
        "versions": [
            (
                name,
                [
                    f"{version} ({n} trials)" if len(of) > 1 else version
                    for version, n in of.items()
                ],
            )
            for name, of in count_versions(trials).items()
        ],
        "mixed": mixed_versions(trials),
        "unknown": unknown_commits(trials),
        "dirty": dirty_code(trials),
        "started": min((trial["started_utc"] for trial in trials), default=None),
        "wall_s": sum(trial["wall_s"] or 0 for trial in trials),
        "trials": len(trials),
    }
