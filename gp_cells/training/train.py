"""One trial: train one genome on one task with one seed, whatever happens to the process meanwhile.

The order of batches comes from the trial's seed and the epoch's number, never from how far a process
got, so a trial that is killed and resumed from its checkpoint ends with the very bits of one that
ran through. This module opens no files: checkpoints go through the `CheckpointStore` handed in.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from gp_cells.config import seeds
from gp_cells.config.recipe import Form, Shard
from gp_cells.config.records import ENDED_WELL, StoppedAt
from gp_cells.config.refusal import ASKED_TO_STOP
from gp_cells.config.supernet import Supernet, SupernetOutcome
from gp_cells.config.surface import Surface
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.supernets import is_supernet
from gp_cells.networks.cell import Engine
from gp_cells.networks.device import refuse_missing
from gp_cells.networks.network import Network
from gp_cells.spaces import Space
from gp_cells.stopping import Stopper
from gp_cells.stopping.stopper import Curve, Learned, first_stop
from gp_cells.tasks import Arrays, Batch, SplitName, Task
from gp_cells.tasks.shards import deal
from gp_cells.training.augment import augmented
from gp_cells.training.loss import (
    first_guess,
    ignorant_loss,
    smoothed_loss,
    summed_errors,
    summed_loss,
)
from gp_cells.training.optimiser import Optimiser, share_of_rate
from gp_cells.training.pruning import Sparse
from gp_cells.training.state import Before, State, take_up
from gp_cells.training.supernet import Choosing
from gp_cells.training.surface import surface_of

CHECKPOINT_EVERY_S = 60.0  # at most, and at the first epoch's end and the last one's
CHECKPOINT_SHARE = 0.01  # of the time, that checkpoints at the ends of other epochs may take
RUNNING = ("loss", "targets", "norm", "wall_s", "cpu_s")  # summed over the batches of an epoch
EXPLODED = 10.0  # times the loss of a guess that gives every outcome the same probability


@dataclass(frozen=True)
class Setup:
    """Everything that decides what a trial does."""

    genome: Genome
    space: Space
    task: Task
    form: Form
    learning_rate: float
    seed: int
    stopper: Stopper
    time_limit_s: float  # of wall time in training, over all resumptions
    learned: Learned | None = None  # by the stopper, from earlier trials
    control: bool = False  # whether the trial goes on where the stopper would end it
    engine: str = "compiled"
    device: str = "cpu"
    precision: str = "float32"
    start: State | None = None  # what another trial left, to go on from
    keeps: bool = False  # whether its own final state is wanted
    shard: Shard | None = None  # the part of the training split, else all of it
    supernet: Supernet | None = None  # how one is trained, of a genome with choices
    sparse: Sparse | None = None  # what of its weights stays zero, else nothing


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One row of the learning curve; losses in the task's unit, times in seconds.

    `valid_error` is the share of validation targets whose class is not the most probable one, NaN
    where there are no classes. `gradient_norm` is the mean over batches, before clipping.
    """

    epoch: int
    train_loss: float
    valid_loss: float
    valid_error: float
    gradient_norm: float
    wall_s: float
    cpu_s: float


@dataclass
class Progress:
    """How far a trial has come: all that a checkpoint needs to hold.

    `tensors` has the weights, the optimiser's moments, the carried state and the best weights so
    far, by name; `running` the sums over the batches done in the epoch under way.
    """

    epochs: list[Epoch] = field(default_factory=list)
    batches: int = 0
    running: dict[str, float] = field(default_factory=lambda: dict.fromkeys(RUNNING, 0.0))
    tensors: dict[str, Tensor] = field(default_factory=dict)
    resumed: int = 0


class CheckpointStore(Protocol):
    """Where a trial's checkpoint lives."""

    def load(self) -> Progress | None:
        """Return what was kept for this very trial, or None."""
        ...

    def save(self, progress: Progress) -> None:
        """Keep the progress in place of what was kept before."""
        ...


