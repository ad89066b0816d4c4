"""NAS-Bench-NLP recipes as formulas, held against a reading of the recipe itself in float64."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.original_cells import BATCH, INPUTS, TIME, UNITS, Given, draw, run, sigmoid

from gp_cells import parse
from gp_cells.cli import main
from gp_cells.exchange.bridges import BridgeError
from gp_cells.exchange.bridges.nas_bench_nlp import from_recipe

Recipe = dict[str, dict[str, Any]]


def node(op: str, *inputs: str) -> dict[str, Any]:
    return {"op": op, "input": list(inputs)}


TANH_RNN: Recipe = {
    "f": node("linear", "x", "h_prev_0"),
    "h_new_0": node("activation_tanh", "f"),
}
GRU_LIKE: Recipe = {
    "r": node("linear", "x", "h_prev_0"),
    "r_act": node("activation_sigm", "r"),
    "rh": node("elementwise_prod", "r_act", "h_prev_0"),
    "new": node("linear", "x", "rh"),
    "new_act": node("activation_leaky_relu", "new"),
    "h_new_0": node("blend", "r_act", "h_prev_0", "new_act"),
}
TWO_STATES: Recipe = {
    "i": node("linear", "x", "h_prev_0"),
    "i_act": node("activation_sigm", "i"),
    "j": node("linear", "h_prev_0", "x", "h_prev_1"),
    "j_act": node("activation_tanh", "j"),
    "kept": node("elementwise_prod", "i_act", "h_prev_1"),
    "h_new_1": node("elementwise_sum", "kept", "j_act"),
    "o": node("linear", "h_new_1", "x"),
    "o_act": node("activation_sigm", "o"),
    "h_new_0": node("elementwise_prod", "o_act", "h_new_1"),
}
# The second memory reads the first one of this step, which our formulas cannot by name.
THREE_STATES: Recipe = {
    "a": node("linear", "x", "h_prev_2"),
    "h_new_1": node("activation_tanh", "a"),
    "b": node("linear", "h_new_1", "h_prev_1"),
    "h_new_2": node("activation_leaky_relu", "b"),
    "h_new_0": node("linear", "h_new_1", "h_new_2", "h_prev_0"),
}
RECIPES = {"tanh": TANH_RNN, "gru": GRU_LIKE, "two": TWO_STATES, "three": THREE_STATES}


def random_recipe(seed: int) -> Recipe:
    """Draw a recipe of any operation on any earlier nodes, two states, every node read at the end."""
    rng = np.random.default_rng(seed)
    states = [f"h_prev_{i}" for i in range(int(rng.integers(1, 4)))]
    recipe: Recipe = {}
    plain = list(states)
    squashed: list[str] = []
    for i in range(8):
        name, operation = f"n{i}", rng.choice(["linear", "blend", "prod", "sum"])
        known = plain + squashed
        if operation == "linear":
            sources = rng.choice(["x", *known], min(3, 1 + len(known)), replace=False)
            recipe[name] = node("linear", *map(str, sources))
            act = str(rng.choice(["tanh", "sigm", "leaky_relu"]))
            recipe[f"{name}_act"] = node(f"activation_{act}", name)
            squashed.append(f"{name}_act")
        else:
            count = 3 if operation == "blend" else 2
            full = "blend" if operation == "blend" else f"elementwise_{operation}"
            recipe[name] = node(full, *map(str, rng.choice(known, count)))
        plain.append(name)
    for i in range(len(states)):
        recipe[f"h_new_{i}"] = node("linear", "x", *plain[-3 - i : len(plain) - i])
    return recipe


def interpret(recipe: Recipe, given: Given, x: np.ndarray) -> np.ndarray:
    """Return the outputs (TIME, BATCH, UNITS) that a recipe says, node by node."""
    count = sum(name.removeprefix("h_new_").isdigit() for name in recipe)
    hidden = [np.zeros((BATCH, UNITS))] * count
    outputs = []
    for step in x:
        known = {"x": step, **{f"h_prev_{i}": state for i, state in enumerate(hidden)}}
        while any(name not in known for name in recipe):
            for name, of in recipe.items():
                if name not in known and all(read in known for read in of["input"]):
                    known[name] = operate(name, of, known, given)
        hidden = [known[f"h_new_{i}"] for i in range(count)]
        outputs.append(hidden[0])
    return np.stack(outputs)


def operate(
    name: str, of: dict[str, Any], known: dict[str, np.ndarray], given: Given
) -> np.ndarray:
    read = [known[source] for source in of["input"]]
    match of["op"]:
        case "linear":
            products = [known[source] @ given[name, source] for source in of["input"]]
            return sum(products) + given[name, "bias"]
        case "blend":
            return read[0] * read[1] + (1 - read[0]) * read[2]
        case "elementwise_prod":
            return read[0] * read[1]
        case "elementwise_sum":
            return read[0] + read[1]
        case "activation_tanh":
            return np.tanh(read[0])
        case "activation_sigm":
            return sigmoid(read[0])
    return np.where(read[0] >= 0, read[0], 0.01 * read[0])


def differ(recipe: Recipe, time: int = TIME) -> float:
    """Return how far our outputs are from the recipe's own, at most."""
    rng = np.random.default_rng(7)
    imported = from_recipe(recipe)
    given, x = draw(imported, rng), rng.normal(size=(time, BATCH, INPUTS))
    return float(np.abs(run(imported, given, x) - interpret(recipe, given, x)).max())


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_computes_what_its_nodes_say(name: str) -> None:
    assert differ(RECIPES[name]) < 1e-12


