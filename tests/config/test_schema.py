"""The JSON Schema of configs: what an editor completes by, and what a config is checked against."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gp_cells.cli import main
from gp_cells.config.choose import SettingError
from gp_cells.config.plan import read_plan
from gp_cells.config.recipe import Recipe
from gp_cells.config.schema import config_schema
from gp_cells.plugins import FAMILIES

ROOT = Path(__file__).parents[2]
FILE = ROOT / "gp_cells/config/config.schema.json"
CONFIGS = sorted((ROOT / "config").glob("*.yaml"))

SCHEMA = config_schema({key: members for key, (_, members) in FAMILIES.items()})
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(FILE.read_text(encoding="utf-8")) == SCHEMA


@pytest.mark.parametrize("file", CONFIGS, ids=lambda path: path.name)
def test_every_config_fits_the_schema_that_its_first_line_gives_to_editors(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / named).resolve() == FILE
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))] == []


def keys(schema: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key that a config can have, those of plug-ins' settings too."""
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items():
            is_condition = set(value) in ({"const"}, {"enum"})
            if not is_condition and not (name == "settings" and place.endswith("then")):
                yield f"{place}.{name}", value
        for name, value in schema.items():
            yield from keys(value, f"{place}.{name}")
    elif isinstance(schema, list):
        for i, value in enumerate(schema):
            yield from keys(value, f"{place}.{i}")


KEYS = list(keys(SCHEMA))


@pytest.mark.parametrize(("place", "schema"), KEYS, ids=[place for place, _ in KEYS])
def test_every_key_of_a_config_has_a_description(place: str, schema: dict[str, Any]) -> None:
    assert schema.get("description")


def test_the_plug_ins_that_a_name_can_be_are_described() -> None:
    for key, (_, members) in FAMILIES.items():
        name = SCHEMA["$defs"][key]["properties"]["name"]
        assert name["enum"] == sorted(members)
        assert len(name["enumDescriptions"]) == len(name["enum"])
        assert all(name["enumDescriptions"])


def settings_of(key: str, name: str) -> dict[str, Any]:
    """Return the schema of a plug-in's settings, as it stands in the config's."""
    [settings] = [
        branch["then"]["properties"]["settings"]
        for branch in SCHEMA["$defs"][key]["allOf"]
        if branch["if"]["properties"]["name"]["const"] == name
    ]
    return settings


@pytest.mark.parametrize(
    ("key", "name"), [(key, name) for key, (_, members) in FAMILIES.items() for name in members]
)
def test_the_defaults_of_the_schema_are_those_of_the_plug_in(key: str, name: str) -> None:
    for field in dataclasses.fields(FAMILIES[key][1][name]):
        schema = settings_of(key, name)["properties"][field.name]
        if isinstance(field.default, Recipe):
            inner = {part: value["default"] for part, value in schema["properties"].items()}
            assert inner == dataclasses.asdict(field.default)
        elif field.default is dataclasses.MISSING:
            assert "default" not in schema
        else:
            assert json.loads(json.dumps(field.default)) == schema["default"]


def test_finalists_may_change_every_part_of_a_recipe_within_its_range() -> None:
    finalists = SCHEMA["properties"]["finalists"]["properties"]["recipe"]
    part = settings_of("task", "digits")["properties"]["recipe"]["properties"]
    assert list(finalists["properties"]) == [field.name for field in dataclasses.fields(Recipe)]
    for name, schema in finalists["properties"].items():
        assert {**schema, "default": part[name]["default"]} == part[name]
    assert finalists["additionalProperties"] is False
    assert finalists["required"] == []


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (
            ("strategies", "gp", "settings", "crossover"),
            1.5,
            "strategies.gp.settings.crossover: expected at least 0 and at most 1, got 1.5",
        ),
        (
            ("tasks", "bach", "settings", "recipe", "units"),
            0,
            "tasks.bach.settings.recipe.units: expected at least 1, got 0",
        ),
        (
            ("space", "settings", "functions"),
            ["add", "softmax"],
            "space.settings.functions.1: there is no 'softmax'; choose one of add, mul, sub, "
            "complement, increment, decrement, tanh, sigmoid, relu, leaky_relu",
        ),
        (
            ("finalists", "recipe", "epoch"),
            3,
            "finalists.recipe: there is no 'epoch' here; allowed: units, layers, batch_size, epochs, "
            "learning_rate, clip_norm, dropout, tied, warm_up, weight_decay, schedule, optimiser, "
            "initial_scale, label_smoothing, shift, flip; did you mean "
            "epochs?",
        ),
        (
            ("finalists", "recipe", "units"),
            "wide",
            "finalists.recipe.units: expected integer, got 'wide'",
        ),
        (
            ("finalists", "recipe", "dropout"),
            1.0,
            "finalists.recipe.dropout: expected at least 0 and at most 0.95, got 1.0",
        ),
        (
            ("training", "time_limit_s"),
            0,
            "training.time_limit_s: expected more than 0 and at most 1000000000, got 0",
        ),
    ],
    ids=lambda part: ".".join(part) if isinstance(part, tuple) else None,
)
def test_a_value_outside_its_range_is_refused_in_one_line_before_any_job(
    tiny: dict[str, Any], place: tuple[str, ...], value: Any, said: str
) -> None:
    inner = tiny
    for key in place[:-1]:
        inner = inner.setdefault(key, {})
    inner[place[-1]] = value
    with pytest.raises(SettingError) as refusal:
        read_plan(tiny, "my.yaml")
    assert str(refusal.value) == f"my.yaml: {said}"


def test_the_reference_of_all_settings_is_the_one_that_the_code_makes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["settings-reference"]) == 0
    kept = (ROOT / "config/SETTINGS.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == kept, "gp-cells settings-reference > config/SETTINGS.md"


def test_the_reference_has_every_key_and_every_setting() -> None:
    text = (ROOT / "config/SETTINGS.md").read_text(encoding="utf-8")
    sections = {part.partition("\n")[0]: part for part in text.split("\n### ")[1:]}
    for _, members in FAMILIES.values():
        for name, plug_in in members.items():
            rows = sections[name].partition("\n## ")[0].splitlines()
            named = [row.split("`")[1] for row in rows if row.startswith("| `")]
            assert named == [field.name for field in dataclasses.fields(plug_in)]
    for key in ("benchmark", "strategies.LABEL.search.lag", "finalists.recipe", "training.engine"):
        assert f"| `{key}` |" in text
