"""Generated configs for `gp-cells check`: those of `config/`, with a few places made odd.

Values become of other types, huge, odd or nested; keys go, come or are there twice; a YAML file gets
anchors, tags that would make Python objects, and aliases that grow without end. What is read has to plan
the same runs again from the configs of its runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from fuzz_harm import MARKER, command, encoded, refusal, written_into
from hypothesis import strategies as st

from gp_cells.config.files import canonical_json
from gp_cells.config.given import plan_of
from gp_cells.config.plan import config_of, read_plan
from gp_cells.config.typed_json import encode

FOLDER = Path(__file__).parents[1] / "config"
WORDS = (
    *(
        "",
        "a",
        "A b",
        "../x",
        "-",
        "__init__",
        "x" * 5000,
        "ä",
        "\0",
        "a\nb",
        "${HOME}",
        "nan",
        "1e-3",
    ),
    *(
        "never",
        "gp",
        "lstm",
        "own_data",
        "digits",
        "frames",
        "classes",
        "cuda",
        "bfloat16",
        "eager",
    ),
)
NUMBERS = (
    *(0, 1, 2, 3, 7, 101, -1, 1.0, 0.5, -0.0, 2**31, 2**63, 2**64, 10**30, 10**400, -(10**400)),
    *(1e308, 5e-324, float("inf"), float("nan"), 1e-9, 0.1),
)
KEYS = (
    "name",
    "settings",
    "search",
    "waves",
    "lag",
    "recipe",
    "units",
    "x",
    "",
    "seeds",
    "ä",
    "<<",
)
# YAML that JSON has not, written in the place of a value
RAW = (
    f"!!python/object/apply:os.system ['touch {MARKER}']",
    f"!!python/object/new:os.system ['touch {MARKER}']",
    f"!!python/object/apply:builtins.open ['{MARKER}', 'w']",
    f"!!python/object/apply:builtins.exec [\"open('{MARKER}', 'w')\"]",
    *("!!python/name:os.system ''", "!!python/module:os ''", "!!python/tuple [1, 2]", "!x y"),
    *(
        "&a [*a]",
        "&b {x: *b}",
        "&c {<<: *c}",
        "*gone",
        "&d 1",
        "!!set {a, b}",
        "!!binary aGk=",
        "<<",
    ),
    *("2024-01-31", "2024-99-99", "2024-01-31T10:00:00Z", "12:30:45", "0x1F", "0o17", "1_000", "~"),
    *(
        ".inf",
        ".nan",
        "-.inf",
        "yes",
        "off",
        "1e-3",
        "!!float x",
        "!!int x",
        "!!timestamp x",
        "!!bool x",
    ),
    *("{1: 2}", "{[1]: 2}", "{{a: 1}: 2}", "{? [a, b] : c}", "{null: 1}", "{true: 1, yes: 2}"),
    *(
        "{1: 2, 1.0: 3}",
        "[" * 3000 + "]" * 3000,
        "{a: " * 800 + "1" + "}" * 800,
        "9" * 5000,
        "- - -",
    ),
    *("{!!python/name:os.system '': 1}", "!!omap [a: 1]", "!!pairs [a: 1]", "{<<: [1]}", "1e400"),
)
WAYS = ("value", "value", "raw", "raw", "gone", "more", "copy", "near", "near")
DEEP = (10, 100, 900, 3000, 100_000)


def laughs(levels: int) -> str:
    """Return anchors in a flow mapping, each with nine aliases of the one before."""
    lines = ["a0: &a0 [1, 1]"]
    for i in range(1, levels):
        lines.append(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]")
    return "{" + ", ".join(lines) + "}"


@cache
def bases() -> tuple[str, ...]:
    """Return the configs of the folder as JSON."""
    loaded = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.yaml"))
    return tuple(sorted(map(json.dumps, loaded)))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a config: what holds it, and its key or number there."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield value, key
        if isinstance(item, (dict, list)):
            yield from places(item)


def odd_values() -> st.SearchStrategy[Any]:
    """Return a strategy for values that may stand in no place of a config, or in few."""
    plain = st.one_of(
        st.sampled_from(WORDS), st.sampled_from(NUMBERS), st.sampled_from((None, True))
    )
    lists, maps = (st.lists(plain, max_size=3), st.dictionaries(st.sampled_from(KEYS), plain))
    return st.one_of(plain, plain, plain, lists, maps)


def changed(draw: st.DrawFn, config: Any, raw: list[str]) -> Any:
    """Return a config with up to three places changed; `raw` gets the YAML of placeholders."""
    for _ in range(draw(st.sampled_from((0, 1, 1, 1, 2, 3)))):
        found = list(places(config))
        if not found:
            return config
        holder, key = found[draw(st.integers(0, len(found) - 1))]
        how = draw(st.sampled_from(WAYS))
        if how == "value":
            holder[key] = draw(odd_values())
        elif how == "near" and isinstance(holder[key], (int, float)):
            holder[key] = draw(st.sampled_from((holder[key] + 1, -holder[key], holder[key] * 1.0)))
        elif how == "raw":
            holder[key] = f"@@{len(raw)}@@"
            raw.append(draw(st.sampled_from((*RAW, laughs(4), laughs(12), laughs(40)))))
        elif how == "gone":
            del holder[key]
        elif how == "copy":
            other, from_key = found[draw(st.integers(0, len(found) - 1))]
            holder[key] = json.loads(json.dumps(other[from_key]))
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(KEYS))] = draw(odd_values())
    return config


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return the suffix and content of a config's file."""
    raw: list[str] = []
    config = json.loads(draw(st.sampled_from(bases())))
    config = changed(draw, config, raw)
    suffix = draw(st.sampled_from((".yaml", ".yaml", ".json")))
    text = json.dumps(config, indent=draw(st.sampled_from((None, 1))))
    if suffix == ".yaml":
        if draw(st.booleans()):
            text = yaml.safe_dump(config, allow_unicode=True, sort_keys=False)
        for i, written in enumerate(raw):
            for quoted in (f'"@@{i}@@"', f"'@@{i}@@'", f"@@{i}@@"):
                text = text.replace(quoted, written)
    lines = text.split("\n")
    if draw(st.integers(0, 7)) == 0:  # a line twice: mostly a key that is there twice
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(lines)))
    text = "\n".join(lines)
    if draw(st.integers(0, 40)) == 0:
        opening, closing = draw(st.sampled_from((("[", "]"), ('{"a":', "}"), ("- ", ""))))
        deep = draw(st.sampled_from(DEEP))
        text = opening * deep + draw(st.sampled_from(("1", "", text[:50]))) + closing * deep
    return suffix, encoded(draw, text)


def check_file(case: tuple[str, bytes], folder: Path) -> str:
    """Return "read" if a config passes `gp-cells check`, or the reason that it is refused."""
    suffix, content = case
    path = folder / f"config{suffix}"
    path.write_bytes(content.replace(MARKER.encode(), bytes(folder / "marker")))
    status, out, err = command("check", str(path))
    assert written_into(folder) == {path.name} and bool(out) == (status == 0)
    if status:
        return refusal(status, err)
    runs = plan_of(str(path)).runs
    again = read_plan(config_of([run.config for run in runs.values()])).runs
    assert again.keys() == runs.keys()
    for name, run in runs.items():
        assert canonical_json(encode(again[name].config)) == canonical_json(encode(run.config))
    return "read"
