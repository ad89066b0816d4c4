import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from gp_cells.genomes.genome import parse
from gp_cells.genomes.variation import mutate, sample
from gp_cells.networks.program import compile_program
from gp_cells.report.drawing import draw
from gp_cells.report.layout import place, spread
from gp_cells.spaces.recurrent import Recurrent

SPACE = Recurrent(memory_cells=4)
NAMES = sorted(SPACE.baselines)


def baseline(name):
    return parse(SPACE.baselines[name].read_text(), SPACE.language)


def sampled(seed):
    rng = np.random.default_rng(seed)
    genome = sample(SPACE, rng)
    for _ in range(seed % 12):
        genome, _ = mutate(SPACE, genome, rng)
    return genome


GENOMES = {
    **{name: baseline(name) for name in NAMES},
    **{f"random{i}": sampled(i) for i in range(50)},
}


def groups(svg, word):
    root = ElementTree.fromstring(svg)
    return [
        g for g in root.iter("{http://www.w3.org/2000/svg}g") if word in g.get("class", "").split()
    ]


def boxes(svg):
    """Return left, top, right and bottom of every node."""
    root = ElementTree.fromstring(svg)
    rects = root.iter("{http://www.w3.org/2000/svg}rect")
    numbers = [
        [float(rect.get(key, "nan")) for key in ("x", "y", "width", "height")] for rect in rects
    ]
    return [(x, y, x + width, y + height) for x, y, width, height in numbers]


@pytest.mark.parametrize("name", GENOMES)
def test_a_drawing_has_one_node_for_each_step_of_the_program(name):
    program = compile_program(GENOMES[name])
    svg = draw(GENOMES[name])

    operations = sum(bool(step.arguments) for step in program.steps)
    states = sum(step.operation == "state" for step in program.steps)
    assert len(groups(svg, "operation")) == operations
    assert len(groups(svg, "leaf")) == len(program.steps) - operations - states
    assert len(groups(svg, "result")) == len(program.states)


@pytest.mark.parametrize("name", GENOMES)
def test_no_node_covers_another_or_leaves_the_drawing(name):
    svg = draw(GENOMES[name])
    root = ElementTree.fromstring(svg)
    drawn = boxes(svg)

    for i, (left, top, right, bottom) in enumerate(drawn):
        assert left >= 0
        assert top >= 0
        assert right <= float(root.get("width", "nan"))
        assert bottom <= float(root.get("height", "nan"))
        for other in drawn[i + 1 :]:
            apart = other[0] >= right or other[2] <= left or other[1] >= bottom or other[3] <= top
            assert apart


@pytest.mark.parametrize("name", ["nascell", "random7", "random11"])
def test_a_drawing_has_the_same_bytes_each_time(name):
    assert draw(GENOMES[name]) == draw(parse(str(GENOMES[name]), SPACE.language))


def test_a_drawing_tells_a_screen_reader_the_formulas():
    root = ElementTree.fromstring(draw(baseline("tanh_rnn")))

    assert root.get("role") == "img"
    assert root.findtext("{http://www.w3.org/2000/svg}desc") == "h' = tanh(gate1)"


def test_a_value_used_twice_by_one_operation_has_two_lines():
    genome = parse("h' = relu(gate1) * relu(gate1)", SPACE.language)

    root = ElementTree.fromstring(draw(genome))
    paths = [path.get("d", "") for path in root.iter("{http://www.w3.org/2000/svg}path")]

    assert any(path.count("M") == 2 for path in paths)


def test_what_a_subtraction_takes_off_is_marked():
    genome = parse("h' = gate1 - tanh(gate2)", SPACE.language)

    assert draw(genome).count('class="taken"') == 1


@pytest.mark.parametrize("name", ["tanh_rnn", "lstm", "nascell", "lstm_forget_bias"])
def test_a_cell_whose_lines_need_not_cross_has_no_crossings(name):
    steps = compile_program(baseline(name)).steps
    layout = place([step.arguments for step in steps], [26.0] * len(steps), 10.0)

    for (left, right), (other_left, other_right) in [
        (a, b) for a in layout.links for b in layout.links if a[0][1] == b[0][1]
    ]:
        down = layout.height[left] - layout.height[other_left]
        assert down * (layout.height[right] - layout.height[other_right]) >= -1e-9


def test_spread_keeps_what_is_far_enough_apart():
    assert spread([0.0, 5.0, 9.0], [4.0, 4.0]) == [0.0, 5.0, 9.0]


def test_spread_moves_what_is_too_close_apart_around_its_middle():
    assert spread([1.0, 1.0], [4.0]) == [-1.0, 3.0]
