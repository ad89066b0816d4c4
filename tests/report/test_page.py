import base64
import copy
import json
import re
import shutil
import zlib
from html import unescape

import pyarrow.parquet as pq
import pytest

from gp_cells.cli import main
from gp_cells.compare.summary import short_id
from gp_cells.config.files import RecordError
from gp_cells.report.page import write_report
from gp_cells.tables.parquet import read_tables, write_rows
from gp_cells.tables.query import find_trial


@pytest.fixture(scope="module")
def page(made_up, tmp_path_factory):
    results, comparison = made_up
    path = tmp_path_factory.mktemp("page") / "index.html"
    write_report(results, "made_up", comparison, path)
    return path


@pytest.fixture
def copied(made_up, tmp_path):
    """Return a results folder that a test may break, and its comparison."""
    results, comparison = made_up
    shutil.copytree(results / "tables", tmp_path / "tables")
    return tmp_path, copy.deepcopy(comparison)


def markup(page):
    """Return the page without what stands in its scripts."""
    return re.sub(r"(<script[^>]*>).*?(</script>)", r"\1\2", page.read_text(), flags=re.S)


def test_the_page_asks_for_nothing_outside_itself(page):
    text = markup(page)

    assert re.findall(r"(?:src|action|srcset|data)\s*=\s*[\"']", text) == []
    assert [href for href in re.findall(r"href=\"([^\"]*)\"", text) if href[0] != "#"] == []
    assert re.findall(r"@import|@font-face|url\(", text) == []


def test_the_page_says_which_versions_are_mixed_and_only_then(page, copied):
    results, comparison = copied
    assert "made alike" not in markup(page)
    [run, *_] = sorted((results / "tables/trials").glob("run=*"))
    rows = read_tables(results, "trials", [run.name.removeprefix("run=")]).to_pylist()
    changed = [{**row, "git_commit": "a" * 40} for row in rows]
    write_rows(results, "trials", rows[0]["run"], [{**changed[0], "torch": "1.0"}, *changed[1:]])

    write_report(results, "made_up", comparison, results / "index.html")

    text = markup(results / "index.html")
    assert "Not all trials were made alike: torch 1.0 (1) and " in text
    assert "1.0 (1 trials)" in text


def test_a_front_is_shown_with_the_reference_point_of_its_hypervolume(page, copied):
    results, comparison = copied
    assert "Several objectives" not in markup(page)
    [row] = [row for row in comparison["tasks"][0]["rows"] if row["strategy"] == "random"][:1]
    comparison["tasks"][0]["fronts"] = [
        {
            **{key: row[key] for key in ("run", "strategy", "seed")},
            "objectives": ["fitness", "parameters"],
            "reference_point": [12.0, 50000.0],
            "hypervolume": 81234.5,
            "points": [{"candidate": "w002-01", "values": [9.25, 9792.0]}],
        }
    ]

    write_report(results, "made_up", comparison, results / "index.html")

    text = markup(results / "index.html")
    assert "random, seed 1: hypervolume 81234.5 within (12, 50000)" in text
    assert re.search(r"w002-01</th>\s*<td[^>]*>9.25</td>\s*<td[^>]*>9792</td>", text)


def test_the_page_tells_how_to_make_a_trial_anew(page):
    assert re.search(r"gp-cells rerun made_up-bach_chorales-\w+-s1/r00-", markup(page))


def test_the_page_stays_under_five_megabytes(page):
    assert page.stat().st_size < 5_000_000


def test_the_page_holds_the_formulas_of_every_finalist(page, made_up):
    text = unescape(markup(page))

    for task in made_up[1]["tasks"]:
        for row in task["rows"]:
            assert row["genome"] in text


