"""What the warm process runs ends as it does by itself: bytes, signals, statuses, nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.tiny import TINY

from gp_cells.config.files import write_json
from gp_cells.config.plan import read_plan
from gp_cells.training.trial_file import read_trial
from gp_cells.warm.launch import THREADS, start_warm
from gp_cells.warm.request import LINK, describe_process, identity
from gp_cells.warm.server import Server, package_state
from gp_cells.workflow.steps import breed, write_protocol, write_settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a warm start is Linux's alone")

EPOCHS = 60  # of a trial that is killed on its way: about two seconds


@pytest.fixture(scope="module")
def trial(chorales: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the protocol and the genome of a trial of many short epochs."""
    config: dict[str, Any] = json.loads(json.dumps(TINY))
    config["tasks"]["bach"]["settings"]["recipe"]["epochs"] = EPOCHS
    folder = tmp_path_factory.mktemp("trial")
    [run] = read_plan(config).runs.values()
    write_settings(run.config, chorales / "data.json", folder / "settings.json")
    write_protocol(folder / "settings.json", folder / "protocol.json")
    breed(folder / "settings.json", None, folder / "000")
    return folder


@dataclass(frozen=True)
class Warm:
    """A warm process, its owner, and the environment in which commands find it."""

    server: subprocess.Popen[bytes]
    owner: subprocess.Popen[bytes]
    environment: dict[str, str]


@contextlib.contextmanager
def warm_process() -> Iterator[Warm]:
    """Start a warm process, and end it when its user is done."""
    name = secrets.token_hex(16)
    plain = {k: v for k, v in os.environ.items() if k != LINK}
    environment = plain | dict.fromkeys(THREADS, "1")
    owner = subprocess.Popen(["sleep", "600"])
    server = subprocess.Popen(
        [sys.executable, "-m", "gp_cells.warm.server", name, str(owner.pid)],
        env=environment,
        start_new_session=True,
    )
    until(lambda: f"@{name}" in Path("/proc/net/unix").read_text())
    yield Warm(server, owner, environment | {LINK: name})
    owner.kill()
    owner.wait()
    server.wait(60)


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """A warm process that all share who leave it alive."""
    with warm_process() as started:
        yield started


@pytest.fixture
def mortal() -> Iterator[Warm]:
    """A warm process of one's own, to kill."""
    with warm_process() as started:
        yield started


