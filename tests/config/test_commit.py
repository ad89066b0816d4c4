"""The commit of the code: only of a checkout that tracks the file, whatever else is around."""

import subprocess

import pytest

from gp_cells.config import commit
from gp_cells.config.commit import OUTSIDE, CodeState, GitError, ask_git, code_state

SETTINGS = ("-c", "user.name=a", "-c", "user.email=a@example.org")


def git(folder, *arguments):
    done = subprocess.run(
        ["git", "-C", folder, *SETTINGS, *arguments], check=True, text=True, capture_output=True
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a checkout of one commit with the file code.py."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)  # a hook that runs the tests has them
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "code.py").write_text("a = 1\n", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    code_state.cache_clear()
    yield folder
    code_state.cache_clear()


def test_a_tracked_file_has_its_commit_and_says_when_it_was_changed(project):
    head = git(project, "rev-parse", "HEAD")
    assert code_state(project / "code.py") == CodeState(head, False)
    (project / "code.py").write_text("a = 2\n", encoding="utf-8")
    code_state.cache_clear()
    assert code_state(project / "code.py") == CodeState(head, True)


@pytest.mark.parametrize("is_ignored", [True, False])
def test_a_package_installed_inside_another_project_has_not_its_commit(project, is_ignored):
    installed = project / ".venv/lib/package/code.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("a = 1\n", encoding="utf-8")
    if is_ignored:
        (project / ".gitignore").write_text(".venv\n", encoding="utf-8")
    assert code_state(installed) == CodeState(None, None, OUTSIDE)


def test_the_variables_of_a_hook_of_another_project_change_nothing(project, tmp_path, monkeypatch):
    alone = tmp_path / "alone/code.py"
    alone.parent.mkdir()
    alone.write_text("a = 1\n", encoding="utf-8")
    monkeypatch.setenv("GIT_DIR", str(project / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(project))
    monkeypatch.setenv("GIT_INDEX_FILE", str(project / ".git/index"))
    assert code_state(alone) == CodeState(None, None, OUTSIDE)


def test_a_checkout_of_another_user_is_unknown_with_its_remedy(project, monkeypatch):
    said = f"fatal: detected dubious ownership in repository at '{project}'\nTo add …"
    answer = subprocess.CompletedProcess([], 128, "", said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    remedy = f"git config --global --add safe.directory '{project}'"
    assert code_state(project / "code.py") == CodeState(None, None, commit.REFUSED, remedy)


def test_without_git_the_commit_is_unknown_with_its_remedy(project, monkeypatch):
    monkeypatch.setenv("PATH", "")
    state = code_state(project / "code.py")
    assert state == CodeState(None, None, "git is not installed", "install git")


def test_what_git_does_not_know_is_an_error(project):
    with pytest.raises(GitError, match="git failed"):
        ask_git(project, "show", "no-such-commit")
