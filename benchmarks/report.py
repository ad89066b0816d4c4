"""Measure the report of a benchmark of 10,000 trials: python benchmarks/report.py

The tables are synthetic (`synthetic.py`): three tasks, four strategies with five seeds each and nine
hand-designed cells, 150 candidates a search, finalists at three rates with five seeds. They are written
by `gp_cells.tables`, the page by `gp_cells.report`, and Chromium opens it.

    python benchmarks/report.py make FOLDER             # the tables, and the comparison beside them
    python benchmarks/report.py write FOLDER            # the page, and how long writing it took
    python benchmarks/report.py open PAGE [PAGE ...]    # pages take turns, so that they can be compared

`open` scrolls to the first chart as soon as it is there, in a window of 1280 × 800, and measures from the
start of the navigation until every chart that can be seen is drawn, and until every chart of the page is.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthetic import make_config, make_tables

from gp_cells.config.files import read_json, write_json
from gp_cells.report.page import write_report

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

SEARCHES: dict[str, Any] = {
    "seeds": (1, 2, 3, 4, 5),
    "tasks": ("bach_chorales", "state_of_the_union", "japanese_vowels"),
    "strategies": ("random", "gp", "aging", "nsga2"),
    "waves": 15,
    "slots": 10,
    "replicates": 5,
    "cells": (
        *("tanh_rnn", "lstm", "lstm_peephole", "gru", "mgu"),
        *("ugrnn", "mut1", "nascell", "min_lstm"),
    ),
}
WINDOW: ViewportSize = {"width": 1280, "height": 800}
REPEATS = 3
# Seen and not drawn yet, of the charts; a page of an older version has the same places for them.
WAITING = """
() => [...document.querySelectorAll(".chart")].filter((place) =>
  !place.querySelector("svg.marks, canvas.marks") &&
  (ALL || (place.getBoundingClientRect().top < innerHeight && place.getBoundingClientRect().bottom > 0))
).length === 0
"""


def make(folder: Path) -> None:
    """Write the tables and their comparison."""
    began = time.perf_counter()
    comparison = make_tables(folder, make_config(**SEARCHES))
    write_json(folder / "comparison.json", comparison)
    rows = [row for task in comparison["tasks"] for row in task["rows"]]
    print(f"{len(rows)} finalists, made in {time.perf_counter() - began:.0f} s")


def write(folder: Path) -> None:
    """Write the page and print its size and what it took."""
    comparison = read_json(folder / "comparison.json")
    page = folder / "index.html"
    spent = []
    for _ in range(3):
        began, burnt = time.perf_counter(), time.process_time()
        write_report(folder, "made_up", comparison, page)
        spent.append((time.perf_counter() - began, time.process_time() - burnt))
    wall, cpu = min(spent)
    print(f"written in {wall:.1f} s ({cpu:.1f} s of CPU), {page.stat().st_size / 1e6:.2f} MB")


def open_pages(pages: list[Path]) -> None:
    """Print how long Chromium takes to open each page: every round, and the medians."""
    from playwright.sync_api import sync_playwright

    rounds: dict[Path, list[tuple[float, ...]]] = {page: [] for page in pages}
    with sync_playwright() as playwright:
        for _ in range(REPEATS):
            for page in pages:
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
                rounds[page].append(_open(browser.new_page(viewport=WINDOW), page))
                browser.close()
                _say(page.name, rounds[page][-1])
    for page in pages:
        _say(
            f"{page.name}, median",
            [statistics.median(of) for of in zip(*rounds[page], strict=True)],
        )


def _open(tab: Any, page: Path) -> tuple[float, ...]:
    """Return wall and the main thread's CPU seconds until what is seen is drawn, and until all is."""
    measures = tab.context.new_cdp_session(tab)
    measures.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> tuple[float, float]:
        metrics = measures.send("Performance.getMetrics")["metrics"]
        [cpu_s] = [entry["value"] for entry in metrics if entry["name"] == "TaskDuration"]
        return time.perf_counter() - began, cpu_s

    began = time.perf_counter()
    tab.goto(page.resolve().as_uri(), wait_until="domcontentloaded")
    tab.evaluate("document.querySelector('.chart').scrollIntoView({behavior: 'instant'})")
    tab.wait_for_function(WAITING.replace("ALL", "false"), timeout=120_000)
    seen = spent()
    tab.wait_for_function(WAITING.replace("ALL", "true"), timeout=120_000)
    return *seen, *spent()


def _say(name: str, spent: Sequence[float]) -> None:
    seen, seen_cpu, whole, whole_cpu = spent
    print(
        f"{name}: seen after {seen:.2f} s ({seen_cpu:.2f} s of CPU), all drawn after {whole:.2f} s "
        f"({whole_cpu:.2f} s of CPU), load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("make", "write", "open"))
    parser.add_argument("paths", nargs="+", type=Path)
    chosen = parser.parse_args()
    if chosen.step == "open":
        open_pages(chosen.paths)
    else:
        {"make": make, "write": write}[chosen.step](chosen.paths[0])
