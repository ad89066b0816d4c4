"""A real Slurm cluster of four small nodes, thrown away at the end, and nothing of it seen outside.

All its daemons, and every command run on it, live in namespaces of their own: `/etc/slurm`, ports,
process numbers and the host's name are theirs alone, so a cluster that this machine belongs to, or
another test's, is left alone, and ending the first process ends all of them. Nodes claim CPUs, memory
and GPUs that need not exist: Slurm schedules by what it is told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

NODES = ("n1", "n2", "n3", "n4")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "unshare", "nsenter", "ip")

# A job of `day` or `scavenge` that is taken off its node by one of `urgent` has so long to go. Slurm puts
# one of `day` back into its queue, and cancels one of `scavenge`.
GRACE_S = 20

CONFIG = f"""\
ClusterName=throwaway
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.%n.pid
SlurmdSpoolDir={{folder}}/spool/%n
StateSaveLocation={{folder}}/state
SlurmctldLogFile={{folder}}/log/slurmctld.log
SlurmdLogFile={{folder}}/log/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=1,bf_interval=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
ReturnToService=2
MinJobAge=3600
SlurmctldTimeout=30
SlurmdTimeout=15
KillWait=5
GresTypes=gpu
NodeName=DEFAULT CPUs=2 RealMemory=16000
NodeName=n[1-2] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[7001-7002] Gres=gpu:1
NodeName=n[3-4] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[7003-7004]
PartitionName=day Nodes=ALL Default=YES PriorityTier=1 GraceTime={GRACE_S}
PartitionName=scavenge Nodes=ALL PriorityTier=1 GraceTime={GRACE_S} PreemptMode=CANCEL
PartitionName=urgent Nodes=ALL PriorityTier=2
"""

# The first process of the namespaces: it reaps the others, and they all end with it. Slurm's own
# places are covered by empty ones.
FIRST = """
mount -t tmpfs tmpfs /run
mount --bind "$1/etc" /etc/slurm
mkdir /run/munge
hostname localhost
ip link set lo up
ip address add 192.0.2.1 dev lo  # getaddrinfo wants one that is no loopback
munged --force --key-file="$1/munge/key" --log-file="$1/log/munged.log" --seed-file="$1/munge/seed"
slurmctld
for node in n1 n2 n3 n4; do slurmd -N "$node"; done
touch "$1/started"
# Slurm 22.05 has crashed by itself now and then, which no test means: as systemd would, start it again.
while :; do
    sleep 5
    [ -e "$1/killed" ] || kill -0 "$(cat /run/slurmctld.pid)" 2>/dev/null || slurmctld || true
done
"""


def why_not() -> str | None:
    """Return why no cluster can be started here, or None."""
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if lacking:
        return f"no cluster can be started: there is no {', '.join(lacking)}"
    if subprocess.run(["unshare", "-mpnu", "--fork", "true"], capture_output=True).returncode != 0:
        return "no cluster can be started: only root may make namespaces"
    return None


def wait_until(happened: Callable[[], Any], what: str, timeout_s: float = 60) -> Any:
    """Return the first true value of a question, asked again and again."""
    end = time.monotonic() + timeout_s
    while not (value := happened()):
        assert time.monotonic() < end, f"waited {timeout_s:g} s in vain until {what}"
        time.sleep(0.05)
    return value


class Cluster:
    """The cluster, as its administrator has it in hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("etc", "log", "munge", "spool", "state"):
            (folder / name).mkdir(parents=True)
        (folder / "munge").chmod(0o700)
        (folder / "munge/key").write_bytes(os.urandom(128))
        (folder / "munge/key").chmod(0o600)
        (folder / "etc/slurm.conf").write_text(CONFIG.format(folder=folder))
        (folder / "etc/gres.conf").write_text(
            f"NodeName=n[1-2] Name=gpu File={folder}/gpu Flags=nvidia_gpu_env\n"
        )
        (folder / "etc/cgroup.conf").write_text("CgroupAutomount=no\n")
        os.mknod(folder / "gpu", 0o20666, os.makedev(1, 3))  # like /dev/null
        self.unshare = subprocess.Popen(
            [
                *("unshare", "--mount", "--pid", "--net", "--uts", "--mount-proc"),
                *("--fork", "--kill-child", "bash", "-euc", FIRST, "first", str(folder)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=(folder / "log/first.log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        wait_until((folder / "started").exists, f"all daemons started; see {folder}/log")
        [first] = psutil.Process(self.unshare.pid).children()
        self.first = first.pid
        wait_until(lambda: set(self.states()) == {"idle"}, "every node was idle")

    def stop(self) -> None:
        """End every process of the cluster."""
        self.unshare.kill()  # and with it, by --kill-child, the first process
        self.unshare.wait()

    def inside(self, *command: str, folder: Path | None = None) -> list[str]:
        """Return a command as one that runs inside the cluster."""
        enter = ["nsenter", f"--target={self.first}", "--mount", "--pid", "--net", "--uts"]
        return [*enter, "env", f"--chdir={folder or '/'}", *command]

    def seen(self, folder: Path) -> Path:
        """Return a folder as the cluster sees it, with what is mounted on it there alone."""
        return Path(f"/proc/{self.first}/root{folder}")

    def call(self, *command: str) -> str:
        """Run a command inside the cluster to its good end; return what it said."""
        done = subprocess.run(self.inside(*command), capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def states(self) -> list[str]:
        """Return the state of each node."""
        return self.call("sinfo", "--Node", "--noheader", "--partition=day", "--format=%T").split()

    def job(self, number: str) -> dict[str, str]:
        """Return what Slurm knows of a job: JobState, NodeList, Restarts, ReqMem …"""
        said = self.call("scontrol", "--oneliner", "show", "job", number)
        return dict(word.partition("=")[::2] for word in said.split())

    def processes(self) -> list[psutil.Process]:
        """Return every process of the cluster."""
        return psutil.Process(self.first).children(recursive=True)

    def kill_daemon(self, name: str) -> None:
        """Kill a daemon, `slurmctld` or the slurmd of a node, e.g. `slurmd.n1`, and see it gone."""
        if name == "slurmctld":
            (self.folder / "killed").touch()  # it is to stay away
        number = self.call("cat", f"/run/{name}.pid").strip()
        self.call("kill", "-KILL", number)
        wait_until(lambda: not self.seen(Path("/proc", number)).exists(), f"{name} was gone")

    def start_daemon(self, name: str) -> None:
        """Start a daemon that was ended."""
        program, _, node = name.partition(".")
        self.call(program, *(("-N", node) if node else ()))
        if name == "slurmctld":
            ping = self.inside("scontrol", "ping")
            wait_until(lambda: subprocess.run(ping).returncode == 0, "slurmctld answered")
            (self.folder / "killed").unlink()
