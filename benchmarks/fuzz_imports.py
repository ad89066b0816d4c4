"""Generated recipes of NAS-Bench-NLP and genotypes of DARTS, for `gp-cells import`.

A recipe is a graph of one step, drawn node by node, a genotype a list of steps; some places of them are
made odd, and words of the text others, code among them. Each architecture of a file has to become a cell
that reads back under its id, or be refused by its name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fuzz_configs import changed
from fuzz_genomes import hold_laws
from fuzz_harm import MARKER, PAYLOADS, command, encoded, refusal, reworded, written_into
from hypothesis import strategies as st

from gp_cells.exchange.bridges.darts_rnn import OPERATIONS
from gp_cells.exchange.bridges.nas_bench_nlp import ARGUMENTS
from gp_cells.genomes.genome import parse
from gp_cells.spaces import SPACES

NODES = ("x", "h_prev_0", "h_prev_1", "h_prev_2", "h_new_1", "h_prev_9", "h_prev_01", "gone", "")
NAMES = (
    "",
    "a",
    "../../x",
    "/x",
    "a\0b",
    "x" * 400,
    "ä",
    "A",
    "con",
    ".",
    "..",
    "-",
    "V1",
    "v1",
    "\ud800",
)


@st.composite
def one_recipe(draw: st.DrawFn) -> dict[str, Any]:
    """Return a recipe whose nodes read earlier ones, but for a few that read what they please."""
    states = draw(st.sampled_from((1, 1, 1, 2, 2, 3, 6)))
    readable = ["x", *(f"h_prev_{i}" for i in range(states))]
    recipe: dict[str, Any] = {"first": {"op": "linear", "input": ["x", "h_prev_0"]}}
    readable.append("first")
    inner = [f"n{i}" for i in range(draw(st.sampled_from((1, 2, 4, 4, 8, 30))))]
    for name in (*inner, *(f"h_new_{i}" for i in reversed(range(states)))):
        operation = draw(st.sampled_from(("linear", *ARGUMENTS)))
        count = ARGUMENTS.get(operation) or draw(st.integers(1, 4))
        odd = draw(st.integers(0, 60)) == 0
        ready = readable[1:] if operation != "linear" else readable
        choice = st.sampled_from((*NODES, name) if odd else tuple(ready))
        recipe[name] = {"op": operation, "input": [draw(choice) for _ in range(count)]}
        readable.append(name)
    return recipe


@st.composite
def recipes(draw: st.DrawFn) -> bytes:
    """Return the content of a file of recipes: one, a list, or a log of a training."""
    found: list[Any] = [draw(one_recipe()) for _ in range(draw(st.sampled_from((1, 1, 2, 3))))]
    if draw(st.booleans()):
        found = changed(draw, found, [])
    if draw(st.integers(0, 4)) == 0:
        found = [{"recepie": json.dumps(recipe), "loss": 1.0} for recipe in found]
    whole: Any = found[0] if len(found) == 1 and draw(st.booleans()) else found
    text = json.dumps(whole, ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 3)) == 0:
        text = reworded(
            draw, text, ("linear", "h_new_0", "x", "NaN", "1e999", "[" * 5000, "9" * 5000)
        )
    if draw(st.integers(0, 40)) == 0:
        text = '{"a":' * draw(st.sampled_from((100, 900, 100_000)))
    return encoded(draw, text)


@st.composite
def one_genotype(draw: st.DrawFn) -> str:
    """Return a call of `Genotype` as it is written in Python."""
    count = draw(st.sampled_from((1, 2, 8, 8, 8, 11, 30)))
    steps: list[Any] = [
        (draw(st.sampled_from(OPERATIONS)), draw(st.integers(0, i))) for i in range(count)
    ]
    concat: Any = draw(st.lists(st.integers(0, count), min_size=1, max_size=9, unique=True))
    odd = st.sampled_from(("none", "tanh", -1, 99, 10**400, True, None, 0.5, (), "", "x" * 300))
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, count - 1))
        steps[place] = draw(st.sampled_from(((draw(odd), 0), ("relu", draw(odd)), draw(odd))))
    if draw(st.integers(0, 5)) == 0:
        concat = draw(st.one_of(odd, st.lists(odd, max_size=3)))
    last = draw(st.sampled_from((f"range(1, {count + 1})", repr(concat), repr(concat))))
    last = draw(
        st.sampled_from((*[last] * 9, "range(10**12)", "range(0, 9, 0)", f"range({10**12})"))
    )
    form = draw(st.sampled_from(("Genotype(recurrent={}, concat={})", "rnn.Genotype({}, {})")))
    return form.format(steps, last)


@st.composite
def genotypes(draw: st.DrawFn) -> bytes:
    """Return the content of a Python file with genotypes in it."""
    parts = []
    for _ in range(draw(st.sampled_from((1, 1, 2, 3)))):
        call, name = draw(one_genotype()), draw(st.sampled_from(NAMES))
        forms = ("V1 = {}", "V1 = {}", "{}", "all = [{}]", f"all = {{{name!r}: {{}}}}", "x.y = {}")
        more = ("def f(): return {}", "class C: a = {}", f"d[{name!r}] = {{}}", "V1: object = {}")
        parts.append(draw(st.sampled_from(forms + more)).replace("{}", call))
    if draw(st.integers(0, 2)) == 0:
        parts.insert(draw(st.integers(0, len(parts))), draw(st.sampled_from(PAYLOADS)))
    text = "\n".join(parts) + "\n"
    if draw(st.integers(0, 2)) == 0:
        words = (
            *PAYLOADS,
            "(" * 300,
            "-" * 3000,
            "9" * 5000,
            "[" * 150,
            "'\\d'",
            "*x",
            "**x",
            "f'{x}'",
        )
        text = reworded(draw, text, words)
    return encoded(draw, text)


def imported(source: str, name: str, content: bytes, folder: Path) -> str:
    """Return "read" if a file's architectures are cells now, or the reason that it is refused."""
    path, cells = folder / name, folder / "cells"
    path.write_bytes(content.replace(MARKER.encode(), bytes(folder / "marker")))
    status, out, err = command("import", source, str(path), "--to", str(cells))
    if status:
        assert written_into(folder) == {path.name} and not out
        return refusal(status, err)
    *lines, _ = out.splitlines()
    assert not err and out.replace("\n", "").isprintable(), out[:300]
    ids = set()
    for cell in cells.iterdir():
        text = cell.read_text(encoding="utf-8")
        space = text.partition("\n")[0].rpartition(" ")[2]
        genome = parse(text, SPACES[space]().language)
        hold_laws(genome)
        ids.add(f"{genome.architecture_id} {cell}")
    assert ids == {line.partition(": ")[2] for line in lines if ": refused: " not in line}
    assert written_into(folder) == {path.name, *(f"cells/{cell.name}" for cell in cells.iterdir())}
    return "read"


def import_recipes(content: bytes, folder: Path) -> str:
    """Return how the import of a file of recipes ended."""
    return imported("nas_bench_nlp", "file.json", content, folder)


def import_genotypes(content: bytes, folder: Path) -> str:
    """Return how the import of a file of genotypes ended."""
    return imported("darts_rnn", "file.py", content, folder)
