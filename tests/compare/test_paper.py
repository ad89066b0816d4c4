"""The comparison as one table for a paper."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from support.hand_made import finalist, records

from gp_cells.compare.paper import COLUMNS, FORMS, as_csv, as_latex, as_markdown, say
from gp_cells.compare.strategies import compare_strategies

SPECIAL = r"50%_of$a&b{c}#d~e^f\g|h*i[j"


@pytest.fixture
def compared():
    """Return a comparison of a strategy of three searches with a designed cell, on one task."""
    searches = {("gp", seed): [1.0] for seed in (1, 2, 3)}
    of = records({("baselines", 1): [1.0], **searches}, {"unigram": 9.0})
    rows = [
        {**finalist("baselines", 1, 2.0, name="lstm"), "test_errors": [0.25, 0.25, 0.25]},
        *(finalist("gp", seed, float(seed)) for seed in (1, 2, 3)),
    ]
    rows[0] |= {"test_error": 0.25, "test_losses": [1.9, 2.0, 2.1], "seeds": 3}
    task = {
        "task": "toy_task",
        "loss_unit": "nats",
        "rows": rows,
        "references": of.references,
        "strategies": compare_strategies(of, rows),
    }
    return {"benchmark": "b", "tasks": [task]}


def renamed(compared, name):
    """Return a comparison whose designed cell has another name."""
    compared["tasks"][0]["rows"][0]["name"] = name
    return compared


def test_csv_has_a_row_a_cell_and_strategy_with_all_digits(compared):
    lines = list(csv.DictReader(io.StringIO(as_csv(compared))))

    assert tuple(lines[0]) == COLUMNS
    assert [line["kind"] for line in lines] == ["trivial predictor", "designed cell", "strategy"]
    gp = lines[2]
    assert (gp["name"], float(gp["test_loss"]), gp["n"], gp["n_of"]) == ("gp", 2.0, "3", "searches")
    row = compared["tasks"][0]["strategies"]["rows"][0]
    assert float(gp["test_low"]) == row["low"]
    assert float(gp["behind_high"]) == row["behind_designed"]["high"]
    assert (gp["trial"], gp["test_error"]) == ("gp-s1/r00-0-0", "")


def test_a_name_with_signs_comes_back_from_csv(compared):
    name = SPECIAL + ',"\n='
    lines = list(csv.DictReader(io.StringIO(as_csv(renamed(compared, name)))))

    assert lines[1]["name"] == name


def test_latex_escapes_every_sign_that_means_something(compared):
    text = as_latex(renamed(compared, SPECIAL))

    line = next(line for line in text.splitlines() if line.startswith("50"))
    assert line.startswith(r"50\%\_of\$a\&b\{c\}\#d\textasciitilde{}e\textasciicircum{}f")
    assert r"\textbackslash{}g\textbar{}h*i[j" in line
    cells = list(re.split(r"(?<!\\)&", line.removesuffix(r" \\")))
    assert len(cells) == text.split("{tabular}{")[1].index("}")  # as many as there are columns


def test_latex_balances_its_braces_and_environments(compared):
    text = as_latex(renamed(compared, SPECIAL))

    plain = text.replace(r"\{", "").replace(r"\}", "")
    assert plain.count("{") == plain.count("}")
    assert re.findall(r"\\begin\{(\w+)\}", text) == ["table", "tabular"]
    assert re.findall(r"\\end\{(\w+)\}", text) == ["tabular", "table"]
    for rule in ("toprule", "midrule", "bottomrule"):
        assert text.count(f"\\{rule}") == 1


def test_a_table_says_units_intervals_and_n(compared):
    for text in (as_latex(compared), as_markdown(compared)):
        assert "nats" in text
        [gp] = [line for line in text.splitlines() if "gp" in line]
        row = compared["tasks"][0]["strategies"]["rows"][0]
        assert f"{row['high']:.3f}]" in gp
        assert re.search(r"[&|] 10 [&|] 3", gp)  # parameters and searches


def test_errors_come_first_and_only_where_there_are_classes(compared):
    assert "cell or strategy & test error & validation" in as_latex(compared)

    compared["tasks"][0]["rows"][0] |= {"test_error": None, "test_errors": []}
    assert "test error" not in as_latex(compared)


def test_the_cell_that_strategies_are_held_against_is_marked(compared):
    marked = [line for line in as_markdown(compared).splitlines() if "†" in line]

    assert marked[0].startswith("| lstm † |")


def test_a_markdown_row_has_as_many_cells_as_the_head(compared):
    lines = as_markdown(renamed(compared, SPECIAL)).splitlines()
    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")}

    assert len(counts) == 1


def test_json_is_the_comparison_and_forms_are_those_of_the_command(compared):
    assert json.loads(say(compared, "json", Path())) == json.loads(json.dumps(compared))
    assert list(FORMS) == ["latex", "csv", "markdown", "json"]
