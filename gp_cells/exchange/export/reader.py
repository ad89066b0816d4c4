"""What an exported Python file says of raw values: constants, `encode` and `predict`, with torch alone.

They do with the values of one example what `gp_cells.tasks.reading` does with a file, and with the outputs
for it what `gp-cells predict` does.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from gp_cells.config.recipe import Form
from gp_cells.tasks.task import Reading

WIDEST = 100  # characters of a line


def source(form: Form, reading: Reading) -> str:
    """Return the text of the part."""
    encode = {"frames": _frames, "symbols": _symbols, "images": _images}[form.inputs]
    return "\n\n".join([_constants(form, reading), encode(form, reading), _predict(form, reading)])


def output_names(form: Form, reading: Reading) -> tuple[str, ...]:
    """Return what each output of a network is called: a class, a number, or a key's place."""
    named = reading.classes if form.targets == "classes" else reading.target
    if len(named) == form.outputs:
        return named
    front = f"{named[0]} " if form.targets == "numbers" and named else ""
    return tuple(f"{front}{i + 1}" for i in range(form.outputs))


def trained_unknown(reading: Reading) -> int | None:
    """Return the number of all symbols that have none, None if a network cannot know them.

    In a file of one's own each symbol of the training split has its number, so that nothing was
    learned of the others.
    """
    if reading.columns or None not in reading.symbols:
        return None
    return reading.symbols.index(None)


def _constants(form: Form, reading: Reading) -> str:
    """Return the lines of what is known of rows and outputs."""
    lines = ["# How raw values are read and what outputs mean, from the training split."]
    if reading.columns:
        order = f", the rows in the order of {reading.time!r}" if reading.time else ""
        lines += [f"# The columns of one example, in this order{order}."]
        lines += [_constant("COLUMNS", reading.columns)]
    if reading.mean:
        lines += [_constant("MEAN", reading.mean), _constant("DEVIATION", reading.deviation)]
    if reading.symbols:
        lines += ["# Each at its number; None stands for all others."] * (None in reading.symbols)
        lines += [_constant("SYMBOLS", reading.symbols)]
    if form.targets != "keys":
        called = "CLASSES" if form.targets == "classes" else "NUMBERS"
        lines += [_constant(called, output_names(form, reading))]
    if reading.target_mean:
        lines += [_constant("NUMBERS_MEAN", reading.target_mean)]
        lines += [_constant("NUMBERS_DEVIATION", reading.target_deviation)]
    return "\n".join(lines) + "\n"


def _constant(name: str, values: Sequence[object]) -> str:
    """Return a list as Python, on one line or, filled up, on several."""
    items = ", ".join(map(repr, values))
    line = f"{name} = [{items}]"
    if len(line) <= WIDEST:
        return line
    lines, row = [], ""
    for item in map(repr, values):  # never cut inside of a text, which may hold blanks
        if row and len(row) + len(item) + 7 > WIDEST:
            lines.append(row)
            row = ""
        row += f" {item}," if row else f"    {item},"
    return "\n".join([f"{name} = [", *lines, row, "]"])


def _frames(form: Form, reading: Reading) -> str:
    """Return `encode` of frames; a row with a column for each step has one feature."""
    steps = len(reading.columns) if not reading.sequence and len(reading.columns) > 1 else 0
    flat = (
        ""
        if form.features > 1
        else _indented("""
        if values.ndim == 1:  # steps of one feature
            values = values[:, None]""")
    )
    known = (
        f"tuple(values.shape) != ({steps}, FEATURES)"
        if steps
        else ("values.ndim != 2 or values.shape[1] != FEATURES or not len(values)")
    )
    expected = f"({steps}, {form.features})" if steps else f"(time, {form.features})"
    return f'''\
def encode(rows):
    """Return the raw numbers of one sequence as the network takes them, (time, 1, FEATURES)."""
    values = torch.as_tensor(rows, dtype=torch.float64)
{flat}    if {known}:
        raise ValueError(f"one sequence of shape {expected} expected, got {{tuple(values.shape)}}")
    if not values.isfinite().all():
        raise ValueError("a number is missing or infinite")
{_standardised(reading, "", "float64")}    return values.float()[:, None]
'''


