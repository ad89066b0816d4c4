"""A command in a terminal of its own, of 100 columns and 30 lines."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Callable
from pathlib import Path

CONTROL_C = b"\x03"


def run_in_terminal(
    folder: Path, command: list[str], stop: Callable[[], bool], timeout_s: float = 300
) -> tuple[int, str]:
    """Run a command to its end, with one Ctrl-C when `stop` says so; return its status and output."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ |= {"TERM": "xterm-256color", "PATH": f"{Path(command[0]).parent}:{os.defpath}"}
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    said, is_stopped, end = b"", False, time.monotonic() + timeout_s
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                said += os.read(terminal, 65536)
            except OSError:  # the other side is closed
                break
        if not is_stopped and stop():
            is_stopped = True
            os.write(terminal, CONTROL_C)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), said.decode(errors="replace")


def plain(said: str) -> str:
    """Return the lines that a terminal was told, those that it drew over later too."""
    return re.sub(r"\r\n?", "\n", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said))
