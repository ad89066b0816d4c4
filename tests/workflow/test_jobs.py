import os
from pathlib import Path

from gp_cells.workflow.jobs import Job, Jobs


def job(number: int, log: Path, rule: str = "train", started_s: float = 100.0) -> Job:
    folder = f"results/runs/tiny-bach-gp-s1/waves/000/{number:02d}"
    outputs = (f"{folder}/fitness.json", f"{folder}/trial.h5")
    return Job(number=number, rule=rule, outputs=outputs, logs=(str(log),), started_s=started_s)


def test_a_failed_job_says_the_last_line_of_its_log(tmp_path):
    log = tmp_path / "00.log"
    log.write_text("Traceback (most recent call last):\n  File …\nRuntimeError: no such device\n\n")
    jobs = Jobs()
    jobs.start(job(3, log))

    failed = jobs.fail(3, (str(log),))

    assert failed is not None and failed.reason == "RuntimeError: no such device"
    assert failed.log == str(log) and jobs.at_work == {} and list(jobs.failed) == [3]


def test_a_job_whose_log_says_nothing_was_killed_unless_another_log_tells(tmp_path):
    empty, cluster = tmp_path / "00.log", tmp_path / "7.log"
    empty.touch()
    jobs = Jobs()
    jobs.start(job(3, empty))
    killed = jobs.fail(3, (str(empty), str(cluster)))
    assert killed is not None and "killed" in killed.reason and killed.log == str(empty)

    cluster.write_text("slurmstepd: error: exceeded memory limit\n")
    jobs.start(job(3, empty))
    killed = jobs.fail(3, (str(empty), str(cluster)))

    assert killed is not None and killed.reason == "slurmstepd: error: exceeded memory limit"
    assert killed.log == str(cluster) and killed.tries == 2


def test_a_job_that_is_tried_again_has_not_failed(tmp_path):
    jobs = Jobs()
    jobs.start(job(3, tmp_path / "00.log"))
    failed = jobs.fail(3, ())

    assert jobs.start(job(3, tmp_path / "00.log")) is failed
    assert jobs.failed == {} and jobs.finish(3) is not None and jobs.at_work == {}


def test_what_was_never_started_here_neither_ends_nor_fails():
    jobs = Jobs()

    assert jobs.finish(1) is None and jobs.fail(1, ()) is None


def test_a_submitted_job_has_begun_when_its_log_was_opened_after_it_was_submitted(tmp_path):
    log = tmp_path / "00.log"
    submitted = job(3, log)
    assert not submitted.has_begun()

    log.touch()
    os.utime(log, (50.0, 50.0))
    assert not submitted.has_begun()  # of the try before

    os.utime(log, (130.0, 130.0))
    assert submitted.has_begun()


def test_a_job_is_called_by_its_rule_and_whose_it_is():
    log = Path("results/logs/train/tiny-bach-gp-s1/waves/000/03.log")

    assert job(3, log).name == "train tiny-bach-gp-s1/waves/000/03"