def _images(form: Form, reading: Reading) -> str:
    """Return `encode` of images, which may come as one list of pixels."""
    shape = (form.features, form.height, form.width)
    allowed = [shape, *([shape[1:]] if shape[0] == 1 else []), (math.prod(shape),)]
    # a package's images are bytes, and its scale is used in its own precision
    kind = "float64" if reading.columns else reading.scale_type
    return f'''\
def encode(rows):
    """Return the raw pixels of one image as the network takes it, (1, channel, height, width).

    Their shape is {" or ".join(map(str, allowed))}.
    """
    values = torch.as_tensor(rows, dtype=torch.{kind})
    if tuple(values.shape) not in ({", ".join(map(str, allowed))}):
        raise ValueError(f"one image of shape {shape} expected, got {{tuple(values.shape)}}")
    if not values.isfinite().all():
        raise ValueError("a pixel is missing or infinite")
    values = values.reshape{shape}
{_standardised(reading, "[:, None, None]", kind)}    return values.float()[None]
'''


def _standardised(reading: Reading, axes: str, kind: str) -> str:
    """Return the lines that take the mean and divide by the deviation, none if nothing does."""
    if not reading.mean:
        return ""
    made = f"mean, deviation = torch.tensor([MEAN, DEVIATION], dtype=torch.{kind})"
    return _indented(f"""
        {made}
        values = (values - mean{axes}) / deviation{axes}""")


def _symbols(form: Form, reading: Reading) -> str:
    """Return `encode` of symbols: the characters of a text, or a list."""
    unknown = trained_unknown(reading)
    long = any(symbol and len(symbol) > 1 for symbol in reading.symbols)
    listed = _indented("""
        if isinstance(rows, str):
            raise ValueError("a list of symbols expected, got a text")""")
    add = (
        "found.append(numbers[name])"
        if unknown is None
        else (f"found.append(numbers.get(name, {unknown}))")
    )
    refuse = (
        ""
        if unknown is not None
        else (
            "        if name not in numbers:\n"
            '            raise ValueError(f"the symbol {name!r} was never seen in training")\n'
        )
    )
    return f'''\
def encode(rows):
    """Return the symbols of one sequence as the network takes them, (time, 1) int64.

    They come as {"a list" if long else "a text or a list"}.
    """
{listed if long else ""}    numbers = {{symbol: i for i, symbol in enumerate(SYMBOLS)}}
    found = []
    for symbol in rows.tolist() if hasattr(rows, "tolist") else rows:
        whole = isinstance(symbol, float) and symbol.is_integer()
        name = str(int(symbol) if whole else symbol)
{refuse}        {add}
    if not found:
        raise ValueError("one sequence of at least one symbol expected, got none")
    return torch.tensor(found, dtype=torch.int64)[:, None]
'''


def _predict(form: Form, reading: Reading) -> str:
    """Return `predict`."""
    where = {
        "image": "image",
        "last step": "sequence, from the output of its last step",
        "each step": "sequence's next step, from the output of the last step that is given",
    }[reading.counted]
    outputs = (
        "outputs = predictions[0].double()"
        if form.inputs == "images"
        else ("outputs = predictions[0][-1, 0].double()  # the network gives its state, too")
    )
    told, result = {
        "classes": (
            "Return the class of one {}, and the probability of each class by its name.",
            """
        probabilities = dict(zip(CLASSES, outputs.softmax(0).tolist(), strict=True))
        return max(probabilities, key=probabilities.get), probabilities""",
        ),
        "numbers": (
            "Return the numbers of one {}, by their names and in their own units.",
            """
        mean, deviation = torch.tensor([NUMBERS_MEAN, NUMBERS_DEVIATION], dtype=torch.float64)
        return dict(zip(NUMBERS, (outputs * deviation + mean).tolist(), strict=True))""",
        ),
        "keys": (
            "Return the probability of each key of one {}.",
            """
        return outputs.sigmoid().tolist()""",
        ),
    }[form.targets]
    sentence = "\n    ".join(textwrap.wrap(told.format(where), 90))
    return f'''\
def predict(rows, network=None):
    """{sentence}

    `rows` are raw values, as `encode` takes them. For many examples, load the network once and hand
    it in.
    """
    network = load() if network is None else network
    with torch.no_grad():
        predictions = network(encode(rows))
    {outputs}
{_indented(result)}'''


def _indented(lines: str) -> str:
    """Return lines with the indent of a function's body, a line end after each."""
    return textwrap.indent(textwrap.dedent(lines.strip("\n")), "    ") + "\n"
