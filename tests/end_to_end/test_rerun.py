"""What Snakemake runs again and what it leaves alone: the table of the design, row by row.

A static plan whose `breed` is a checkpoint leans on the inner workings of Snakemake, hence these tests.
"""

from __future__ import annotations

from pathlib import Path

from support.benchmark import GP, STEADY, Benchmark, differing

from gp_cells.config.files import read_json
from gp_cells.strategies.history import read_history, write_history
from gp_cells.tables.parquet import read_tables
from gp_cells.workflow.steps import breed, score

CHEAP = {"breed", "score", "replicate", "conclude", "test", "tabulate", "compare", "report"}


def trial(place: str) -> str:
    """Return how `Ran.trained` calls a trial's folder."""
    return place.removeprefix("results/runs/")


def offspring(run: Path, history: Path, wave: int, folder: Path) -> dict[str, bytes]:
    """Return the genome files that a wave bred from a history consists of, by slot."""
    breed(run / "settings.json", history, folder / f"{wave:03d}")
    return {
        path.parent.name: path.read_bytes() for path in folder.glob(f"{wave:03d}/*/genome.json")
    }


def genomes(run: Path, wave: int) -> dict[str, bytes]:
    """Return a wave's genome files by slot."""
    return {
        path.parent.name: path.read_bytes() for path in run.glob(f"waves/{wave:03d}/*/genome.json")
    }


def fitnesses(run: Path, wave: int) -> dict[str, float]:
    """Return a wave's fitnesses by slot."""
    files = sorted(run.glob(f"waves/{wave:03d}/*/fitness.json"))
    return {path.parent.name: read_json(path)["fitness"] for path in files}


def test_a_dry_run_before_anything_has_run_shows_the_whole_plan(tmp_path: Path) -> None:
    fresh = Benchmark(tmp_path)
    ran = fresh.finish("-n", "--quiet", "host")
    assert ran.planned == {
        **{"prepare": 1, "settings": 2, "breed_gp": 3, "breed_steady": 4, "score": 3 + 4},
        **{"train": len(fresh.plan.candidates()), "replicate_gp": 1, "replicate_steady": 1},
        **{"conclude": 2, "test": 2, "tabulate": 2, "compare": 1, "report": 1, "all": 1},
        "total": 50,
    }
    assert [place for place in fresh.plan.candidates() if f"{place}/trial.h5" not in ran.said] == []
    assert not (tmp_path / "results").exists()


def test_a_second_run_does_nothing(copied: Benchmark) -> None:
    ran = copied.finish()
    assert ran.jobs == set()
    assert "Nothing to be done" in ran.said


def test_the_order_of_keys_in_the_config_concerns_no_job(copied: Benchmark) -> None:
    def reversed_keys(value: object) -> object:
        if isinstance(value, dict):
            return {key: reversed_keys(item) for key, item in reversed(value.items())}
        return value

    turned = Benchmark(copied.folder, reversed_keys(copied.config))  # type: ignore[arg-type]
    assert list(turned.config) != list(copied.config)
    assert turned.finish().jobs == set()


def test_a_touched_genome_runs_nothing(copied: Benchmark) -> None:
    (copied.folder / GP / "waves/001/01/genome.json").touch()
    assert copied.finish().jobs == set()


def test_a_trial_forced_to_the_same_outcome_trains_no_other(copied: Benchmark) -> None:
    place = f"{GP}/waves/000/01"
    before = copied.deterministic()
    forced = copied.finish("--force", f"{place}/fitness.json")
    assert forced.jobs == {f"train/{trial(place)}"}
    assert differing(before, copied.deterministic()) == set()

    after = copied.finish()
    assert after.trained == set()
    assert after.rules <= {"tabulate", "compare", "report"}  # the new record's times


def test_a_trial_rerun_within_the_whole_target_trains_no_other(copied: Benchmark) -> None:
    place = f"{GP}/waves/000/01"
    before = copied.deterministic()
    ran = copied.finish("--forcerun", f"{place}/fitness.json")
    assert ran.trained == {trial(place)}
    assert ran.rules - {"train"} <= CHEAP
    assert not [job for job in ran.jobs if "steady" in job]
    assert differing(before, copied.deterministic()) == set()


def test_another_outcome_that_breeds_the_same_offspring_trains_nothing(
    copied: Benchmark, tmp_path: Path
) -> None:
    run = copied.folder / GP
    losses = fitnesses(run, 0)
    worst = max(losses, key=lambda slot: losses[slot])
    copied.change_outcome(f"{GP}/waves/000/{worst}", losses[worst] + 0.001)
    score(run / "waves/000", None, tmp_path / "changed.gz")
    assert offspring(run, tmp_path / "changed.gz", 1, tmp_path) == genomes(run, 1)

    ran = copied.finish()
    assert ran.trained == set()
    assert {f"score/tiny-bach-gp-s1/00{wave}" for wave in range(3)} <= ran.jobs
    outcome = read_history(run / "waves/002/history.jsonl.gz")[int(worst)]
    assert outcome.fitness == losses[worst] + 0.001


