"""A config is refused in one line before any job starts, and a good one is a plan of fixed size."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.tiny import TINY

from gp_cells.config.choose import SettingError
from gp_cells.config.plan import config_of, grouped, read_plan

ROOT = Path(__file__).parents[2]
Config = dict[str, Any]


def put(value: Any, *place: str) -> Callable[[Config], None]:
    """Return a change that sets one value of a config."""

    def change(config: Config) -> None:
        for key in place[:-1]:
            config = config.setdefault(key, {})
        config[place[-1]] = value

    return change


def drop(*place: str) -> Callable[[Config], None]:
    """Return a change that takes one key out of a config."""

    def change(config: Config) -> None:
        for key in place[:-1]:
            config = config[key]
        del config[place[-1]]

    return change


RECIPE = ("tasks", "bach", "settings", "recipe")
SEARCH = ("strategies", "gp", "search")

# What is wrong, and the words that the one line has to say: where, what came, and what is allowed.
BAD: dict[str, tuple[Callable[[Config], None], list[str]]] = {
    "unknown task": (
        put("bachs", "tasks", "bach", "name"),
        ["tasks.bach.name", "'bachs'", "bach_chorales, chorale_melody, cifar10, circles, digits"],
    ),
    "unknown space": (put("cells", "space", "name"), ["space.name", "'cells'", "recurrent"]),
    "unknown strategy": (
        put("agin", "strategies", "gp", "name"),
        ["strategies.gp.name", "'agin'", "baselines", "gp", "random"],
    ),
    "unknown stopping": (
        put("nevr", "stopping", "name"),
        ["stopping.name", "'nevr'", "never", "patience"],
    ),
    "unknown task setting": (
        put(1, "tasks", "bach", "settings", "prt"),
        ["tasks.bach.settings", "'prt'", "part", "recipe"],
    ),
    "unknown recipe setting": (put(1, *RECIPE, "epoch"), [".".join(RECIPE), "'epoch'", "epochs"]),
    "unknown strategy setting": (
        put({"crossver": 0.5}, "strategies", "gp", "settings"),
        ["strategies.gp.settings", "'crossver'", "crossover"],
    ),
    "setting of another stopping": (
        put({"epochs": 3}, "stopping", "settings"),
        ["stopping.settings", "'epochs'", "nothing"],
    ),
    "unknown key": (
        put({}, "stategies"),
        ["top level", "'stategies'", "benchmark, seeds, space, tasks, strategies"],
    ),
    "text for a number": (put("3", *SEARCH, "waves"), ["search.waves", "integer", "'3'"]),
    "fraction for a count": (put(1.5, "training", "threads"), ["training.threads", "integer"]),
    "truth for a number": (put(True, *SEARCH, "slots"), ["search.slots", "integer", "True"]),
    "number for a list": (put(1, "seeds"), ["seeds: expected a list, e.g. [1], got 1"]),
    "null settings": (
        put(None, "strategies", "gp", "settings"),
        ["strategies.gp.settings", "object", "None"],
    ),
    "unknown device": (put("tpu", "training", "device"), ["training.device", "'tpu'", "cpu, cuda"]),
    "compiled bfloat16 on cuda": (
        put({**TINY["training"], "device": "cuda", "precision": "bfloat16"}, "training"),
        ["training.precision", "'bfloat16'", "float32"],
    ),
    "no benchmark": (drop("benchmark"), ["top level", "'benchmark'", "required"]),
    "no seeds": (drop("seeds"), ["top level", "'seeds'", "required"]),
    "no lag": (drop(*SEARCH, "lag"), ["strategies.gp.search", "'lag'", "required"]),
    "no task name": (drop("tasks", "bach", "name"), ["tasks.bach", "'name'", "required"]),
    "baselines without cells": (
        put("baselines", "strategies", "gp", "name"),
        ["strategies.gp", "'settings'", "required"],
    ),
    "no waves": (put(0, *SEARCH, "waves"), ["search.waves", "got 0", "at least 1"]),
    "too many slots": (
        put(101, *SEARCH, "slots"),
        ["search.slots", "got 101", "at least 1 and at most 100"],
    ),
    "too many slots of a wave": (
        put([4, 101, 4], *SEARCH, "slots"),
        ["search.slots.1", "got 101", "at least 1 and at most 100"],
    ),
    "slots of another number of waves": (
        put([4, 2], *SEARCH, "slots"),
        ["strategies.gp.search.slots", "expected 3 numbers, one for each wave, got 2"],
    ),
    "no lag at all": (put(0, *SEARCH, "lag"), ["search.lag", "got 0", "at least 1"]),
    "more finalists than candidates": (
        put(13, *SEARCH, "finalists"),
        ["strategies.gp.search.finalists", "13", "at most 12"],
    ),
    "a key with a letter too many": (
        put({"epochs": 9}, *SEARCH, "budgets"),
        ["there is no 'budgets' here", "did you mean budget?"],
    ),
    "a budget of nothing": (put({}, *SEARCH, "budget"), ["search.budget", "non-empty"]),
    "a budget of no epochs": (put(0, *SEARCH, "budget", "epochs"), ["budget.epochs", "at least 1"]),
    "a budget of half an epoch": (put(0.5, *SEARCH, "budget", "epochs"), ["expected integer"]),
    "a budget of no hours": (
        put(0, *SEARCH, "budget", "cpu_hours"),
        ["search.budget.cpu_hours", "more than 0", "got 0"],
    ),
    "a budget of money": (
        put(5, *SEARCH, "budget", "dollars"),
        ["search.budget", "'dollars'", "allowed: epochs, cpu_hours, gpu_hours"],
    ),
    "a budget of GPU hours on a CPU": (
        put(1, *SEARCH, "budget", "gpu_hours"),
        ["search.budget.gpu_hours", "training.device cuda", "bound cpu_hours or epochs"],
    ),
    "a budget that no wave sees": (
        put({"waves": 3, "slots": 4, "lag": 3, "finalists": 1, "budget": {"epochs": 9}}, *SEARCH),
        ["search.budget", "more waves than the lag of 3, got 3"],
    ),
    "a budget that may leave too few for the finalists": (
        put({"waves": 3, "slots": 4, "lag": 1, "finalists": 5, "budget": {"epochs": 9}}, *SEARCH),
        ["search.finalists", "at most 4, the candidates of the first 1 wave(s)", "got 5"],
    ),
    "no seed": (put([], "seeds"), ["seeds", "non-empty"]),
    "one seed twice": (put([1, 1], "seeds"), ["seeds", "[1, 1]", "unique"]),
    "negative seed": (put([-1], "seeds"), ["seeds.0", "got -1", "at least 0"]),
    "no strategy": (put({}, "strategies"), ["strategies", "non-empty"]),
    "zero learning rate": (
        put([0], "finalists", "learning_rate_factors"),
        ["finalists.learning_rate_factors.0", "more than 0", "got 0"],
    ),
    "benchmark with a hyphen": (
        put("tiny-1", "benchmark"),
        ["benchmark", "'tiny-1'", "lower-case letters, digits and _"],
    ),
    "benchmark with an end of line": (put("tiny\n", "benchmark"), ["benchmark", r"'tiny\n'"]),
    "benchmark too long for a folder": (put("x" * 61, "benchmark"), ["at most 60", "'xxx"]),
    "task in capitals": (
        put({"name": "bach_chorales"}, "tasks", "Bach"),
        ["tasks", "'Bach'", "lower-case letters"],
    ),
    "strategy with a slash": (
        put({"name": "random"}, "strategies", "../up"),
        ["strategies", "'../up'", "lower-case letters"],
    ),
    "number for a task's label": (put({"name": "bach_chorales"}, "tasks", 1), ["tasks", "1"]),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("wrong", BAD)
def test_a_bad_config_is_refused_in_one_line_with_place_value_and_what_is_allowed(
    tiny: Config, wrong: str
) -> None:
    change, words = BAD[wrong]
    change(tiny)
    with pytest.raises(SettingError) as refusal:
        read_plan(tiny, "my.yaml")
    said = str(refusal.value)
    assert said.startswith("my.yaml: ")
    assert "\n" not in said
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize("config", [None, [], "text", 3])
def test_a_config_that_is_no_mapping_is_refused(config: Any) -> None:
    with pytest.raises(SettingError, match=r"^my\.yaml: top level: expected object, got "):
        read_plan(config, "my.yaml")


@pytest.mark.parametrize("file", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_every_config_of_the_repository_is_a_plan(file: Path) -> None:
    plan = read_plan(yaml.safe_load(file.read_text()))
    assert len(plan.candidates()) == len(set(plan.candidates())) > 0


def test_a_plan_has_every_candidate_in_ascending_order_before_anything_runs(tiny: Config) -> None:
    tiny["finalists"] = {"learning_rate_factors": [0.5, 1.0], "seeds": [101, 102]}
    [run] = read_plan(tiny).runs.values()
    waves = [f"waves/{wave:03d}/{slot:02d}" for wave in range(3) for slot in range(4)]
    replicates = [f"replicates/00-{rate}-{seed}" for rate in range(2) for seed in range(2)]
    assert list(run.candidates()) == [
        f"results/runs/tiny-bach-gp-s1/{p}" for p in waves + replicates
    ]


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_a_wave_is_bred_from_the_history_as_many_waves_before_it_as_the_lag(
    tiny: Config, lag: int
) -> None:
    put(lag, *SEARCH, "lag")(tiny)
    [run] = read_plan(tiny).runs.values()
    for wave in range(3):
        history = [f"{run.folder}/waves/{wave - lag:03d}/history.jsonl.gz"] if wave >= lag else []
        assert run.history_before(wave) == history


def test_a_run_config_is_its_own_part_of_the_config_alone(tiny: Config) -> None:
    before = read_plan(copy.deepcopy(tiny)).runs["tiny-bach-gp-s1"].config
    tiny["seeds"] += [2]
    tiny["tasks"]["other"] = {"name": "bach_chorales"}
    search = {"waves": 1, "slots": 1, "lag": 1, "finalists": 1}
    tiny["strategies"]["other"] = {"name": "random", "search": search, "seeds": [7]}
    plan = read_plan(tiny)
    assert plan.runs["tiny-bach-gp-s1"].config == before
    assert len(plan.runs) == 2 * (2 + 1)


def run_snakemake(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run Snakemake in a folder; return its exit status and the lines that it said."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "-c1"]
    done = subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, (done.stdout + done.stderr).splitlines()


@pytest.mark.parametrize(
    "wrong", ["unknown task", "no benchmark", "more finalists than candidates", "task in capitals"]
)
def test_snakemake_refuses_a_bad_config_with_status_2_and_writes_nothing(
    tiny: Config, tmp_path: Path, wrong: str
) -> None:
    change, words = BAD[wrong]
    change(tiny)
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(tiny))
    status, lines = run_snakemake(tmp_path, "--configfile", "bad.yaml")
    assert status == 2
    [said] = [line for line in lines if line.startswith("config: ")]
    assert [word for word in words if word not in said] == []
    assert not [line for line in lines if "Traceback" in line or "Building DAG" in line]
    assert {path.name for path in tmp_path.iterdir()} <= {"bad.yaml", ".snakemake"}


def test_a_config_of_only_a_comment_does_not_become_the_quickstart(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing yet\n{}\n")
    status, lines = run_snakemake(tmp_path, "--configfile", "empty.yaml", "-n")
    assert status == 2
    assert "config: top level: 'benchmark' is a required property" in lines


@pytest.mark.parametrize("content", [None, "", "benchmark: [", "just text", "- 1"])
def test_snakemake_starts_no_job_for_a_file_that_is_no_config(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "bad.yaml").write_text(content)
    status, lines = run_snakemake(tmp_path, "--configfile", "bad.yaml")
    assert status != 0
    assert not [line for line in lines if "Building DAG" in line]
    assert {path.name for path in tmp_path.iterdir()} <= {"bad.yaml", ".snakemake"}


def test_settings_of_a_strategy_may_be_other_on_a_task(tiny: Config) -> None:
    tiny["tasks"]["other"] = tiny["tasks"]["bach"]
    entry = tiny["strategies"]["gp"]
    entry["settings"] = {"crossover": 0.5}
    entry["by_task"] = {"other": {"crossover": 0.25}}

    runs = read_plan(tiny).runs.values()

    found = {run.task: run.config.strategy.settings for run in runs if run.strategy == "gp"}
    assert found == {"bach": {"crossover": 0.5}, "other": {"crossover": 0.25}}
    groups = grouped([run.config for run in runs if run.strategy == "gp"])
    again = [run.config for group in groups for run in read_plan(config_of(group)).runs.values()]
    assert {c.run: c for c in again} == {r.name: r.config for r in runs if r.strategy == "gp"}


def test_settings_on_a_task_that_is_not_there_are_refused(tiny: Config) -> None:
    tiny["strategies"]["gp"]["by_task"] = {"bahc": {}}

    with pytest.raises(SettingError, match=r"by_task: there is no task 'bahc'; choose one of bach"):
        read_plan(tiny)
