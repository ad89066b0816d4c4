from __future__ import annotations

import numpy as np

from gp_cells.genomes.fragments import Distances, fragment_text, fragments
from gp_cells.genomes.genome import Genome, parse
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.decoder import Decoder
from gp_cells.spaces.recurrent import LANGUAGE, Recurrent
from gp_cells.tabular.truth import nas_bench_201

LSTM = parse(Recurrent().baselines["lstm"].read_text(), LANGUAGE)


def pieces(genome: Genome, depth: int) -> dict[str, int]:
    level = fragments(genome, depth)[depth]
    return {fragment_text(piece, genome.language): count for piece, count in level.items()}


def test_the_pieces_of_an_lstm_are_counted_and_read_as_formulas() -> None:
    assert pieces(LSTM, 0) == {
        **{"gate": 4, "sigmoid(…)": 3, "… * …": 3, "tanh(…)": 2},
        **{"c": 1, "… + …": 1},
    }
    assert pieces(LSTM, 2)["sigmoid(gate) * tanh(gate)"] == 1
    assert pieces(LSTM, 1)["sigmoid(gate)"] == 3


def test_a_name_is_followed_to_its_value_and_a_sum_joins_all_its_parts() -> None:
    cell = nas_bench_201.formulas(("conv3", "conv1", "skip", "none", "avg3", "conv3"))
    genome = Genome(nas_bench_201.LANGUAGE, tuple(cell))
    assert pieces(genome, 1)["none(conv3(…))"] == 1
    assert pieces(genome, 2)["avg3(conv3(x))"] == 1
    assert pieces(genome, 1)["avg3(…) + conv3(…) + skip(…)"] == 1


def test_the_order_of_what_commutes_and_the_numbers_of_gates_do_not_matter() -> None:
    there = parse("c' = gate1 * c + tanh(gate2)\nh' = tanh(c') * sigmoid(gate3)", LANGUAGE)
    mirrored = Genome(
        LANGUAGE,
        (
            ("d'", ("add", ("tanh", ("gate5",)), ("mul", ("d",), ("gate3",)))),
            ("h'", ("mul", ("sigmoid", ("gate1",)), ("tanh", ("d'",)))),
        ),
    )
    assert fragments(there, 2) == fragments(mirrored, 2)


def test_two_functions_in_one_place_are_told_apart_by_their_names_alone() -> None:
    def places(edge: str) -> set[object]:
        cell = nas_bench_201.formulas((edge, "conv1", "skip", "none", "avg3", "conv3"))
        return set(fragments(Genome(nas_bench_201.LANGUAGE, tuple(cell)), 0)[-1])

    [one], [other] = places("conv3") - places("skip"), places("skip") - places("conv3")
    assert (one[0], other[0]) == ("conv3", "skip")  # type: ignore[index]
    assert one[1] == other[1]  # type: ignore[index]


def test_every_piece_of_every_design_can_be_written() -> None:
    for space in (Recurrent(), Convolutional(), Decoder()):
        for path in space.baselines.values():
            genome = parse(path.read_text(encoding="utf-8"), space.language)
            for depth in range(3):
                assert all(pieces(genome, depth))


def test_distances_are_those_of_the_counts() -> None:
    cells = [nas_bench_201.formulas((edge, *["conv3"] * 5)) for edge in nas_bench_201.OPERATIONS]
    found = [fragments(Genome(nas_bench_201.LANGUAGE, tuple(cell)), 1) for cell in cells]
    apart = Distances(found).between(slice(None), [0, 2])
    for level, squared in enumerate(apart):
        for i, one in enumerate(found):
            for j, other in enumerate((found[0], found[2])):
                all_of = set(one[level]) | set(other[level])
                difference = [one[level].get(f, 0) - other[level].get(f, 0) for f in all_of]
                assert squared[i, j] == np.dot(difference, difference)
