"""Verdicts on stopping rules as lines: a table for people, CSV or JSON lines for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields

from gp_cells.compare.verdicts import Judged, Verdict

HEAD = (
    f"{'rule':10} {'settings':52} {'saved':>5} {'CPU s':>11}  {'tau':>5}  {'cut':>5}  "
    f"{'difference':>16}       {'best 5 %':>11}  {'regret':>15}"
)


def written_as(judged: Iterable[Judged], form: str) -> Iterator[str]:
    """Yield the lines of verdicts, and of what is said of their tasks, as a `table`, `csv` or `json`."""
    if form == "csv":
        yield _csv_line([*(of.name for of in fields(Verdict)), "said"])
    for task in judged:
        if form == "table":
            yield from (task.about, HEAD)
        for of in task.verdicts:
            yield _written(of, form)


def _written(of: Verdict, form: str) -> str:
    if form == "json":
        return json.dumps({**asdict(of), "said": of.said})
    if form == "csv":
        values = {**asdict(of), "settings": json.dumps(of.settings), "said": of.said}
        return _csv_line(list(values.values()))
    return _line(of)


def _line(of: Verdict) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in of.settings.items())
    difference = f"{of.low:+.3f} to {of.high:+.3f}"
    recall = f"{of.recall:.0%} / {of.cut_recall:.0%}"
    regret = f"{of.regret:.3g} / {of.cut_regret:.3g}"
    seconds = "–" if of.saved_cpu_s is None else f"{of.saved_cpu_s:,.4g}"
    return (
        f"{of.rule:10} {settings:52} {of.saved:5.0%} {seconds:>11}  {of.tau:5.3f}  "
        f"{of.cut_tau:5.3f}  {difference:>16} {of.said:5} {recall:>11}  {regret:>15}"
    )


def _csv_line(values: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(values)
    return out.getvalue()
