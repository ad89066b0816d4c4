"""The measures that a config names: what is refused, and which files of a run say what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gp_cells.config.choose import SettingError
from gp_cells.config.files import read_json
from gp_cells.config.plan import config_of, read_plan
from gp_cells.config.records import RunConfig, RunSettings, TrialProtocol
from gp_cells.config.typed_json import read_record
from gp_cells.measures import DEFAULT, MEASURES
from gp_cells.plugins import fill_in, measures_of
from gp_cells.workflow.steps import write_protocol, write_settings

FRONT = {
    "name": "nsga2",
    "settings": {
        "objectives": ["fitness", "latency_1_ms"],
        "reference_point": [9.0, 9.0],
        "population": 4,
    },
    "search": {"waves": 2, "slots": 4, "lag": 1, "finalists": 1},
}


def run_of(config: dict[str, Any]) -> RunConfig:
    return next(iter(read_plan(config).runs.values())).config


def refusal(config: dict[str, Any]) -> str:
    with pytest.raises(SettingError) as refused:
        fill_in(run_of(config))
    return str(refused.value)


def test_all_measures_of_this_package_are_taken_if_a_config_names_none(
    tiny: dict[str, Any], settings: Path
) -> None:
    assert tuple(measures_of(run_of(tiny))) == DEFAULT == tuple(MEASURES)
    assert "measures" not in read_json(settings)


def test_a_list_of_measures_is_in_settings_and_protocol_with_all_defaults(
    tiny: dict[str, Any], chorales: Path, tmp_path: Path
) -> None:
    tiny["measures"] = [{"name": "latency", "settings": {"passes": 3}}, {"name": "synflow"}]
    write_settings(run_of(tiny), chorales / "data.json", tmp_path / "settings.json")
    write_protocol(tmp_path / "settings.json", tmp_path / "protocol.json")

    full = [
        {"name": "latency", "settings": {"passes": 3}},
        {"name": "synflow", "settings": {}},
    ]
    assert read_json(tmp_path / "settings.json")["measures"] == full
    assert read_json(tmp_path / "protocol.json")["measures"] == full
    settings = read_record(RunSettings, tmp_path / "settings.json")
    assert config_of([settings.config])["measures"] == full
    protocol = read_record(TrialProtocol, tmp_path / "protocol.json")
    assert list(measures_of(protocol)) == ["latency", "synflow"]


def test_an_empty_list_measures_nothing(tiny: dict[str, Any]) -> None:
    tiny["measures"] = []
    assert measures_of(run_of(tiny)) == {} and fill_in(run_of(tiny)).measures == ()


@pytest.mark.parametrize(
    ("measures", "words"),
    [
        (["synflow"], "measures.0: expected object, got 'synflow'"),
        ([{"name": "speed"}], "measures.0.name: there is no 'speed'; choose one of "),
        (
            [{"name": "latency", "settings": {"passes": 0}}],
            "measures.0.settings.passes: expected at least 1, got 0",
        ),
        ([{"name": "synflow"}] * 2, "measures: synflow is named twice; name it once"),
    ],
)
def test_a_wrong_list_of_measures_is_refused_in_one_line(
    tiny: dict[str, Any], measures: list[Any], words: str
) -> None:
    tiny["measures"] = measures
    assert words in refusal(tiny)


def test_a_search_cannot_select_on_what_is_not_measured(tiny: dict[str, Any]) -> None:
    tiny["strategies"] = {"front": FRONT}
    tiny["measures"] = [{"name": "synflow"}]
    assert refusal(tiny) == (
        "measures: the strategy selects on latency_1_ms, which the measure latency gives; "
        "name it too, or select on something else"
    )
    tiny["measures"].append({"name": "latency"})
    assert len(fill_in(run_of(tiny)).measures or ()) == 2


SMALL = {"objectives": ["fitness", "state_size"], "reference_point": [9.0, 9.0], "population": 4}


def test_a_search_selects_on_what_a_network_carries_where_the_space_counts_it(
    tiny: dict[str, Any],
) -> None:
    config = {**tiny, "strategies": {"front": {**FRONT, "settings": SMALL}}}
    assert refusal(config) == (
        "strategy.objectives: the space recurrent does not count state_size; select on something else, "
        "as parameters"
    )
    blocks = {**config, "space": {"name": "decoder"}, "measures": []}
    assert fill_in(run_of(blocks)).strategy.settings["objectives"] == ["fitness", "state_size"]
