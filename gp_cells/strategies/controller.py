"""A recurrent net that writes genomes token by token: an LSTM, its gradients and Adam, in numpy.

One layer of the LSTM of the space `recurrent` (`spaces/cells/lstm.cell`). It reads the token before, the
token above in the tree and the number of the argument, which spares it to count brackets (Petersen et al.
2021, https://arxiv.org/abs/1912.04871, have parent and sibling). Breeding so needs no torch.

Products are numpy's own sums (`einsum`), never a library's of linear algebra, in float64: so nothing
depends on a number of threads, and a machine draws the same in every process.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gp_cells.config import seeds
from gp_cells.genomes import variation
from gp_cells.genomes.edits import legal
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.genomes.writer import BEGIN, MOST_PLACES, Row, Step, Writer
from gp_cells.strategies.strategy import Outcome, Proposal

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
Weights = dict[str, Array]

STEADY = (0.9, 0.999, 1e-8)  # Adam's, as published
LARGEST = 1.0  # norm of a gradient; longer ones are cut to it


def product(left: Array, right: Array) -> Array:
    """Return a product of matrices, (rows, inner) and (inner, columns), without threads."""
    found: Array = np.einsum("ij,jk->ik", left, right)
    return found


@dataclass(frozen=True)
class Batch:
    """Rows side by side, (time, batch), with masks, (time, batch, token); a row ends where `real` does.

    What is `read` at each step are the token before, that above, and the number of the argument.
    """

    read: tuple[Numbers, Numbers, Numbers]
    tokens: Numbers
    masks: NDArray[np.bool_]
    real: NDArray[np.bool_]


def batch_of(rows: Sequence[Row], begin: int) -> Batch:
    """Return rows as one batch; where a row has ended, the first token is all that is allowed."""
    time, tokens = max(len(row.tokens) for row in rows), len(rows[0].steps[0].mask)
    shape = (time, len(rows))
    before, above, place, chosen = (np.zeros(shape, dtype=np.int64) for _ in range(4))
    masks, real = np.zeros((*shape, tokens), dtype=bool), np.zeros(shape, dtype=bool)
    masks[..., 0] = True
    for b, row in enumerate(rows):
        n = len(row.tokens)
        before[:n, b] = (begin, *row.tokens[:-1])
        above[:n, b] = [step.parent for step in row.steps]
        place[:n, b] = [step.place for step in row.steps]
        chosen[:n, b] = row.tokens
        masks[:n, b] = [step.mask for step in row.steps]
        real[:n, b] = True
    return Batch((before, above, place), chosen, masks, real)


def log_softmax(logits: Array, masks: NDArray[np.bool_]) -> Array:
    """Return log-probabilities over the last axis, minus infinity where the mask forbids."""
    held = np.where(masks, logits, -np.inf)
    top = held.max(axis=-1, keepdims=True)
    found: Array = held - top - np.log(np.exp(held - top).sum(axis=-1, keepdims=True))
    return found


class Controller:
    """An LSTM over a writer's tokens: its weights, what it has learned by, and the state of Adam."""

    def __init__(self, writer: Writer, units: int, rng: np.random.Generator) -> None:
        self.writer, self.units = writer, units
        tokens = len(writer.names)
        shapes = {
            "before": (tokens, units),
            "above": (tokens, units),
            "place": (MOST_PLACES + 1, units),
            "inputs": (units, 4 * units),
            "states": (units, 4 * units),
            "bias": (4 * units,),
            "outputs": (units, tokens),
            "last": (tokens,),
        }
        reach = 1 / np.sqrt(units)
        self.weights: Weights = {
            name: np.zeros(shape) if len(shape) == 1 else rng.uniform(-reach, reach, shape)
            for name, shape in shapes.items()
        }
        self.weights["bias"][units : 2 * units] = 1.0  # it remembers at first
        self.moments = {
            name: (np.zeros(of.shape), np.zeros(of.shape)) for name, of in self.weights.items()
        }
        self.steps = 0

    def copied(self) -> Controller:
        """Return a net with the same weights and writer, which learns by itself."""
        other = copy.copy(self)
        other.weights = {name: of.copy() for name, of in self.weights.items()}
        other.moments = {name: (m.copy(), s.copy()) for name, (m, s) in self.moments.items()}
        return other

    # --- forward ----------------------------------------------------------------------------------

    def forward(self, batch: Batch) -> tuple[Array, dict[str, Array]]:
        """Return logits, (time, batch, token), and what `backward` needs."""
        w, units = self.weights, self.units
        before, above, place = batch.read
        x = w["before"][before] + w["above"][above] + w["place"][place]
        time, size = before.shape
        into = product(x.reshape(-1, units), w["inputs"]).reshape(time, size, -1) + w["bias"]
        h, c = np.zeros((time + 1, size, units)), np.zeros((time + 1, size, units))
        gates = np.empty((time, size, 4 * units))
        for t in range(time):
            h[t + 1], c[t + 1], gates[t] = _step(into[t] + product(h[t], w["states"]), c[t])
        logits = product(h[1:].reshape(-1, units), w["outputs"]).reshape(time, size, -1) + w["last"]
        return logits, {"x": x, "h": h, "c": c, "gates": gates}

    # --- backward ---------------------------------------------------------------------------------

    def backward(self, batch: Batch, kept: Mapping[str, Array], slope: Array) -> Weights:
        """Return the gradients of the weights, from that of the logits."""
        w, units = self.weights, self.units
        x, h, c, gates = kept["x"], kept["h"], kept["c"], kept["gates"]
        time, size = slope.shape[:2]
        flat = slope.reshape(time * size, -1)
        of = {
            "outputs": product(h[1:].reshape(-1, units).T, flat),
            "last": flat.sum(axis=0),
        }
        from_above = product(flat, w["outputs"].T).reshape(time, size, units)
        back = np.ascontiguousarray(w["states"].T)
        into = np.empty_like(gates)
        later_h, later_c = np.zeros((size, units)), np.zeros((size, units))
        for t in reversed(range(time)):
            into[t], later_c = _step_back(
                gates[t], c[t], c[t + 1], from_above[t] + later_h, later_c
            )
            later_h = product(into[t], back)
        flat_into = into.reshape(time * size, -1)
        of["bias"] = flat_into.sum(axis=0)
        of["inputs"] = product(x.reshape(-1, units).T, flat_into)
        of["states"] = product(h[:-1].reshape(-1, units).T, flat_into)
        of_x = product(flat_into, w["inputs"].T)
        for name, numbers in zip(("before", "above", "place"), batch.read, strict=True):
            of[name] = np.zeros_like(w[name])
            np.add.at(of[name], numbers.reshape(-1), of_x)
        return of

    # --- learning ---------------------------------------------------------------------------------

    def learn(self, batch: Batch, worth: Array, entropy: float, rate: float) -> float:
        """Take one step of Adam towards rows by their worth, (batch,), and towards entropy.

        What is lessened is − worth · log p(row) − entropy · the entropies of its steps, mean over rows. A
        worth of 1 for all and no entropy is maximum likelihood. Return the mean − log p of a row, in nats.
        """
        logits, kept = self.forward(batch)
        slope, loss = loss_slope(logits, batch, worth, entropy)
        self._descend(self.backward(batch, kept, slope), rate)
        return loss

    def _descend(self, gradients: Weights, rate: float) -> None:
        norm = float(np.sqrt(sum(float((of**2).sum()) for of in gradients.values())))
        scale = min(1.0, LARGEST / norm) if norm > 0 else 1.0
        self.steps += 1
        first, second, least = STEADY
        for name, weights in self.weights.items():
            gradient = scale * gradients[name]
            mean, square = self.moments[name]
            mean *= first
            mean += (1 - first) * gradient
            square *= second
            square += (1 - second) * gradient**2
            step = mean / (1 - first**self.steps)
            weights -= rate * step / (np.sqrt(square / (1 - second**self.steps)) + least)

    # --- writing ----------------------------------------------------------------------------------

    def chooser(self, rng: np.random.Generator) -> _Chooser:
        """Return what draws each token of a new row under its mask, for `Writer.write`."""
        return _Chooser(self, rng)