def test_random_recipes_of_every_operation_compute_what_their_nodes_say() -> None:
    recipes = [random_recipe(seed) for seed in range(40)]
    used = {of["op"] for recipe in recipes for of in recipe.values()}
    found = []
    for recipe in recipes:
        try:
            found.append(differ(recipe, time=2))  # products of states soon overflow
        except BridgeError as error:
            assert "nodes and is" in str(error)  # written out it is too large
    assert len(used) == 7 and len(found) >= 15
    assert max(found) < 1e-8


def test_the_published_lstm_and_its_memory_read_by_name_are_one_architecture() -> None:
    lstm = {
        **{f"{g}": node("linear", "x", "h_prev_0") for g in "ijfo"},
        "i_act": node("activation_sigm", "i"),
        "j_act": node("activation_tanh", "j"),
        "f_act": node("activation_sigm", "f"),
        "o_act": node("activation_sigm", "o"),
        "h_new_1_part1": node("elementwise_prod", "f_act", "h_prev_1"),
        "h_new_1_part2": node("elementwise_prod", "i_act", "j_act"),
        "h_new_1": node("elementwise_sum", "h_new_1_part1", "h_new_1_part2"),
        "h_new_1_act": node("activation_tanh", "h_new_1"),
        "h_new_0": node("elementwise_prod", "h_new_1_act", "o_act"),
    }
    ours = parse(
        "c' = sigmoid(gate1) * c + sigmoid(gate2) * tanh(gate3)\nh' = sigmoid(gate4) * tanh(c')"
    )
    assert from_recipe(lstm).genome.architecture_id == ours.architecture_id
    assert differ(lstm) < 1e-12


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"f": node("conv", "x")}, "f: there is no operation 'conv'"),
        ({"f": node("elementwise_sum", "x", "h_prev_0")}, "f reads x without weights"),
        ({"f": node("linear", "x", "g")}, "f reads g, which is no node"),
        ({"f": node("linear", "x", "h_prev_1")}, "f reads h_prev_1, which no node writes"),
        ({"f": node("blend", "h_prev_0", "h_prev_0")}, r"f: blend takes 3 input\(s\), 2 given"),
        ({"f": node("activation_tanh", "h_new_0")}, "h_new_0 reads itself within one step"),
        ({"f": node("activation_tanh", "h_prev_0")}, "two non-linearities in a row"),
        ({"f": "linear"}, "f: expected"),
        ({"h_new_2": node("activation_tanh", "f")}, "it has no h_new_1"),
        ({f"h_new_{i}": node("linear", "x") for i in range(6)}, "at most 5 are allowed"),
    ],
)
def test_what_is_no_recipe_or_cannot_be_said_is_refused_in_one_line(
    changed: Recipe, said: str
) -> None:
    with pytest.raises(BridgeError, match=said) as refused:
        from_recipe({**TANH_RNN, **changed})
    assert "\n" not in str(refused.value)


