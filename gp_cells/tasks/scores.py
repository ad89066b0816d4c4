"""The Bach chorales' MusicXML scores in the installed music21, read where they lie without importing it."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

from gp_cells.tasks.music import Note
from gp_cells.tasks.sources import installed
from gp_cells.tasks.task import DataError

SCORES = 410  # MusicXML files in corpus/bach of music21 10.5.1
VOICES = 4
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def find_scores(task: str) -> Path:
    """Return the folder of Bach scores in the installed music21, which is not imported.

    Raises:
        DataError: music21 is not installed; the line says that the task needs it.
    """
    advice = f"{task} needs music21's scores: pip install 'gp-cells[data]'"
    return installed("music21", advice) / "corpus" / "bach"


def list_scores(folder: Path) -> list[Path]:
    """Return the scores of a folder in the order of their names.

    Raises:
        DataError: there are more or fewer than music21 has.
    """
    paths = sorted(path for path in folder.glob("bwv*") if path.suffix in (".mxl", ".xml"))
    if len(paths) != SCORES:
        raise DataError(
            f"{folder}: expected {SCORES} MusicXML scores, found {len(paths)}; "
            "install music21==10.5.1 afresh"
        )
    return paths


def read_parts(path: Path) -> list[ElementTree.Element] | None:
    """Return the four parts of a score, the highest first, or None if it has other than four.

    Raises:
        DataError: the file is missing, empty or broken.
    """
    parts = read_score(path).findall("part")
    return parts if len(parts) == VOICES else None


@contextlib.contextmanager
def notes_of(path: Path) -> Iterator[None]:
    """Turn what reading a score's notes raises into one line.

    Raises:
        DataError: a note cannot be read.
    """
    try:
        yield
    except (ValueError, ArithmeticError, LookupError) as error:
        raise DataError(f"{path}: a note cannot be read ({error}); reinstall music21") from error


def read_score(path: Path) -> ElementTree.Element:
    """Return the root of a MusicXML score, plain (.xml) or zipped (.mxl).

    Raises:
        DataError: the file is missing, empty or broken.
    """
    try:
        if path.suffix == ".xml":
            score = ElementTree.parse(path).getroot()
        else:
            with zipfile.ZipFile(path) as archive:
                container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
                place = next(e.get("full-path", "") for e in container.iter("rootfile"))
                score = ElementTree.fromstring(archive.read(place))
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); reinstall music21") from error
    except (KeyError, StopIteration) as error:
        raise DataError(f"{path}: its zip holds no score; reinstall music21") from error
    except ElementTree.ParseError as error:
        raise DataError(f"{path}: not well-formed MusicXML ({error}); reinstall music21") from error
    if score.tag != "score-partwise":
        raise DataError(f"{path}: expected a score-partwise document, got {score.tag}")
    return score


def follow(part: ElementTree.Element) -> list[Note]:
    """Return the notes of a part, tied ones as one, without grace notes."""
    notes: list[Note] = []
    latest: dict[int, int] = {}  # where the last note of each pitch is
    measure_start = Fraction(0)
    divisions, transposed = 1, 0
    for measure in part.iterfind("measure"):
        now = last = start = measure_start
        for element in measure:
            if element.tag == "attributes":
                divisions = int(element.findtext("divisions") or divisions)
                if (transpose := element.find("transpose")) is not None:
                    octaves = int(transpose.findtext("octave-change") or 0)
                    transposed = int(transpose.findtext("chromatic") or 0) + 12 * octaves
            elif element.tag in ("note", "forward", "backup"):
                if element.find("grace") is not None:
                    continue
                length = Fraction(int(element.findtext("duration") or ""), divisions)
                if element.tag == "backup":
                    now -= length
                elif element.find("chord") is None:
                    start, now = now, now + length
                written = element.find("pitch")
                if written is not None:
                    pitch = number_pitch(written) + transposed
                    before = latest.get(pitch)
                    if before is not None and notes[before].end == start and is_tied(element):
                        notes[before] = notes[before]._replace(end=start + length)
                    else:
                        latest[pitch] = len(notes)
                        notes.append(Note(start, start + length, pitch))
            last = max(last, now)
        measure_start = last
    return notes


def is_tied(note: ElementTree.Element) -> bool:
    """Return whether a written note goes on from the one before."""
    return any(tie.get("type") == "stop" for tie in note.iterfind("tie"))


def number_pitch(pitch: ElementTree.Element) -> int:
    """Return the MIDI number of a written pitch: 60 for C4."""
    octave = int(pitch.findtext("octave") or "")
    alter = int(pitch.findtext("alter") or 0)
    return 12 * (octave + 1) + SEMITONES[pitch.findtext("step") or ""] + alter
