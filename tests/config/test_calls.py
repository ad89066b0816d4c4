from __future__ import annotations

import re

import pytest

from gp_cells.config.calls import Call, read_call
from gp_cells.config.choose import SettingError


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("selBest", Call("selBest", {})),
        (" selBest() ", Call("selBest", {})),
        ("selTournament(tournsize=3)", Call("selTournament", {"tournsize": 3})),
        ("a.b:c.d(x=-1.5, y=True, z='t')", Call("a.b:c.d", {"x": -1.5, "y": True, "z": "t"})),
        (
            "mutUniform(expr=genFull(min_=0, max_=2))",
            Call("mutUniform", {"expr": Call("genFull", {"min_": 0, "max_": 2})}),
        ),
        ("f(points=[[1, 2], [3, 4]])", Call("f", {"points": [[1, 2], [3, 4]]})),
    ],
)
def test_a_text_is_read_as_the_call_that_it_spells(text: str, call: Call) -> None:
    assert read_call(text, "here") == call


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "3",
            "f(3)",
            "f(**x)",
            "f(x=y)",
            "f(x=1",
            "f(x=1) + 1",
            "f; g",
            "f(x=__import__('os').x)",
        ),
        *("f(x=[g()])", "f(x=lambda: 1)", "f(x=1)(y=2)", "f.(x=1)", ":f", "f(" * 3000),
    ],
)
def test_what_is_no_call_is_refused_in_a_line_with_an_example(text: str) -> None:
    said = "^here: expected a name, its arguments named, as selTournament(tournsize=3), got "
    with pytest.raises(SettingError, match=re.escape(said).replace(r"\^", "^")) as refused:
        read_call(text, "here")
    assert "\n" not in str(refused.value)
