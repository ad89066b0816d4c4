"""The plan of a benchmark: what its config asks for, as runs with a fixed number of candidates.

The Snakefile reads this and nothing else of the package, and each cluster job reads the Snakefile
again, so it imports neither torch nor deap. Configs are checked against `config.schema.json`, which
`gp-cells schema` writes from the plug-ins' own fields.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import jsonschema

from gp_cells.config.choose import SettingError, range_text

FAMILIES = {"task": "tasks", "space": "spaces", "strategy": "strategies", "stopping": "stopping"}


def replicate_slot(finalist: int, rate: int, seed: int) -> str:
    """Return the folder name of a finalist's trial, from the numbers of its rate and seed."""
    return f"{finalist:02d}-{rate}-{seed}"


def trial_folder(run: str, candidate: str) -> str:
    """Return the folder of a run's candidate: w003-07 of the search, r00-1-0 of the finalists."""
    number = candidate[1:]
    place = f"replicates/{number}" if candidate[0] == "r" else f"waves/{number.replace('-', '/')}"
    return f"results/runs/{run}/{place}"


@dataclass(frozen=True)
class Run:
    """Task × space × strategy × seed, under one protocol; the unit of comparison.

    `order` is what its settings are made from: the part of the config that concerns this run.
    """

    name: str
    data: str  # the folder of its prepared task, shared with other runs
    strategy: str
    waves: int
    slots: int
    lag: int
    finalists: int
    rates: int
    replicates: int
    order: Mapping[str, Any]

    @property
    def folder(self) -> str:
        """Where the run's files are."""
        return f"results/runs/{self.name}"

    def wave(self, wave: int) -> list[str]:
        """Return the folders of a wave's candidates."""
        return [f"{self.folder}/waves/{wave:03d}/{slot:02d}" for slot in range(self.slots)]

    def history_after(self, wave: int) -> list[str]:
        """Return the file with all outcomes up to a wave; before the first there is none."""
        return [f"{self.folder}/waves/{wave:03d}/history.jsonl.gz"] if wave >= 0 else []

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


@dataclass(frozen=True)
class Plan:
    """All runs of a benchmark and the data they need."""

    benchmark: str
    runs: Mapping[str, Run]
    tasks: Mapping[str, Mapping[str, Any]]  # data folder name → the task's entry in the config
    strategies: Mapping[str, Run]  # strategy label → one of its runs; all have the same sizes
    threads: int

    def candidates(self) -> list[str]:
        """Return the folder of every trial of the benchmark."""
        return [folder for run in self.runs.values() for folder in run.candidates()]


def read_plan(config: Mapping[str, Any], place: str = "config") -> Plan:
    """Return the plan that a config describes.

    Raises:
        SettingError: the config is not one; the line says where, what came and what is allowed.
    """
    check(config, place)
    tasks = {f"{config['benchmark']}-{label}": task for label, task in config["tasks"].items()}
    runs = [_run(config, place, name, *of) for name, of in run_names(config).items()]
    return Plan(
        config["benchmark"],
        {run.name: run for run in runs},
        tasks,
        {run.strategy: run for run in runs},
        config["training"]["threads"],
    )


def run_names(config: Mapping[str, Any]) -> dict[str, tuple[str, str, int]]:
    """Return task, strategy and seed of each run that a config plans, by the run's name."""
    return {
        f"{config['benchmark']}-{task}-{strategy}-s{int(seed)}": (task, strategy, int(seed))
        for task in config["tasks"]
        for strategy in config["strategies"]
        # JSON Schema lets 1.0 pass as an integer
        for seed in config["strategies"][strategy].get("seeds", config["seeds"])
    }


def _run(
    config: Mapping[str, Any], place: str, name: str, task: str, strategy: str, seed: int
) -> Run:
    benchmark, entry = config["benchmark"], config["strategies"][strategy]
    search, final = entry["search"], config["finalists"]
    if search["finalists"] > search["waves"] * search["slots"]:
        raise SettingError(
            f"{place}: strategies.{strategy}.search.finalists: expected at most "
            f"{search['waves'] * search['slots']}, all candidates, got {search['finalists']}"
        )
    order = {
        "benchmark": benchmark,
        "run": name,
        "task_label": task,
        "strategy_label": strategy,
        "seed": seed,
        "task": config["tasks"][task],
        "space": config["space"],
        "strategy": {key: entry[key] for key in ("name", "settings") if key in entry},
        "search": search,
        "finalists": final,
        "stopping": config["stopping"],
        "training": config["training"],
    }
    return Run(
        name,
        f"{benchmark}-{task}",
        strategy,
        search["waves"],
        search["slots"],
        search["lag"],
        search["finalists"],
        len(final["learning_rate_factors"]),
        len(final["seeds"]),
        order,
    )


def check(config: Mapping[str, Any], place: str) -> None:
    """Refuse a config that does not fit the schema.

    Raises:
        SettingError: one line with the place in the config, what came and what is allowed.
    """
    file = Path(__file__).parent / "config.schema.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    _admit_outside_plug_ins(schema)
    for where, value in _numbers(config):
        if not math.isfinite(value):
            raise SettingError(f"{place}: {where}: expected a finite number, got {value}")
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(config)
    )
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path) or "top level"
        raise SettingError(f"{place}: {where}: {_said(error)}")


def _numbers(value: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """Yield every float of a config with its place."""
    if isinstance(value, float):
        yield where, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{where}.{key}".lstrip("."))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _numbers(item, f"{where}.{i}")


def _said(error: jsonschema.ValidationError) -> str:
    """Return one line on a schema error that names what is allowed."""
    if error.validator == "additionalProperties":
        allowed = ", ".join(error.schema.get("properties", {}))
        extra = sorted(set(error.instance) - set(error.schema.get("properties", {})))
        return f"there is no {extra[0]!r} here; allowed: {allowed or 'nothing'}"
    if error.validator == "enum":
        allowed = ", ".join(map(str, error.validator_value))
        return f"there is no {error.instance!r}; choose one of {allowed}"
    if error.validator == "type":
        return f"expected {error.validator_value}, got {error.instance!r}"
    if error.validator in ("minimum", "exclusiveMinimum", "maximum"):
        ends = (error.schema.get(end) for end in ("minimum", "exclusiveMinimum", "maximum"))
        return f"expected {range_text(*ends)}, got {error.instance!r}"
    if error.validator == "pattern":
        return (
            "expected a name of lower-case letters, digits and _ that begins with a letter, "
            f"got {error.instance!r}"
        )
    return " ".join(error.message.split())


def _admit_outside_plug_ins(schema: dict[str, Any]) -> None:
    """Let names of third-party plug-ins pass; their settings are checked when they are chosen."""
    for definition, family in FAMILIES.items():
        names = schema["$defs"][definition]["properties"]["name"]["enum"]
        names += [point.name for point in entry_points(group=f"gp_cells.{family}")]
