"""The plan of a benchmark: what its config asks for, as runs with a fixed number of candidates.

The Snakefile reads this and nothing else of the package, and each cluster job reads the Snakefile
again, so it imports neither torch nor deap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gp_cells.config.cell_files import with_texts
from gp_cells.config.choose import SettingError
from gp_cells.config.files import canonical_json
from gp_cells.config.records import RunConfig, Search
from gp_cells.config.typed_json import decode, encode, plain
from gp_cells.config.validation import check_config

# --- where a trial's files are --------------------------------------------------------------------

STATE = "state.safetensors"  # a trial's final state, where it is kept for others to start from


def slot_name(slot: int) -> str:
    """Return the folder name of a slot in its wave's folder."""
    return f"{slot:02d}"


def wave_name(wave: int) -> str:
    """Return the folder name of a wave."""
    return f"{wave:03d}"


def wave_place(wave: int) -> str:
    """Return the folder of a wave inside its run's."""
    return f"waves/{wave_name(wave)}"


def wave_number(folder: Path) -> int:
    """Return the number of the wave that a folder is of.

    Raises:
        SettingError: the folder is not named by a wave's number.
    """
    if not re.fullmatch(r"[0-9]{3}", folder.name):
        raise SettingError(f"expected a wave's folder, e.g. waves/003, got {folder}")
    return int(folder.name)


def replicate_slot(finalist: int, rate: int, seed: int) -> str:
    """Return the folder name of a finalist's trial, from the numbers of its rate and seed."""
    return f"{finalist:02d}-{rate}-{seed}"


def searched_candidate(wave: int, slot: int) -> str:
    """Return the name of a candidate of the search, e.g. w003-07."""
    return f"w{wave_name(wave)}-{slot_name(slot)}"


def replicate_candidate(finalist: int, rate: int, seed: int) -> str:
    """Return the name of a finalist's trial, e.g. r00-1-0."""
    return f"r{replicate_slot(finalist, rate, seed)}"


def candidate_place(candidate: str) -> str:
    """Return the folder of a candidate inside its run's, from its name."""
    number = candidate[1:]
    return f"replicates/{number}" if candidate[0] == "r" else f"waves/{number.replace('-', '/')}"


def trial_folder(run: str, candidate: str) -> str:
    """Return the folder of a run's candidate: w003-07 of the search, r00-1-0 of the finalists."""
    return f"results/runs/{run}/{candidate_place(candidate)}"


def wave_of_place(place: str) -> int | None:
    """Return the wave of a candidate's folder inside its run's, None of a finalist's trial."""
    return wave_number(Path(place).parent) if place.startswith("waves/") else None


# --- what runs there are --------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """Task × space × strategy × seed, under one protocol; the unit of comparison."""

    config: RunConfig

    @property
    def name(self) -> str:
        """Its name, which is also its folder's."""
        return self.config.run

    @property
    def data(self) -> str:
        """The folder of its prepared task, shared with other runs."""
        return data_name(self.config.benchmark, self.config.task_label)

    @property
    def task(self) -> str:
        """The label of its task."""
        return self.config.task_label

    @property
    def strategy(self) -> str:
        """The label of its strategy."""
        return self.config.strategy_label

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.config.seed

    @property
    def waves(self) -> int:
        """How many waves its search has."""
        return self.config.search.waves

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """How many candidates each wave has."""
        return self.config.search.widths

    @property
    def lag(self) -> int:
        """How many waves the history that a wave is bred from is behind it."""
        return self.config.search.lag

    @property
    def finalists(self) -> int:
        """How many of its architectures are finalists."""
        return self.config.search.finalists

    @property
    def rates(self) -> int:
        """How many learning rates each finalist is trained at."""
        return len(self.config.finalists.learning_rate_factors)

    @property
    def replicates(self) -> int:
        """How many seeds each finalist is trained with at each learning rate."""
        return len(self.config.finalists.seeds)

    @property
    def trials(self) -> int:
        """How many trials it has: candidates of the search, and of the finalists."""
        return sum(self.widths) + self.finalists * self.rates * self.replicates

    @property
    def folder(self) -> str:
        """Where the run's files are."""
        return f"results/runs/{self.name}"

    def wave_folder(self, wave: int) -> str:
        """Return the folder of a wave."""
        return f"{self.folder}/{wave_place(wave)}"

    def wave_folders(self) -> list[str]:
        """Return the folders of all waves."""
        return [self.wave_folder(wave) for wave in range(self.waves)]

    def waves_by_width(self) -> Mapping[int, Sequence[int]]:
        """Return the waves that have so many candidates, by that number."""
        found: dict[int, list[int]] = {}
        for wave, width in enumerate(self.widths):
            found.setdefault(width, []).append(wave)
        return found

    def wave(self, wave: int) -> list[str]:
        """Return the folders of a wave's candidates."""
        return [f"{self.wave_folder(wave)}/{slot_name(slot)}" for slot in range(self.widths[wave])]

    def history_after(self, wave: int) -> list[str]:
        """Return the file with all outcomes up to a wave; before the first there is none."""
        return [f"{self.wave_folder(wave)}/history.jsonl.gz"] if wave >= 0 else []

    def history_before(self, wave: int) -> list[str]:
        """Return the file that a wave is bred from."""
        return self.history_after(wave - self.lag)

    def replicate_folders(self) -> list[str]:
        """Return the folders of the finalists' trials: finalist, learning rate, seed."""
        return [
            f"{self.folder}/replicates/{replicate_slot(finalist, rate, seed)}"
            for finalist in range(self.finalists)
            for rate in range(self.rates)
            for seed in range(self.replicates)
        ]

    def candidates(self) -> Iterator[str]:
        """Yield the folder of every trial of the run, in the order of the plan."""
        for wave in range(self.waves):
            yield from self.wave(wave)
        yield from self.replicate_folders()

    def places(self) -> Iterator[str]:
        """Yield the folder of every trial inside the run's, in the order of the plan."""
        return (folder.removeprefix(f"{self.folder}/") for folder in self.candidates())


