"""The page's charts as files for a paper."""

import csv
import xml.etree.ElementTree as ElementTree

import pytest

from gp_cells.report.evidence import gather
from gp_cells.report.figures import LAYOUT, data_of, printed, write_figures
from gp_cells.report.task import best_with_parents, draw_task


@pytest.fixture(scope="module")
def drawn(made_up):
    """Return the charts of the made-up task by name."""
    results, comparison = made_up
    [evidence] = gather(results, "made_up", comparison)
    return draw_task(evidence, comparison["tasks"][0], best_with_parents(evidence))


@pytest.fixture(scope="module")
def written(made_up, tmp_path_factory):
    results, comparison = made_up
    folder = tmp_path_factory.mktemp("figures") / "new"
    return folder, write_figures(results, "made_up", comparison, folder)


def test_every_chart_of_the_page_is_svg_pdf_and_csv(written, drawn):
    folder, names = written

    assert names == [f"bach_chorales-{name}" for name in drawn]
    assert {path.name for path in folder.iterdir()} == {
        f"{name}.{kind}" for name in names for kind in ("svg", "pdf", "csv")
    }
    for name in names:
        svg = (folder / f"{name}.svg").read_text()
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert "var(--" not in svg  # a colour that only the page knows
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF-")


def test_letters_of_a_pdf_are_letters_with_their_font(written):
    folder, [name, *_] = written

    assert b"/FontFile" in (folder / f"{name}.pdf").read_bytes()


def test_a_printed_chart_has_a_width_and_light_colours(drawn):
    spec = printed(drawn["finalists"])

    assert isinstance(spec["width"], int)
    assert spec["config"]["background"] == "white"
    assert "var(--" not in str(spec)


def test_data_of_a_chart_have_every_value_and_nothing_of_its_layout(made_up, drawn):
    _, comparison = made_up
    lines = list(csv.DictReader(data_of(drawn["finalists"]).splitlines()))

    assert not LAYOUT & set(lines[0])
    shown = {line["cell"]: line["loss"] for line in lines if line["split"] == "test"}
    for row in comparison["tasks"][0]["rows"]:
        label = row["name"] or row["strategy"]
        assert float(shown[label]) == pytest.approx(row["test_mean"], rel=1e-4)


def test_curves_are_unfolded_to_a_row_an_epoch(made_up, drawn):
    lines = list(csv.DictReader(data_of(drawn["curves"]).splitlines()))

    lstm = [line for line in lines if line["cell"] == "lstm"]
    assert [int(line["epoch"]) for line in lstm] == list(range(1, len(lstm) + 1))
    assert len(lstm) > 5


def test_the_same_tables_give_the_same_svg_and_csv(made_up, written, tmp_path):
    results, comparison = made_up
    folder, _ = written
    write_figures(results, "made_up", comparison, tmp_path)

    for path in folder.glob("*.[sc]*v*"):  # the writer of PDF numbers its objects as it likes
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
