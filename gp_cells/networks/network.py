"""What a network is: everything that training, testing and measures use of one.

Any torch module that has these members will do, and nothing else is ever asked of one. Importing this
module imports no torch: a space names the type, and breeding builds no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from gp_cells.networks.cell import Engine

    State = tuple[Tensor, ...]

OUTSIDE = ""  # of the formulas: an embedding, an output layer

# What a piece of a network's weights is: whose it is, and which of that one's. Whose is the name of a
# projection (gate3), or a formula's name and a path in it, both of the canonical form; or `OUTSIDE`.
Part: TypeAlias = "tuple[str | tuple[str, tuple[int, ...]], str]"


@runtime_checkable
class Network(Protocol):
    """A torch module between a task's inputs and its predictions, with weights and maybe a state.

    Inputs are as in `gp_cells.tasks.Batch`: (time, batch) int64 symbols, (time, batch, features)
    frames, (batch, features, height, width) images or (batch, features) numbers. Predictions are (time,
    batch, outputs), or (batch, outputs) for images and numbers: logits of `keys` and `classes`, or
    `numbers`. A state is a tuple of tensors, empty where nothing is carried over from one batch to the
    next.

    `copy.deepcopy` gives a network of its own, as of any module.

    One that can pass weights on to another architecture's network has a method `parts()`, which returns a
    view of every tensor of `state_dict`, or of a piece of it, by its `Part`. Without it only tensors of
    one name and shape pass on.
    """

    @property
    def engine(self) -> Engine:
        """What runs the network, for the record of a trial."""
        ...

    def initialise(self, seed: int) -> None:
        """Draw all weights from one seed, and from nothing else."""
        ...

    def start_from(self, guess: Tensor) -> None:
        """Let predictions begin at (outputs,) values that heed no input, as the output's bias can.

        Called once, before the first batch. A network whose output has no bias may do nothing.
        """
        ...

    def __call__(
        self, inputs: Tensor, state: State | None, generator: torch.Generator | None
    ) -> tuple[Tensor, State]:
        """Return predictions, and the state after the last step.

        Symbols may come as what `embed` made of them, too. Without a state it begins with its own.
        Only in training does `generator` decide what is left to chance, as what dropout zeroes.
        """
        ...

    def embed(self, inputs: Tensor) -> Tensor:
        """Return inputs as the floating-point numbers that the first layer reads.

        Symbols (time, batch) become (time, batch, width); frames, images and numbers pass through.
        """
        ...

    def activations(
        self, inputs: Tensor, state: State | None
    ) -> tuple[Tensor, State, list[Tensor]]:
        """Return predictions, the state after them, and what hidden layers gave on the way.

        In the order in which they were computed: of sequences (time, batch, …) each, the last one being
        what the output layer reads; of images and numbers (batch, …).
        """
        ...

    def without_dropout(self) -> Self:
        """Return a copy that leaves nothing to chance in training."""
        ...

    # What every `torch.nn.Module` has.

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield all learned tensors."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield all learned tensors, each with its name."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return every tensor that a trained network is made of, by name."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> object:
        """Take on the tensors of `state_dict`."""
        ...

    def train(self) -> Self:
        """Make it ready to be trained: dropout, norms by the batch."""
        ...

    def eval(self) -> Self:
        """Make it ready to predict."""
        ...

    def to(self, device: str) -> Self:
        """Move it to a device."""
        ...

    def double(self) -> Self:
        """Make all its numbers float64; it then computes in float64 whatever its precision.

        Asked for of networks of images alone.
        """
        ...
