"""A piece as a piano roll, as SVG or as text: what was composed, and below it the piece as written."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil

from gp_cells.exchange.music.piece import Piece
from gp_cells.tasks.music import Note, pitch_name

QUARTER, KEY = 15.0, 7.0  # size of a quarter and of a key, px
LEFT, HEAD, FOOT = 34.0, 24.0, 20.0  # room for names of keys, a heading and numbers, px
GRID = 4  # quarters between two lines
COLUMNS = 2  # of a quarter, in text
# Colours stand twice, since what is no browser knows no CSS variables.
STYLE = """
.gp-roll{font:12px ui-sans-serif,system-ui,-apple-system,"Segoe UI",sans-serif}
.gp-roll .paper{fill:#fff}
.gp-roll text{fill:#1f2328}
.gp-roll .small{font-size:10px;opacity:.72}
.gp-roll line{stroke:#d0d7de}
.gp-roll line.from{stroke:#1f2328;stroke-dasharray:3 3}
.gp-roll .given{fill:#8b929b}
.gp-roll .composed{fill:#2f6fb3}
.gp-roll .written{fill:#c2500a}
@media screen and (prefers-color-scheme:dark){
.gp-roll .paper{fill:#15181c}
.gp-roll text{fill:#e6e8eb}
.gp-roll line{stroke:#30363d}
.gp-roll line.from{stroke:#e6e8eb}
.gp-roll .composed{fill:#6cb0f0}
.gp-roll .written{fill:#f59a5b}
}
"""


def draw(piece: Piece) -> bytes:
    """Return both parts as SVG, a row for each key and the lines four quarters apart."""
    high = HEAD + len(piece.pitches) * KEY + FOOT
    wide, tall = LEFT + float(piece.quarters) * QUARTER + 14, len(piece.parts) * high
    panels = "".join(_panel(piece, kind, i * high) for i, kind in enumerate(piece.parts))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gp-roll" role="img" '
        f'viewBox="0 0 {wide:g} {tall:g}" width="{wide:g}" height="{tall:g}">'
        f"<title>{escape(piece.title)}</title><style>{STYLE}</style>"
        f'<rect class="paper" width="{wide:g}" height="{tall:g}"/>{panels}</svg>\n'
    )
    return svg.encode()


def _panel(piece: Piece, kind: str, top: float) -> str:
    """Return one part, whose upper edge is at `top`, px."""
    pitches, floor = piece.pitches, top + HEAD + len(piece.pitches) * KEY
    drawn = [f'<text x="{LEFT:g}" y="{top + 15:g}">{kind}</text>']
    for quarter in range(0, ceil(piece.quarters) + 1, GRID):
        x = LEFT + quarter * QUARTER
        drawn.append(_line(x, top + HEAD, x, floor))
        drawn.append(f'<text class="small" x="{x:g}" y="{floor + 12:g}">{quarter}</text>')
    for pitch in pitches:
        if pitch % 12 == 0:
            y = top + HEAD + (pitches[-1] - pitch + 0.5) * KEY
            drawn.append(_line(LEFT, y, LEFT + float(piece.quarters) * QUARTER, y))
            drawn.append(f'<text class="small" x="4" y="{y + 3:g}">{pitch_name(pitch)}</text>')
    for note in piece.parts[kind]:
        drawn.append(_block(piece, note, kind.split()[-1], top + HEAD))
    x = LEFT + float(piece.given) * QUARTER
    drawn.append(_line(x, top + HEAD, x, floor, "from"))
    return "".join(drawn)


def _line(x: float, y: float, to_x: float, to_y: float, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<line{named} x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}"/>'


def _block(piece: Piece, note: Note, kind: str, top: float) -> str:
    """Return a note, a little shorter than it sounds, so that a repeated one is seen to be."""
    kind = "given" if note.start < piece.given else kind
    x, y = LEFT + float(note.start) * QUARTER, top + (piece.pitches[-1] - note.pitch) * KEY
    wide, high = float(note.end - note.start) * QUARTER - 1, KEY - 1
    return f'<rect class="{kind}" x="{x:g}" y="{y + 0.5:g}" width="{wide:g}" height="{high:g}" rx="1.5"/>'


def print_out(piece: Piece) -> bytes:
    """Return both parts as text: a row for each key, a column for each eighth, `o` where a note begins.

    A stroke stands before what is no longer given. A column shows what sounds as its eighth begins.
    """
    texts = [piece.title]
    for kind, notes in piece.parts.items():
        texts += ["", kind, *_rows(piece, notes)]
    return ("\n".join(texts) + "\n").encode()


def _rows(piece: Piece, notes: Sequence[Note]) -> list[str]:
    columns, given = ceil(piece.quarters * COLUMNS), ceil(piece.given * COLUMNS)
    cells = {pitch: [" "] * columns for pitch in piece.pitches}
    for start, end, pitch in notes:
        for column in range(ceil(start * COLUMNS), ceil(end * COLUMNS)):
            cells[pitch][column] = "o" if column == ceil(start * COLUMNS) else "-"
    return [
        f"{pitch_name(pitch):>4} {''.join(row[:given])}|{''.join(row[given:])}".rstrip()
        for pitch, row in reversed(cells.items())
    ]
