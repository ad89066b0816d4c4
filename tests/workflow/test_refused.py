from types import SimpleNamespace

import pytest
from support.tiny import TINY

from gp_cells.config.plan import read_plan
from gp_cells.config.refusal import ASKED_TO_STOP, NOT_AGAIN
from gp_cells.workflow.refused import FirstWaves, heed_refusals, why_all_failed

PLAN = read_plan(
    {
        **TINY,
        "strategies": {
            name: {"name": name, "search": {"waves": 2, "slots": 3, "lag": 1, "finalists": 1}}
            for name in ("gp", "random")
        },
    }
)
GP, RANDOM = PLAN.runs.values()


class Scheduler:
    """Takes in failed jobs as Snakemake's does, and notes which of them it would try again."""

    def __init__(self):
        self.keepgoing = True
        self.again: list[str] = []

    def _handle_error(self, job, postprocess_job=True):
        if job.restart_times > job.attempt - 1:
            job.attempt += 1
            self.again.append(job.output[0])


def failing(tmp_path, place: str, said: str, rule: str = "train") -> SimpleNamespace:
    log = tmp_path / "a.log"
    log.write_text(said)
    return SimpleNamespace(
        rule=SimpleNamespace(name=rule),
        output=[f"{place}/fitness.json"],
        log=[log],
        attempt=1,
        restart_times=3,
        is_group=lambda: False,
    )


@pytest.fixture
def heeding(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scheduler = Scheduler()
    said: list[str] = []
    heed_refusals(SimpleNamespace(scheduler=scheduler), PLAN, said.append)
    return scheduler, said


def test_what_a_step_refused_is_not_tried_again_and_anything_else_is(heeding, tmp_path):
    scheduler, _ = heeding
    for rule, said in (("prepare", f"gp-cells step prepare: no row {NOT_AGAIN}\n"), ("test", "")):
        scheduler._handle_error(failing(tmp_path, rule, said, rule))

    assert scheduler.again == ["test/fitness.json"]


def test_a_first_wave_that_fails_all_alike_ends_the_run_in_a_line(heeding, tmp_path):
    scheduler, said = heeding
    for number, place in enumerate(GP.wave(0)):
        assert scheduler.keepgoing
        line = f"Traceback\nRuntimeError: no device for {place} at 0x7f{number}"
        scheduler._handle_error(failing(tmp_path, place, line))

    assert not scheduler.keepgoing
    [line] = said
    assert line.startswith(f"stopped: all 3 trials of the first wave of {GP.name} failed alike")
    assert len(scheduler.again) == 2  # of the last it was known


@pytest.mark.parametrize("other", ["MemoryError", ""])
def test_a_first_wave_that_fails_of_several_reasons_or_without_a_word_does_not(
    heeding, tmp_path, other
):
    scheduler, said = heeding
    for place, reason in zip(GP.wave(0), ("", "", other), strict=True):
        scheduler._handle_error(failing(tmp_path, place, reason))

    assert scheduler.keepgoing and said == [] and len(scheduler.again) == 3


def test_where_another_run_has_trained_only_the_failing_one_is_given_up(heeding, tmp_path):
    scheduler, said = heeding
    trained = tmp_path / RANDOM.wave(0)[0] / "fitness.json"
    trained.parent.mkdir(parents=True)
    trained.touch()
    for place in GP.wave(0):
        scheduler._handle_error(failing(tmp_path, place, "ValueError: no such row"))

    assert scheduler.keepgoing and said == [] and len(scheduler.again) == 2


def test_trials_that_were_all_asked_to_stop_have_not_failed(tmp_path):
    waves = FirstWaves(PLAN, tmp_path)
    said = [f"gp-cells step train: w000-0{i}: {ASKED_TO_STOP}" for i in range(3)]

    assert [waves.all_alike(*of) for of in zip(GP.wave(0), said, strict=True)] == [None] * 3


def test_a_wave_of_which_a_trial_has_trained_does_not_fail_all_alike(tmp_path):
    waves = FirstWaves(PLAN, tmp_path)
    trained = tmp_path / GP.wave(0)[0] / "fitness.json"
    trained.parent.mkdir(parents=True)
    trained.touch()

    assert [waves.all_alike(place, "no") for place in GP.wave(0)] == [None] * 3
    assert [waves.all_alike(place, "no") for place in GP.wave(1)] == [None] * 3


def test_a_scheduler_of_another_kind_is_left_alone():
    scheduler = SimpleNamespace()
    heed_refusals(SimpleNamespace(scheduler=scheduler), PLAN, print)

    assert vars(scheduler) == {}


def test_a_first_wave_whose_trials_all_diverged_is_a_result_and_one_without_memory_is_not():
    assert why_all_failed([("diverged", "not finite")] * 4) == ""
    assert why_all_failed([("timeout", "over 600 s"), ("ok", "")]) == ""
    assert why_all_failed([("out_of_memory", "")]) == ""  # one says little

    said = why_all_failed([("out_of_memory", "bad_alloc")] * 4)

    assert said.startswith("all 4 trials of the first wave ended out_of_memory (bad_alloc); make")
