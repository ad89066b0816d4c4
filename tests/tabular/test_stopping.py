"""Stopping rules judged on stored curves: known ranks, other people's files, what the default reaches."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import kendalltau

from gp_cells.cli import main
from gp_cells.config.files import RecordError
from gp_cells.stopping.ensemble import Ensemble
from gp_cells.stopping.i_epoch import IEpoch
from gp_cells.stopping.never import Never
from gp_cells.tabular.curves import Curves, read_curves, write_curves
from gp_cells.tabular.stopping import ceiling, judge

REFERENCE = Path(__file__).parents[2] / "results/reference"


def made(n: int = 30, epochs: int = 10, seeds: int = 1) -> list[dict[str, object]]:
    rng = np.random.default_rng(2)
    return [
        {"task": "a", "seed": seed, "trial": f"{seed}-{i}", "epoch": e + 1, "valid_loss": float(v)}
        for seed in range(seeds)
        for i in range(n)
        for e, v in enumerate(-np.arange(epochs) * rng.random() + rng.normal(0, 1, epochs))
    ]


def of(rows: list[dict[str, object]], path: Path) -> Curves:
    write_curves(path, rows)
    [curves] = read_curves(path)
    return curves


def test_tau_is_kendalls_and_the_cut_of_equal_cost_is_the_rule_itself(tmp_path: Path) -> None:
    curves = of(made(), tmp_path / "a.parquet")
    verdict = judge(curves, "i_epoch", IEpoch(share=0.4), {})
    read = [min(c.curve.losses[:4]) for c in curves.whole]
    expected = kendalltau(read, [c.final for c in curves.whole]).statistic
    assert verdict.tau == pytest.approx(expected)
    assert verdict.cut_tau == pytest.approx(expected)
    assert verdict.saved == pytest.approx(0.6) and verdict.said == "level"


def test_what_never_stops_saves_nothing_and_ranks_all_right(tmp_path: Path) -> None:
    verdict = judge(of(made(), tmp_path / "a.parquet"), "never", Never(), {})
    assert (verdict.saved, verdict.ended) == (0, 0)
    assert verdict.tau == pytest.approx(1) and verdict.recall == 1 and verdict.regret == 0


def test_candidates_are_ranked_among_those_of_their_seed(tmp_path: Path) -> None:
    rows = made(seeds=2)
    shifted = [
        {**row, "valid_loss": row["valid_loss"] + 1000 * (row["seed"] == 1)}  # type: ignore[operator]
        for row in rows
    ]
    plain = judge(of(rows, tmp_path / "a.parquet"), "i_epoch", IEpoch(), {})
    other = judge(of(shifted, tmp_path / "b.parquet"), "i_epoch", IEpoch(), {})
    assert (plain.tau, plain.recall) == pytest.approx((other.tau, other.recall))


@pytest.mark.parametrize("share", [0.2, 0.3, 0.4, 0.5])
def test_on_the_published_curves_the_default_is_never_below_the_cut_and_on_one_task_above(
    share: float,
) -> None:
    said = {}
    for curves in read_curves(REFERENCE):
        verdict = judge(curves, "ensemble", Ensemble(share=share), {})
        said[curves.task] = verdict.said
        assert verdict.tau >= verdict.cut_tau and verdict.recall >= verdict.cut_recall
    assert sorted(said.values()) == ["above", "level", "level"]


def test_seconds_that_a_rule_spares_are_those_of_the_epochs_that_it_leaves_out(
    tmp_path: Path,
) -> None:
    rows = made()
    unknown = judge(of(rows, tmp_path / "a.parquet"), "i_epoch", IEpoch(share=0.4), {})
    assert (unknown.cpu_s, unknown.saved_cpu_s) == (None, None)
    timed = [{**row, "cpu_s": 0.5 * row["epoch"]} for row in rows]  # type: ignore[operator]
    known = judge(of(timed, tmp_path / "b.parquet"), "i_epoch", IEpoch(share=0.4), {})
    assert known.cpu_s == pytest.approx(30 * 0.5 * 55)
    assert known.saved_cpu_s == pytest.approx(30 * 0.5 * (5 + 6 + 7 + 8 + 9 + 10))


def test_rules_are_drawn_beside_the_front_of_all_cuts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_curves(tmp_path / "a.parquet", made(n=60))
    asked = ["stopping", str(tmp_path / "a.parquet"), "--rule", "learned", "--format", "json"]
    settings = ["--settings", '{"share": 0.4}']
    assert main([*asked, *settings, "--figures", str(tmp_path / "figures")]) == 0
    told = json.loads(capsys.readouterr().out)
    for name in ("tau", "regret"):
        [table] = (tmp_path / "figures").glob(f"*-stopping-{name}.csv")
        rows = list(csv.DictReader(table.read_text().splitlines()))
        cuts = [row for row in rows if row["rule"] == "i_epoch"]
        assert next(row["epochs"] for row in cuts if row["front"] == "True") == "1"
        assert {int(row["epochs"]) for row in cuts} == {*range(1, 11)}
        [rule] = [row for row in rows if row["rule"] == "learned"]
        assert float(rule[name]) == pytest.approx(told[name], rel=1e-3)
        assert float(rule["epochs"]) == pytest.approx(10 * (1 - told["saved"]), rel=1e-3)
        assert table.with_suffix(".svg").exists() and table.with_suffix(".pdf").exists()


def test_two_seeds_say_what_a_rank_can_reach() -> None:
    tops = {curves.task: ceiling(curves) for curves in read_curves(REFERENCE)}
    assert tops["bach_chorales"] == (pytest.approx(0.882, abs=1e-3), 18)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"trial": ["a"], "epoch": [1]}, "has no column 'valid_loss'"),
        ({"trial": ["a"], "epoch": [2], "valid_loss": [1.0]}, "expected its epoch 1, got 2"),
        ({"trial": ["a"], "epoch": [1.5], "valid_loss": [1.0]}, "expected a trial and a whole"),
        ({"trial": ["a"], "epoch": [1], "valid_loss": ["x"]}, "expected a number as valid_loss"),
        ({"trial": ["a"], "epoch": [1], "valid_loss": [float("nan")]}, "has no curve of finite"),
    ],
)
def test_a_file_that_is_no_table_of_curves_is_refused_with_the_reason(
    columns: dict[str, list[object]], said: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(RecordError, match=said):
        read_curves(tmp_path / "a.parquet")


def test_curves_of_another_system_are_imported_and_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["epoch", "train_accs", "val_accs", "predictions", "arch"])
    for arch in range(12):
        for epoch in range(5):
            writer.writerow([epoch, 80 + arch, 70 + arch - 5 * 0.5**epoch, "inf", arch])
    (tmp_path / "low.csv").write_text(table.getvalue())

    to = tmp_path / "curves.parquet"
    assert main(["import-curves", "a4nn", str(tmp_path / "low.csv"), "--to", str(to)]) == 0
    assert capsys.readouterr().out == f"{to}: 60 epochs of 12 trials\n"
    asked = ["stopping", str(to), "--rule", "i_epoch", "--settings", '{"share": 0.4}']
    assert main([*asked, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["task"], told["n"], told["saved"], told["tau"]) == ("low", 12, 0.6, 1.0)

    (tmp_path / "bad.csv").write_text("epoch,train_accs,val_accs,arch\n0,1,x,0\n")
    assert main(["import-curves", "a4nn", str(tmp_path / "bad.csv"), "--to", str(to)]) == 2
    assert "line 2: expected an epoch and accuracies" in capsys.readouterr().err
