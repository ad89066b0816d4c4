"""Run commands in forks of this process, which has imported what a trial needs.

    python -m gp_cells.warm.server NAME OWNER

It serves the socket NAME until the process OWNER has ended, whatever ended it, and then asks what
still runs to keep a checkpoint and go. A command is refused, and then runs by itself, where this process
could make a difference: another user, other code or a package file that changed, another Python, or other
environment variables of those that libraries read when they are imported.

A fork is only sound of a process with one thread, which is looked at before anything is served. No GPU is
touched before the fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import selectors
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from gp_cells.warm.request import (
    PACKAGE,
    become,
    identity,
    read_at_import,
    receive_with_streams,
    send,
    user_of,
)

GRACE_S = 30.0  # for a command to keep its checkpoint when the owner has gone
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


@dataclass
class ServedCommand:
    """A client and, once it has asked, the process that runs its command."""

    link: socket.socket
    process: int | None = None
    watched: int | None = None  # the process as a file descriptor


@dataclass
class Server:
    """The loop: who asks, who runs, and whether the owner still lives."""

    listener: socket.socket
    owner: int  # as a file descriptor
    package: dict[str, tuple[int, int]]
    environment: dict[str, str]
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    commands: list[ServedCommand] = field(default_factory=list)

    def serve(self) -> None:
        """Answer until the owner has gone."""
        self.selector.register(self.listener, selectors.EVENT_READ, self._admit)
        self.selector.register(self.owner, selectors.EVENT_READ, None)
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    self._dismiss()
                    return
                key.data()

    def _admit(self) -> None:
        link, _ = self.listener.accept()
        if user_of(link) != os.getuid():
            link.close()
            return
        command = ServedCommand(link)
        self.commands.append(command)
        self.selector.register(link, selectors.EVENT_READ, lambda: self._hear(command))

    def _hear(self, command: ServedCommand) -> None:
        """Take a client's request, then its signals; if it is gone, so is its command."""
        streams: list[int] = []
        try:
            message, streams = receive_with_streams(command.link)
        except (OSError, ValueError):
            message = None
        if message is None:
            self._forget(command)
        elif command.process is None:
            self._start(command, message, streams)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(command.process, int(message["signal"]))
        for stream in streams:
            os.close(stream)

    def _start(self, command: ServedCommand, request: dict[str, Any], streams: list[int]) -> None:
        if reason := self.why_not(request):
            print(f"cold: {reason}: {' '.join(request['arguments'])}", flush=True)
            with contextlib.suppress(OSError):
                send(command.link, {"cold": reason})
            self._forget(command)
            return
        parent = os.getpid()
        command.process = os.fork()
        if command.process == 0:
            run_in_place_of(request, streams, parent, self._open_files())
        command.watched = os.pidfd_open(command.process)
        self.selector.register(command.watched, selectors.EVENT_READ, lambda: self._end(command))

    def why_not(self, request: dict[str, Any]) -> str | None:
        """Return why a command has to run by itself, None if it can run here."""
        if request["identity"] != identity():
            return "another Python or another checkout"
        if read_at_import(request["environment"]) != self.environment:
            return "other environment variables"
        if package_state() != self.package:
            return "the code has changed"
        if request["niceness"] < os.nice(0) or any(
            is_higher(hard, resource.getrlimit(getattr(resource, name))[1])
            for name, (_, hard) in request["limits"].items()
        ):
            return "higher limits than this process has"
        return None

    def _open_files(self) -> list[int]:
        watched = [c.watched for c in self.commands if c.watched is not None]
        links = [c.link.fileno() for c in self.commands]
        return [self.listener.fileno(), self.owner, *links, *watched]

    def _end(self, command: ServedCommand) -> None:
        """Tell a client how its command ended."""
        assert command.process is not None
        _, status = os.waitpid(command.process, 0)
        command.process = None
        with contextlib.suppress(OSError):
            send(command.link, {"status": os.waitstatus_to_exitcode(status)})
        self._forget(command)

    def _forget(self, command: ServedCommand) -> None:
        """Drop a client, and with it a command that still runs and all that it has started."""
        if command.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(command.process, signal.SIGKILL)
            os.waitpid(command.process, 0)
        if command.watched is not None:
            self.selector.unregister(command.watched)
            os.close(command.watched)
        self.selector.unregister(command.link)
        command.link.close()
        self.commands.remove(command)

    def _dismiss(self) -> None:
        """Ask every command to keep a checkpoint and go, and see to it that all have gone."""
        until = time.monotonic() + GRACE_S
        for command in self.commands:
            if command.process is not None:
                os.kill(command.process, signal.SIGTERM)
        self.selector.unregister(self.owner)
        self.selector.unregister(self.listener)
        while any(command.process for command in self.commands) and time.monotonic() < until:
            for key, _ in self.selector.select(max(0.0, until - time.monotonic())):
                key.data()
        for command in list(self.commands):
            self._forget(command)


def run_in_place_of(
    request: dict[str, Any], streams: list[int], parent: int, open_files: list[int]
) -> None:
    """Run a client's command in this fork and end the process with its status."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        os.setpgid(0, 0)
        for number in open_files:
            os.close(number)
        become(request, streams)
        gc.enable()
        from gp_cells.cli import main
        from gp_cells.training import record

        record.how_started = "warm"

        status = main(request["arguments"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def is_higher(limit: int, other: int) -> bool:
    """Return whether a resource limit is above another one."""
    endless = resource.RLIM_INFINITY
    return other != endless and (limit == endless or limit > other)


def package_state() -> dict[str, tuple[int, int]]:
    """Return size and time of every file of the package: what tells that the code has changed."""
    state = {}
    for folder, folders, files in os.walk(PACKAGE):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in files:
            found = os.stat(os.path.join(folder, name))
            state[os.path.join(folder, name)] = (found.st_size, found.st_mtime_ns)
    return state


def threads() -> int:
    """Return how many threads this process has."""
    return len(os.listdir("/proc/self/task"))


def load() -> None:
    """Import what a trial needs, and what the small steps of a search need."""
    import gp_cells.networks.convolutional
    import gp_cells.networks.recurrent
    import gp_cells.training.trial
    import gp_cells.workflow.steps  # noqa: F401
    from gp_cells.training import record

    record.git_state()  # of the code in memory, whatever comes later
    record.versions()


def main(name: str, owner: int) -> int:
    """Serve until the owner has ended; return 1 where that would not be sound."""
    watched = os.pidfd_open(owner)
    before = package_state()
    gc.disable()
    load()
    gc.freeze()
    if threads() != 1:
        print(f"gp-cells: {threads()} threads after importing; nothing is started warm")
        return 1
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"\0{name}")
    listener.listen(128)
    print(f"warm: {name} serves process {owner}", flush=True)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # those are for the commands
    Server(listener, watched, before, read_at_import(dict(os.environ))).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
