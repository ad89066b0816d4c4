"""What a client tells the server: all of its own process that a command can depend on.

The link is a Unix socket of whole messages (SOCK_SEQPACKET) with an abstract name: it needs no folder,
and is gone with the server. Messages are JSON; the first one brings the client's standard streams along.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import socket
import struct
import sys

TYPE_CHECKING = False  # as in `typing`, which takes its time to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

LINK = "GP_CELLS_WARM"  # environment variable: the name of the socket, or `off`
LONGEST = 1 << 20  # bytes of a message

# Read by libraries when they are imported, so that a warm process must have been started with the same.
READ_AT_IMPORT = (
    *("OMP_", "GOMP_", "KMP_", "MKL_", "GOTO_", "OPENBLAS_", "VECLIB_", "NUMEXPR_", "BLIS_"),
    *("ATEN_", "DNNL_", "ONEDNN_", "TORCH_", "PYTORCH_", "CUDA_", "CUBLAS_", "TRITON_"),
    *("PYTHON", "LD_", "MALLOC_", "GLIBC_", "HDF5_", "LC_", "LANG", "VIRTUAL_ENV"),
)
PASSED_ON = tuple(
    signal.Signals[name]
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT")
)
LIMITS = tuple(sorted(name for name in vars(resource) if name.startswith("RLIMIT_")))
PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def read_at_import(environment: dict[str, str]) -> dict[str, str]:
    """Return what libraries read of an environment when they are imported."""
    return {k: v for k, v in environment.items() if k.startswith(READ_AT_IMPORT)}


def identity() -> dict[str, Any]:
    """Return whose process this is: a server serves only commands of its own code and Python."""
    return {
        "package": PACKAGE,
        "python": [sys.prefix, sys.version],
        "flags": list(sys.flags),
    }


def describe_process(arguments: list[str]) -> dict[str, Any]:
    """Return this process as a request to run `gp-cells` with some arguments in its place."""
    umask = os.umask(0)
    os.umask(umask)
    return {
        "identity": identity(),
        "arguments": arguments,
        "program": sys.argv[0],
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "umask": umask,
        "processors": sorted(os.sched_getaffinity(0)),
        "niceness": os.nice(0),
        "ignored": [number for number in PASSED_ON if signal.getsignal(number) == signal.SIG_IGN],
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in LIMITS},
    }


def become(request: dict[str, Any], streams: list[int]) -> None:
    """Take a client's place: its streams, folder, environment, limits and ignored signals."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # as Python makes them: what they were when the server started no longer holds
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8", "surrogateescape"
    )
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w", closefd=False)),
        "utf-8",
        "backslashreplace",
        line_buffering=True,
    )
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    os.umask(request["umask"])
    os.sched_setaffinity(0, request["processors"])
    os.nice(request["niceness"] - os.nice(0))
    for number in PASSED_ON:
        is_ignored = number in request["ignored"]
        signal.signal(number, signal.SIG_IGN if is_ignored else signal.SIG_DFL)
    if signal.SIGINT not in request["ignored"]:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, (soft, hard) in request["limits"].items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
    sys.argv = [request["program"], *request["arguments"]]


def send(link: socket.socket, message: dict[str, Any], streams: Sequence[int] = ()) -> None:
    """Send a message, and open files along with it.

    Raises:
        OSError: the other side is gone, or the message is too long.
    """
    socket.send_fds(link, [json.dumps(message).encode()], streams)


def receive(link: socket.socket) -> dict[str, Any] | None:
    """Return the next message, None when the other side is gone.

    Raises:
        ValueError: what came is no message.
    """
    message, _ = receive_with_streams(link)
    return message


def receive_with_streams(link: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Return the next message, None when the other side is gone, and the open files with it.

    Raises:
        ValueError: what came is no message.
    """
    try:
        message, streams, _, _ = socket.recv_fds(link, LONGEST, 3)
    except ConnectionError:
        return None, []
    return (dict(json.loads(message)) if message else None), streams


def user_of(link: socket.socket) -> int:
    """Return the user id of the process at the other side."""
    credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
