"""The words of decoder blocks, and the types that say what goes together.

A value is a stream (time, D), a wide one (time, 2 D to 4 D), one number a head (time, H), or heads
(time, K); `Codes` are N numbers a step. Of the first three there are kinds: what went through a
non-linearity is `Squashed`, what is in [-1, 1] `Bounded`, what is in [0, 1] a `Gate`, what is positive a
`Span`. Recurrences take gates of those kinds alone, so that no state grows by itself. Scores, a number for
each pair of steps, are only ever made of this step and those before it: no word looks ahead.

The delta rule's keys have length 1 and its step is a `Gate`; otherwise its state could grow. `average`
divides by a sum, so that it takes scores of positive heads alone. Scores are faded once, before they are
normalised: sums of fades are written as sums, and one block has one spelling.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gp_cells.genomes.language import Function, Value

WIDTHS = ("2", "3", "4")  # times D, of wide streams
CELLS = (
    Path(__file__).parent / "cells"
)  # each of these is a word: a recurrent cell that reads a stream


@dataclass(frozen=True)
class Family:
    """The types of values of one shape; `mark` ends the names of functions on them."""

    mark: str
    any: type[Value]
    mixed: type[Value]
    squashed: type[Value]
    bounded: type[Value]
    gate: type[Value]
    span: type[Value]


def _family(mark: str, name: str, label: str) -> Family:
    whole = type(name, (Value,), {"label": label})
    mixed = type(f"{name}Mixed", (whole,), {"label": f"{label} that may be squashed"})
    squashed = type(f"{name}Squashed", (whole,), {"label": f"{label} squashed already"})
    bounded = type(f"{name}Bounded", (squashed,), {"label": f"{label} in [-1, 1]"})
    gate = type(f"{name}Gate", (bounded,), {"label": f"{label} in [0, 1]"})
    span = type(f"{name}Span", (squashed,), {"label": f"{label} of softplus"})
    return Family(mark, whole, mixed, squashed, bounded, gate, span)


STREAM = _family("", "Stream", "a stream")
WIDE = tuple(_family(f".{m}", f"Wide{m}", f"a stream {m} times as wide") for m in WIDTHS)
EACH = _family(".each", "Each", "one number a head")
FLAT = (STREAM, *WIDE)


class Heads(Value):
    """Type of vectors for each head."""

    label = "heads"


class Positive(Heads):
    """Type of vectors whose numbers are all positive."""

    label = "positive heads"


class Unit(Heads):
    """Type of vectors of length 1."""

    label = "heads of length 1"


class Codes(Value):
    """Type of N numbers a step."""

    label = "codes"


class Fades(Value):
    """Type of logarithms of factors from one step to a later one, for each head."""

    label = "fades"


class Attendable(Value):
    """Type of scores that may weigh values."""

    label = "scores"


class Logits(Value):
    """Type of scores that softmax may take."""

    label = "scores for softmax"


class Sums(Attendable):
    """Type of scores that are sums of products, faded or not, and not normalised."""

    label = "scores not normalised"


class PositiveSums(Sums):
    """Type of such scores that are all positive."""

    label = "scores of positive heads"


class Bare(Sums, Logits):
    """Type of products of heads as they are."""

    label = "scores as dot gives them"


class PositiveBare(Bare, PositiveSums):
    """Type of such products of positive heads."""

    label = "scores of positive heads as dot gives them"


class Normal(Attendable):
    """Type of normalised scores."""

    label = "scores normalised already"


def _on(
    families: tuple[Family, ...], word: str, *arguments: str, gives: str = "mixed"
) -> Iterator[Function]:
    """Yield a word on values of each of some shapes; `arguments` and `gives` name types of a family."""
    for family in families:
        kinds = tuple(getattr(family, kind) for kind in arguments)
        yield Function(f"{word}{family.mark}", kinds, getattr(family, gives), spelt=word)


def _arithmetic(family: Family) -> Iterator[Function]:
    pair, mark = (family.any, family.any), family.mark
    for word, sign in (("add", "+"), ("mul", "*"), ("sub", "-")):
        pattern = f"{{0}} {sign} {{1}}"
        commutes = word != "sub"
        yield Function(f"{word}{mark}", pair, family.mixed, commutes, pattern=pattern, spelt=word)
    gate = (family.gate,)
    yield Function(f"complement{mark}", gate, family.gate, pattern="1 - {0}", spelt="complement")


ELEMENTWISE = (
    *(function for family in (*FLAT, EACH) for function in _arithmetic(family)),
    Function("add.fades", (Fades, Fades), Fades, True, pattern="{0} + {1}", spelt="add"),
    Function("mul.heads", (Heads, EACH.any), Heads, pattern="{0} * {1}", spelt="mul"),
    *_on((*FLAT, EACH), "tanh", "mixed", gives="bounded"),
    *_on((*FLAT, EACH), "sigmoid", "mixed", gives="gate"),
    *_on((*FLAT, EACH), "softplus", "mixed", gives="span"),
    *_on(FLAT, "relu", "mixed", gives="squashed"),
    *_on(FLAT, "swish", "mixed", gives="squashed"),
    *_on(FLAT, "gelu", "mixed", gives="squashed"),
    *_on(FLAT, "positive", "mixed", gives="span"),  # x + 1/2, or sigmoid(x) where x < 0
    *_on(FLAT, "square", "any"),
    *_on(FLAT, "slow", "gate", gives="gate"),  # its 16th root
    *_on((*FLAT, EACH), "decay", "span", gives="gate"),  # exp(-x)
    *_on(FLAT, "share", "gate", "gate", gives="gate"),  # a / (a + b)
)

LEARNED = (
    *_on((STREAM,), "linear", "any"),  # D to D
    *_on(FLAT, "low", "any"),  # by way of 16 numbers, or D / 4, and a bias
    *(Function(f"wide{f.mark[1:]}", (STREAM.any,), f.mixed) for f in WIDE),
    *(Function(f"narrow{f.mark}", (f.any,), STREAM.mixed, spelt="narrow") for f in WIDE),
    Function("each", (STREAM.any,), EACH.mixed),
    *_on((*FLAT, EACH), "scale", "any"),
    *_on((*FLAT, EACH), "bias", "any"),
    *_on((EACH,), "rate", "span", gives="span"),  # times a positive number a head
    *_on(FLAT, "norm", "any"),  # RMS norm
    *_on((STREAM,), "layernorm", "any"),
    *_on((STREAM,), "headnorm", "any"),
    *_on(FLAT, "depth3", "any"),
    *_on(FLAT, "depth4", "any"),
    *_on(FLAT, "long", "any"),
)

OVER_TIME = (
    *_on(FLAT, "shift", "any"),
    *_on(FLAT, "scan", "bounded", "any"),
    Function("wkv", (STREAM.any, STREAM.any), STREAM.mixed),
    *(Function(f"code{family.mark}", (family.any,), Codes, spelt="code") for family in FLAT),
    *(
        Function(
            f"select{family.mark}",
            (family.any, family.span, Codes, Codes),
            family.mixed,
            spelt="select",
        )
        for family in FLAT
    ),
    Function("state", (Heads, Heads, Heads, STREAM.bounded), STREAM.mixed),
    Function("delta", (Heads, Unit, Heads, EACH.gate, EACH.bounded), STREAM.mixed),
)

ATTENTION = (
    Function("split", (STREAM.any,), Heads),
    Function("rotate", (Heads,), Heads),
    Function("unit", (Heads,), Unit),
    Function("elu1", (Heads,), Positive),
    Function("dot.positive", (Positive, Positive), PositiveBare, spelt="dot"),
    Function("dot", (Heads, Heads), Bare),
    Function("fade.span", (EACH.span,), Fades, spelt="fade"),
    Function("fade", (EACH.any,), Fades),
    Function("rise", (EACH.any,), Fades),
    Function("tilt", (Bare, Fades), Logits),
    Function("weigh.positive", (PositiveBare, Fades), PositiveSums, spelt="weigh"),
    Function("weigh", (Bare, Fades), Sums),
    Function("softmax", (Logits,), Normal),
    Function("average", (PositiveSums,), Normal),
    Function("guard", (Sums,), Normal),
    Function("attend", (Attendable, Heads), STREAM.mixed),
)

CELL_WORDS = tuple(
    Function(path.stem, (STREAM.any,), STREAM.mixed) for path in sorted(CELLS.glob("*.cell"))
)

FUNCTIONS = (*ELEMENTWISE, *LEARNED, *OVER_TIME, *ATTENTION, *CELL_WORDS)
FADED = ("slope", "alibi")  # fades that are given: of RetNet and of ALiBi
DOTS = tuple(function.name for function in ATTENTION if function.word == "dot")