class NoCheckpoints:
    """The store of trials that need not survive their process: it keeps nothing."""

    def load(self) -> None:
        """Return None: there is never anything."""

    def save(self, progress: Progress) -> None:
        """Forget the progress."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a trial ended. `fitness` is the best validation loss, None if the trial failed."""

    status: str
    reason: str
    epochs: tuple[Epoch, ...]
    fitness: float | None
    best_epoch: int | None
    best_weights: Mapping[str, Tensor]
    resumed: int
    first_step_at: float | None  # time.time() after the first batch of this process
    engine: Engine | None  # None if the candidate could not be built
    inherited: float | None = None  # share of the weights; see `state.Before`
    stopped: StoppedAt | None = None
    state: State | None = None  # of a trial that ended well, if it was wanted
    judged: tuple[float, ...] = ()  # losses of its last weights; see `Shard`
    supernet: SupernetOutcome | None = None
    surface: Surface | None = None  # of its best weights; of networks that read two numbers


class Interrupted(Exception):
    """The process was asked to stop; the trial's checkpoint is kept and it can be resumed."""


class _Failed(Exception):
    """The candidate itself is bad; carries its status and the reason."""


def train(
    setup: Setup,
    splits: Mapping[SplitName, Arrays],
    checkpoints: CheckpointStore,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Finished:
    """Train until the recipe ends, the stopper says so, or the candidate fails.

    Raises:
        Interrupted: `stop_requested` said so between two batches.
    """
    training = None
    try:
        training = _Training(setup, splits, checkpoints, stop_requested)
        status, reason = training.run()
    except _Failed as failure:
        status, reason = failure.args
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise  # the machine's fault, not the candidate's: to be tried again
        status, reason = "out_of_memory", one_line(error)
    if training is None:
        return Finished(
            status=status,
            reason=reason,
            epochs=(),
            fitness=None,
            best_epoch=None,
            best_weights={},
            resumed=0,
            first_step_at=None,
            engine=None,
        )
    return training.finished(status, reason)


def evaluate(
    network: Network,
    task: Task,
    form: Form,
    split: Arrays,
    device: str = "cpu",
    seen: Callable[[Tensor, Batch], None] = lambda predicted, batch: None,
) -> tuple[float, float]:
    """Return the mean loss over every target of a split, in the task's unit, and the error.

    The error is the share of classes that are not the most probable one, NaN without classes. `seen` is
    called with the predictions (…, outputs) of each batch.
    """
    network.eval()
    loss, errors, targets, state = 0.0, 0.0, 0.0, None
    with torch.no_grad():
        for batch in task.batches(split, None):
            predicted, state = _predicted(network, batch, state, device, None)
            judged = predicted, *_on(device, batch.targets, batch.counted)
            loss += summed_loss(form, *judged).item()
            errors += summed_errors(form, *judged)
            targets += float(batch.counted.sum())
            seen(predicted, batch)
    return loss / targets, errors / targets


def make_network(setup: Setup) -> Network:
    """Return the network of a trial with its first weights.

    Raises:
        DeviceError: it is for a GPU, and this machine has none.
    """
    refuse_missing(setup.device)
    recipe = setup.task.recipe
    machinery = (setup.engine, setup.device, setup.precision)
    if is_supernet(setup.genome) and setup.supernet is None:
        raise _Failed(
            "invalid", "a genome with choices is a supernet; pick one of each to train it"
        )
    try:
        network = setup.space.network(setup.genome, setup.form, recipe, *machinery)
    except ValueError as error:
        raise _Failed("invalid", one_line(error)) from error
    network.initialise(seeds.derive(seed=setup.seed, purpose="weights"))
    if recipe.initial_scale != 1:
        scale_matrices(network, recipe.initial_scale)
    return network.to(setup.device)


@torch.no_grad()
def scale_matrices(network: Network, factor: float) -> None:
    """Multiply all learned tensors but vectors, such as biases and gains, by a factor."""
    for weight in network.parameters():
        if weight.ndim > 1:
            weight.mul_(factor)


def giving_network(setup: Setup, genome: Genome) -> Network:
    """Return the network of another genome of a trial's space, to take weights from: never run."""
    recipe = setup.task.recipe
    engine = "eager" if "eager" in setup.space.engines else setup.engine
    return setup.space.network(genome, setup.form, recipe, engine, "cpu", "float32")


def _on(device: str, *arrays: np.ndarray) -> list[Tensor]:
    return [torch.from_numpy(array).to(device) for array in arrays]


def _predicted(
    network: Network, batch: Batch, state: Any, device: str, generator: torch.Generator | None
) -> tuple[Tensor, Any]:
    (inputs,) = _on(device, batch.inputs)
    return network(inputs, state if batch.continues else None, generator)


class _Training:
    """The network, its optimiser and its progress, while a trial runs."""

    def __init__(
        self,
        setup: Setup,
        splits: Mapping[SplitName, Arrays],
        checkpoints: CheckpointStore,
        stop_requested: Callable[[], bool],
    ) -> None:
        self.setup, self.checkpoints = setup, checkpoints
        self.splits, self.judged_on = deal(splits, setup.shard, setup.seed)
        self.stop_requested = stop_requested
        self.network = make_network(setup)
        batches = setup.task.batches(self.splits["train"], None)
        told = [(batch.targets, batch.counted) for batch in batches]
        guess = first_guess(setup.form, told)
        self.network.start_from(guess.to(setup.device))
        recipe = setup.task.recipe
        self.steps = recipe.epochs * len(told)
        settings = (setup.learning_rate, recipe.weight_decay, recipe.optimiser)
        self.optimiser = Optimiser(self.network.parameters(), *settings)
        self.generator = torch.Generator(setup.device)
        self.state: Any = None
        self.choosing: Choosing | None = None
        if setup.supernet is not None:
            self.choosing = Choosing(setup, setup.supernet, self.judged_on[0])
        self.before = Before()
        if setup.start is not None:
            going_on = (setup.genome, self.network, self.optimiser, partial(giving_network, setup))
            self.before = take_up(setup.start, *going_on)
        if setup.sparse is not None:
            setup.sparse.begin(self.network)
        self.best: dict[str, Tensor] = dict(self.before.best)
        self.first_step_at: float | None = None
        self.progress = checkpoints.load() or Progress()
        if self.progress.tensors:
            self._restore()
        self.marked = (time.perf_counter(), time.process_time())
        self.saved_at, self.saving_s = time.monotonic(), 0.0

    def run(self) -> tuple[str, str]:
        """Train epoch after epoch; return the status and its reason."""
        while (verdict := self._verdict()) is None:
            self._train_epoch(self._epochs() + 1)
            network = self.network
            if self.choosing is not None:
                network = self.choosing.to_validate(network, self.splits["train"])
            judged = (self.setup.task, self.setup.form, self.splits["valid"], self.setup.device)
            self._end_epoch(*evaluate(network, *judged))
        self._save()  # what comes after training can fail, and is then done again alone
        return verdict

    def _verdict(self) -> tuple[str, str] | None:
        """Return how the trial ends after the epochs so far, or None to go on.

        It reads the curve alone, so that a trial killed right here comes to the same end.
        """
        curve = self._losses()
        if not curve:
            return None
        if not math.isfinite(curve[-1]):
            return "diverged", f"validation loss not finite in epoch {self._epochs()}"
        if curve[-1] > EXPLODED * ignorant_loss(self.setup.form):
            return (
                "diverged",
                f"validation loss exploded in epoch {self._epochs()}: {curve[-1]:.4g}",
            )
        if len(self.progress.epochs) >= self.setup.task.recipe.epochs:
            return "ok", "all epochs done"
        if self.setup.control:
            return None
        stop = self.setup.stopper.stop(self._curve(), self.setup.learned)
        return ("stopped_early", stop.reason) if stop else None

    def _curve(self) -> Curve:
        """Return what a stopping rule sees of the trial."""
        own = [epoch.train_loss for epoch in self.progress.epochs]
        return Curve(
            losses=self._losses(),
            train_losses=[math.nan] * len(self.before.losses) + own,
            epochs=len(self.before.losses) + self.setup.task.recipe.epochs,
        )

    def _stopped(self, status: str) -> StoppedAt | None:
        """Return where the stopping rule ended the trial, or would have."""
        curve, rule, learned = self._curve(), self.setup.stopper, self.setup.learned
        if status == "stopped_early":
            stop = rule.stop(curve, learned)
            found = None if stop is None else (len(curve.losses), stop)
        elif self.setup.control:
            finite = [math.isfinite(loss) for loss in curve.losses]
            known = finite.index(False) if False in finite else len(finite)
            found = first_stop(rule, curve.until(known), learned)
        else:
            return None
        if found is None:
            return None
        epoch, stop = found
        observed = min(curve.losses[:epoch])
        return StoppedAt(epoch=epoch, code=stop.code, observed=observed, predicted=stop.predicted)

    def _epochs(self) -> int:
        """Return how many epochs the weights have seen."""
        return self.before.epochs + len(self.progress.epochs)

    def _losses(self) -> list[float]:
        """Return the validation losses of all epochs that trained this genome."""
        return [*self.before.losses, *(epoch.valid_loss for epoch in self.progress.epochs)]

    def _train_epoch(self, epoch: int) -> None:
        self.network.train()
        shuffle = seeds.generator(seed=self.setup.seed, purpose="batches", epoch=epoch)
        for i, batch in enumerate(self.setup.task.batches(self.splits["train"], shuffle)):
            if i < self.progress.batches:
                continue  # done before the process was killed
            self._train_batch(epoch, i, batch)
            self.progress.batches = i + 1
            self._note_time()
            self._pause()

    def _train_batch(self, epoch: int, number: int, batch: Batch) -> None:
        self.generator.manual_seed(
            seeds.derive(seed=self.setup.seed, purpose="dropout", epoch=epoch, batch=number)
        )
        targets = float(batch.counted.sum())
        device, recipe = self.setup.device, self.setup.task.recipe
        batch = augmented(batch, recipe, seed=self.setup.seed, epoch=epoch, number=number)
        if self.choosing is not None:
            self.choosing.open_to_train(self.network, epoch, number)
        predicted, state = _predicted(self.network, batch, self.state, device, self.generator)
        judged = predicted, *_on(device, batch.targets, batch.counted)
        summed = summed_loss(self.setup.form, *judged)
        learned = summed
        if recipe.label_smoothing:
            learned = smoothed_loss(summed, predicted, judged[2], recipe.label_smoothing)
        self.optimiser.zero_grad()
        (learned / targets).backward()
        if self.setup.sparse is not None:
            self.setup.sparse.hold(self.network)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip_norm)
        loss = summed.item()
        if not (math.isfinite(loss) and math.isfinite(norm.item())):
            raise _Failed("diverged", f"training loss or gradient not finite in epoch {epoch}")
        self.optimiser.step(share_of_rate(recipe, self.optimiser.steps, self.steps))
        if self.choosing is not None:
            self.choosing.step(self.network, self._held_loss, epoch, number)
        self.state = tuple(layer.detach() for layer in state)
        for name, value in (("loss", loss), ("targets", targets), ("norm", norm.item())):
            self.progress.running[name] += value
        self.first_step_at = self.first_step_at or time.time()

    def _held_loss(self, batch: Batch) -> Tensor:
        """Return the loss of a batch of what is held out, by what is open of a supernet."""
        device = self.setup.device
        predicted, _ = _predicted(self.network, batch, None, device, self.generator)
        judged = predicted, *_on(device, batch.targets, batch.counted)
        return summed_loss(self.setup.form, *judged) / float(batch.counted.sum())

    def _end_epoch(self, valid_loss: float, valid_error: float) -> None:
        self._note_time()
        running, batches = self.progress.running, self.progress.batches
        row = Epoch(
            epoch=self._epochs() + 1,
            train_loss=running["loss"] / running["targets"],
            valid_loss=valid_loss,
            valid_error=valid_error,
            gradient_norm=running["norm"] / batches,
            wall_s=running["wall_s"],
            cpu_s=running["cpu_s"],
        )
        if math.isfinite(valid_loss) and valid_loss < min(self._losses(), default=math.inf):
            self.best = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        self.progress.epochs.append(row)
        self.progress.batches = 0
        self.progress.running = dict.fromkeys(RUNNING, 0.0)
        self.state = None
        if self.saving_s <= CHECKPOINT_SHARE * (time.monotonic() - self.saved_at):
            self._save()

    def _note_time(self) -> None:
        now = (time.perf_counter(), time.process_time())
        self.progress.running["wall_s"] += now[0] - self.marked[0]
        self.progress.running["cpu_s"] += now[1] - self.marked[1]
        self.marked = now

    def _pause(self) -> None:
        """Between two batches: keep a checkpoint if one is due, stop if requested, mind the time."""
        stopping = self.stop_requested()
        if stopping or time.monotonic() - self.saved_at > CHECKPOINT_EVERY_S:
            self._save()
        if stopping:
            raise Interrupted(ASKED_TO_STOP)
        spent = self.progress.running["wall_s"] + sum(e.wall_s for e in self.progress.epochs)
        if spent > self.setup.time_limit_s:
            raise _Failed("timeout", f"over its time limit of {self.setup.time_limit_s:g} s")

    def _save(self) -> None:
        tensors = {f"weights/{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"best/{k}": v for k, v in self.best.items()}
        tensors |= {f"adam/{k}": v for k, v in self.optimiser.moments.items()}
        if self.choosing is not None:
            tensors |= {f"choosing/{k}": v for k, v in self.choosing.tensors().items()}
        tensors |= {f"state/{i}": layer for i, layer in enumerate(self.state or ())}
        self.progress.tensors = tensors
        began = time.monotonic()
        self.checkpoints.save(self.progress)
        self.saved_at = time.monotonic()
        self.saving_s = self.saved_at - began

    def _restore(self) -> None:
        tensors = self.progress.tensors
        self.progress.resumed += 1
        self.network.load_state_dict(_under(tensors, "weights"))
        self.best = _under(tensors, "best")
        self.optimiser.load(_under(tensors, "adam"))
        if self.choosing is not None:
            self.choosing.load(_under(tensors, "choosing"))
        layers = _under(tensors, "state")
        state = [layers[str(i)].to(self.setup.device) for i in range(len(layers))]
        self.state = tuple(state) or None

    def finished(self, status: str, reason: str) -> Finished:
        """Return the trial's end; a failed one has no fitness, whatever it reached before."""
        curve = self._losses()
        ended_well = status in ENDED_WELL
        supernet = self._supernet() if ended_well else None
        best = min(curve) if ended_well and supernet is None else None
        return Finished(
            status=status,
            reason=reason,
            epochs=tuple(self.progress.epochs),
            fitness=best,
            best_epoch=None
            if best is None
            else self._epochs() - len(curve) + curve.index(best) + 1,
            best_weights=self.best,
            resumed=self.progress.resumed,
            first_step_at=self.first_step_at,
            engine=self.network.engine,
            inherited=self.before.inherited,
            stopped=self._stopped(status),
            state=self._state() if ended_well and self.setup.keeps else None,
            judged=self._judged() if ended_well else (),
            supernet=supernet,
            surface=self._surface() if ended_well and supernet is None else None,
        )

    def _surface(self) -> Surface | None:
        if self.setup.form.inputs != "numbers":
            return None
        network = copy.deepcopy(self.network)
        network.load_state_dict(self.best)
        return surface_of(network, self.setup.form, self.splits["train"], self.setup.device)

    def _supernet(self) -> SupernetOutcome | None:
        if self.choosing is None:
            return None
        valid = (self.setup.task, self.setup.form, self.splits["valid"], self.setup.device)
        told = self.choosing.outcome(
            self.network,
            make_network(self.setup),
            self.splits["train"],
            lambda network: evaluate(network, *valid)[0],
        )
        self.choosing.open_best(self.network)
        return told

    def _judged(self) -> tuple[float, ...]:
        return tuple(
            evaluate(self.network, self.setup.task, self.setup.form, held, self.setup.device)[0]
            for held in self.judged_on
        )

    def _state(self) -> State:
        return State(
            genome=str(self.setup.genome),
            epochs=self._epochs(),
            losses=tuple(self._losses()),
            weights=self.network.state_dict(),
            best=self.best,
            moments=self.optimiser.moments,
        )


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors below a prefix, by the rest of their names."""
    start = f"{prefix}/"
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that there is not enough memory."""
    said = str(error).lower()
    known = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or any(words in said for words in known)


def one_line(error: Exception) -> str:
    """Return an error as one line of at most 200 letters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