def telling_change(run: Path, folder: Path) -> tuple[str, float, set[str]]:
    """Return a slot of wave 0, a fitness for it, and the slots of wave 1 that this changes.

    The first such change that leaves some of wave 1 as it is.
    """
    history = read_history(run / "waves/000/history.jsonl.gz")
    bred = genomes(run, 1)
    for place, outcome in enumerate(history):
        for fitness in sorted(other.fitness - 0.001 for other in history):
            changed = list(history)
            changed[place] = type(outcome)(**{**vars(outcome), "fitness": fitness})
            write_history(folder / "history.gz", changed)
            new = offspring(run, folder / "history.gz", 1, folder)
            slots = {slot for slot in new if new[slot] != bred[slot]}
            if slots and len(slots) < len(bred):
                return f"{place:02d}", fitness, slots
    raise AssertionError("no outcome of wave 0 changes a part of wave 1 only; enlarge CONFIG")


def test_another_outcome_retrains_exactly_the_offspring_that_it_changes(
    copied: Benchmark, tmp_path: Path
) -> None:
    run = copied.folder / GP
    slot, fitness, changed = telling_change(run, tmp_path)
    before = copied.deterministic()
    copied.change_outcome(f"{GP}/waves/000/{slot}", fitness)

    ran = copied.finish()

    after = copied.deterministic()
    expected = {
        trial(Path(name).parent.as_posix()) for name in differing(before, after, ["genome.json"])
    }
    assert ran.trained == expected
    wave = "tiny-bach-gp-s1/waves/001/"
    assert {name.removeprefix(wave) for name in ran.trained if name.startswith(wave)} == changed
    history = run / "waves/001/history.jsonl.gz"
    assert genomes(run, 2) == offspring(run, history, 2, tmp_path)
    assert read_history(history)[int(slot)].fitness == fitness


def test_more_waves_train_only_the_new_ones(copied: Benchmark) -> None:
    before = copied.deterministic()
    copied.config["strategies"]["gp"]["search"]["waves"] = 4
    ran = copied.finish()
    after = copied.deterministic()

    changed = {
        trial(Path(name).parent.as_posix()) for name in differing(before, after, ["genome.json"])
    }
    new = {f"tiny-bach-gp-s1/waves/003/{slot:02d}" for slot in range(4)}
    assert ran.trained == changed
    assert new <= changed <= new | {"tiny-bach-gp-s1/replicates/00-0-0"}
    assert {"tabulate/tiny-bach-gp-s1", "report/tiny"} <= ran.jobs
    assert not [job for job in ran.jobs if "steady" in job]


def test_more_replicates_train_only_the_new_ones(copied: Benchmark) -> None:
    copied.config["finalists"]["seeds"] = [101, 102]
    assert copied.finish().trained == {
        f"tiny-bach-{strategy}-s1/replicates/00-0-1" for strategy in ("gp", "steady")
    }


def test_a_deleted_file_of_a_trial_trains_that_trial_alone(copied: Benchmark) -> None:
    before = copied.deterministic()
    (copied.folder / GP / "waves/001/01/fitness.json").unlink()
    (copied.folder / STEADY / "waves/001/01/trial.h5").unlink()
    assert copied.finish().trained == {
        "tiny-bach-gp-s1/waves/001/01",
        "tiny-bach-steady-s1/waves/001/01",
    }
    assert differing(before, copied.deterministic()) == set()


def test_a_deleted_table_is_made_again_without_training(copied: Benchmark) -> None:
    table = copied.folder / "results/tables/curves/run=tiny-bach-gp-s1/part.parquet"
    before = table.read_bytes()
    table.unlink()
    ran = copied.finish()
    assert table.read_bytes() == before
    assert ran.rules == {"tabulate", "compare", "report"}


def test_a_new_strategy_leaves_the_runs_there_are_alone(copied: Benchmark) -> None:
    before = copied.deterministic()
    small = {"waves": 1, "slots": 1, "lag": 1, "finalists": 1}
    copied.config["strategies"]["random"] = {"name": "random", "search": small}
    ran = copied.finish()
    assert {job for job in ran.jobs if "-random-" not in job} == {"compare/tiny", "report/tiny"}
    assert ran.trained == {
        f"tiny-bach-random-s1/{place}" for place in ("waves/000/00", "replicates/00-0-0")
    }
    after = copied.deterministic()
    assert before.items() <= after.items()


def test_a_new_seed_plans_its_own_runs_only(copied: Benchmark) -> None:
    copied.config["seeds"] = [1, 2]
    ran = copied.finish("-n", "--quiet", "host")
    assert ran.planned["train"] == len(copied.plan.candidates()) / 2
    assert ran.planned["settings"] == ran.planned["tabulate"] == 2
    assert ran.planned["compare"] == ran.planned["report"] == 1
    assert "prepare" not in ran.planned


def test_trials_of_an_older_plan_do_not_enter_the_tables(copied: Benchmark) -> None:
    for seeds in ([101, 102], [101]):
        copied.config["finalists"]["seeds"] = seeds
        copied.finish()
        trials = read_tables(copied.folder / "results", "trials").to_pylist()
        replicates = [t for t in trials if t["role"] == "replicate" and t["run"] == Path(GP).name]
        assert len(replicates) == len(seeds)
    assert (copied.folder / GP / "replicates/00-0-1/trial.h5").exists()
