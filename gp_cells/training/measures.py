"""What is measured of a trial that ended well; a measure that fails leaves all others as they are."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gp_cells.config.objectives import HOURS, TIMED, entanglement
from gp_cells.config.records import ENDED_WELL
from gp_cells.measures import Measure, Subject
from gp_cells.tasks import Arrays, SplitName
from gp_cells.training.train import Finished, Setup, make_network, one_line

LOG = logging.getLogger(__name__)
DEATHS = 2  # of the process in one measure, after which it is left out


@dataclass(frozen=True)
class Measures:
    """What was measured of a trial: values by column, CPU seconds by measure, and why some failed.

    A value is None where a network has none; a measure that failed has no values.
    """

    values: Mapping[str, float | None]
    cpu_s: Mapping[str, float]
    failures: Mapping[str, str]


NOTHING = Measures({}, {}, {})


class Attempts(Protocol):
    """What outlives a process that is killed while it measures."""

    def begin(self, measure: str) -> int:
        """Note that a measure begins; return how many processes died in it before."""
        ...


class NoAttempts:
    """Of trials that need not survive their process: nothing was ever begun."""

    def begin(self, measure: str) -> int:
        """Return 0."""
        return 0


def measure(
    setup: Setup,
    splits: Mapping[SplitName, Arrays],
    finished: Finished,
    chosen: Mapping[str, Measure],
    attempts: Attempts = NoAttempts(),  # noqa: B008, it has no state
) -> Measures:
    """Measure a finished trial's network, by each of the measures chosen; nothing of one that failed.
    Nor of a supernet, which is no network to be used.

    Whatever a measure raises, out of memory too, is its reason for having no values. One that killed
    its process as often as `DEATHS` is not begun again.
    """
    if finished.status not in ENDED_WELL or not chosen or setup.supernet:
        return NOTHING
    values: dict[str, float | None] = {}
    cpu_s, failures = {}, {}
    subject: Subject | None = None
    for name, member in chosen.items():
        began = time.process_time()
        try:
            if attempts.begin(name) >= DEATHS:
                raise RuntimeError(f"the process was killed {DEATHS} times while it measured this")
            if subject is None:
                subject = _subject(setup, splits, finished)
                began = time.process_time()
            values |= _declared(member, member.measure(subject))
        except Exception as error:  # anything, a plug-in's own mistakes too; the training is done
            LOG.warning("the measure %s failed", name, exc_info=True)
            failures[name] = one_line(error)
        cpu_s[name] = time.process_time() - began
    return Measures(values, cpu_s, failures)


def _subject(setup: Setup, splits: Mapping[SplitName, Arrays], finished: Finished) -> Subject:
    untrained = make_network(setup)
    trained = copy.deepcopy(untrained)
    trained.load_state_dict(finished.best_weights)
    return Subject(
        untrained=untrained,
        trained=trained,
        task=setup.task,
        form=setup.form,
        splits=splits,
        device=setup.device,
    )


def _declared(measure: Measure, given: Mapping[str, float | None]) -> Mapping[str, float | None]:
    """Return what a measure gave, as numbers, if it is just what its columns say."""
    names = [column.name for column in measure.columns]
    if sorted(given) != sorted(names):
        raise ValueError(
            f"expected values for {', '.join(names)}; got {', '.join(given) or 'none'}"
        )
    return {name: None if (value := given[name]) is None else float(value) for name in names}


def objectives(measures: Measures, finished: Finished) -> dict[str, float | None]:
    """Return what was measured as objectives, to be minimised; None where there is no number."""
    values = measures.values
    return {
        **{name: values.get(name) for name in TIMED},
        "entanglement": entanglement(values.get("introspectability")),
        **{of: sum(getattr(epoch, of) for epoch in finished.epochs) for of in HOURS.values()},
    }