@dataclass(frozen=True)
class Plan:
    """All runs of a benchmark and the data they need; `place` is what a refusal calls its config."""

    benchmark: str
    runs: Mapping[str, Run]
    tasks: Mapping[str, Mapping[str, Any]]  # data folder name → the task's entry in the config
    threads: int
    place: str = "config"

    @property
    def by_strategy(self) -> Mapping[str, Sequence[Run]]:
        """The runs of each strategy by its label; they have the same waves, slots and finalists."""
        found: dict[str, list[Run]] = {}
        for run in self.runs.values():
            found.setdefault(run.strategy, []).append(run)
        return found

    def breeding(self) -> Iterator[tuple[str, str, int, str]]:
        """Yield each rule that breeds: its name, its strategy, the slots and a pattern of the waves."""
        for strategy, runs in self.by_strategy.items():
            by_width = runs[0].waves_by_width()
            for slots, waves in by_width.items():
                if len(by_width) == 1:
                    yield f"breed_{strategy}", strategy, slots, "[0-9]{3}"
                else:
                    yield (
                        f"breed{slots}_{strategy}",
                        strategy,
                        slots,
                        "|".join(map(wave_name, waves)),
                    )

    def label_of(self, data: str) -> str:
        """Return the label of the task that a data folder is of."""
        return data.removeprefix(f"{self.benchmark}-")

    def source(self, data: str) -> str:
        """Return the file of one's own that a data folder is prepared from; empty where there is none."""
        return str(self.tasks[data].get("settings", {}).get("file", ""))

    def refuse_missing_files(self) -> None:
        """Refuse a plan whose data would have to be prepared from a file that is not there.

        Raises:
            SettingError: the first such file, with its place in the config.
        """
        for data in self.tasks:
            file, prepared = self.source(data), Path("results/data", data, "data.json")
            if file and not prepared.exists() and not Path(file).is_file():
                place = f"{self.place}: tasks.{self.label_of(data)}.settings.file"
                raise SettingError(
                    f"{place}: there is no file {file!r} in {Path.cwd()}; a relative path is from where "
                    "snakemake runs"
                )

    def candidates(self) -> list[str]:
        """Return the folder of every trial of the benchmark."""
        return [folder for run in self.runs.values() for folder in run.candidates()]


def read_plan(config: Mapping[str, Any], place: str = "config") -> Plan:
    """Return the plan that a config describes.

    Raises:
        SettingError: the config is not one; the line says where, what came and what is allowed.
    """
    check_config(config, place)
    _check_tasks(config, place)
    benchmark = config["benchmark"]
    runs = [Run(run_config(config, place, *of)) for of in run_names(config).values()]
    return Plan(
        benchmark,
        {run.name: run for run in runs},
        {data_name(benchmark, label): task for label, task in config["tasks"].items()},
        config["training"]["threads"],
        place,
    )


def data_name(benchmark: str, task: str) -> str:
    """Return the name of the folder of a benchmark's prepared task."""
    return f"{benchmark}-{task}"


# --- a config and the configs of its runs ---------------------------------------------------------

# By all runs of a config; only `measures` may be left out.
SHARED = ("benchmark", "space", "finalists", "stopping", "training", "measures")


def run_names(config: Mapping[str, Any]) -> dict[str, tuple[str, str, int]]:
    """Return task, strategy and seed of each run that a config plans, by the run's name."""
    return {
        run_name(config["benchmark"], task, strategy, int(seed)): (task, strategy, int(seed))
        for task in config["tasks"]
        for strategy in config["strategies"]
        # JSON Schema lets 1.0 pass as an integer
        for seed in config["strategies"][strategy].get("seeds", config["seeds"])
    }