class _Chooser:
    """Draws the tokens of one row."""

    def __init__(self, controller: Controller, rng: np.random.Generator) -> None:
        self.of, self.rng = controller, rng
        self.h, self.c = (np.zeros((1, controller.units)) for _ in range(2))
        self.before = controller.writer.number[BEGIN]

    def __call__(self, step: Step) -> int:
        w = self.of.weights
        x = w["before"][self.before] + w["above"][step.parent] + w["place"][step.place]
        into = product(x[None], w["inputs"]) + w["bias"] + product(self.h, w["states"])
        self.h, self.c, _ = _step(into, self.c)
        logits = product(self.h, w["outputs"]) + w["last"]
        chances = np.exp(log_softmax(logits, step.mask[None])[0]).cumsum()
        drawn = int(np.searchsorted(chances, self.rng.random() * chances[-1], side="right"))
        self.before = drawn if step.mask[drawn] else int(np.flatnonzero(step.mask)[-1])
        return self.before


def loss_slope(logits: Array, batch: Batch, worth: Array, entropy: float) -> tuple[Array, float]:
    """Return the gradient by logits of what `Controller.learn` lessens, and the mean − log p of a row."""
    logs = log_softmax(logits, batch.masks)
    chances = np.exp(logs)
    finite = np.where(batch.masks, logs, 0.0)
    entropies = -(chances * finite).sum(axis=-1, keepdims=True)
    time, size = batch.tokens.shape
    taken = np.take_along_axis(finite, batch.tokens[..., None], axis=-1)[..., 0]
    slope = chances * worth[None, :, None]
    rows, columns = np.indices((time, size))
    slope[rows, columns, batch.tokens] -= worth[None]
    slope += entropy * chances * (finite + entropies)
    slope *= batch.real[..., None] / size
    return slope, -float((taken * batch.real).sum()) / size


