"""What a cell is without one of its sub-formulas."""

from __future__ import annotations

from gp_cells.config.files import read_text
from gp_cells.genomes.deletions import deletions, smallness
from gp_cells.genomes.genome import parse
from gp_cells.spaces import SPACES
from gp_cells.spaces.recurrent import Recurrent

SPACE = Recurrent()


def without(text: str) -> dict[str, tuple[str, str]]:
    """Return the cells that lack one sub-formula, each with what is gone and of what."""
    found = deletions(SPACE, parse(text, SPACE.language).canonical())
    return {str(of.genome): (of.deleted, of.of) for of in found}


def test_a_function_gives_way_to_each_of_its_arguments() -> None:
    whole = "gate1 + tanh(gate2 * h)"
    assert without("h' = tanh(gate1 * h) + gate2") == {
        "h' = gate1": ("tanh(gate2 * h)", whole),
        "h' = tanh(gate1 * h)": ("gate1", whole),
        "h' = gate1 + tanh(gate2)": ("h", "gate2 * h"),
        "h' = gate1 + tanh(h)": ("gate2", "gate2 * h"),
    }  # not gate1 + gate2 * h, which has no bound


def test_an_infix_function_of_one_argument_shows_where_that_was() -> None:
    found = without("h' = (1 - sigmoid(gate1)) * tanh(gate2)")
    assert ("1 - …", "1 - sigmoid(gate1)") in found.values()


def test_the_output_without_its_memory_has_no_memory() -> None:
    text = read_text(SPACE.baselines["lstm"])
    gone = {key: of for key, of in without(text).items() if "c'" not in key}
    assert [*gone] == ["h' = sigmoid(gate1)"]


def test_all_are_smaller_and_the_smallest_come_first() -> None:
    for member in SPACES.values():
        space = member()
        for name, path in list(space.baselines.items())[:4]:
            genome = parse(read_text(path), space.language).canonical()
            sizes = [smallness(of.genome) for of in deletions(space, genome)]
            assert sizes == sorted(sizes), name
            assert all(size < smallness(genome) for size in sizes), name


def test_what_the_space_does_not_admit_is_none() -> None:
    assert "h' = gate1 + h * h" not in without("h' = gate1 + tanh(h * h)")  # it has no bound
    assert without("h' = gate1") == {}
