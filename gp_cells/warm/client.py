"""Ask the warm process to run this command, and stand in for it: its signals in, its exit status out.

This is the way of every trial on one machine, so it imports next to nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys

from gp_cells.warm.request import PASSED_ON, describe_process, receive, send, user_of

TYPE_CHECKING = False  # as in `typing`, which takes its time to import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any


def run_warm(name: str, arguments: list[str]) -> int | None:
    """Return the exit status of a command that the warm process of some name ran, None if it did not.

    A command that a signal ended ends this process by the same signal. If the warm process itself is
    gone, what it ran is gone too, and the command is to be run here, from its checkpoint.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        try:
            link.connect(f"\0{name}")
            if user_of(link) != os.getuid():
                return None
            request = describe_process(arguments)
        except OSError:
            return None
        with _signals_passed_on(link):
            status = _ask(link, request)
    if status is not None and status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def _ask(link: socket.socket, request: dict[str, Any]) -> int | None:
    """Return the exit status, less than 0 for a signal, or None where nobody ran the command."""
    try:
        send(link, request, [0, 1, 2])
        while (answer := receive(link)) is not None:
            if "cold" in answer:
                return None
            if "status" in answer:
                return int(answer["status"])
    except (OSError, ValueError):
        return None
    print("gp-cells: the warm process is gone; starting again without it", file=sys.stderr)
    return None


@contextlib.contextmanager
def _signals_passed_on(link: socket.socket) -> Iterator[None]:
    """Send every signal to the command that runs elsewhere, those ignored here too: it may heed them."""

    def pass_on(number: int, _: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            send(link, {"signal": number})

    before = {number: signal.signal(number, pass_on) for number in PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