# --- files ----------------------------------------------------------------------------------------


def test_a_file_of_recipes_becomes_cell_files_that_show_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps([TANH_RNN, {"h_new_0": node("linear", "y")}, GRU_LIKE]))
    assert main(["import", "nas_bench_nlp", str(file), "--to", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "mine-00001: refused: h_new_0 reads y" in said and "2 of 3 are formulas" in said
    assert main(["show", str(tmp_path / "mine-00002.cell")]) == 0
    expected = from_recipe(GRU_LIKE).genome
    assert expected.architecture_id in capsys.readouterr().out


def test_a_log_of_a_training_is_read_for_its_recipe(tmp_path: Path) -> None:
    file = tmp_path / "log.json"
    file.write_text(json.dumps({"recepie_id": 3, "recepie": json.dumps(TANH_RNN)}))
    assert main(["import", "nas_bench_nlp", str(file), "--to", str(tmp_path)]) == 0
    assert (tmp_path / "log.cell").read_text().endswith("\nh' = tanh(gate1)\n")


def test_a_file_of_something_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "no.json"
    file.write_text("[1]")
    assert main(["import", "nas_bench_nlp", str(file), "--to", str(tmp_path)]) == 2
    assert "no-00000: refused: expected a recipe, got 1\n" in capsys.readouterr().err


def test_letters_that_cannot_be_seen_are_spelt_out_in_a_refusal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "r.json"
    hidden = {"h_new_0": node("linear", "\u202e\x1b[2J")}
    file.write_text(json.dumps([TANH_RNN, hidden]))
    assert main(["import", "nas_bench_nlp", str(file), "--to", str(tmp_path)]) == 0
    assert "h_new_0 reads \\u202e\\x1b[2J, which is no node\n" in capsys.readouterr().out
    file.write_text(json.dumps(hidden))
    assert main(["import", "nas_bench_nlp", str(file), "--to", str(tmp_path)]) == 2
    assert "h_new_0 reads \\u202e\\x1b[2J, which is no node\n" in capsys.readouterr().err


def deep(nodes: int) -> Recipe:
    """Return a recipe in which so many nodes read one another."""
    chain = {f"n{i}": node("activation_tanh", f"n{i - 1}" if i else "f") for i in range(nodes)}
    return {**TANH_RNN, **chain, "h_new_0": node("activation_tanh", f"n{nodes - 1}")}


NO_INPUT: list[Any] = [None, "x", 7, {}, [7], [["x"]], []]
NO_OPERATION: list[Any] = [None, ["linear"], {}, 7, "none"]
MALFORMED: list[Any] = [
    *({"f": {"op": "linear", "input": given}} for given in NO_INPUT),
    *({"f": {"op": given, "input": ["x"]}} for given in NO_OPERATION),
    *(None, 7, "recipe", [], {}, {"f": None}, {"recepie": "{"}, {"recepie": None}, deep(3000)),
]


@pytest.mark.parametrize("recipe", MALFORMED, ids=lambda value: repr(value)[:40])
def test_a_malformed_recipe_is_named_in_one_line_and_the_others_are_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recipe: Any
) -> None:
    file = tmp_path / "r.json"
    file.write_text(json.dumps([recipe, TANH_RNN]), encoding="utf-8")
    assert main(["import", "nas_bench_nlp", str(file), "--to", str(tmp_path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("r-00000: refused: ") and said[1].startswith("r-00001: ")
    assert said[2] == "1 of 2 are formulas of space recurrent" and len(said) == 3
    file.write_text(json.dumps([recipe]), encoding="utf-8")
    assert main(["import", "nas_bench_nlp", str(file), "--to", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, '{"f": 1, "f": 2}', "nul"])
def test_a_file_that_is_no_json_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "r.json"
    file.write_text(text, encoding="utf-8")
    assert main(["import", "nas_bench_nlp", str(file), "--to", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
