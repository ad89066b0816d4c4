"""What a field says of its setting is what the config's door holds it to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gp_cells.config import choose as door
from gp_cells.config import validation
from gp_cells.config.choose import REQUIRED, About, SettingError, about, choose, configure, setting
from gp_cells.config.plan import read_plan
from gp_cells.config.recipe import Recipe
from gp_cells.config.schema import settings_schema
from gp_cells.config.typed_json import encode
from gp_cells.plugins import FAMILIES, fill_in

PLUG_INS: Mapping[str, type] = {
    "recipe": Recipe,
    **{name: member for _, members in FAMILIES.values() for name, member in members.items()},
}

# Settings without a default, for the plug-ins that have some.
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "baselines": {"cells": ["lstm"]},
    "cifar10": {"file": "cifar-10-binary.tar.gz"},
    "enwik8": {"file": "enwik8"},
    "minimise": {"cells": ["lstm"]},
    "nsga2": {"objectives": ["fitness"], "reference_point": [9.0]},
    "own_data": {
        "file": "mine.csv",
        "inputs": "frames",
        "input": ["x"],
        "targets": "numbers",
        "target": ["y"],
    },
    "tiny_shakespeare": {"file": "input.txt"},
    "transfer": {"cells": ["lstm"]},
}

# Numbers that count nothing and have no dimension, and are no shares either.
PLAIN = {
    *(f"recipe.{name}" for name in ("learning_rate", "clip_norm", "weight_decay")),
    *(
        "recipe.initial_scale",
        "reinforce.learning_rate",
        "imitate.learning_rate",
        "one_shot.learning_rate",
    ),
    *("own_data.seed", "convolutional.stem", "modular.stem", "halving.factor"),
    *(f"{task}.seed" for task in ("fuzzy_recall", "parity", "recall", "selective_copy")),
    *(f"{toy}.{name}" for toy in ("xor", "circles", "spirals") for name in ("noise", "seed")),
    "neat.penalty",
    *("decoder.most_parameters", "decoder.most_state"),
    *(
        f"{s}.max_depth"
        for s in ("convolutional", "decoder", "modular", "recurrent", "recurrent_graph")
    ),
}

SETTINGS = [
    (name, field) for name, member in PLUG_INS.items() for field in dataclasses.fields(member)
]
SETTING_IDS = [f"{name}.{field.name}" for name, field in SETTINGS]


def limits(said: About) -> list[tuple[str, float]]:
    """Return the ends of a range, by their names."""
    ends = (("low", said.low), ("above", said.above), ("high", said.high))
    return [(end, value) for end, value in ends if value is not None]


BOUNDS = [
    (name, field, end, value) for name, field in SETTINGS for end, value in limits(about(field))
]
BOUND_IDS = [f"{name}.{field.name} {end}" for name, field, end, _ in BOUNDS]


def is_whole(field: dataclasses.Field[Any]) -> bool:
    return "int" in str(field.type)


def neighbour(value: float, upwards: bool, whole: bool) -> float:
    """Return the next number that a field can hold."""
    if whole:
        return int(value) + (1 if upwards else -1)
    return math.nextafter(value, math.inf if upwards else -math.inf)


def as_given(field: dataclasses.Field[Any], value: float) -> Any:
    """Return what a config would give a field so that it, or each of its items, has a value."""
    number = int(value) if is_whole(field) else float(value)
    return [number] * max(1, about(field).min_items) if "tuple" in str(field.type) else number


def made(name: str, **settings: Any) -> Any:
    """Return a plug-in made in Python, by its constructor."""
    needed: Any = configure(PLUG_INS[name], NEEDED.get(name, {}), name)
    frozen = {key: tuple(v) if isinstance(v, list) else v for key, v in settings.items()}
    return dataclasses.replace(needed, **frozen)


def out_of_range(name: str, make: Any, **settings: Any) -> bool:
    """Return whether settings are refused for their range; what other settings say is no matter."""
    try:
        make(name, **settings)
    except SettingError as error:
        said = str(error)
        assert "\n" not in said
        return any(f"expected {word}" in said for word in ("at least", "more than", "at most"))
    return False


def configured(name: str, **settings: Any) -> Any:
    return configure(PLUG_INS[name], {**NEEDED.get(name, {}), **settings}, name)


def fits_schema(name: str, **settings: Any) -> bool:
    schema = settings_schema(PLUG_INS[name])
    given = {**NEEDED.get(name, {}), **settings}
    return jsonschema.Draft202012Validator(schema).is_valid(given)


# --- what every plug-in says ----------------------------------------------------------------------


@pytest.mark.parametrize(("name", "field"), SETTINGS, ids=SETTING_IDS)
def test_every_setting_says_what_it_means(name: str, field: dataclasses.Field[Any]) -> None:
    description = about(field).description
    assert description
    assert description == " ".join(description.split())
    assert not description.endswith(".")


@pytest.mark.parametrize(("name", "field"), SETTINGS, ids=SETTING_IDS)
def test_every_number_says_its_unit_or_is_a_share(name: str, field: dataclasses.Field[Any]) -> None:
    if str(field.type) not in ("int", "float"):
        return
    said = about(field)
    share = said.low is not None and said.high is not None and 0 <= said.low < said.high <= 1
    plain = f"{name}.{field.name}" in PLAIN
    assert [bool(said.unit), share, plain].count(True) == 1


@pytest.mark.parametrize(
    ("ending", "unit"), [("_s", "s"), ("_ms", "ms"), ("_mb", "MB"), ("_j", "J")]
)
def test_a_setting_whose_name_ends_in_a_unit_says_that_unit(ending: str, unit: str) -> None:
    for name, field in SETTINGS:
        if field.name.endswith(ending):
            assert about(field).unit == unit, f"{name}.{field.name}"


# --- ranges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "field", "end", "value"), BOUNDS, ids=BOUND_IDS)
def test_schema_config_and_constructor_refuse_what_is_just_outside_a_bound(
    name: str, field: dataclasses.Field[Any], end: str, value: float
) -> None:
    outside = value if end == "above" else neighbour(value, end == "high", is_whole(field))
    given = {field.name: as_given(field, outside)}
    assert out_of_range(name, made, **given)
    assert out_of_range(name, configured, **given)
    assert not fits_schema(name, **given)


@pytest.mark.parametrize(("name", "field", "end", "value"), BOUNDS, ids=BOUND_IDS)
def test_schema_config_and_constructor_accept_a_bound(
    name: str, field: dataclasses.Field[Any], end: str, value: float
) -> None:
    inside = neighbour(value, True, is_whole(field)) if end == "above" else value
    given = {field.name: as_given(field, inside)}
    assert not out_of_range(name, made, **given)
    assert not out_of_range(name, configured, **given)
    assert fits_schema(name, **given)


@given(
    st.sampled_from(BOUNDS),
    st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False)),
)
def test_the_schema_refuses_the_numbers_that_the_constructor_refuses(
    bound: tuple[str, dataclasses.Field[Any], str, float], value: float
) -> None:
    name, field, _, _ = bound
    settings = {field.name: as_given(field, value)}
    assert fits_schema(name, **settings) != out_of_range(name, made, **settings)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize(("name", "field", "end", "bound"), BOUNDS, ids=BOUND_IDS)
def test_no_range_has_room_for_what_is_not_finite(
    name: str, field: dataclasses.Field[Any], end: str, bound: float, value: float
) -> None:
    several = "tuple" in str(field.type)
    given = {field.name: (value,) * about(field).min_items if several else value}
    assert out_of_range(name, made, **given)


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, field) for name, field in SETTINGS if about(field).choices],
    ids=[f"{name}.{field.name}" for name, field in SETTINGS if about(field).choices],
)
def test_schema_and_constructor_refuse_what_is_not_among_the_choices(
    name: str, field: dataclasses.Field[Any]
) -> None:
    choices = about(field).choices
    assert fits_schema(name, **{field.name: [choices[0]]})
    assert not fits_schema(name, **{field.name: ["nonsense"]})
    with pytest.raises(SettingError) as refusal:
        made(name, **{field.name: ["nonsense"]})
    expected = f"{name}.{field.name}: got 'nonsense'; choose from {', '.join(choices)}"
    assert str(refusal.value) == expected


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, field) for name, field in SETTINGS if about(field).min_items],
    ids=[f"{name}.{field.name}" for name, field in SETTINGS if about(field).min_items],
)
def test_schema_and_constructor_refuse_an_empty_list_where_one_is_needed(
    name: str, field: dataclasses.Field[Any]
) -> None:
    assert not fits_schema(name, **{field.name: []})
    with pytest.raises(SettingError, match=rf"^{name}\.{field.name}: got an empty list; "):
        made(name, **{field.name: []})


# --- what a plug-in's author writes ---------------------------------------------------------------


@dataclass(frozen=True)
class Described:
    """A plug-in that says of its settings all that can be said."""

    count: int = setting(REQUIRED, "how many", low=1)
    rate: float = setting(0.5, "chance of it", above=0, high=1)
    pause_s: float | None = setting(None, "wait", unit="s", low=0)
    names: tuple[str, ...] = setting(("a",), "which", choices=("a", "b"), min_items=1, max_items=2)


@dataclass(frozen=True)
class Undescribed:
    """A plug-in of plain fields, as an outside package may have it."""

    inner: Recipe
    size: int = 3
    names: tuple[str, ...] = ("a",)


def test_a_schema_has_descriptions_units_defaults_and_bounds() -> None:
    assert settings_schema(Described) == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "count": {"description": "how many", "type": "integer", "minimum": 1},
            "rate": {
                "description": "chance of it",
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 1,
                "default": 0.5,
            },
            "pause_s": {
                "description": "wait [s]",
                "anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}],
                "default": None,
            },
            "names": {
                "description": "which",
                "type": "array",
                "minItems": 1,
                "maxItems": 2,
                "items": {"type": "string", "enum": ["a", "b"]},
                "default": ["a"],
            },
        },
        "required": ["count"],
    }


def test_a_plug_in_of_plain_fields_has_a_schema_without_descriptions() -> None:
    schema = settings_schema(Undescribed)
    assert schema["properties"]["size"] == {"type": "integer", "default": 3}
    assert schema["properties"]["names"] == {
        "type": "array",
        "items": {"type": "string"},
        "default": ["a"],
    }
    assert schema["properties"]["inner"] == settings_schema(Recipe)
    assert schema["required"] == ["inner"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"count": 0}, "mine.count: expected at least 1, got 0"),
        ({"rate": 0}, "mine.rate: expected more than 0 and at most 1, got 0"),
        ({"rate": 1.5}, "mine.rate: expected more than 0 and at most 1, got 1.5"),
        ({"rate": "much"}, "mine.rate: expected float, got 'much'"),
        ({"pause_s": -1.0}, "mine.pause_s: expected at least 0, got -1"),
        ({"names": []}, "mine.names: got an empty list; choose from a, b"),
        ({"names": ["a", "b", "a"]}, "mine.names: got 3 items; choose from a, b"),
        ({"names": ["c"]}, "mine.names: got 'c'; choose from a, b"),
        ({"nmaes": ["a"]}, "mine has no setting 'nmaes'; its settings are: count, rate, pause_s, "),
    ],
)
def test_an_outside_plug_in_is_held_to_its_fields_without_a_line_of_its_own(
    settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingError) as refusal:
        configure(Described, {"count": 1, **settings}, "mine")
    assert str(refusal.value).startswith(said)


@dataclass(frozen=True)
class Entry:
    """What `entry_points` gives for a plug-in of another package."""

    name: str
    value: type
    dist: None = None

    def load(self) -> type:
        return self.value


@dataclass(frozen=True)
class Eager:
    """A stopping rule of another package, of which only the ranges matter here."""

    after: int = setting(2, "epochs that are always trained", unit="epochs", low=1)
    plain: float = 0.5


def test_a_check_of_a_config_checks_the_settings_of_outside_plug_ins(
    tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def entry_points(group: str) -> list[Entry]:
        return [Entry("eager", Eager)] if group == "gp_cells.stopping" else []

    for module in (door, validation):
        monkeypatch.setattr(module, "entry_points", entry_points)

    def checked(**settings: Any) -> dict[str, Any]:
        tiny["stopping"] = {"name": "eager", "settings": settings}
        [run] = read_plan(tiny).runs.values()
        return encode(fill_in(run.config).stopping)

    assert checked(after=3) == {"name": "eager", "settings": {"after": 3, "plain": 0.5}}
    for wrong, said in (
        ({"after": 0}, "eager.after: expected at least 1, got 0"),
        ({"plain": "half"}, "eager.plain: expected float, got 'half'"),
        ({"before": 1}, "eager has no setting 'before'; its settings are: after, plain"),
    ):
        with pytest.raises(SettingError) as refusal:
            checked(**wrong)
        assert str(refusal.value) == said


def test_a_nested_setting_is_refused_with_its_whole_place() -> None:
    _, tasks = FAMILIES["task"]
    with pytest.raises(SettingError) as refusal:
        choose("tasks", tasks, "digits", {"recipe": {"units": 0}})
    assert str(refusal.value) == "digits.recipe.units: expected at least 1, got 0"
    with pytest.raises(SettingError) as refusal:
        Recipe(dropout=1.0)
    assert str(refusal.value) == "recipe.dropout: expected at least 0 and at most 0.95, got 1"
