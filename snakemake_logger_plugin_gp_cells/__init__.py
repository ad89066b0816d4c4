"""Snakemake's logger plugin `gp-cells`: a run in one live block, or in a line for each trial.

Snakemake finds it by the name of this package; the profiles use it (`logger: gp-cells`). It tells a run of
this project's Snakefile, which says what the plan is (`gp_cells.workflow.live`). Of a dry run it counts the
jobs, unless their reasons are wanted; of anything else it passes Snakemake's own lines on. Every Snakemake
imports it, those of a cluster's jobs too, so at first it imports next to nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

if TYPE_CHECKING:
    from gp_cells.config.plan import Plan

NOTHING = "Nothing to be done"
STOPPING = "Will exit after finishing currently running jobs"  # as SIGTERM asks for
# What Snakemake says at the end of a run whose failed jobs have been told already.
KNOWN = ("At least one job did not complete", "Exiting because a job execution failed")


class LogHandler(LogHandlerBase):
    """Hears all that Snakemake logs, and tells what of it matters."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Make what passes Snakemake's own lines on."""
        from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter

        said = self.common_settings
        self.passing = ColorizingTextHandler(
            nocolor=said.nocolor,
            stream=sys.stdout if said.dryrun else sys.stderr,
            formatter=DefaultFormatter(said.quiet, said.show_failed_logs),
        )
        self.passing.addFilter(
            DefaultFilter(
                said.quiet, said.debug_dag, said.verbose, said.dryrun, said.printshellcmds
            )
        )
        # Lines before the first job; whether they are to be passed on is not known yet.
        self.held: list[logging.LogRecord] | None = None if said.dryrun else []
        self.hold = threading.RLock()
        self.plan: Plan | None = None
        self.run: _Run | None = None
        self.has_nothing_to_do = False
        self.is_refused = False
        names = {getattr(word, "name", "") for word in said.quiet or ()}
        self.is_counting = said.dryrun and bool(names & {"REASON", "RULES", "ALL"})
        self.has_counted = False

    # --- from the Snakefile ---------------------------------------------------------------------

    def expect(self, plan: Plan) -> None:
        """Hear what is about to run."""
        self.plan = plan
        if self.is_counting:
            from gp_cells.workflow.scheduling import describe_no_job

            describe_no_job()

    def refuse(self) -> None:
        """Hear that nothing is to run, and that why has been said."""
        self.is_refused = True

    def begin(self, workers: int, is_elsewhere: bool, stop: str, log: str) -> None:
        """Begin to tell a run."""
        assert self.plan is not None
        with self.hold:
            self.held = None
            self.run = _Run(self.plan, workers, is_elsewhere, stop, log)

    def end(self, is_done: bool) -> None:
        """Hear how the run ended."""
        if self.run is not None:
            self.run.is_done = is_done

    # --- from Snakemake -------------------------------------------------------------------------

    def emit(self, record: logging.LogRecord) -> None:
        """Take in one record."""
        try:
            with self.hold:
                self._take(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Tell the end."""
        with self.hold:
            is_way_out = self.is_refused or sys.exc_info()[0] is not None
            if not is_way_out:  # else its reason has been said
                self._pass_on_held()
            if self.run is not None:
                self.run.close()
            elif self.plan is not None and self.has_nothing_to_do:
                if result := result_of(self.plan):
                    print(result, file=self.passing.stream, flush=True)
            elif self.plan is not None and self.has_counted:
                print(foretold(self.plan), file=self.passing.stream, flush=True)
            self.run = self.plan = None
        super().close()

    def _take(self, record: logging.LogRecord) -> None:
        if self.run is not None:
            self.run.take(record)
            return
        if record.getMessage().startswith(NOTHING):
            self.has_nothing_to_do = True
        if self.is_counting and self.plan is not None:
            self._count(record)
            return
        if getattr(record, "event", None) == LogEvent.JOB_INFO:
            self._pass_on_held()  # these jobs are not of a run that is told
        if self.held is not None and record.levelno < logging.WARNING:
            self.held.append(record)
            return
        if self.held and record.levelno >= logging.ERROR:
            self.held.clear()
        self.passing.handle(record)

    def _count(self, record: logging.LogRecord) -> None:
        """Pass on of a dry run how many jobs there are, and what is wrong."""
        is_count = getattr(record, "event", None) == LogEvent.RUN_INFO and not self.has_counted
        self.has_counted = self.has_counted or is_count
        is_nothing = record.getMessage().startswith(NOTHING)
        if is_count or is_nothing or record.levelno >= logging.WARNING:
            self.passing.handle(record)

    def _pass_on_held(self) -> None:
        held, self.held = self.held or (), None
        is_alone = self.plan is not None and self.has_nothing_to_do
        for record in held:
            if not is_alone or record.getMessage().startswith(NOTHING):
                self.passing.handle(record)


class _Run:
    """A run that is told: what Snakemake and its jobs write goes to Snakemake's log meanwhile."""

    def __init__(self, plan: Plan, workers: int, is_elsewhere: bool, stop: str, log: str) -> None:
        from gp_cells.workflow.board import Board
        from gp_cells.workflow.show import plan_line

        self.plan, self.stop, self.log = plan, stop, os.path.relpath(log)
        self.is_done, self.is_interrupted = False, False
        self.warned: set[str] = set()
        self.stream = _keep_standard_error(log)
        self.board = Board(plan, self.stream, workers, is_elsewhere)
        self.board.open([plan_line(plan), f"Snakemake's own lines: {self.log}"])
        self._hear_interruption()

    def take(self, record: logging.LogRecord) -> None:
        """Tell what a record says of a job, and what else is a warning or an error."""
        from gp_cells.workflow.jobs import Job

        said: Any = record
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            logs, outputs = tuple(said.log), tuple(said.output)
            job = Job(
                number=said.jobid,
                rule=said.rule_name,
                outputs=outputs,
                logs=logs,
                started_s=record.created,
            )
            self.board.start(job)
        elif event == LogEvent.JOB_FINISHED:
            self.board.finish(said.job_id, record.created)
        elif event == LogEvent.JOB_ERROR:
            self.board.fail(said.jobid, tuple(said.log), is_stopped=self.is_interrupted)
        elif record.levelno >= logging.WARNING or record.getMessage().startswith(STOPPING):
            self._warn(record)

    def _warn(self, record: logging.LogRecord) -> None:
        """Print the first line of a warning once, and an error whole, unless its job's line says it."""
        text = record.getMessage().strip()
        is_told = getattr(record, "exception", None) == "RuleException"
        is_told = is_told or any(known in text for known in KNOWN)
        if record.levelno < logging.ERROR:
            text = text.partition("\n")[0]
        if text and not is_told and text not in self.warned:
            self.warned.add(text)
            self.board.say(text)

    def close(self) -> None:
        """Tell the end, and give standard error back."""
        from gp_cells.workflow.show import ending

        self.board.close()
        lines = ending(
            self.board.tally,
            list(self.board.jobs.failed.values()),
            is_done=self.is_done,
            stopped=f"interrupted: {self.stop}" if self.is_interrupted else "",
            command=shlex.join([os.path.basename(sys.argv[0]), *sys.argv[1:]]),
            log=self.log,
        )
        is_whole = self.is_done and len(self.board.tally.finished) == self.board.tally.total
        result = [result_of(self.plan)] if is_whole else []
        print("\n".join([*result, *lines]), file=self.stream, flush=True)
        os.dup2(self.stream.fileno(), 2)
        self.stream.close()

    def _hear_interruption(self) -> None:
        """Say at once that Ctrl-C was heard, and go on as Python does."""
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(before):
            return

        def interrupted(number: int, frame: FrameType | None) -> None:
            if not self.is_interrupted:
                self.is_interrupted = True
                self.board.say(f"stopping: what has ended is kept; {self.stop}")
            before(number, frame)

        signal.signal(signal.SIGINT, interrupted)


def _keep_standard_error(log: str) -> TextIO:
    """Send what this process and its jobs write to standard error to a file; return where it went."""
    sys.stderr.flush()
    stream = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(file, 2)
    os.close(file)
    return stream


def result_of(plan: Plan) -> str:
    """Return the result of a benchmark that has been run to its end; "" if there is none."""
    from gp_cells.compare.summary import summary_of  # numpy and pyarrow
    from gp_cells.config.refusal import Refusal

    with contextlib.suppress(Refusal):
        return summary_of(plan, Path("results"))
    return ""


def foretold(plan: Plan) -> str:
    """Return what a benchmark will take, as far as it is known without training anything."""
    from gp_cells.config.refusal import Refusal
    from gp_cells.workflow.forecast import forecast  # deap and all plug-ins
    from gp_cells.workflow.forecast_text import tell
    from gp_cells.workflow.limits import workers_here

    lines = ["no job was started; `--quiet host` shows each of them"]
    if all(Path("results/data", data, "data.json").exists() for data in plan.tasks):
        with contextlib.suppress(Refusal):
            workers = sorted({workers_here(plan.threads), 16, 100})
            lines.insert(0, f"{tell(plan, forecast(plan, Path('results'), None), workers)}\n")
    else:
        trainings = sum(run.trials for run in plan.runs.values())
        lines.insert(0, f"{plan.benchmark}: {len(plan.runs):,} runs, {trainings:,} trainings; ")
        lines[0] += "`gp-cells plan CONFIG` foretells what they take\n"
    return "\n".join(lines)
