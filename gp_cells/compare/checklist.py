"""The checklist for research on architecture search, filled in from the records.

The items are those of Lindauer and Hutter 2020 (https://www.jmlr.org/papers/v21/20-056.html), in our words.
An item is `met`, `not met`, or `not known` where the records do not say; each answer names its evidence. It
speaks of what was recorded: whether code and text are in fact published, only their author knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gp_cells.compare.intervals import FEWEST_SEEDS
from gp_cells.compare.labels import say_budget
from gp_cells.compare.records import Records, candidates_of
from gp_cells.compare.versions import count_versions, mixed_versions, unknown_commits

MET, NOT_MET, NOT_KNOWN = "met", "not met", "not known"

ItemAnswer = tuple[str, str]


def fill_checklist(records: Sequence[Records]) -> list[dict[str, str]]:
    """Return each item of the checklist with an answer and the evidence for it."""
    return [
        {
            "group": group,
            "item": item,
            **dict(zip(("answer", "evidence"), ask(records), strict=True)),
        }
        for group, items in ITEMS.items()
        for item, ask in items.items()
    ]


# --- releasing code -------------------------------------------------------------------------------


def _code(records: Sequence[Records]) -> ItemAnswer:
    trials = _trials(records)
    counts = count_versions(trials)
    commits = counts["git_commit"]
    unknown = unknown_commits(trials)
    dirty = sum(bool(trial["git_dirty"]) for trial in trials)
    versions, shortened = ", ".join(counts["gp_cells"]), ", ".join(c[:12] for c in commits)
    said = f"gp-cells {versions}; {len(commits)} commit(s): {shortened}"
    if unknown:
        return NOT_KNOWN, f"{said}; {unknown}"
    if dirty:
        return NOT_MET, f"{said}; {dirty} trials were made by code changed since its commit"
    return MET, said


def _space(records: Sequence[Records]) -> ItemAnswer:
    spaces = _distinct(settings["space"] for settings in _settings(records))
    return MET, f"part of the same code; settings in table runs: {'; '.join(spaces)}"


def _final_training(records: Sequence[Records]) -> ItemAnswer:
    finals = _distinct(settings["finalists"] for settings in _settings(records))
    return MET, f"table runs has each recipe; finalists: {'; '.join(finals)}"


def _method_settings(records: Sequence[Records]) -> ItemAnswer:
    seeds = sorted({run["seed"] for of_task in records for run in of_task.runs})
    return MET, f"table runs has every strategy's settings with defaults; seeds {_listed(seeds)}"


# --- comparing ------------------------------------------------------------------------------------


def _same_benchmark(records: Sequence[Records]) -> ItemAnswer:
    mixed = []
    for of_task in records:
        settings = of_task.settings.values()
        for part in ("task", "space", "data", "stopping", "training"):
            if len(_distinct(one[part] for one in settings)) > 1:
                mixed.append(f"{part} of {of_task.task}")
        if len(_distinct(one["search"].get("genes") for one in settings)) > 1:
            mixed.append(f"genes for training of {of_task.task}")
    if mixed:
        return NOT_MET, f"not the same in all runs: {', '.join(mixed)}"
    hashes = ", ".join(f"{of_task.task} {of_task.runs[0]['data_hash'][:12]}" for of_task in records)
    return MET, f"one space, recipe and split a task for all runs; data by hash: {hashes}"


def _confounders(records: Sequence[Records]) -> ItemAnswer:
    kinds = _distinct(
        " with ".join(filter(None, (row["cpu"], row["gpu"])))
        for of_task in records
        for row in of_task.tables["hardware"]
    )
    mixed = [line] if (line := mixed_versions(_trials(records))) else []
    if len(kinds) > 1:
        mixed.append(f"{len(kinds)} kinds of machine: {', '.join(kinds)}")
    if mixed:
        return NOT_MET, "; ".join(mixed)
    return MET, f"one set of versions (table trials) and one kind of machine, {', '.join(kinds)}"


def _ablations(records: Sequence[Records]) -> ItemAnswer:
    tried: dict[str, dict[str, set[str]]] = {}
    for of_task in records:
        for strategy, runs in of_task.searching.items():
            own = of_task.settings[runs[0]["run"]]["strategy"]
            of_name = tried.setdefault(own["name"], {})
            of_name.setdefault(json.dumps(own["settings"], sort_keys=True), set()).add(strategy)
    varied = {name: sorted(set().union(*of.values())) for name, of in tried.items() if len(of) > 1}
    if not varied:
        return NOT_MET, "no strategy was run with more than one set of settings"
    return MET, "; ".join(f"{name} as {', '.join(of)}" for name, of in varied.items())


def _same_protocol(records: Sequence[Records]) -> ItemAnswer:
    finals = _distinct(settings["finalists"] for settings in _settings(records))
    if len(finals) > 1:
        return NOT_MET, f"{len(finals)} ways of training finalists: {'; '.join(finals)}"
    if len({bool(settings["search"].get("resume")) for settings in _settings(records)}) > 1:
        return (
            NOT_MET,
            "some finalists went on from their searches' weights, others from fresh ones",
        )
    searches = [
        of_task.settings[run["run"]]["search"]
        for of_task in records
        for runs in of_task.searching.values()
        for run in runs
    ]
    if not searches:
        return NOT_KNOWN, "no search was run"
    budgets = {say_budget(search.get("budget")) for search in searches}
    if len(budgets) > 1:
        said = "; ".join(sorted(budget or "none" for budget in budgets))
        return NOT_MET, f"searches had different budgets: {said}"
    [budget] = budgets
    candidates = {candidates_of(search) for search in searches}
    finalists = {search["finalists"] for search in searches}
    for counts, what in ((candidates, "candidates"), (finalists, "finalists")):
        if len(counts) > 1 and not (budget and counts is candidates):
            return NOT_MET, f"searches trained different numbers of {what}: {_listed(counts)}"
    return MET, (
        f"{f'{budget}, at most ' if budget else ''}{_listed(candidates)} candidates and "
        f"{_listed(finalists)} finalist(s) a search; designed and "
        "found cells trained again at the same rates with the same fresh seeds; test read after all choices"
    )


def _over_time(records: Sequence[Records]) -> ItemAnswer:
    if not any(of_task.searching for of_task in records):
        return NOT_KNOWN, "no search was run"
    return MET, "best loss against candidates, epochs and CPU seconds; every epoch in table curves"


def _random_search(records: Sequence[Records]) -> ItemAnswer:
    without = [
        of_task.task
        for of_task in records
        if not any(one["strategy"]["name"] == "random" for one in of_task.settings.values())
    ]
    if without:
        return NOT_MET, f"no random search on {', '.join(without)}"
    return MET, "strategy random, on every task"


def _repeated(records: Sequence[Records]) -> ItemAnswer:
    counts = {
        f"{strategy} on {of_task.task}": len(runs)
        for of_task in records
        for strategy, runs in of_task.searching.items()
    }
    if not counts:
        return NOT_MET, "no search was run"
    name, fewest = min(counts.items(), key=lambda item: item[1])
    seeds = sorted({run["seed"] for of_task in records for run in of_task.runs})
    said = f"{fewest} searches or more a strategy and task; seeds {_listed(seeds)}"
    return (MET, said) if fewest >= FEWEST_SEEDS else (NOT_MET, f"{said}; fewest: {name}")


def _tabular(records: Sequence[Records]) -> ItemAnswer:
    return NOT_MET, (
        "not in this result set; the strategies' own proof on complete tables of trained "
        "architectures is benchmarks/STRATEGIES.md"
    )


# --- reporting ------------------------------------------------------------------------------------


def _tuning(records: Sequence[Records]) -> ItemAnswer:
    return NOT_KNOWN, (
        "learning rates of finalists were tuned as table trials shows; how the strategies' own "
        "settings were chosen is not in the records"
    )


def _whole_time(records: Sequence[Records]) -> ItemAnswer:
    trials = _trials(records)
    partly = sum(trial["process_cpu_s"] is None or bool(trial["resumed"]) for trial in trials)
    hours = sum(trial["process_cpu_s"] or 0 for trial in trials) / 3600
    said = (
        f"{hours:.1f} CPU hours in {len(trials)} trials of search and finalists, start-up included; "
        "what breeding takes is not recorded"
    )
    if partly:
        return NOT_KNOWN, f"{said}; of {partly} trials the last process alone is known"
    return MET, said


def _setup(records: Sequence[Records]) -> ItemAnswer:
    return MET, "settings with all defaults, seeds, versions, machine of every trial in the tables"


Ask = Callable[[Sequence[Records]], ItemAnswer]

ITEMS: Mapping[str, Mapping[str, Ask]] = {
    "releasing code": {
        "the code that trains the final architectures": _code,
        "the code of the search space": _space,
        "how final architectures are trained: hyperparameters and seeds": _final_training,
        "the code of the search methods": _code,
        "the methods' hyperparameters and seeds": _method_settings,
    },
    "comparing methods": {
        "the same data, split, space and training code for all": _same_benchmark,
        "the same hardware and versions for all": _confounders,
        "ablation studies": _ablations,
        "the same evaluation protocol for all": _same_protocol,
        "performance over time": _over_time,
        "a comparison with random search": _random_search,
        "several runs, and their seeds": _repeated,
        "tabular or surrogate benchmarks for a closer look": _tabular,
    },
    "reporting": {
        "how the methods' hyperparameters were tuned, and what that cost": _tuning,
        "the time of the whole search, end to end": _whole_time,
        "all details of the set-up": _setup,
    },
}


def _trials(records: Iterable[Records]) -> list[Mapping[str, Any]]:
    return [trial for of_task in records for trial in of_task.tables["trials"]]


def _settings(records: Iterable[Records]) -> list[Mapping[str, Any]]:
    return [settings for of_task in records for settings in of_task.settings.values()]


def _distinct(values: Iterable[Any]) -> list[str]:
    """Return different values once, in order, texts as they are and others as JSON."""
    written = (
        value if isinstance(value, str) else json.dumps(value, sort_keys=True) for value in values
    )
    return list(dict.fromkeys(written))


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(values)))
