"""What people call to extend the suite: checks of a plug-in, and what is made from the code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gp_cells.cli.command import DIFFERENT, command, option


@command(
    option("family", "task, space, strategy, stopping or measure"),
    option("name", "as a config has it"),
    option(
        "--settings", "as in a config (default: {})", type=json.loads, default={}, metavar="JSON"
    ),
    option(
        "--space",
        "that a strategy proposes in (default: recurrent)",
        default="recurrent",
        metavar="NAME",
    ),
    option(
        "--slots",
        "of each wave of a strategy (default: 4 4 3 3 3)",
        nargs="+",
        type=int,
        metavar="N",
    ),
)
def vet(
    family: str, name: str, settings: Mapping[str, Any], space: str, slots: Sequence[int] | None
) -> int:
    """Check that a plug-in does what its family has to do. Print a line for each check.

    Trains nothing. Of a strategy: it is a pure function of its history, fills its slots, goes on after
    failures and with a lag, and proposes the same in processes with other hash seeds. In tests of your
    own: `gp_cells.testing`.

    Exit status 1: a check failed.
    """
    from gp_cells.testing.strategies import WIDTHS
    from gp_cells.testing.vet import vet as vet_plug_in

    lines, is_good = vet_plug_in(family, name, settings, space, slots or WIDTHS)
    print("\n".join(lines))
    return 0 if is_good else DIFFERENT


@command()
def dictionary() -> None:
    """Print every table and column, with unit, direction and meaning, as Markdown."""
    from gp_cells.tables.schemas import dictionary as all_columns
    from gp_cells.tables.schemas import schemas

    print(all_columns(schemas()), end="")


@command()
def schema() -> None:
    """Print the JSON Schema of configs, made from the plug-ins' own fields."""
    from gp_cells.plugins import schema_of_configs

    print(json.dumps(schema_of_configs(), indent=1, ensure_ascii=False))


@command(name="settings-reference")
def settings_reference() -> None:
    """Print every key of a config and every setting of every plug-in, as Markdown."""
    from gp_cells.plugins import reference_of_settings

    print(reference_of_settings())


@command(option("shell", choices=["bash", "zsh"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete `gp-cells`.

    Writes to standard output, for a shell to read: source <(gp-cells completion bash)
    """
    from gp_cells.cli.completion import completion as script

    print(script(shell), end="")
