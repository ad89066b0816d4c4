"""The commit of the code that runs, as git has it, or why that is not known.

A package may be installed below another project, and a hook of another project may start it, with
`GIT_DIR` set. So git is asked whether this very file is tracked, and none of its variables are passed on.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WAIT_S = 20
OUTSIDE = "made outside a checkout"
REFUSED = "git refuses the checkout, which belongs to another user"


class GitError(Exception):
    """Git gave no answer: the reason in a few words without paths, and what to do, "" if nothing."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True)
class CodeState:
    """The commit and whether tracked files were changed since; else None, and why in `unknown`."""

    commit: str | None
    dirty: bool | None
    unknown: str | None = None
    remedy: str = ""  # what makes it known next time


@cache
def code_state(file: Path) -> CodeState:
    """Return the state of the checkout in which a file is tracked."""
    folder, name = file.resolve().parent, file.name
    try:
        ask_git(folder, "ls-files", "--error-unmatch", "--", name)
        commit = ask_git(folder, "rev-parse", "HEAD").strip()
        changes = ask_git(folder, "status", "--porcelain", "--untracked-files=no")
    except GitError as error:
        return CodeState(None, None, error.reason, error.remedy)
    return CodeState(commit, bool(changes.strip()))


def ask_git(folder: Path, *arguments: str) -> str:
    """Return what git says in a folder, whatever the variables of git are.

    Raises:
        GitError: git is not there, refuses, or knows no answer.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**clean, "LC_ALL": "C", "LANGUAGE": "C"},  # its errors are looked for in English
            timeout=WAIT_S,
            check=False,
        )
    except OSError as error:
        raise GitError("git is not installed", "install git") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git gave no answer in {WAIT_S} s") from error
    if done.returncode != 0:
        raise _error(done.stderr)
    return done.stdout


def _error(said: str) -> GitError:
    if owned := re.search(r"dubious ownership in repository at '(.*)'", said):
        return GitError(REFUSED, f"git config --global --add safe.directory '{owned[1]}'")
    if "not a git repository" in said or "did not match any file" in said:
        return GitError(OUTSIDE)
    first = next(iter(said.splitlines()), "it said nothing")
    return GitError("git failed", f"git said: {first}")
