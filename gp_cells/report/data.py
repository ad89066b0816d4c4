"""What the page says of a task's data, and of which classes were taken for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, Any]
SPLITS = {"train": "training", "valid": "validation", "test": "test"}
MOST_CLASSES = 30  # that are told one by one


def describe_data(settings: Mapping[str, Any]) -> Row:
    """Return what a task's data are, from the settings of one of its runs.

    `splits` are rows of name, examples and targets, None where unknown; `classes` those of name and share
    in each split. Runs from before data were counted know the targets of two splits alone.
    """
    data, counts = settings["data"], settings.get("counts")
    form, targets = data["form"], data["targets"]
    examples = counts["examples"] if counts else {}
    known = [split for split in SPLITS if split in examples or split in targets]
    return {
        "is": _inputs(form, counts),
        "predicts": _targets(form),
        "splits": [
            {"name": SPLITS[split], "examples": examples.get(split), "targets": targets.get(split)}
            for split in known
        ],
        "is_counted": counts is not None,
        "has_targets": any(targets[split] != examples.get(split) for split in targets),
        "classes": _classes(counts, known) if counts else [],
    }


def _inputs(form: Mapping[str, Any], counts: Mapping[str, Any] | None) -> str:
    if form["inputs"] == "images":
        size = f"{form.get('height', 0)} × {form.get('width', 0)}"
        return f"images of {size}, {form['features']} channel{'s' if form['features'] > 1 else ''}"
    if form["inputs"] == "numbers":
        return f"rows of {form['features']:,} number{'s' if form['features'] > 1 else ''}"
    what = {"frames": "numbers", "symbols": "symbols of the vocabulary"}[form["inputs"]]
    step = f"{form['features']:,} {what} a step"
    if counts is None:
        return f"sequences, {step}"
    if not counts["longest"]:
        return f"one text, {step}"
    least, most = counts["shortest"], counts["longest"]
    return f"sequences of {least if least == most else f'{least:,} to {most:,}'} steps, {step}"


def _targets(form: Mapping[str, Any]) -> str:
    return {
        "classes": f"one of {form['outputs']:,} classes",
        "keys": f"which of {form['outputs']:,} keys are on",
        "numbers": f"{form['outputs']:,} number{'s' if form['outputs'] > 1 else ''}",
    }[form["targets"]]


def _classes(counts: Mapping[str, Any], splits: Sequence[str]) -> list[Row]:
    """Return each class with its share of each split; none where there are too many to be read."""
    by_split = [counts["classes"].get(split, ()) for split in splits]
    number = min(map(len, by_split), default=0)
    if number > MOST_CLASSES:
        return []
    return [
        {
            "name": class_names(counts, number)[i],
            "shares": [(of[i], of[i] / max(sum(of), 1)) for of in by_split],
        }
        for i in range(number)
    ]


def class_names(counts: Mapping[str, Any] | None, number: int) -> Sequence[str]:
    """Return the names of the classes, or their numbers."""
    names = counts["names"] if counts else ()
    return names if len(names) == number else [str(i) for i in range(number)]


def describe_confusion(row: Mapping[str, Any], settings: Mapping[str, Any]) -> Row | None:
    """Return which classes a finalist took for which, None where it was not kept.

    Each row is a class, with its share that is right, and of each class taken for it the count and the
    share of the row.
    """
    table = row["confusion"]
    if table is None:
        return None
    names = class_names(settings.get("counts"), len(table))
    return {
        "label": row["label"],
        "seeds": row["seeds"],
        "names": names,
        "rows": [_confused(i, names[i], counts) for i, counts in enumerate(table)],
    }


def _confused(own: int, name: str, counts: Sequence[int]) -> Row:
    whole = sum(counts)
    shares = [n / whole if whole else 0.0 for n in counts]
    return {
        "name": name,
        "right": shares[own] if whole else None,
        "cells": [
            (n, share, i == own) for i, (n, share) in enumerate(zip(counts, shares, strict=True))
        ],
    }
