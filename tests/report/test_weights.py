"""Trials that start from others, on the page: who took whose weights, and curves that go on."""

import pytest

from gp_cells.compare.predictors import early_epochs
from gp_cells.config.recipe import trained_share
from gp_cells.report import progress, weights
from gp_cells.report.evidence import gather


@pytest.fixture(scope="module")
def evidence(make_up, tmp_path_factory):
    results = tmp_path_factory.mktemp("started")
    wanted = {"strategies": ("culling", "random", "tournament"), "waves": 4, "slots": 5}
    comparison = make_up(results, **wanted)
    return gather(results, "made_up", comparison)[0]


def values(spec):
    return [row for rows in spec["datasets"].values() for row in rows]


def test_only_searches_whose_trials_start_from_others_have_a_chart(evidence):
    assert set(weights.draw_weights(evidence)) == {"culling", "tournament"}


@pytest.mark.parametrize("strategy", ["culling", "tournament"])
def test_a_line_leads_from_each_start_to_whom_it_gave_its_weights(evidence, strategy):
    run, spec = weights.draw_weights(evidence)[strategy]
    rows = values(spec)
    lines = {
        (f"w{row['wave']:03d}-{row['slot']:02d}", f"w{row['to_wave']:03d}-{row['to_slot']:02d}")
        for row in rows
        if "to_wave" in row
    }
    trials = [trial for (of, _), trial in evidence.search_trials.items() if of == run]
    assert lines == {(t["start"], t["candidate"]) for t in trials if t["start"] is not None}
    points = {row["candidate"]: row["went_on"] for row in rows if "went_on" in row}
    assert set(points) == {trial["candidate"] for trial in trials}
    given = {start for start, _ in lines}
    assert all(on == (name in given or name.startswith("w003")) for name, on in points.items())
    kinds = {row["weights"] for row in rows if "weights" in row}
    assert kinds == ({"resumed", "inherited"} if strategy == "culling" else {"resumed"})


def test_the_way_of_the_best_ones_weights_is_thick(evidence):
    run, spec = weights.draw_weights(evidence)["tournament"]
    trials = {name: t for (of, name), t in evidence.search_trials.items() if of == run}
    ended = [trial for trial in trials.values() if trial["fitness"] is not None]
    best = min(ended, key=lambda trial: (trial["fitness"], trial["candidate"]))
    way = set()
    while best["start"] is not None:
        way.add((best["start"], best["candidate"]))
        best = trials[best["start"]]
    thick = {
        (f"w{row['wave']:03d}-{row['slot']:02d}", f"w{row['to_wave']:03d}-{row['to_slot']:02d}")
        for row in values(spec)
        if row.get("best")
    }
    assert thick == way


def test_every_wave_has_one_tick_and_beneath_it_the_epochs_of_all_its_weights(evidence):
    of_run = weights.draw_weights(evidence)["tournament"]
    axis = of_run[1]["layer"][0]["encoding"]["x"]["axis"]
    assert axis["values"] == [0, 1, 2, 3]
    seen = {(c["wave"], t["total_epochs"]) for c, t in _ended(evidence, of_run[0])}
    told = "labelExpr" in axis
    assert told == (len(seen) == 4)
    for wave, epochs in seen:
        assert not told or f'"{wave}": "{epochs}"' in axis["labelExpr"]


def _ended(evidence, run):
    """Yield the candidates of a run that did not fail, with their trials."""
    for candidate in evidence.candidates[run]:
        if candidate["fitness"] is not None:
            yield candidate, evidence.search_trials[run, candidate["candidate"]]


def test_of_a_large_run_the_chains_of_the_best_are_drawn(evidence, monkeypatch):
    monkeypatch.setattr(weights, "MOST_DRAWN", 10)
    monkeypatch.setattr(weights, "CHAINS", 2)
    _, spec = weights.draw_weights(evidence)["culling"]
    points = [row for row in values(spec) if "went_on" in row]
    assert 2 <= len(points) <= 8


def test_a_curve_goes_on_from_the_last_epoch_of_what_it_resumed(evidence):
    epochs = evidence.settings["task"]["settings"]["recipe"]["epochs"]
    drawn = {row["trial"]: row for row in values(progress.draw_curves(evidence)) if "trial" in row}
    for (run, name), trial in evidence.search_trials.items():
        row = drawn[f"{run}/{name}"]
        own = len(evidence.curves[trial["trial_id"]])
        if trial["start"] is None:
            assert "before" not in row
        elif trial["inherited"] is None and trial["fitness"] is not None:
            assert row["before"] == trial["total_epochs"] - own - 1
            assert len(row["losses"]) == own + 1 == epochs + 1
        before, losses = evidence.curve_of(trial)
        assert before + len(losses) == trial["total_epochs"]


def test_early_epochs_are_those_of_fresh_weights(evidence):
    fresh = {
        trial["architecture_id"]
        for trial in evidence.records.trained_once()
        if trial["start"] is None
    }
    assert early_epochs(evidence.records)[0]["n"] == len(fresh)


def test_an_epoch_of_a_shard_is_as_much_less_as_it_has_of_the_data():
    assert trained_share('{"epochs": 2, "shard": {"of": 4, "held": 0.2}}') == pytest.approx(0.2)
    assert trained_share('{"epochs": 2}') == trained_share(None) == 1.0
