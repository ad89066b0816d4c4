"""Kill trials at random moments: python benchmarks/kills.py [--kills N] [--seed S]

One trial of the chorales, of many short epochs, is trained undisturbed by itself; its fitness file is what
every other one has to have. Then it is trained over and over, by itself and warm, and what runs it is ended
at a random moment, up to five times until it is let through, and N times in all:

    by itself   its process, by SIGKILL or SIGTERM
    warm        the command, by SIGKILL or SIGTERM; the fork that trains; the warm process, which is then
                started again for the next attempt

It prints how often each was hit, how many ends had other bytes, and which processes were left behind; exit
status 1 if there are any of these.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gp_cells.config.plan import read_plan
from gp_cells.config.records import PlugIn
from gp_cells.config.typed_json import decode
from gp_cells.plugins import plug_in
from gp_cells.tasks.prepared import prepare
from gp_cells.training.trial_file import read_trial
from gp_cells.warm.launch import THREADS
from gp_cells.warm.request import LINK
from gp_cells.workflow.steps import breed, write_protocol, write_settings

ROOT = Path(__file__).parent.parent
EPOCHS, MOST_KILLS = 60, 5  # of a trial
MARK = "GP_CELLS_KILLS"  # an environment variable by which what was started is known
MOMENT_S = 0.05  # between two looks at processes that end


def lay_out(folder: Path) -> list[str]:
    """Write what the trial is made from, and return its command without the files to write."""
    read = yaml.safe_load((ROOT / "config/quickstart.yaml").read_text(encoding="utf-8"))
    settings = read["tasks"]["bach_chorales"]["settings"]
    settings.update(part=0.05, recipe={"units": 8, "epochs": EPOCHS})
    run = next(run for run in read_plan(read).runs.values() if run.strategy == "gp")
    task = decode(PlugIn, read["tasks"]["bach_chorales"], "task")
    prepare(plug_in("task", task), task.name, folder / "data")
    write_settings(run.config, folder / "data/data.json", folder / "settings.json")
    write_protocol(folder / "settings.json", folder / "protocol.json")
    breed(folder / "settings.json", None, folder / "000")
    return [
        *(str(Path(sys.executable).with_name("gp-cells")), "step", "train"),
        *("--protocol", str(folder / "protocol.json"), "--data", str(folder / "data")),
        *("--genome", str(folder / "000/00/genome.json")),
    ]


@dataclass
class Warm:
    """A warm process that is there whenever an attempt begins, and its environment."""

    environment: dict[str, str]
    server: subprocess.Popen[bytes] | None = None

    def begin(self) -> dict[str, str]:
        """Start it if there is none, and return the environment for a command."""
        if self.server is None or self.server.poll() is not None:
            name = secrets.token_hex(16)
            self.environment = {**self.environment, LINK: name}
            self.server = subprocess.Popen(
                [sys.executable, "-m", "gp_cells.warm.server", name, str(os.getpid())],
                env=self.environment,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            while f"@{name}" not in Path("/proc/net/unix").read_text(encoding="utf-8"):
                time.sleep(MOMENT_S)
        return self.environment

    def end(self) -> None:
        """End it as a machine that is switched off would."""
        if self.server is not None:
            self.server.kill()
            self.server.wait()


@dataclass
class Tally:
    """What was seen of one kind of start."""

    hits: collections.Counter[str] = field(default_factory=collections.Counter)
    ends: collections.Counter[str] = field(default_factory=collections.Counter)
    others: int = 0  # ends with other bytes
    attempts: int = 0


@dataclass(frozen=True)
class Killer:
    """Trains one trial over and over, and disturbs it."""

    command: list[str]
    expected: bytes
    chance: np.random.Generator

    def disturb(self, start: dict[str, str] | Warm, kills: int, folder: Path) -> Tally:
        """Train until so many kills have hit something; return what was seen."""
        tally, lasts_s = Tally(), 0.0
        while sum(tally.hits.values()) < kills:
            with tempfile.TemporaryDirectory(dir=folder) as name:
                left, began = kills - sum(tally.hits.values()), time.monotonic()
                self._train(Path(name), start, min(left, MOST_KILLS), lasts_s, tally)
                lasts_s = lasts_s or time.monotonic() - began  # of the first, which nothing hits
                same = (Path(name) / "fitness.json").read_bytes() == self.expected
                tally.others += not same
                tally.ends[str(read_trial(Path(name) / "trial.h5").provenance["started"])] += 1
        return tally

    def _train(
        self, to: Path, start: dict[str, str] | Warm, most: int, lasts_s: float, tally: Tally
    ) -> None:
        """Train one trial to its end, hit at most so often, within the seconds that one lasts."""
        hits = 0
        while not (to / "fitness.json").exists():
            tally.attempts += 1
            environment = start.begin() if isinstance(start, Warm) else start
            running = subprocess.Popen(
                [
                    *self.command,
                    "--fitness",
                    str(to / "fitness.json"),
                    "--trial",
                    str(to / "trial.h5"),
                ],
                env=environment,
                stderr=subprocess.DEVNULL,
            )
            if hits < most and lasts_s:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(self.chance.uniform(0, lasts_s))
                if running.poll() is None and (hit := self._hit(running, start)):
                    tally.hits[hit] += 1
                    hits += 1
            running.wait()

    def _hit(self, running: subprocess.Popen[bytes], start: dict[str, str] | Warm) -> str | None:
        """End something that runs, and return what; None if it was not there any more."""
        targets = ["the command by SIGKILL", "the command by SIGTERM"]
        if isinstance(start, Warm):
            targets += ["its fork", "the warm process"]
        target = str(self.chance.choice(targets))
        if target == "the warm process":
            assert isinstance(start, Warm) and start.server is not None
            start.end()
        elif target == "its fork":
            assert isinstance(start, Warm) and start.server is not None
            children = Path(f"/proc/{start.server.pid}/task/{start.server.pid}/children")
            forks = children.read_text(encoding="utf-8").split()
            if not forks:
                return None
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(forks[0]), signal.SIGKILL)
        else:
            running.send_signal(signal.SIGKILL if "SIGKILL" in target else signal.SIGTERM)
        return target


def left_behind(mark: str, patience_s: float = 10) -> list[str]:
    """Return the commands of processes with a mark that do not end within some seconds."""
    end = time.monotonic() + patience_s
    while True:
        found = []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_text(encoding="utf-8"))
        if not found or time.monotonic() > end:
            return found
        time.sleep(MOMENT_S)


def say(kind: str, tally: Tally, kills: int) -> None:
    """Print what was seen of one kind of start."""
    hits = ", ".join(f"{what} {count}" for what, count in sorted(tally.hits.items()))
    ends = sum(tally.ends.values())
    how = ", ".join(f"{count} {what}" for what, count in sorted(tally.ends.items()))
    print(
        f"{kind}: {sum(tally.hits.values())} of {kills} kills ({hits}); {tally.attempts} attempts, "
        f"{ends} trials ended ({how}), {tally.others} with other bytes",
        flush=True,
    )


def measure(kills: int, seed: int, folder: Path) -> bool:
    """Kill both kinds of trials so often, print what was seen, and return whether all was well."""
    command, mark = lay_out(folder), secrets.token_hex(16)
    plain: dict[str, Any] = {k: v for k, v in os.environ.items() if k != LINK}
    environment = {**plain, **dict.fromkeys(THREADS, "1"), MARK: mark, LINK: "off"}
    files = ["--fitness", str(folder / "fitness.json"), "--trial", str(folder / "trial.h5")]
    subprocess.run([*command, *files], env=environment, check=True)
    expected = (folder / "fitness.json").read_bytes()
    killer = Killer(command, expected, np.random.default_rng(seed))
    warm = Warm(environment)
    seen: dict[str, Tally] = {}
    starts: dict[str, dict[str, str] | Warm] = {"warm": warm, "by itself": environment}
    for kind, start in starts.items():
        seen[kind] = killer.disturb(start, kills, folder)
        say(kind, seen[kind], kills)
    warm.end()
    left = left_behind(mark)
    print(f"processes left behind: {len(left)}", *left, sep="\n    ")
    return not left and not any(tally.others for tally in seen.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50, metavar="N", help="of each kind of start")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sys.exit(0 if measure(options.kills, options.seed, Path(name)) else 1)