def test_wherever_a_finalist_is_named_stands_an_id_by_which_commands_know_it(page, made_up):
    results, comparison = made_up
    text = markup(page)

    for row in comparison["tasks"][0]["rows"]:
        start = short_id(row["trial_id"])
        assert text.count(f"gp-cells rerun {start} --results {results}") >= 1
        assert text.count(f"gp-cells export {start} --results {results}") >= 1
        assert f"<code>{start}</code>" in text
        found = find_trial(results, start)
        assert f"{found['run']}/{found['candidate']}" == row["trial"]
        assert found["chosen"]


def test_one_command_writes_the_page_of_results_with_one_benchmark(made_up, tmp_path, capsys):
    results, _ = made_up
    page = tmp_path / "page.html"

    assert main(["report", "--results", str(results), "--to", str(page)]) == 0

    assert "benchmark made_up" in page.read_text()
    assert str(page) in capsys.readouterr().out
    assert main(["report", "--results", str(tmp_path)]) == 2
    assert "has no run; name one of none" in capsys.readouterr().err


def test_every_id_is_given_once_and_every_link_has_its_goal(page):
    text = markup(page)
    ids = re.findall(r"\sid=\"([^\"]*)\"", text)

    assert len(ids) == len(set(ids))
    assert set(re.findall(r"href=\"#([^\"]*)\"", text)) <= set(ids)


def scripts(page, kind, ending):
    """Return the data of a page by the name of their place."""
    found = re.findall(
        rf'<script type="{kind}" id="([^"]*)-{ending}">(.*?)</script>', page.read_text()
    )
    return dict(found)


def test_the_cells_of_the_headline_and_of_every_tooltip_have_their_ids(page, made_up):
    text = page.read_text()
    _, comparison = made_up
    [header] = re.findall(r"<header>(.*?)</header>", text, re.DOTALL)
    ids = {row["trial_id"][:8] for row in comparison["tasks"][0]["rows"]}
    assert len(ids & set(re.findall(r"<code>(\w+)</code>", header))) == 2

    for name in ("finalists", "search", "sizes", "rates", "curves"):
        [spec] = re.findall(rf'id="bach_chorales-{name}-spec">(.*?)</script>', text)
        rows = [row for rows in json.loads(spec)["datasets"].values() for row in rows]
        marks = [row for row in rows if "cell" in row and "id" in row]
        assert marks and {row["id"] for row in marks} <= ids, name
        assert '"id"' in spec.partition('"datasets"')[0] or '"field":"id"' in spec, name


def test_every_chart_has_its_place_and_says_no_nan(page):
    specs = scripts(page, "application/json", "spec")
    places = re.findall(r'<div class="chart" id="([^"]*)"', page.read_text())

    assert places
    assert set(specs) == set(places)
    for spec in specs.values():
        json.loads(spec, parse_constant=pytest.fail)


def test_every_candidate_that_a_chart_or_a_finalist_names_can_be_unpacked(page):
    [(task, packed)] = scripts(page, "text/plain", "candidates").items()
    cards = json.loads(zlib.decompress(base64.b64decode(packed)))
    named = re.findall(r'data-candidate="([^"]*)"', page.read_text() + "".join(cards.values()))
    drawn = json.loads(scripts(page, "application/json", "spec")[f"{task}-sizes"])
    candidates = [
        f"{row['run']}/{row['candidate']}"
        for rows in drawn["datasets"].values()
        for row in rows
        if "candidate" in row
    ]

    assert named and candidates
    assert set(candidates) <= set(cards)
    assert set(named) <= set(cards)
    assert all("<svg" in card and "gp-cells rerun" in card for card in cards.values())


def test_the_same_tables_give_the_same_page(page, made_up, tmp_path):
    write_report(made_up[0], "made_up", made_up[1], tmp_path / "again.html")

    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_a_finalist_that_never_ended_well_is_shown_without_a_loss(copied, tmp_path):
    results, comparison = copied
    row = comparison["tasks"][0]["rows"][-1]
    row.update({key: None for key in row if key.startswith(("valid_", "test_"))}, failed=2)

    write_report(results, "made_up", comparison, tmp_path / "index.html")

    assert "2 failed" in (tmp_path / "index.html").read_text()


