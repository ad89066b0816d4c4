"""A network of decoder blocks as a Python file that needs only torch, a line for each word of the block.

What a word does over time is written as it stands in `gp_cells.networks.words`, but for scans, which are
written step after step: ONNX has such loops for sequences of any length.
"""

from __future__ import annotations

import inspect
import re

from torch import Tensor

from gp_cells.config.recipe import Form
from gp_cells.exchange.export.file import LOAD, PREDICTIONS, WEIGHTS
from gp_cells.exchange.export.recurrent import cell_class
from gp_cells.networks import block as blocks
from gp_cells.networks import words
from gp_cells.networks.block import TAPS, Part, Step, score_chain
from gp_cells.networks.decoder import DecoderNetwork
from gp_cells.networks.decoder_block import Block, label

WIDEST = 100  # characters of a line
INFIX = {"add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "complement": "1 - {}"}
CALLED = {
    "tanh": "torch.tanh({})",
    "sigmoid": "torch.sigmoid({})",
    "softplus": "functional.softplus({})",
    "relu": "torch.relu({})",
    "swish": "functional.silu({})",
    "gelu": "functional.gelu({})",
    "square": "{} * {}",
    "decay": "torch.exp(-{})",
    "elu1": "functional.elu({}) + 1",
}
PRODUCTS = ("linear", "wide2", "wide3", "wide4", "narrow", "each", "code")
WITH_WEIGHT = {
    **dict.fromkeys(PRODUCTS, "{} @ {}"),
    "scale": "{} * {}",
    "bias": "{} + {}",
    "rate": "{} * torch.exp({})",
}
MEMORIES = ("shift", "scan", "long", "wkv", "select", "state", "delta", *TAPS)


def weights(network: DecoderNetwork) -> dict[str, Tensor]:
    """Return the network's weights by their names in the file; those of no numbers are left out."""
    found = {}
    for name, weight in network.state_dict().items():
        if weight.numel() and not (_is_tied(network) and name == "embedding.weight"):
            found[re.sub(r"\.cells\.(\w+)\.", r".\1_cell.", name.replace(".learned.", "."))] = (
                weight
            )
    return found


def _is_tied(network: DecoderNetwork) -> bool:
    return network.embedding is not None and network.embedding.weight is network.output.weight


def source(network: DecoderNetwork, form: Form, about: str) -> str:
    """Return the text of the file."""
    block = network.blocks[0]
    build, run = _lines(block)
    body = "\n".join([*build, *run])
    cells = {step.name: block.sizes.cells[step.name] for step in _cell_steps(block)}
    classes = [cell_class(program, _class_of(name)) for name, program in cells.items()]
    network_text = _network(network)
    functions = _functions("\n".join([body, network_text, *classes]))
    rest = "\n\n".join([*functions, *classes, _block(build, run), network_text, LOAD])
    return f"{_opening(network, form, about, rest)}\n\n{rest}"


def _opening(network: DecoderNetwork, form: Form, about: str, rest: str) -> str:
    """Return the file's docstring, imports and sizes."""
    shape = "(time, batch, FEATURES)" if network.embedding is None else "(time, batch) int64"
    bare = [f"{n}" for n in ("relu", "sigmoid", "tanh") if re.search(rf"(?<!\.)\b{n}\(", rest)]
    leaky = "\nfrom torch.nn.functional import leaky_relu" if "leaky_relu(" in rest else ""
    maths = "import math\n" if "math." in rest else ""
    kept = "from collections.abc import Callable\n" if "Callable" in rest else ""
    aliases = {
        "Memory": "Memory = tuple[Tensor, ...]",
        "Fades": "Fades = tuple[Tensor, Tensor]",
    }
    named = [line for name, line in aliases.items() if re.search(rf"\b{name}\b", rest)]
    return f'''\
"""A decoder in plain torch, trained by gp-cells.

{about}

Inputs are {shape}, each batch a window of its own; predictions are (time, batch,
OUTPUTS), {PREDICTIONS[form.targets]}.
Beside each step of the block stands its word in the formulas.

    network = load()
    predictions = network(inputs)
"""

from __future__ import annotations

import json
{maths}{kept}from pathlib import Path

import torch
from torch import {", ".join(sorted(["Tensor", "nn", *bare]))}
from torch.nn import functional{leaky}

FEATURES = {form.features}
UNITS = {network.sizes.width}
HEADS = {network.sizes.heads}
LAYERS = {len(network.blocks)}
OUTPUTS = {form.outputs}
{WEIGHTS}
{chr(10).join(["", *named]) if named else ""}'''


def _functions(text: str) -> list[str]:
    """Return the functions of words that a text calls, and what they call, in their order."""
    known = {name: of for name, of in vars(words).items() if inspect.isfunction(of)}
    needed: dict[str, str] = {}
    waiting = [text]
    while waiting:
        given = waiting.pop()
        for name, of in known.items():
            if name not in needed and re.search(rf"(?<![.\w]){name}\(", given):
                kept = inspect.getsource(words.scan_in_steps if name == "scan" else of)
                needed[name] = kept.replace("def scan_in_steps(", "def scan(")
                waiting.append(needed[name])
    return [needed[name] for name in known if name in needed]


def _cell_steps(block: Block) -> list[Step]:
    return [step for part in block.parts_ for step in part.steps if step.name in block.sizes.cells]


def _class_of(cell: str) -> str:
    return "".join(word.capitalize() for word in cell.split("_")) + "Cell"


def _lines(block: Block) -> tuple[list[str], list[str]]:
    """Return the lines that make a block's weights, and those that run it."""
    build, run = [], []
    for part in block.parts_:
        run += [f"# {part.output}"]
        for i, step in enumerate(part.steps):
            for role, shape in blocks.weights(step, block.sizes).items():
                name = f"{label(step.node)}_{role}"
                build.append(f"self.{name} = nn.Parameter(torch.empty{_tuple(shape)})")
            if step.name in block.sizes.cells:
                build.append(f"self.{label(step.node)}_cell = {_class_of(step.name)}(UNITS)")
            text = _written(step, part, block)
            if text is not None:
                line = f"v{i} = {text}"
                run.append(f"{line:<48}  # {step.word}")
        run += [f"x = v{len(part.steps) - 1}", ""]
    return build, [*run[:-1], "return x"]


def _tuple(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def _written(step: Step, part: Part, block: Block) -> str | None:
    """Return a step as Python; None for scores, which are written where they are read."""
    given = [f"v{i}" for i in step.arguments]
    learned = [f"self.{label(step.node)}_{role}" for role in blocks.weights(step, block.sizes)]
    word = step.word
    if step.name in block.sizes.cells:
        return _cell_text(step, given[0], block)
    match step.name:
        case "x" | "same":
            return "x" if word == "x" else given[0]
        case "slope" | "alibi":
            return f"{word}(x.shape[1], HEADS, x)"
        case "add.fades":
            return "tuple(a + b for a, b in zip({}, {}))".format(*given)
        case "mul.heads":
            return "{} * {}.transpose(1, 2)[..., None]".format(*given)
        case "fade":
            return f"fade(functional.logsigmoid({given[0]} + {learned[0]}))"
        case "fade.span":
            return f"fade(-{given[0]})"
        case "rotate":
            return f"rotate({given[0]}, 0)"
        case "attend":
            return _attention(step, part)
    if word in INFIX:
        return INFIX[word].format(*given)
    if word in CALLED:
        return CALLED[word].format(*given, *given)
    if word in WITH_WEIGHT:
        return WITH_WEIGHT[word].format(*given, *learned)
    if word in ("dot", "tilt", "weigh", "softmax", "average", "guard"):
        return None
    return _call(step, given, learned)


def _call(step: Step, given: list[str], learned: list[str]) -> str:
    """Return a step as a call of its function, without a memory and without what it remembers."""
    word = "depth" if step.word in TAPS else step.word
    if word == "state":
        given = [*given[:3], f"split({given[3]}, HEADS)"]
    ends = {"split": ["HEADS"], "headnorm": ["HEADS"]}.get(word, [])
    if step.word not in MEMORIES:
        return f"{word}({', '.join([*given, *learned, *ends])})"
    call = f"{word}({', '.join([*given, *learned, 'None'])})[0]"
    return f"merge({call})" if word in ("state", "delta") else call


def _attention(step: Step, part: Part) -> str:
    """Return attention as one call."""
    at, fades = step.arguments[0], "None"
    while part.steps[at].word != "dot":
        if part.steps[at].word in ("tilt", "weigh"):
            fades = f"v{part.steps[at].arguments[1]}"
        at = part.steps[at].arguments[0]
    heads = ", ".join(f"v{i}" for i in (*part.steps[at].arguments, step.arguments[1]))
    chain = score_chain(step, part)
    if "softmax" in chain:
        return f"merge(softmax_attention({heads}, {fades}, None)[0])"
    divide = next((word for word in chain if word in ("average", "guard")), "")
    return f'merge(linear_attention({heads}, {fades}, "{divide}", None)[0])'


def _cell_text(step: Step, given: str, block: Block) -> str:
    states = len(block.sizes.cells[step.name].states)
    start = f"x.new_zeros({states}, x.shape[0], UNITS)"
    return f"self.{label(step.node)}_cell({given}.transpose(0, 1), {start})[0].transpose(0, 1)"


def _block(build: list[str], run: list[str]) -> str:
    return f'''\
class Block(nn.Module):
    """One layer: (batch, time, UNITS) → (batch, time, UNITS)."""

    def __init__(self):
        super().__init__()
{_indented(build)}

    def forward(self, x):
{_indented(run)}
'''


def _network(network: DecoderNetwork) -> str:
    """Return the class of the whole network."""
    build = ["self.layers = nn.ModuleList(Block() for _ in range(LAYERS))"]
    values = "self.projection(inputs)"
    if network.embedding is None:
        build.append("self.projection = nn.Linear(FEATURES, UNITS)")
    elif _is_tied(network):
        values = "functional.embedding(inputs, self.output.weight)"
    else:
        build.append("self.embedding = nn.Embedding(FEATURES, UNITS)")
        values = "self.embedding(inputs)"
    build += [
        "self.norm = nn.Parameter(torch.empty(UNITS))",
        "self.output = nn.Linear(UNITS, OUTPUTS)",
    ]
    run = [
        f"x = {values}.transpose(0, 1)",
        "for layer in self.layers:",
        "    x = layer(x)",
        "return self.output(norm(x, self.norm)).transpose(0, 1)",
    ]
    return f'''\
class Network(nn.Module):
    """Layers of the block between inputs and predictions."""

    def __init__(self):
        super().__init__()
{_indented(build)}

    def forward(self, inputs):
{_indented(run)}
'''


def _indented(lines: list[str]) -> str:
    return "\n".join(f"        {line}" if line else "" for line in lines)
