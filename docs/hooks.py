"""What makes the site of the repository: pages that lie elsewhere in it, links between them, the commands.

Every page is linked as it lies in the repository, so that the same links work on a code host. On the site a
link to another page leads there, and one to any other file becomes its path in words. A link to what is not
there is an error.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from gp_cells.cli.command import GROUPS, Command

ROOT = Path(__file__).parents[1]
PAGES = {  # where it lies, and its page on the site
    "config/README.md": "guides/configs.md",
    "profiles/README.md": "guides/machines.md",
    "CONTRIBUTING.md": "guides/contributing.md",
    "config/SETTINGS.md": "reference/settings.md",
    "results/README.md": "reference/tables.md",
    "CHANGELOG.md": "reference/changes.md",
    "benchmarks/README.md": "measurements/costs.md",
    "benchmarks/STRATEGIES.md": "measurements/strategies.md",
    "benchmarks/STOPPING.md": "measurements/stopping.md",
    "benchmarks/SCHEDULE.md": "measurements/schedule.md",
}
FIGURES = {"results/reference.svg": "results/reference.svg"}
COMMANDS = "reference/commands.md"
LINK = re.compile(r"\[(?P<words>[^\]\n]*)\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie outside the folder of the site, and that of the commands."""
    for path, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text("utf-8")))
    for path, figure in FIGURES.items():
        files.append(File.generated(config, figure, content=(ROOT / path).read_bytes()))
    files.append(File.generated(config, COMMANDS, content=all_commands()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return a page's text with links that lead to pages of the site."""
    here = page.file.src_uri
    lies = next((path for path, other in PAGES.items() if other == here), f"docs/{here}")
    return LINK.sub(lambda found: link(found, lies, here), markdown)


def link(found: re.Match[str], lies: str, here: str) -> str:
    """Return a link of the page `here`, which lies at `lies` in the repository, as the site has it.

    Raises:
        PluginError: it leads to nothing in the repository.
    """
    words, anchor = found["words"], found["anchor"] or ""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(lies), found["path"]))
    known = {**PAGES, **FIGURES, f"docs/{COMMANDS}": COMMANDS}
    target = known.get(path)
    if target is None and path.startswith("docs/") and (ROOT / path).is_file():
        target = path.removeprefix("docs/")
    if target is not None:
        return f"[{words}]({posixpath.relpath(target, posixpath.dirname(here))}{anchor})"
    if not (ROOT / path).exists():
        raise PluginError(f"{lies}: [{words}]({found['path']}) leads to nothing")
    return words if path in words else f"{words} (`{path}`)"


def all_commands() -> str:
    """Return the page of the commands, from the same words as their help."""
    from gp_cells.cli import ordered

    parts = [
        "# Commands\n\nMade from the commands themselves; `gp-cells COMMAND --help` prints the same.\n"
    ]
    parts += [one_command(command) for command in ordered()]
    parts.append("## Steps\n\nWhat the rules of the workflow call, `gp-cells step NAME`.\n")
    parts += [one_command(command, "###") for command in GROUPS["step"].values()]
    return "\n".join(parts)


def one_command(command: Command, heading: str = "##") -> str:
    """Return what one command does, and its options."""
    lines = [f"{heading} {command.path}\n", f"{command.sentence}\n"]
    if command.details:
        lines.append(f"{command.details}\n")
    if command.options:
        lines += ["| option | |", "| --- | --- |"]
    for option in command.options:
        choices = option.settings.get("choices")
        said = [option.settings.get("help") or "", " · ".join(choices) if choices else ""]
        cell = "; ".join(filter(None, said)).replace("|", "\\|")
        lines.append(f"| `{option.flag}` | {cell} |")
    return "\n".join(lines) + "\n"
