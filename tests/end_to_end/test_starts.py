"""Trials that start from another's final state, in a real run: the same bytes, what is trained again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.benchmark import Benchmark, differing

from gp_cells.config.files import RecordError, read_json, write_json
from gp_cells.config.plan import STATE
from gp_cells.strategies.history import read_history
from gp_cells.tables.parquet import read_tables
from gp_cells.tabular.replay import Replay

RUN = "results/runs/tiny-bach-halving-s1"
LAGGED = "results/runs/tiny-bach-lagged-s1"
TOURNAMENT = "results/runs/tiny-bach-tournament-s1"
STRATEGIES: dict[str, Any] = {
    "halving": {
        "name": "halving",
        "settings": {"epochs": 1, "factor": 2},
        "search": {"waves": 5, "slots": [4, 2, 1, 2, 2], "lag": 1, "finalists": 1},
    },
    "lagged": {
        "name": "halving",
        "settings": {"epochs": 1, "factor": 2, "rungs": 2},
        "search": {"waves": 6, "slots": [2, 2, 2, 1, 1, 1], "lag": 3, "finalists": 1},
    },
    "tournament": {
        "name": "tournament",
        "settings": {"mutations": ["replace"]},
        "search": {"waves": 3, "slots": 3, "lag": 1, "finalists": 1},
    },
    "ltfb3": {
        "name": "tournament",
        "search": {"waves": 4, "slots": 2, "lag": 3, "finalists": 1, "resume": True},
    },
}


def benchmark(folder: Path) -> Benchmark:
    made = Benchmark(folder)
    made.config["strategies"] = STRATEGIES
    return made


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    """Two searches by halving and two tournaments, run on one core; not to be changed."""
    finished = benchmark(tmp_path_factory.mktemp("starts"))
    finished.finish("-c1")
    return finished


def test_the_whole_plan_is_shown_before_anything_has_run(tmp_path: Path) -> None:
    planned = benchmark(tmp_path).finish("-n", "--quiet", "host").planned
    assert planned["train"] == 11 + 9 + 9 + 8 + 4
    assert planned["breed2_halving"] == 3
    assert planned["score"] == 5 + 6 + 3 + 4


def test_four_workers_and_another_hash_seed_change_no_byte(base: Benchmark, tmp_path: Path) -> None:
    other = benchmark(tmp_path)
    other.finish("-c4", PYTHONHASHSEED="1")
    assert differing(base.deterministic(), other.deterministic()) == set()


def test_a_start_is_the_weights_of_the_rung_below_and_epochs_go_on(base: Benchmark) -> None:
    results = base.folder / "results"
    trials = {
        (row["run"], row["candidate"]): row for row in read_tables(results, "trials").to_pylist()
    }
    halving = [row for row in trials.values() if "-tournament-" not in row["run"]]
    halving = [row for row in halving if "-ltfb3-" not in row["run"]]
    started = [row for row in halving if row["start"] is not None]
    assert len(started) == (2 + 1 + 2) + (1 + 1 + 1)
    for row in started:
        before = trials[row["run"], row["start"]]
        assert row["architecture_id"] == before["architecture_id"]
        assert row["total_epochs"] == before["total_epochs"] + row["epochs"]
        assert row["fitness"] <= before["fitness"] and row["inherited"] is None
    curves = read_tables(results, "curves").to_pylist()
    for row in started:
        epochs = [point["epoch"] for point in curves if point["trial_id"] == row["trial_id"]]
        assert epochs == list(
            range(row["total_epochs"] - row["epochs"] + 1, row["total_epochs"] + 1)
        )
    runs = sorted({row["run"] for row in halving})
    lineage = read_tables(results, "lineage", runs).to_pylist()
    assert {row["weights"] for row in lineage} == {"resumed"}
    finalists = {run: row for (run, _), row in trials.items() if row["role"] == "replicate"}
    resumed = finalists.pop("tiny-bach-ltfb3-s1")
    assert all(row["start"] is None and row["epochs"] == 2 for row in finalists.values())
    before = trials[resumed["run"], resumed["start"]]
    assert resumed["architecture_id"] == before["architecture_id"]
    assert (resumed["epochs"], resumed["total_epochs"]) == (2, before["total_epochs"] + 2)


def test_a_resumed_candidate_ends_as_if_it_had_never_been_interrupted(
    base: Benchmark, copied: Benchmark
) -> None:
    [last] = sorted((copied.folder / RUN).glob("waves/002/*/genome.json"))
    spec = read_json(last)
    chain = [read_json(last.with_name("fitness.json"))]
    start = spec["start"]
    while start:
        place = copied.folder / RUN / "waves" / start["candidate"][1:].replace("-", "/")
        chain.insert(0, read_json(place / "fitness.json"))
        start = read_json(place / "genome.json").get("start")
    whole = copied.folder / RUN / "waves/000/00/genome.json"
    plain = {**read_json(whole), **{k: spec[k] for k in ("genome", "architecture_id", "nodes")}}
    write_json(
        whole,
        {
            **plain,
            **{k: spec[k] for k in plain if k in spec},
            "recipe": {"epochs": 4},
            "candidate": "w000-00",
        },
    )
    ran = copied.run(f"{RUN}/waves/000/00/fitness.json", "--allowed-rules", "train")
    assert ran.status == 0, ran.said
    uninterrupted = read_json(copied.folder / RUN / "waves/000/00/fitness.json")
    assert [p for of in chain for p in of["curve"]] == uninterrupted["curve"]
    for key in ("fitness", "best_epoch", "state", "epochs", "last_loss"):
        assert chain[-1][key] == uninterrupted[key]


def test_a_stored_search_is_replayed_from_its_curves(base: Benchmark) -> None:
    for run in (run for run in base.plan.runs.values() if run.strategy in ("halving", "lagged")):
        played = Replay(base.folder / "results", workers=2).run(run)
        [last] = run.history_after(run.waves - 1)
        told = ("candidate", "fitness", "status", "epochs", "last_loss", "start", "recipe")
        assert [[getattr(o, name) for name in told] for o in played.outcomes] == [
            [getattr(o, name) for name in told] for o in read_history(base.folder / last)
        ]
        trials = read_tables(base.folder / "results", "trials", [run.name]).to_pylist()
        own = [row["epochs"] for row in trials if row["role"] == "search"]
        assert [answer.epochs for answer in played.answers] == own


def test_the_loss_on_a_tournament_set_decides_who_takes_whose_model(base: Benchmark) -> None:
    results = base.folder / "results"
    for label, lag in (("tournament", 1), ("ltfb3", 3)):
        run = f"tiny-bach-{label}-s1"
        trials = {
            row["candidate"]: row
            for row in read_tables(results, "trials", [run]).to_pylist()
            if row["role"] == "search"
        }
        started = [row for row in trials.values() if row["start"] is not None]
        slots = base.plan.runs[run].widths[0]
        assert len(started) == len(trials) - lag * slots
        for row in started:
            wave, slot = int(row["candidate"][1:4]), int(row["candidate"][-2:])
            before = f"w{wave - lag:03d}"
            on_own_set = {
                name: json.loads(other["judged"]).get(str(slot))
                for name, other in trials.items()
                if name.startswith(before)
            }
            met = {name: loss for name, loss in on_own_set.items() if loss is not None}
            assert row["start"] == min(
                met, key=lambda name: (met[name], name[-2:] != f"{slot:02d}")
            )
            assert json.loads(row["recipe"])["shard"]["number"] == slot


def test_what_trained_on_a_shard_is_no_whole_trial(base: Benchmark) -> None:
    run = base.plan.runs["tiny-bach-tournament-s1"]
    with pytest.raises(RecordError, match="asks for another shard; only a training can tell"):
        Replay(base.folder / "results", workers=2).run(run)


def test_states_out_of_reach_are_removed_and_those_in_reach_stay(base: Benchmark) -> None:
    kept = {str(path.parent.parent.name) for path in (base.folder / RUN).glob(f"waves/*/*/{STATE}")}
    assert kept == {"003", "004"}
    kept = {path.parent.parent.name for path in (base.folder / LAGGED).glob(f"waves/*/*/{STATE}")}
    assert kept == {"000", "001", "002", "003", "004", "005"}  # wave 3 may still start from 0


def test_other_losses_on_tournament_sets_retrain_exactly_what_rests_on_them(
    copied: Benchmark,
) -> None:
    second = copied.folder / TOURNAMENT / "waves/001"
    judged = {path: read_json(path)["judged"] for path in sorted(second.glob("*/fitness.json"))}
    [one, other] = [path for path, losses in judged.items() if len(losses) == 2]
    specs = {path: read_json(path.with_name("genome.json")) for path in (one, other)}
    assert specs[one]["recipe"]["shard"]["judged"] == [
        *reversed(specs[other]["recipe"]["shard"]["judged"])
    ]
    last = copied.folder / TOURNAMENT / "waves/002" / one.parent.name / "genome.json"
    adopts = read_json(last)["start"]["candidate"] != f"w001-{one.parent.name}"
    best = min(judged[one][0], judged[other][1]) / 2
    own = [best if adopts else 2 * judged[other][1], judged[one][1]]
    write_json(one, {**read_json(one), "judged": own})

    ran = copied.finish()

    assert ran.trained == {f"tiny-bach-tournament-s1/waves/002/{one.parent.name}"}
    begun = read_json(last)["start"]["candidate"]
    assert (begun == f"w001-{one.parent.name}") == adopts


def test_an_identical_outcome_retrains_nothing(copied: Benchmark) -> None:
    place = f"{RUN}/waves/001/00"
    state = copied.folder / RUN / "waves/003/00/state.safetensors"
    before = state.read_bytes()
    state.unlink()
    ran = copied.finish("--force", f"{RUN}/waves/003/00/fitness.json")
    assert ran.trained == {"tiny-bach-halving-s1/waves/003/00"}
    assert state.read_bytes() == before
    again = copied.finish()
    assert not again.trained, place


def test_another_outcome_retrains_exactly_what_rests_on_it(copied: Benchmark) -> None:
    history = read_history(copied.folder / RUN / "waves/003/history.jsonl.gz")
    third = [outcome for outcome in history if outcome.wave == 3]
    worse = max(third, key=lambda outcome: outcome.fitness)
    place = f"{RUN}/waves/003/{worse.candidate[-2:]}"
    file = copied.folder / place / "fitness.json"
    fitness = read_json(file)
    copied.change_outcome(place, fitness["fitness"] + 1)
    unchanged = copied.finish().trained
    assert not unchanged  # the same two go on, in the same order

    write_json(file, {**read_json(file), "state": "0" * 32})
    ran = copied.run()
    assert ran.status == 1  # the state is another one than the changed file says
    [child] = [job for job in ran.jobs if job.startswith("train/tiny-bach-halving-s1/waves/004")]
    log = (copied.folder / f"results/logs/{child}.log").read_text()
    assert f"--force {place}/fitness.json" in log

    copied.finish("--force", f"{place}/fitness.json")
    assert copied.finish().status == 0


def test_more_waves_go_on_from_the_states_that_stayed(copied: Benchmark) -> None:
    copied.config["strategies"]["halving"]["search"] |= {"waves": 6, "slots": [4, 2, 1, 2, 2, 1]}
    copied.config["strategies"] = {"halving": copied.config["strategies"]["halving"]}
    ran = copied.finish()
    assert {name for name in ran.trained if "/waves/" in name} == {
        "tiny-bach-halving-s1/waves/005/00"
    }


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        ("halving-s1/w004-00", "identical; ok, 1 epochs, from the state that is kept"),
        ("halving-s1/w002-00", "identical; ok, 2 epochs, with the 2 before it made again"),
        ("tournament-s1/w001-00", "identical; ok, 1 epochs, with the 1 before it made again"),
        ("ltfb3-s1/r00-0-0", "identical; ok, 2 epochs, from the state that is kept"),
    ],
)
def test_a_trial_with_a_start_is_reproduced_from_its_state_or_its_chain(
    copied: Benchmark, candidate: str, said: str
) -> None:
    name = f"tiny-bach-{candidate}"
    done = subprocess.run(
        [f"{Path(sys.executable).parent}/gp-cells", "rerun", name, "--profile", "local"],
        cwd=copied.folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert f"{name}: {said}" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
