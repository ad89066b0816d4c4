"""Supernets: what they stand for, which path is computed, what a step moves, what their trial tells."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from support.specs import killed_again_and_again

from gp_cells.config import seeds
from gp_cells.config.recipe import Recipe, Shard
from gp_cells.config.supernet import Supernet
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.supernets import choices, derived, drawn_picks, is_supernet, skips
from gp_cells.networks.convolutional import Open
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.stopping.never import Never
from gp_cells.tasks.digits import Digits
from gp_cells.training.supernet import keep_others
from gp_cells.training.train import NoCheckpoints, Setup, make_network, train
from gp_cells.training.trial import set_up_torch

SPACE = Convolutional(reductions=1)
TEXT = """
n = norm(conv1(relu(x)))
normal = choice(sep3(n), n, choice(avg3(n), max3(n))) + norm(conv1(relu(skip)))
reduction = choice(conv3(x), norm(choice(conv1(x), x)))
"""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    set_up_torch(1)


def genome_of(text: str) -> Genome:
    return parse(text, SPACE.language).canonical()


def trial(method: Any = "binary", text: str = TEXT, **supernet: Any) -> tuple[Setup, Any]:
    task = Digits(Recipe(units=4, batch_size=256, epochs=2, learning_rate=0.01))
    data = task.read()
    setup = Setup(
        genome=genome_of(text),
        space=SPACE,
        task=task,
        form=data.form,
        learning_rate=0.01,
        seed=3,
        stopper=Never(),
        time_limit_s=600,
        engine="eager",
        shard=Shard(0, 1, 0.5, (0,)),
        supernet=Supernet(method=method, judged=3, **supernet),
    )
    return setup, data.splits


def test_a_supernet_is_read_back_and_is_nothing_that_a_search_may_write() -> None:
    supernet = genome_of(TEXT)
    assert genome_of(str(supernet)) == supernet
    assert is_supernet(supernet)
    assert not SPACE.admits(supernet)
    assert "choice" not in SPACE.functions


def test_choices_in_choices_are_one_and_those_inside_alternatives_are_their_own() -> None:
    sizes = [len(of) for of in choices(genome_of(TEXT)).values()]
    assert sizes == [4, 2, 2]


def test_picks_give_the_genome_that_one_would_have_written() -> None:
    supernet = genome_of(TEXT)
    written = "normal = avg3(norm(conv1(relu(x)))) + norm(conv1(relu(skip)))\nreduction = conv3(x)"
    found = [derived(supernet, (a, b, c)) for a in range(4) for b in range(2) for c in range(2)]
    assert genome_of(written) in found
    assert not any(is_supernet(genome) for genome in found)
    assert len({genome.architecture_id for genome in found}) == 4 * 3
    picks = drawn_picks(supernet, 12, seeds.generator(purpose="test"))
    assert len(picks) == 12
    assert sum(skips(supernet, of) > 0 for of in picks) >= 3


def test_a_path_of_a_supernet_is_the_network_of_the_genome_that_it_picks() -> None:
    supernet = genome_of(TEXT)
    setup, _ = trial()
    whole: Any = make_network(setup)
    alternatives = list(choices(supernet).values())
    picks = [0] * len(alternatives)
    whole.open_paths(dict(zip(choices(supernet), (Open((p,)) for p in picks), strict=True)))
    alone: Any = SPACE.network(
        derived(supernet, picks), setup.form, setup.task.recipe, "eager", "cpu", "float32"
    )
    needed = [whole.learned[i] for i in sorted(whole.needed)]
    theirs = [w for module in needed for w in module.parameters()]
    with torch.no_grad():
        for own, given in zip(alone.learned.parameters(), theirs, strict=True):
            own.copy_(given)
        alone.output.load_state_dict(whole.output.state_dict())
    images = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(whole.eval()(images)[0], alone.eval()(images)[0])


def test_a_step_of_two_logits_leaves_the_probability_of_the_others() -> None:
    before = torch.tensor([0.3, -1.0, 0.7, 2.0])
    logits = before + torch.tensor([0.5, 0.1, -0.4, 0.2])
    keep_others(logits, before, [0, 2])
    changed, kept = logits.softmax(0), before.softmax(0)
    torch.testing.assert_close(changed[[1, 3]], kept[[1, 3]])
    assert changed[0] > kept[0]


@pytest.mark.parametrize("method", ["binary", "mixture", "gumbel"])
def test_a_supernets_trial_killed_between_any_two_batches_tells_the_same(
    method: str, tmp_path: Path
) -> None:
    setup, splits = trial(method)
    whole = train(setup, splits, NoCheckpoints())
    killed = killed_again_and_again(setup, splits, tmp_path)
    assert killed.resumed >= 3
    assert killed.supernet is not None
    assert killed.supernet == whole.supernet
    assert (whole.status, whole.fitness) == ("ok", None)
    assert [round(sum(of), 9) for of in killed.supernet.probabilities] == [1.0] * 3
    assert any(max(of) - min(of) > 1e-3 for of in killed.supernet.probabilities)


def test_a_price_on_parameters_makes_large_alternatives_improbable() -> None:
    text = "normal = choice(conv5(x), avg3(x)) + skip\nreduction = conv3(x)"
    setup, splits = trial("mixture", text, cost="parameters", price=1000.0, learning_rate=0.5)
    told = train(setup, splits, NoCheckpoints()).supernet
    assert told is not None
    [(cheap, dear)] = told.probabilities  # avg3 before conv5
    assert cheap > 0.9 > dear


def test_a_supernet_is_not_trained_as_a_genome_is() -> None:
    setup, splits = trial()
    bare = dataclasses.replace(setup, supernet=None, shard=None)
    ended = train(bare, splits, NoCheckpoints())
    assert ended.status == "invalid"
    assert "pick one of each" in ended.reason
