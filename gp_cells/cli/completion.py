"""Completion in a shell: commands, their options and choices; anything else is completed as a file."""

from __future__ import annotations

from collections.abc import Iterator

from gp_cells.cli.command import GROUPS, Command

# bash fills COMPREPLY from a list of words; zsh can read the same function.
SCRIPT = """{head}_gp_cells() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
    local command=${{COMP_WORDS[1]}} words=
    if [ "$command" = step ] && [ "$COMP_CWORD" -gt 2 ]; then command="step ${{COMP_WORDS[2]}}"; fi
    case "$COMP_CWORD $command $previous" in
    "1 "*) words="{people} step --help --version" ;;
    "2 step "*) words="{steps} --help" ;;
{values}
    esac
    if [ -z "$words" ]; then
        case "$current $command" in
{options}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _gp_cells gp-cells
"""
HEADS = {
    "bash": "",
    "zsh": """(( $+functions[compdef] )) || { autoload -U +X compinit && compinit }
autoload -U +X bashcompinit && bashcompinit
""",
}


def completion(shell: str) -> str:
    """Return what a shell, bash or zsh, is to read so that it completes `gp-cells`."""
    commands = [command for group in GROUPS.values() for command in group.values()]
    return SCRIPT.format(
        head=HEADS[shell],
        people=" ".join(GROUPS["people"]),
        steps=" ".join(GROUPS["step"]),
        values="\n".join(line for command in commands for line in _values(command)),
        options="\n".join(
            f"""        -*" {command.path}") words="{" ".join(_flags(command))}" ;;"""
            for command in commands
        ),
    )


def _flags(command: Command) -> list[str]:
    flags = [option.flag for option in command.options if option.flag.startswith("-")]
    return [*flags, "--help"]


def _values(command: Command) -> Iterator[str]:
    """Yield what may follow the command, or one of its options, where that is one of some words."""
    for option in command.options:
        if choices := option.settings.get("choices"):
            before = option.flag if option.flag.startswith("-") else command.name
            yield f"""    *" {command.path} {before}") words="{" ".join(choices)}" ;;"""