def _sigmoid(x: Array) -> Array:
    found: Array = 0.5 * (1 + np.tanh(0.5 * x))
    return found


def _step(into: Array, c: Array) -> tuple[Array, Array, Array]:
    """Return the next h and c, and the gates: input, forget, output and candidate."""
    units = c.shape[-1]
    gates = np.concatenate([_sigmoid(into[:, : 3 * units]), np.tanh(into[:, 3 * units :])], axis=1)
    i, f, o, g = (gates[:, k * units : (k + 1) * units] for k in range(4))
    after = f * c + i * g
    return o * np.tanh(after), after, gates


def _step_back(
    gates: Array, c: Array, after: Array, of_h: Array, of_after: Array
) -> tuple[Array, Array]:
    """Return the gradients of what went into the gates, and of c."""
    units = c.shape[-1]
    i, f, o, g = (gates[:, k * units : (k + 1) * units] for k in range(4))
    squashed = np.tanh(after)
    whole = of_after + of_h * o * (1 - squashed**2)
    into = np.concatenate(
        [
            whole * g * i * (1 - i),
            whole * c * f * (1 - f),
            of_h * squashed * o * (1 - o),
            whole * i * (1 - g**2),
        ],
        axis=1,
    )
    return into, whole * f


# --- in a search ----------------------------------------------------------------------------------

FRESH, FIRST_PASSES, FIRST_BATCH, FIRST_RATE = 128, 6, 16, 0.03  # how a new net learns the space
TRIES = 20  # rows that are written for a slot before a fresh genome takes it


def new_controller(space: Vocabulary, units: int, seed: int) -> Controller:
    """Return a net that has learned, by maximum likelihood, to write as a space draws fresh genomes.

    From equal weights hardly any row that types allow would be a genome that a space admits, where that has
    a rule of its own, such as a cell of six edges. A function of its arguments, kept for the next call.
    """
    frozen: Any = space  # as every plug-in, so that it can be a key
    return _new_controller(frozen, units, seed).copied()


@lru_cache(maxsize=4)
def _new_controller(space: Any, units: int, seed: int) -> Controller:
    rng = seeds.generator(seed=seed, purpose="controller")
    genomes = [variation.sample(space, rng) for _ in range(FRESH)]
    writer = Writer(space, genomes)
    controller = Controller(writer, units, rng)
    rows = [row for row in map(writer.read, genomes) if row is not None]
    imitate(controller, rows, FIRST_PASSES, FIRST_BATCH, FIRST_RATE, 0.0, rng)
    return controller


def imitate(
    controller: Controller,
    rows: Sequence[Row],
    passes: int,
    batch_size: int,
    rate: float,
    entropy: float,
    rng: np.random.Generator,
) -> None:
    """Let a net learn rows by maximum likelihood, in batches that are drawn anew in each pass."""
    begin = controller.writer.number[BEGIN]
    for _ in range(passes if rows else 0):
        order = rng.permutation(len(rows))
        for start in range(0, len(rows), batch_size):
            batch = batch_of([rows[i] for i in order[start : start + batch_size]], begin)
            controller.learn(batch, np.ones(batch.tokens.shape[1]), entropy, rate)


def rows_of(controller: Controller, history: Sequence[Outcome]) -> list[Row | None]:
    """Return the row of each outcome's genome, None where it has words that the net does not write."""
    writer = controller.writer
    return [writer.read(parse(outcome.genome, writer.language)) for outcome in history]


def written(
    controller: Controller,
    history: Sequence[Outcome],
    wave: int,
    slots: int,
    seed: int,
    operator: str,
) -> list[Proposal]:
    """Return genomes that a net writes for a wave, those that the history has not got yet.

    What the space does not admit, and what is known already, is written again; after `TRIES` rows a fresh
    genome takes the slot, whose operator says so.
    """
    known = {outcome.architecture_id for outcome in history}
    proposals = []
    for slot in range(slots):
        rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
        genome = _new_row(controller, known, rng)
        if genome is None:
            fresh = variation.sample_new(controller.writer.space, rng, known)
            proposals.append(Proposal(fresh, "sample"))
        else:
            proposals.append(Proposal(genome, operator))
        known.add(proposals[-1].genome.architecture_id)
    return proposals


def _new_row(
    controller: Controller, known: Collection[str], rng: np.random.Generator
) -> Genome | None:
    for _ in range(TRIES):
        formulas = controller.writer.write(controller.chooser(rng))
        genome = None if formulas is None else legal(controller.writer.space, formulas)
        if genome is not None and genome.architecture_id not in known:
            return genome
    return None
