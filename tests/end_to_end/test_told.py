"""What a person sees of a run: on a terminal, after Ctrl-C, in a pipe, and of a job that failed."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.benchmark import GP, ROOT, Benchmark, log_in
from support.terminal import plain, run_in_terminal

from gp_cells.config.files import write_json

PROGRAM = str(Path(sys.executable).with_name("gp-cells"))
RUN = [PROGRAM, "run", "config.json", "--snakefile", str(ROOT / "Snakefile"), "-c1"]
# Of the shared benchmark these are trained again.
GONE = [f"{GP}/waves/002/{slot:02d}" for slot in range(4)]


def names(places: list[str]) -> set[str]:
    return {f"tiny-bach-gp-s1/w{place[-6:].replace('/', '-')}" for place in places}


def told(said: str) -> list[str]:
    """Return the trials that were told of, in order."""
    return re.findall(r"^\[\d+/22\] (\S+): [0-9a-z.]+", said, re.M)


class Stopped:
    """A run in a terminal that somebody stopped after its first trial, and how it went on in a pipe."""

    def __init__(self, benchmark: Benchmark) -> None:
        self.folder = benchmark.folder
        write_json(self.folder / "config.json", benchmark.config)
        for place in GONE:
            for file in ("fitness.json", "trial.h5"):
                (self.folder / place / file).unlink()
        self.status, self.drawn = run_in_terminal(self.folder, RUN, lambda: bool(self.trained()))
        self.said, self.kept = plain(self.drawn), self.trained()
        self.left = processes_in(self.folder)
        self.snakemake_said = log_in(self.folder)
        made = [(self.folder / place / "trial.h5").stat().st_mtime_ns for place in self.kept]
        self.rest = subprocess.run(
            RUN, cwd=self.folder, capture_output=True, text=True, timeout=300
        )
        again = [(self.folder / place / "trial.h5").stat().st_mtime_ns for place in self.kept]
        self.is_kept = made == again

    def trained(self) -> list[str]:
        return [place for place in GONE if (self.folder / place / "fitness.json").exists()]


def processes_in(folder: Path) -> list[str]:
    """Return what still runs in a folder, some seconds after it should have ended."""
    end = time.monotonic() + 30
    while True:
        found = []
        for process in psutil.process_iter():
            try:
                if process.cwd() == str(folder):
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.2)


@pytest.fixture(scope="module")
def stopped(base: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    return Stopped(base.copied(tmp_path_factory.mktemp("told") / "run"))


def test_a_run_prints_the_command_that_it_is(stopped: Stopped) -> None:
    command = stopped.said.replace("\n", "").partition("Using profile")[0]
    profile, snakefile = ROOT / "profiles/local", ROOT / "Snakefile"
    options = f"--profile {profile} --configfile config.json --snakefile {snakefile} -c1"
    assert command == f"snakemake {options}"
    assert stopped.rest.stdout.splitlines()[0] == command


def test_on_a_terminal_a_block_is_drawn_over_itself_below_the_trials(stopped: Stopped) -> None:
    assert "\x1b[1A\x1b[2K" in stopped.drawn
    assert re.search(r"tiny: \d+ of 22 trials · ", stopped.said)
    assert "1 running · " in stopped.said and " queued · " in stopped.said
    assert "0 failed by the candidate · 0 failed by the machine" in stopped.said
    assert re.search(r"bach  steady +━+ +9 of 9  1 of 1 runs  best \d", stopped.said)
    assert set(told(stopped.said)) >= names(stopped.kept)


def test_snakemakes_own_lines_and_what_jobs_print_are_in_a_file(stopped: Stopped) -> None:
    for line in ("Select jobs to execute", "rule train:", "localrule"):
        assert line not in stopped.said
    assert "Select jobs to execute" in stopped.snakemake_said
    assert "rule train:" in stopped.snakemake_said


def test_ctrl_c_keeps_what_has_ended_and_says_that_the_same_command_goes_on(
    stopped: Stopped,
) -> None:
    assert stopped.status == 1
    assert 1 <= len(stopped.kept) < len(GONE)
    assert "stopping: what has ended is kept" in stopped.said
    assert f"{18 + len(stopped.kept)} of 22 trials are done and kept" in stopped.said
    assert "the same command goes on: snakemake --profile" in stopped.said
    assert "failed for good" not in stopped.said and "Error" not in stopped.said
    assert stopped.is_kept


def test_a_run_that_was_stopped_leaves_no_process_behind(stopped: Stopped) -> None:
    assert stopped.left == []


def test_in_a_pipe_a_run_that_goes_on_tells_each_trial_once_in_plain_lines(
    stopped: Stopped,
) -> None:
    said = stopped.rest.stdout
    assert stopped.rest.returncode == 0, said
    assert stopped.rest.stderr == "" and "\x1b" not in said
    assert "tiny: gp, steady on bach; 2 runs of 22 trials in all\n" in said
    rest = names([place for place in GONE if place not in stopped.kept])
    assert sorted(name for name in told(said) if "/w" in name) == sorted(rest)
    assert "· best on bach " in said and "time left unknown" in said


def test_at_the_end_stand_the_result_its_page_and_where_the_rest_is(stopped: Stopped) -> None:
    said = stopped.rest.stdout
    assert "best evolved cell" in said and "results/report/tiny/index.html" in said
    assert re.search(r"best on bach: \d+\.\d+ tiny-bach-\w+-s1/[wr]\d", said)
    assert 'next: open the report in a browser\n      gp-cells query "from results"' in said
    assert said.splitlines()[-1].startswith("Snakemake's own lines: .snakemake/log/")


def test_a_job_that_fails_is_told_in_a_line_and_bad_input_is_not_tried_again(
    copied: Benchmark,
) -> None:
    place = f"{GP}/waves/002/03"
    (copied.folder / place / "fitness.json").unlink()
    (copied.folder / "results/data/tiny-bach/search.npz").write_bytes(b"no data here")

    ran = copied.run()

    assert ran.status == 1
    log = "results/logs/train/tiny-bach-gp-s1/waves/002/03.log"
    wrong = "gp-cells step train: results/data/tiny-bach/search.npz: not a sound .npz"
    [once, again] = [line for line in ran.said.splitlines() if wrong in line]
    assert once.startswith("failed: train tiny-bach-gp-s1/waves/002/03: ")
    assert again.startswith("  train tiny-bach-gp-s1/waves/002/03: ")
    assert once.endswith(f"[not tried again] · log: {log}")
    assert "tried again: train" not in ran.said and "Traceback" not in ran.said
    assert "21 of 22 trials are done and kept" in ran.said


def test_a_dry_run_counts_the_jobs_and_foretells_what_they_take(copied: Benchmark) -> None:
    for file in ("fitness.json", "trial.h5"):
        (copied.folder / GP / "waves/002/03" / file).unlink()

    said = copied.finish("-n").said

    assert re.search(r"^train +\d+$", said, re.M) and "rule train:" not in said
    assert "tiny: 2 runs, 20 candidates, 22 trainings" in said
    assert "CPU hours" in said and "`--quiet host` shows each of them" in said