def run_name(benchmark: str, task: str, strategy: str, seed: int) -> str:
    """Return the name of a run."""
    return f"{benchmark}-{task}-{strategy}-s{seed}"


def run_config(
    config: Mapping[str, Any], place: str, task: str, strategy: str, seed: int
) -> RunConfig:
    """Return the part of a config that a run concerns; `config_of` is the way back.

    Raises:
        SettingError: more finalists are asked for than there are candidates, or slots for another
            number of waves; or a file of cells is missing.
    """
    entry = config["strategies"][strategy]
    search = entry["search"]
    value = {
        **{key: config[key] for key in SHARED if key in config},
        "run": run_name(config["benchmark"], task, strategy, seed),
        "task_label": task,
        "strategy_label": strategy,
        "seed": seed,
        "task": config["tasks"][task],
        "strategy": _strategy_on(task, entry, f"{place}: strategies.{strategy}.settings"),
        "search": search,
    }
    run = decode(RunConfig, value, place)
    _check_search(run.search, f"{place}: strategies.{strategy}.search")
    _check_budget(run, f"{place}: strategies.{strategy}.search")
    return run


def _strategy_on(task: str, entry: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return a strategy's name and settings on a task, of files of cells their texts."""
    settings = {**entry.get("settings", {}), **entry.get("by_task", {}).get(task, {})}
    settings = with_texts(settings, place)
    return {"name": entry["name"], **({"settings": settings} if settings else {})}


def _check_tasks(config: Mapping[str, Any], place: str) -> None:
    """Refuse a strategy's settings on a task that the config does not have."""
    for label, entry in config["strategies"].items():
        for task in entry.get("by_task", {}):
            if task not in config["tasks"]:
                raise SettingError(
                    f"{place}: strategies.{label}.by_task: there is no task {task!r}; choose one of "
                    f"{', '.join(config['tasks'])}"
                )


def _check_search(search: Search, place: str) -> None:
    widths = search.widths
    if len(widths) != search.waves:
        raise SettingError(
            f"{place}.slots: expected {search.waves} numbers, one for each wave, got {len(widths)}"
        )
    if search.finalists > sum(widths):
        raise SettingError(
            f"{place}.finalists: expected at most {sum(widths)}, all candidates, "
            f"got {search.finalists}"
        )


def _check_budget(run: RunConfig, place: str) -> None:
    """Refuse a budget that can bound nothing, or that leaves fewer candidates than finalists."""
    search, budget = run.search, run.search.budget
    if budget is None:
        return
    first = sum(search.widths[: search.lag])
    if search.lag >= search.waves:
        raise SettingError(
            f"{place}.budget: expected more waves than the lag of {search.lag}, got {search.waves}, none "
            "of which sees what was spent"
        )
    if search.finalists > first:
        raise SettingError(
            f"{place}.finalists: expected at most {first}, the candidates of the first {search.lag} "
            f"wave(s), which no budget leaves out, got {search.finalists}"
        )
    if budget.gpu_hours is not None and run.training.device == "cpu":
        raise SettingError(
            f"{place}.budget.gpu_hours: expected training.device cuda, got cpu, which spends none; bound "
            "cpu_hours or epochs"
        )


def config_of(runs: Sequence[RunConfig]) -> dict[str, Any]:
    """Return a config that plans some runs, which `agree`: each task with each strategy and seed."""
    values = [encode(run) for run in runs]
    config = {key: values[0][key] for key in SHARED if key in values[0]}
    config["seeds"] = sorted({run.seed for run in runs})
    config["tasks"] = {value["task_label"]: value["task"] for value in values}
    config["strategies"] = {}
    for value in values:
        strategy = {**value["strategy"], "search": value["search"]}
        seeds = sorted({r.seed for r in runs if r.strategy_label == value["strategy_label"]})
        if seeds != config["seeds"]:
            strategy["seeds"] = seeds
        config["strategies"][value["strategy_label"]] = strategy
    return config


def agree(one: RunConfig, other: RunConfig) -> bool:
    """Return whether one config can plan two runs: nothing that it says of both is different."""
    keys = list(SHARED)
    if one.task_label == other.task_label:
        keys.append("task")
    if one.strategy_label == other.strategy_label:
        keys += ["strategy", "search"]
    return all(
        canonical_json(plain(getattr(one, key))) == canonical_json(plain(getattr(other, key)))
        for key in keys
    )


def grouped(runs: Iterable[RunConfig]) -> list[list[RunConfig]]:
    """Return runs in few groups, in their order, each of runs that one config can plan."""
    groups: list[list[RunConfig]] = []
    for run in runs:
        for group in groups:
            if all(agree(other, run) for other in group):
                group.append(run)
                break
        else:
            groups.append([run])
    return groups
