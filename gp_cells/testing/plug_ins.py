"""What every plug-in has to do, of whatever family: settings that come back, and nothing pickled."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import sys
from collections.abc import Iterator
from typing import Any

from gp_cells.config.choose import configure
from gp_cells.config.schema import settings_schema

PICKLERS = ("pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve")
PICKLING = (
    "load",
    "loads",
    "dump",
    "dumps",
    "open",
)  # an Unpickler that admits little may be one's own
FORBIDDEN_CALLS = ("eval", "exec", "hash")


def check_settings_return(plug_in: Any) -> None:
    """It is a frozen dataclass with a docstring, whose settings come back from JSON as they were."""
    import jsonschema

    kind = type(plug_in)
    assert dataclasses.is_dataclass(kind), f"{kind.__name__} is no dataclass"
    assert vars(kind)["__dataclass_params__"].frozen, f"{kind.__name__} is not frozen"
    assert kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}("), (
        f"{kind.__name__} has no docstring, from which an editor's help is made"
    )
    settings = json.loads(json.dumps(dataclasses.asdict(plug_in)))
    jsonschema.Draft202012Validator(settings_schema(kind)).validate(settings)
    assert configure(kind, settings, kind.__name__) == plug_in, f"other settings return: {settings}"
    hash(plug_in)


def check_source(plug_in: Any) -> None:
    """Its module pickles nothing and calls no `eval`, `exec` or `hash`."""
    tree = ast.parse(inspect.getsource(sys.modules[type(plug_in).__module__]))
    found = sorted(_pickled(tree))
    assert not found, f"it uses {found[0]}, which runs code that a file holds"
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    found = sorted(called & set(FORBIDDEN_CALLS))
    assert not found, f"it calls {found[0]}(), which runs text as code or differs in every process"


def _pickled(tree: ast.Module) -> Iterator[str]:
    """Yield what a module takes from picklers to read or write with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in PICKLERS:
            yield from (f"{node.module}.{of.name}" for of in node.names if of.name in PICKLING)
        if isinstance(node, ast.Attribute) and node.attr in PICKLING:
            owner = getattr(node.value, "id", "")
            yield from [f"{owner}.{node.attr}"] if owner in PICKLERS else []
