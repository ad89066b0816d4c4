"""What passes between steps is read strictly, and written as the same bytes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from support.specs import make_protocol, make_spec
from support.tiny import TINY

import gp_cells
from gp_cells.config.files import RecordError, canonical_json
from gp_cells.config.plan import config_of, read_plan
from gp_cells.config.records import (
    ChosenTrial,
    FitnessRecord,
    RunConfig,
    TrialProtocol,
    TrialSpec,
    read_data,
)
from gp_cells.config.typed_json import decode, encode, read_record, read_records, write_record

RECORDS = [
    make_spec(),
    make_spec(candidate="r00-0-0", finalist=0, of="w000-00", recipe={"epochs": 3}),
    make_protocol(),
    read_plan(TINY).runs["tiny-bach-gp-s1"].config,
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_reads_back_as_it_was_written(record: Any, tmp_path: Path) -> None:
    write_record(tmp_path / "a.json", record)
    read = read_record(type(record), tmp_path / "a.json")
    assert read == record
    assert canonical_json(encode(read)) == (tmp_path / "a.json").read_text()


def test_what_is_optional_and_not_there_stays_out_of_the_file() -> None:
    assert {"finalist", "of", "recipe", "state_size", "cache_per_token"} & set(
        encode(make_spec())
    ) == set()
    assert "timed_objectives" not in encode(make_protocol())
    assert encode(ChosenTrial(candidate="r00-0-0", test_loss=1.0)) == {
        "candidate": "r00-0-0",
        "test_loss": 1.0,
    }


def test_a_number_keeps_the_form_that_it_came_in() -> None:
    value = encode(make_protocol())
    value["training"]["time_limit_s"] = 600
    again = json.dumps(encode(decode(TrialProtocol, value, "protocol")), sort_keys=True)
    assert '"time_limit_s": 600}' in again


def test_a_loss_that_is_not_a_number_reads_back_as_one(tmp_path: Path) -> None:
    path = tmp_path / "test.json"
    path.write_text('[{"candidate": "r00-0-0", "test_loss": "nan"}]')
    [tested] = read_records(ChosenTrial, path)
    assert math.isnan(tested.test_loss)


def test_settings_of_a_plug_in_may_hold_what_they_like() -> None:
    value = encode(make_protocol())
    value["space"]["settings"] = {"anything": [{"at": None}, True, "text", 1.5]}
    assert encode(decode(TrialProtocol, value, "protocol")) == value


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": "7"}, "seed: expected a whole number, got '7'"),
        ({"seed": True}, "seed: expected a whole number, got True"),
        ({"learning_rate": None}, "learning_rate: expected a number, got None"),
        ({"genome": 3}, "genome: expected text, got 3"),
        ({"recipe": [1]}, "recipe: expected a mapping, got [1]"),
        ({"colour": "red"}, "there is no field 'colour'; its fields are run, candidate"),
        ({"genome": "x" * 500}, None),
    ],
    ids=str,
)
def test_a_field_of_another_type_is_refused_with_what_was_expected_and_what_came(
    changed: dict[str, Any], said: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "genome.json"
    path.write_text(canonical_json({**encode(make_spec()), **changed}))
    if said is None:
        assert read_record(TrialSpec, path).genome == changed["genome"]
        return
    with pytest.raises(RecordError) as refusal:
        read_record(TrialSpec, path)
    line = str(refusal.value)
    assert line.startswith(f"{path}: {said}")
    assert line.endswith("; delete it and run again") and "\n" not in line


def test_a_place_deep_in_a_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fitness.json"
    point = {"epoch": 1, "train_loss": 1.0, "valid_loss": "low"}
    shared = {"run": "r", "candidate": "w000-00", "architecture_id": "0", "seed": 1}
    ended = {"status": "ok", "reason": "", "fitness": 1.0, "best_epoch": 1, "objectives": {}}
    path.write_text(json.dumps({**shared, **ended, "learning_rate": 0.1, "curve": [point]}))
    with pytest.raises(RecordError, match=r"curve\.0\.valid_loss: expected a number, got 'low'"):
        read_record(FitnessRecord, path)


def test_a_missing_field_is_named() -> None:
    value = encode(make_spec())
    del value["genome"]
    with pytest.raises(RecordError) as refusal:
        decode(TrialSpec, value, "genome.json")
    assert str(refusal.value) == "genome.json: 'genome' is missing"


def test_of_the_data_only_what_a_run_has_to_know_is_read(tmp_path: Path) -> None:
    data = make_protocol().data
    path = tmp_path / "data.json"
    path.write_text(canonical_json({**encode(data), "schema": 3, "splits": {}}))
    assert read_data(path) == data


# --- a config and its runs ------------------------------------------------------------------------


def test_a_config_and_the_configs_of_its_runs_are_one_the_other_way_round(
    tiny: dict[str, Any],
) -> None:
    tiny["seeds"] = [1, 2]
    search = {"waves": 1, "slots": 2, "lag": 1, "finalists": 1}
    tiny["strategies"]["random"] = {"name": "random", "search": search, "seeds": [7]}
    tiny["finalists"]["recipe"] = {"epochs": 3}
    runs = read_plan(tiny).runs
    config = config_of([run.config for run in runs.values()])
    assert {name: run.config for name, run in read_plan(config).runs.items()} == {
        name: run.config for name, run in runs.items()
    }


def test_a_run_config_reads_back_from_the_words_of_a_rule() -> None:
    for run in read_plan(TINY).runs.values():
        words = json.dumps(encode(run.config), sort_keys=True)
        assert decode(RunConfig, json.loads(words), "--run-config") == run.config


@pytest.mark.parametrize(
    "name", ["DataError", "GenomeError", "RecordError", "Refusal", "SettingError"]
)
def test_an_error_that_the_input_causes_is_at_the_door(name: str) -> None:
    assert issubclass(getattr(gp_cells, name), gp_cells.Refusal)
    assert issubclass(getattr(gp_cells, name), ValueError)


def test_the_door_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Mistake'"):
        _ = gp_cells.Mistake
