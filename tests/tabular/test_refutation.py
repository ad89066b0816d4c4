"""What is said of a one-shot search's supernet, on made-up histories whose answers are known."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
from support.stored_trials import settings_of

from gp_cells.cli import main
from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.config.files import read_text
from gp_cells.config.given import plan_of
from gp_cells.config.supernet import SupernetOutcome
from gp_cells.genomes.genome import parse
from gp_cells.genomes.supernets import choices, derived, drawn_picks, skips
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.strategies import Outcome
from gp_cells.strategies.history import write_history
from gp_cells.tabular.refutation import refuted

SPACE = Convolutional()
SUPERNET = parse(read_text(SPACE.supernets["three_sums"]), SPACE.language).canonical()
PICKS = drawn_picks(SUPERNET, 30, seeds.generator(purpose="test"))
SKIP = [[len(term) == 1 for term in of].index(True) for of in choices(SUPERNET).values()]


def history(shared: list[float], untrained: list[float]) -> list[Outcome]:
    """Return a search whose drawn genomes reach 1, 2, … alone and whose derived one, all skips, 3.5."""
    told = SupernetOutcome(
        probabilities=tuple(tuple(0.5 if i == skip else 0.1 for i in range(6)) for skip in SKIP),
        picks=tuple(PICKS),
        losses=tuple(shared),
        untrained=tuple(untrained),
    )
    genomes = [SUPERNET, derived(SUPERNET, SKIP), *(derived(SUPERNET, of) for of in PICKS)]
    losses = [math.inf, 3.5, *(float(i + 1) for i in range(len(PICKS)))]
    found = [
        Outcome(
            candidate=f"w{i > 0:03d}-{max(0, i - 1):02d}",
            wave=int(i > 0),
            genome=str(genome),
            architecture_id=genome.architecture_id,
            status="ok",
            fitness=loss,
        )
        for i, (genome, loss) in enumerate(zip(genomes, losses, strict=True))
    ]
    return [dataclasses.replace(found[0], supernet=told), *found[1:]]


RISING = [float(i) for i in range(30)]


def test_a_supernet_in_order_is_ahead_of_its_first_weights_in_reverse() -> None:
    found = refuted(history(RISING, RISING[::-1]), SPACE.language)
    assert (found.supernet.value, found.untrained.value) == pytest.approx((1.0, -1.0))
    assert found.difference.value == pytest.approx(2.0)
    assert (found.genomes, found.rank, found.ranked, found.loss) == (30, 4, 31, 3.5)
    assert (found.derived_skips, found.choices, found.confidence) == (12, 12, 0.5)
    assert found.drawn_skips == sum(skips(SUPERNET, of) for of in PICKS) / 30


def test_an_order_by_chance_has_an_interval_with_nought_in_it() -> None:
    chance = seeds.generator(purpose="order").permutation(30).tolist()
    found = refuted(history(chance, chance), SPACE.language)
    assert found.supernet.low < 0 < found.supernet.high
    assert found.difference == type(found.difference)(0.0, 0.0, 0.0)


def test_genomes_that_failed_either_way_are_counted_out() -> None:
    shared = [math.nan, *RISING[1:]]
    made = history(shared, RISING)
    made[5] = dataclasses.replace(made[5], fitness=math.inf, status="diverged")
    found = refuted(made, SPACE.language)
    assert (found.genomes, found.ranked) == (28, 30)
    assert found.supernet.value == pytest.approx(1.0)


def test_a_supernet_that_failed_is_refused_in_a_line_that_says_how() -> None:
    made = history(RISING, RISING)
    made[0] = dataclasses.replace(made[0], supernet=None, status="diverged")
    with pytest.raises(SettingError, match="told nothing, since its trial ended as diverged"):
        refuted(made, SPACE.language)


def test_a_run_is_refuted_from_its_files_once_its_search_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Path(__file__).parents[2] / "config" / "one_shot.yaml"
    run = next(iter(plan_of(str(config)).runs.values()))
    folder = tmp_path / "runs" / run.name
    folder.mkdir(parents=True)
    settings_of(run, folder)
    asked = ["refute", run.name, "--results", str(tmp_path)]
    assert main(asked) == 2
    assert "its search is not done" in capsys.readouterr().err
    (folder / "waves/001").mkdir(parents=True)
    write_history(folder / "waves/001/history.jsonl.gz", history(RISING, RISING[::-1]))
    assert main(asked) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len({row.count("|") for row in rows}) == 1
    assert "+1.00 (+1.00 to +1.00) | -1.00 (-1.00 to -1.00) | +2.00" in rows[-1]
    assert rows[-1].endswith("12 of 12 | 2.3 | 0.50 | 3.5000, rank 4 of 31 |")