def until(is_so: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def command(trial: Path, data: Path, to: Path, genome: str = "00") -> list[str]:
    """Return the command that trains a candidate into a folder."""
    return [
        *(str(Path(sys.executable).with_name("gp-cells")), "step", "train"),
        *("--protocol", str(trial / "protocol.json"), "--data", str(data)),
        *("--genome", str(trial / "000" / genome / "genome.json")),
        *("--fitness", str(to / "fitness.json"), "--trial", str(to / "trial.h5")),
    ]


def cold(environment: dict[str, str]) -> dict[str, str]:
    """Return an environment without the link."""
    return {**environment, LINK: "off"}


def living(environment: dict[str, str]) -> set[int]:
    """Return the processes that were started with a link, servers included."""
    found = set()
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            words = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            if environment[LINK].encode() in words:
                found.add(int(folder.name))
    return found


@pytest.fixture(scope="module")
def expected(trial: Path, chorales: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The fitness file of the trial, trained by itself without a break."""
    to = tmp_path_factory.mktemp("cold")
    environment = os.environ | dict.fromkeys(THREADS, "1") | {LINK: "off"}
    subprocess.run(command(trial, chorales, to), env=environment, check=True)
    assert started(to) == "cold"
    return (to / "fitness.json").read_bytes()


def started(folder: Path) -> str:
    """Return what a trial's record says of its start."""
    return str(read_trial(folder / "trial.h5").provenance["started"])


def test_a_warm_trial_has_the_bytes_of_a_cold_one(
    warm: Warm, trial: Path, chorales: Path, tmp_path: Path, expected: bytes
) -> None:
    subprocess.run(command(trial, chorales, tmp_path), env=warm.environment, check=True)

    assert started(tmp_path) == "warm"
    assert (tmp_path / "fitness.json").read_bytes() == expected


def test_words_folder_and_exit_status_of_a_refusal_are_the_same(
    warm: Warm, trial: Path, tmp_path: Path
) -> None:
    wrong = command(trial, Path("nowhere"), tmp_path)

    said = [
        subprocess.run(wrong, env=environment, cwd=tmp_path, capture_output=True, text=True)
        for environment in (warm.environment, cold(warm.environment))
    ]

    assert said[0].returncode == said[1].returncode == 2
    assert said[0].stderr == said[1].stderr != ""


@pytest.mark.parametrize("signals_are_ignored", [False, True])
def test_a_warm_trial_that_is_asked_to_go_resumes_to_the_same_bytes(
    warm: Warm,
    trial: Path,
    chorales: Path,
    tmp_path: Path,
    expected: bytes,
    signals_are_ignored: bool,
) -> None:
    wanted = command(trial, chorales, tmp_path)
    by_shell = ["bash", "-c", "trap '' TERM; exec \"$@\"", "train", *wanted]
    asked = subprocess.Popen(by_shell if signals_are_ignored else wanted, env=warm.environment)
    until((tmp_path / "checkpoint.h5").exists)
    asked.terminate()

    assert asked.wait(60) == 75
    assert (tmp_path / "checkpoint.h5").exists()
    subprocess.run(wanted, env=warm.environment, check=True)
    assert (tmp_path / "fitness.json").read_bytes() == expected


def test_a_killed_client_takes_its_trial_along(
    warm: Warm, trial: Path, chorales: Path, tmp_path: Path
) -> None:
    client = subprocess.Popen(command(trial, chorales, tmp_path), env=warm.environment)
    until((tmp_path / "checkpoint.h5").exists)
    client.kill()
    client.wait()

    until(lambda: living(warm.environment) == {warm.server.pid})


def test_a_killed_server_leaves_no_trial_and_its_client_goes_on_to_the_same_bytes(
    mortal: Warm, trial: Path, chorales: Path, tmp_path: Path, expected: bytes
) -> None:
    client = subprocess.Popen(command(trial, chorales, tmp_path), env=mortal.environment)
    until((tmp_path / "checkpoint.h5").exists)
    mortal.server.kill()

    assert client.wait(60) == 0
    assert living(mortal.environment) == set()
    assert (tmp_path / "fitness.json").read_bytes() == expected
    assert started(tmp_path) == "cold"


def test_when_the_owner_has_gone_so_has_all_else_and_checkpoints_are_kept(
    mortal: Warm, trial: Path, chorales: Path, tmp_path: Path
) -> None:
    client = subprocess.Popen(command(trial, chorales, tmp_path), env=mortal.environment)
    until((tmp_path / "checkpoint.h5").exists)
    mortal.owner.kill()
    mortal.owner.wait()

    assert client.wait(60) == 75
    assert mortal.server.wait(60) == 0
    assert living(mortal.environment) == set()
    assert (tmp_path / "checkpoint.h5").exists()


def test_without_a_server_a_trial_runs_by_itself(
    trial: Path, chorales: Path, tmp_path: Path, expected: bytes
) -> None:
    environment = os.environ | {LINK: secrets.token_hex(16)}

    subprocess.run(command(trial, chorales, tmp_path), env=environment, check=True)

    assert (tmp_path / "fitness.json").read_bytes() == expected


def test_a_socket_that_answers_nonsense_is_left(
    trial: Path, chorales: Path, tmp_path: Path, expected: bytes
) -> None:
    name = secrets.token_hex(16)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as foreign:
        foreign.bind(f"\0{name}")
        foreign.listen()
        client = subprocess.Popen(command(trial, chorales, tmp_path), env=os.environ | {LINK: name})
        link, _ = foreign.accept()
        link.recv(1 << 20)
        link.send(b"[hello")
        link.close()

        assert client.wait(60) == 0
    assert (tmp_path / "fitness.json").read_bytes() == expected


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_a_socket_of_another_user_is_not_asked(
    trial: Path, chorales: Path, tmp_path: Path, expected: bytes
) -> None:
    name = secrets.token_hex(16)
    program = (
        "import os, socket, sys, time; os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind('\\0' + sys.argv[1])\n"
        "s.listen(); link, _ = s.accept(); print(len(link.recv(1 << 20)))"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, name], stdout=subprocess.PIPE, text=True
    )
    until(lambda: f"@{name}" in Path("/proc/net/unix").read_text())

    subprocess.run(command(trial, chorales, tmp_path), env=os.environ | {LINK: name}, check=True)

    assert other.communicate(timeout=60)[0] == "0\n"
    assert (tmp_path / "fitness.json").read_bytes() == expected


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"identity": {**identity(), "package": "/elsewhere"}}, "another Python or"),
        ({"environment": {"OMP_NUM_THREADS": "7"}}, "other environment variables"),
        ({"niceness": -20}, "higher limits"),
        ({}, None),
    ],
)
def test_what_does_not_fit_the_server_is_run_cold(
    changed: dict[str, Any], reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["gp-cells"])
    server = Server(
        socket.socket(), 0, package_state(), {k: v for k, v in os.environ.items() if k == "none"}
    )
    request = describe_process([]) | {"environment": {}} | changed

    said = server.why_not(request)

    assert said is None if reason is None else said is not None and said.startswith(reason)


def test_a_changed_file_of_the_package_makes_every_command_cold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = package_state()
    first = next(iter(state))
    server = Server(socket.socket(), 0, {**state, first: (1, 1)}, {})

    assert server.why_not(describe_process([]) | {"environment": {}}) == "the code has changed"


def test_switched_off_nothing_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(LINK, "off")

    start_warm(1, tmp_path / "warm.log")

    assert os.environ[LINK] == "off"
    assert list(tmp_path.iterdir()) == []


def test_a_protocol_that_is_broken_is_told_once(warm: Warm, trial: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "protocol.json", [])
    wrong = command(tmp_path, tmp_path, tmp_path)

    done = subprocess.run(wrong, env=warm.environment, capture_output=True, text=True)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