def test_text_in_the_tables_cannot_become_markup(copied, tmp_path):
    results, comparison = copied
    comparison["tasks"][0]["references"]["</script><b>"] = 6.0

    write_report(results, "made_up", comparison, tmp_path / "index.html")

    assert "</script><b>" not in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("left", ["baselines", "gp", "random"])
def test_a_benchmark_of_one_strategy_has_a_page(make_up, tmp_path, left):
    comparison = make_up(tmp_path, only=left)

    write_report(tmp_path, "made_up", comparison, tmp_path / "index.html")

    assert "to compare" in (tmp_path / "index.html").read_text()


def test_a_rate_at_the_edge_of_those_tried_is_pointed_out(copied, tmp_path):
    results, comparison = copied
    row = comparison["tasks"][0]["rows"][0]
    row["learning_rate"] *= 2

    write_report(results, "made_up", comparison, tmp_path / "index.html")

    label = row["name"] or row["strategy"]
    assert f"perhaps not at its best: {label}." in (tmp_path / "index.html").read_text()


def test_several_tasks_and_seeds_share_one_page(make_up, tmp_path):
    tasks = ("bach_chorales", "state_of_the_union")
    comparison = make_up(tmp_path, seeds=(1, 2, 3), tasks=tasks, waves=2)
    path = tmp_path / "index.html"

    write_report(tmp_path, "made_up", comparison, path)

    text = markup(path)
    assert text.count("bits / character") == 1
    assert "gp: n = 3" in text
    assert path.stat().st_size < 5_000_000


@pytest.mark.parametrize("table", ["runs", "trials", "curves", "hardware"])
def test_a_broken_table_is_one_clear_error(copied, tmp_path, table):
    results, comparison = copied
    path = next((results / "tables" / table).glob("run=*")) / "part.parquet"
    path.write_bytes(b"PAR1")

    with pytest.raises(RecordError, match=rf"{table}.*part\.parquet cannot be read") as error:
        write_report(results, "made_up", comparison, tmp_path / "index.html")

    assert "\n" not in str(error.value)
    assert not (tmp_path / "index.html").exists()


def test_a_missing_table_is_one_clear_error(copied, tmp_path):
    results, comparison = copied
    shutil.rmtree(results / "tables" / "test")

    with pytest.raises(RecordError, match=r"test.*part\.parquet cannot be read"):
        write_report(results, "made_up", comparison, tmp_path / "index.html")


def test_a_table_of_another_version_is_one_clear_error(copied, tmp_path):
    results, comparison = copied
    for path in (results / "tables" / "trials").glob("*/part.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["wall_s"]), path)

    with pytest.raises(RecordError, match="trials has no column 'wall_s'"):
        write_report(results, "made_up", comparison, tmp_path / "index.html")


def test_results_without_the_benchmark_are_refused(made_up, tmp_path):
    with pytest.raises(RecordError, match="has no run of 'made_up'"):
        write_report(tmp_path, "made_up", made_up[1], tmp_path / "index.html")


def test_a_comparison_of_another_benchmark_is_refused(made_up, tmp_path):
    with pytest.raises(RecordError, match="of 'made_up', not of 'other'"):
        write_report(made_up[0], "other", made_up[1], tmp_path / "index.html")


def test_the_predictors_of_the_loss_are_ranked_against_it(made_up):
    _, comparison = made_up
    for task in comparison["tasks"]:
        predictors = {one["name"]: one for one in task["predictors"]}
        assert {"synflow", "jacobian_covariance", "network_parameters"} <= set(predictors)
        assert "introspectability" not in predictors  # nowhere measured
        assert all(one["n"] > 20 for one in predictors.values())
        assert (
            -1 <= predictors["synflow"]["correlation"] < 0
        )  # made up to be high where the loss is low
        assert predictors["synflow"]["median_s"] == 0.01
