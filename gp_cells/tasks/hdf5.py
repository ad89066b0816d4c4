"""Datasets of an HDF5 file by their paths, wherever its links lead.

Soft and external links are followed as any reader of HDF5 does, external ones from the folder of the file
that has them. HDF5 gives what is not there as zeros: a virtual dataset of which a source is gone or too
small is refused instead.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gp_cells.tasks.task import DataError

if TYPE_CHECKING:
    import h5py

MOST_NAMES = 200_000  # that a pattern is looked for in
DEEPEST = 100  # groups in groups, and virtual datasets of virtual datasets
Select = Callable[[Sequence[str], Sequence[str]], tuple[list[str], tuple[str, ...]]]


def read_hdf5(
    path: Path, wanted: Sequence[str], select: Select
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return the datasets that are wanted, and the names that `select` leaves out.

    Raises:
        DataError: there is no such dataset, a link or a virtual dataset leads nowhere.
    """
    import h5py

    with contextlib.ExitStack() as stack:
        opened: dict[str, Any] = {}

        def open_file(place: str | Path) -> h5py.File:
            """Return a file, open once: to close it closes all that was ever opened in it."""
            real = os.path.realpath(place)
            if real not in opened:
                opened[real] = stack.enter_context(h5py.File(real, "r"))
            return opened[real]

        file = open_file(path)
        exact = {name: found for name in wanted if (found := _open(file, name)) is not None}
        names = list(exact)
        if len(exact) < len(set(wanted)):
            names += [name for name in _walk(file, "", [], itertools.count()) if name not in exact]
        chosen, left_out = select(names, wanted)
        columns = {}
        for name in chosen:
            dataset = exact[name] if name in exact else _open(file, name)
            if dataset is None:
                raise DataError(f"{name} is no dataset")
            _check_sources(name, dataset, open_file)
            columns[name] = dataset[()]
        return columns, left_out


def _open(file: h5py.File, name: str) -> Any:
    """Return the dataset of a path, or None where there is none.

    Raises:
        DataError: a link on the way leads nowhere.
    """
    import h5py

    place: Any = file
    parts = [part for part in name.split("/") if part]
    for i, part in enumerate(parts):
        if not isinstance(place, h5py.Group):
            return None
        link = place.get(part, getlink=True)
        if link is None:
            return None
        try:
            place = place[part]
        except (KeyError, OSError, RuntimeError) as error:
            raise DataError(f"{'/'.join(parts[: i + 1])} {_say_broken(link)}") from error
    return place if isinstance(place, h5py.Dataset) else None


def _say_broken(link: Any) -> str:
    """Return what to say of a link that leads nowhere."""
    import h5py

    if isinstance(link, h5py.ExternalLink):
        return f"is a link to {link.path} in the file {link.filename}, which cannot be read there"
    if isinstance(link, h5py.SoftLink):
        return f"is a link to {link.path}, which is not there"
    return "cannot be opened"


def _walk(group: h5py.Group, above: str, way: Sequence[Any], seen: Iterator[int]) -> Iterator[str]:
    """Yield the paths of all datasets, and of links that lead nowhere, a group's in its own order."""
    import h5py

    here = _identity(group)
    if here in way or len(way) > DEEPEST:
        return
    for name in group:
        path = f"{above}{name}"
        if next(seen) > MOST_NAMES:
            raise DataError(
                f"there are over {MOST_NAMES:,} names in it; name what is wanted in full"
            )
        try:
            item = group[name]
        except (KeyError, OSError, RuntimeError):
            yield path  # refused by its name, if a pattern wants it
            continue
        if isinstance(item, h5py.Dataset):
            yield path
        elif isinstance(item, h5py.Group):
            yield from _walk(item, f"{path}/", [*way, here], seen)


def _identity(group: h5py.Group) -> tuple[int, Any]:
    """Return what is the same for two names of one group."""
    import h5py

    told = h5py.h5o.get_info(group.id)
    return told.fileno, told.addr


def _check_sources(
    name: str, dataset: h5py.Dataset, open_file: Callable[[str], h5py.File], depth: int = 0
) -> None:
    """Refuse a dataset whose entries lie elsewhere, if any of them is not there.

    Raises:
        DataError: a source is gone or too small, or some entries have none.
    """
    missing = dataset.nbytes
    for file, start, size in dataset.external or []:
        path, taken = _find(file, dataset), min(size, missing)
        where = f"{name} has its numbers in the file {file}"
        if path is None:
            raise DataError(f"{where}, which is not there")
        if os.path.getsize(path) < start + taken:
            raise DataError(f"{where}, which is shorter than it was")
        missing -= taken
    if not dataset.is_virtual:
        return
    covered = 0
    for source in dataset.virtual_sources():
        taken = _points(source.vspace)
        covered += dataset.size if taken is None else taken
        if "%" in source.file_name + source.dset_name:
            continue  # a family of files, as many as there are
        where = f"{name} is a virtual dataset, whose source {source.dset_name}"
        found = _find_source(where, dataset, source, open_file)
        if depth < DEEPEST:
            _check_sources(source.dset_name, found, open_file, depth + 1)
    if covered < dataset.size:
        raise DataError(
            f"{name} is a virtual dataset of which {dataset.size - covered} of {dataset.size} entries "
            "have no source"
        )


def _find_source(
    where: str, dataset: h5py.Dataset, source: Any, open_file: Callable[[str], h5py.File]
) -> h5py.Dataset:
    """Return a source of a virtual dataset.

    Raises:
        DataError: it is gone, or smaller than the part it gives.
    """
    own = source.file_name == "."
    path = dataset.file.filename if own else _find(source.file_name, dataset)
    if path is None:
        raise DataError(f"{where} lies in the file {source.file_name}, which is not there")
    try:
        found = _open(open_file(path), source.dset_name)
    except OSError as error:
        raise DataError(f"{where} lies in the file {source.file_name}, which is no HDF5") from error
    if found is None:
        raise DataError(f"{where} is not in the file {source.file_name}")
    if _is_too_small(found, source):
        raise DataError(f"{where} in the file {source.file_name} is smaller than it was")
    return found


def _is_too_small(found: h5py.Dataset, source: Any) -> bool:
    """Say whether a source has not all that a virtual dataset takes from it."""
    import h5py

    taken = _points(source.vspace)
    if taken is None:
        return False
    if source.src_space.get_select_type() == h5py.h5s.SEL_ALL:  # of a shape that is not stored
        return bool(found.size < taken)
    _, last = source.src_space.get_select_bounds()
    return len(last) != found.ndim or any(np.array(last) >= np.array(found.shape))


def _points(space: Any) -> int | None:
    """Return how many entries a selection has, None for one that grows with its dataset."""
    try:
        return int(space.get_select_npoints())
    except (RuntimeError, ValueError):
        return None


def _find(file: str, dataset: h5py.Dataset) -> str | None:
    """Return the path of a file that a dataset names, from its own file's folder or from here."""
    own = os.path.dirname(os.path.realpath(dataset.file.filename))
    for place in (os.path.join(own, file), file):
        if os.path.isfile(place):
            return place
    return None
