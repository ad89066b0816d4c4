"""A run as it goes, told on a terminal as one block that is drawn again, or else in lines.

What Snakemake tells of its jobs comes in from the logger plugin (`snakemake_logger_plugin_gp_cells`); how
each trial ended is read from its files. Every trial is told once, above the block.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from gp_cells.config.plan import Plan
from gp_cells.config.refusal import Refusal
from gp_cells.workflow.jobs import Job, Jobs
from gp_cells.workflow.left import TimeLeft, unmeasured
from gp_cells.workflow.show import Work, block, failed_line, is_drawable, time_left, trial_line
from gp_cells.workflow.tally import Tally

REDRAWN_S = 1.0  # between two drawings, and more of a large plan
LARGE = 2000  # trials
WORTH = 20  # trials to come that a forecast is worth its time for


class Board:
    """Tells a run on a stream; its methods may be called from any thread."""

    def __init__(
        self, plan: Plan, stream: TextIO, workers: int, is_elsewhere: bool, root: Path = Path()
    ) -> None:
        self.plan, self.stream, self.root = plan, stream, root
        self.is_elsewhere = is_elsewhere  # jobs are submitted, and begin later
        self.tally, self.jobs = Tally(plan, root), Jobs()
        self.tally.look()
        self.left = TimeLeft(plan, workers)
        self.begun: dict[int, float] = {}  # when jobs that are submitted were seen at work
        self.bred = {
            folder
            for folder in self.tally.runs
            if folder not in self.tally.finished and (root / folder / "genome.json").exists()
        }
        self.lock = threading.RLock()
        self.closed = threading.Event()
        self.screen = _Screen(stream) if is_drawable(stream) else None

    def open(self, lines: Iterable[str] = ()) -> None:
        """Begin to tell, with some lines first."""
        for line in lines:
            self.say(line)
        done, total = len(self.tally.finished), self.tally.total
        self.say(f"[{done}/{total}] " + ("done before" if done else "nothing is done yet"))
        if self.screen is not None:
            self.screen.open()
            threading.Thread(target=self._redraw_often, daemon=True).start()
        if total - done >= WORTH:
            threading.Thread(target=self._learn, daemon=True).start()

    def close(self) -> None:
        """Tell of what nobody has told of, and no more; a block stays as it was last."""
        self.closed.set()
        with self.lock:
            now = time.time()
            new = self.tally.look()
            for i, trial in enumerate(new, len(self.tally.finished) - len(new) + 1):
                left = self._left(now) if self.screen is None else None
                if not trial.is_empty:
                    self.say(trial_line(self.tally, trial, i, left))
            if self.screen is not None:
                self._redraw()
                self.screen.close()

    def say(self, line: str) -> None:
        """Print a line, above the block."""
        with self.lock:
            if self.screen is not None:
                self.screen.say(line)
            else:
                print(line, file=self.stream, flush=True)

    def start(self, job: Job) -> None:
        """Take in that a job was started or submitted."""
        with self.lock:
            before = self.jobs.start(job)
            self.begun.pop(job.number, None)
            if job.trial in self.tally.runs:
                self.tally.forget(job.trial)
            if before is not None:
                self.say(f"tried again: {job.name}")

    def finish(self, number: int, now: float) -> None:
        """Take in that a job ended well, and tell of its trial, or what the job itself had to say."""
        with self.lock:
            begun = self._look_who_began(now).get(number)
            job = self.jobs.finish(number)
            if job is None:
                return
            folder = job.trial
            if folder is None or folder not in self.tally.runs:
                self.bred |= {
                    os.path.dirname(path)
                    for path in job.outputs
                    if path.endswith("/genome.json") and os.path.dirname(path) in self.tally.runs
                }
                self._pass_on(job)
                return
            trial = self.tally.add(folder)
            self.bred.discard(folder)
            if trial.is_empty:
                return
            self.left.note(trial.run, trial.stage, now - (begun or job.started_s))
            left = self._left(now)
            shown = left if self.screen is None else None
            self.say(trial_line(self.tally, trial, len(self.tally.finished), shown))

    def fail(self, number: int, logs: tuple[str, ...], is_stopped: bool = False) -> None:
        """Take in that a try of a job failed, and tell why in one line; or that somebody stopped it."""
        with self.lock:
            if is_stopped:
                self.jobs.finish(number)
            elif failed := self.jobs.fail(number, logs):
                self.say(failed_line(failed))

    def work(self, now: float) -> Work:
        """Return how many trials train, and how many could."""
        begun = self._look_who_began(now)
        training = self.jobs.training()
        running = sum(job.number in begun for job in training)
        waiting = self.bred - {job.trial for job in training}
        return Work(
            running=running,
            queued=len(waiting) + len(training) - running,
            failed=len(self.jobs.failed),
        )

    def _look_who_began(self, now: float) -> dict[int, float]:
        """Return when each job at work began; on this machine that is when it was started."""
        for number, job in self.jobs.at_work.items():
            if number not in self.begun and (not self.is_elsewhere or job.has_begun()):
                self.begun[number] = job.started_s if not self.is_elsewhere else now
        at_work = {n: s for n, s in self.begun.items() if n in self.jobs.at_work}
        if self.is_elsewhere:  # the cluster decides how many train at once
            training = sum(job.number in at_work for job in self.jobs.training())
            self.left.workers = max(self.left.workers, training)
        return at_work

    def _left(self, now: float) -> str:
        if len(self.tally.finished) >= self.tally.total:
            return "all done"
        if self.left.is_due:
            begun = self._look_who_began(now)
            training = [job.number for job in self.jobs.training()]
            under_way_s = sum(now - begun[number] for number in training if number in begun)
            self.left.look(self.tally.unfinished(), under_way_s, now)
        return time_left(self.left.left_s(now))

    def _pass_on(self, job: Job) -> None:
        """Tell what a step that ended well wrote to its log, such as notes on the data."""
        for log in job.logs:
            with contextlib.suppress(OSError):
                text = (self.root / log).read_text(encoding="utf-8", errors="replace")
                for line in text.splitlines():
                    self.say(line)

    def _learn(self) -> None:
        """Foretell what trials of each kind cost beside one another, once the data are there."""
        from gp_cells.workflow.forecast import forecast  # deap and all plug-ins

        prepared = [self.root / "results/data" / data / "data.json" for data in self.plan.tasks]
        while not all(path.exists() for path in prepared):
            if self.closed.wait(REDRAWN_S):
                return
        with contextlib.suppress(Refusal):
            forecasts = forecast(self.plan, self.root / "results", unmeasured)
            with self.lock:
                self.left.learn(forecasts)

    def _redraw_often(self) -> None:
        while not self.closed.wait(REDRAWN_S * max(1.0, self.tally.total / LARGE)):
            with self.lock:
                if not self.closed.is_set():
                    self._redraw()

    def _redraw(self) -> None:
        assert self.screen is not None
        now = time.time()
        height = self.screen.measure()
        self.screen.draw(block(self.tally, [self._left(now)], height, self.work(now)))


class _Screen:
    """A terminal with a block at its end, that lines can be printed above."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self.stream = stream
        self.console = Console(file=stream, highlight=False, force_terminal=True)
        self.live = Live(
            console=self.console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def open(self) -> None:
        self.measure()
        self.live.start()

    def close(self) -> None:
        self.live.stop()

    def measure(self) -> int:
        """Take the terminal's size as it is now, and return its height."""
        with contextlib.suppress(OSError):
            self.console.size = os.get_terminal_size(self.stream.fileno())
        return self.console.height

    def say(self, line: str) -> None:
        self.console.print(line, markup=False, soft_wrap=True)

    def draw(self, drawn: object) -> None:
        self.live.update(drawn, refresh=True)  # type: ignore[arg-type]
