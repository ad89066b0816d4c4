"""What an author outside is asked before a wave of a run: the space, what is known so far, how to answer.

Equal histories give equal bytes, and their hash goes into the answer, so that it is known later what an
author had seen. Nothing in it is of the test split.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gp_cells.config.choose import SettingError, about
from gp_cells.config.files import hash_bytes, read_text, written_beside
from gp_cells.config.own_files import folder_of_run, proposals_file
from gp_cells.config.plan import wave_place
from gp_cells.config.records import LineageEntry, RunSettings
from gp_cells.config.typed_json import read_record, read_records
from gp_cells.genomes.genome import parse
from gp_cells.genomes.language import Function, Language, Value
from gp_cells.genomes.terms import heads
from gp_cells.plugins import space_of
from gp_cells.spaces.space import Space
from gp_cells.strategies import Outcome
from gp_cells.strategies.dictated import words_of
from gp_cells.strategies.history import read_history
from gp_cells.workflow.steps import finalists

BEST, REFUSED, EXAMPLES = 12, 12, 2  # cells, refusals and designs that are told of
ANCESTORS = 6  # of each cell
ASKED = ".prompt.md"  # what the name of a prompt ends in, beside the file of the answer


@dataclass(frozen=True)
class Prompt:
    """What is asked before a wave, and the file that the answer goes to."""

    text: str
    wave: int
    answer: Path

    @property
    def digest(self) -> str:
        """The blake2b-128 of the text, in hex."""
        return hash_bytes(self.text.encode())

    @property
    def file(self) -> Path:
        """Where the text is written, beside the answer."""
        return self.answer.with_name(f"{self.answer.stem}{ASKED}")


def write_prompt(results: Path, run: str, to: Path | None) -> str:
    """Write what is asked before the next wave of a run, and return lines that say where and its hash.

    Raises:
        SettingError: there is no such run, or it is bred to its end.
        RecordError: a file of the run is missing or broken.
    """
    prompt = prompt_of(results / "runs" / run)
    path = to or prompt.file
    with written_beside(path) as partial:
        partial.write_bytes(prompt.text.encode())
    return (
        f"prompt:  {path}, of wave {prompt.wave}, {len(prompt.text):,} characters\n"
        f"blake2b: {prompt.digest}\nanswer:  {prompt.answer}"
    )


def prompt_of(folder: Path) -> Prompt:
    """Return what is asked before the first wave of a run that is not bred yet.

    Raises:
        SettingError: there is no such run, or all its waves are bred.
        RecordError: a file of the run is missing or broken.
    """
    file = folder / "settings.json"
    if not file.is_file():
        raise SettingError(
            f"there is no run {folder.name!r} in {folder.parent}; start its benchmark, which stops where "
            "proposals are wanted"
        )
    settings = read_record(RunSettings, file)
    search = settings.search
    bred = [folder / wave_place(wave) / "lineage.json" for wave in range(search.waves)]
    wave = next((number for number, path in enumerate(bred) if not path.exists()), None)
    if wave is None:
        raise SettingError(
            f"{settings.run}: all {search.waves} waves are bred; nothing is to be asked"
        )
    newest = wave - search.lag
    history = read_history(folder / wave_place(newest) / "history.jsonl.gz") if newest >= 0 else []
    lineage = [entry for path in bred[: newest + 1] for entry in read_records(LineageEntry, path)]
    named = str(settings.strategy.settings.get("proposals", "dictated"))
    answer = proposals_file(folder_of_run(named, settings.run), wave)
    text = "\n".join(_lines(settings, wave, history, {of.candidate: of for of in lineage}, answer))
    return Prompt(f"{text}\n", wave, answer)


def _lines(
    settings: RunSettings,
    wave: int,
    history: Sequence[Outcome],
    lineage: Mapping[str, LineageEntry],
    answer: Path,
) -> Iterator[str]:
    """Yield the lines of a prompt."""
    space, slots = space_of(settings), settings.search.widths[wave]
    yield f"# Wave {wave} of {settings.run}"
    yield ""
    yield (
        f"Propose {slots} architectures for the task {settings.task_label}. Each is trained, and what "
        f"counts is its validation loss in {settings.data.unit}, lower is better. The search has "
        f"{settings.search.waves} waves."
    )
    yield from _grammar(space)
    yield from _best(history, lineage)
    yield from _refused(lineage)
    yield from _form(slots, answer)


# --- the space ------------------------------------------------------------------------------------


def _grammar(space: Space) -> Iterator[str]:
    """Yield what a genome of a space may say."""
    language, kind = space.language, space.language.kind
    allowed = words_of(space)
    yield "\n## The language\n"
    yield (
        f"A genome has one formula a line, `name = expression`. It writes {', '.join(kind.outputs)}"
        f"{_others(language)}. Nothing else is Python: there is no number but the 1 of a pattern below."
    )
    types = dict(language.typed_inputs)
    given = [
        f"{name} ({_type(language.type_of(name, types))})" for name in (*kind.inputs, *kind.states)
    ]
    if given:
        yield f"Given by name: {', '.join(given)}."
    if space.projections:
        leaves = ", ".join(space.projections)
        yield f"Learned leaves, each number its own weights: {leaves} ({_type(language.leaf)})."
    yield "Functions, with the types of arguments and value:\n"
    functions = [of for of in language.by_name.values() if of.name in allowed]
    yield from dict.fromkeys(map(_function, functions))
    kinds = dict.fromkeys(kind for of in functions for kind in of.arguments)
    named = [kind for kind in kinds if kind.label == Value.label and kind is not Value]
    if named:
        yield f"\nEvery type is a value too; but no other stands for {_listed(named)}."
    yield "\nLimits:\n"
    for field in dataclasses.fields(space):  # type: ignore[arg-type]
        value = getattr(space, field.name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"- {field.name} {value:g}: {about(field).description}"
    examples = list(islice(_examples(space, allowed), EXAMPLES))
    if examples:
        yield "\nDesigned by hand, within these words:\n"
        yield from map(_fenced, examples)


def _function(function: Function) -> str:
    """Return how a function is written, and its types."""
    arguments = [_type(argument) for argument in function.arguments]
    spelt = (
        function.pattern.format("x", "y")
        if function.pattern
        else f"{function.word}({', '.join('xyz'[: len(arguments)])})"
    )
    return f"- `{spelt}`: {', '.join(arguments)} → {_type(function.result)}"


def _type(kind: type[Value]) -> str:
    """Return what a type is called: its label, or its own name where it has none."""
    return kind.label if kind is Value or kind.label != Value.label else kind.__name__.lower()


def _listed(kinds: Sequence[type[Value]]) -> str:
    return ", ".join(f"{_type(kind)} ({kind.refusal})" for kind in kinds)


def _examples(space: Space, allowed: Collection[str]) -> Iterator[str]:
    """Yield the hand-designed genomes that a search in a space could write."""
    language = space.language
    for path in space.baselines.values():
        genome = parse(read_text(path), language).canonical()
        drawn = {
            head
            for _, term in genome.formulas
            for head in heads(term)
            if head in language.by_name or language.is_learned(head)
        }
        if drawn <= set(allowed) and space.admits(genome):
            yield str(genome)


def _others(language: Language) -> str:
    kind = language.kind
    if kind.shares:
        return ", and before each of them values with names of your own, which it may read"
    names = ", ".join(kind.named)
    if not kind.states:
        return f", and above it modules {names}, each a formula of x that it may call as a function"
    return f", and memory cells of {names}; c' is what the next step reads as c" if names else ""


def _fenced(text: str) -> str:
    return f"```\n{text}\n```"


# --- what is known --------------------------------------------------------------------------------


def _best(history: Sequence[Outcome], lineage: Mapping[str, LineageEntry]) -> Iterator[str]:
    """Yield the best cells with their losses and ancestors, and how many failed."""
    yield "\n## What is known\n"
    if not history:
        yield "Nothing has been trained yet."
        return
    failed = [outcome for outcome in history if outcome.failed]
    reasons = ", ".join(sorted({outcome.status for outcome in failed}))
    yield (
        f"{len(history)} candidates have ended, {len({o.architecture_id for o in history})} different ones"
        + (f"; {len(failed)} failed ({reasons})" if failed else "")
        + ". The best:"
    )
    losses = {outcome.candidate: outcome for outcome in history}
    for outcome in finalists([o for o in history if not o.failed], BEST):
        sizes = ", ".join(
            f"{outcome.objectives[name]:,.0f} {name}"
            for name in ("parameters",)
            if outcome.objectives.get(name) is not None
        )
        yield (
            f"\n{outcome.candidate}: loss {outcome.fitness:.5g}{f', {sizes}' if sizes else ''}; "
            f"{_descent(outcome.candidate, lineage, losses)}"
        )
        yield _fenced(outcome.genome)


def _descent(
    candidate: str, lineage: Mapping[str, LineageEntry], losses: Mapping[str, Outcome]
) -> str:
    """Return how a candidate came about: its operator, and its first parents with their losses."""
    entry = lineage[candidate]
    said, path = f"made by {entry.operator}", [candidate]
    while entry.parents and entry.parents[0] in lineage and len(path) <= ANCESTORS:
        parent = entry.parents[0]
        loss = f"{losses[parent].fitness:.5g}" if parent in losses else "unknown"
        said += f" from {parent} ({loss})"
        path.append(parent)
        entry = lineage[parent]
    return said


def _refused(lineage: Mapping[str, LineageEntry]) -> Iterator[str]:
    """Yield what was refused last, and why."""
    found = [
        (candidate, refusal)
        for candidate, entry in lineage.items()
        if isinstance(entry.note, dict)
        for refusal in entry.note.get("refused", ())
    ]
    if found:
        yield "\n## What was refused\n"
        for candidate, refusal in found[-REFUSED:]:
            yield f"- line {refusal['line']} of wave {int(candidate[1:4])}: {refusal['reason']}"


def _form(slots: int, answer: Path) -> Iterator[str]:
    """Yield how to answer."""
    shown = dict.fromkeys(("text", "author", "date", "prompt"), "…") | {"parents": ["…"]}
    yield "\n## How to answer\n"
    yield (
        f"With JSON Lines in the file {answer}, an object a line, at least {slots} of them; of more the "
        f"first {slots} valid ones are taken:\n"
    )
    yield _fenced(json.dumps(shown, ensure_ascii=False))
    yield (
        "\n`text` is the genome, its lines parted by \\n; `author` who or what wrote it; `date` as "
        "2026-01-31; `prompt` the blake2b of this text, as it was printed; `parents` the candidates that "
        "it was made from, if any. A text that cannot be read, or is outside the limits, is refused and "
        "recorded, and the next line takes its place."
    )
