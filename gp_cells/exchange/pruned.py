"""Pruning of a trial's network: loss against the share of weights that is kept, beside its controls.

For each of some seeds the trial is trained again whole, `dense`. Before training, masks of its first
weights by SNIP, SynFlow and chance, each then trained as long; after it, masks by the magnitude of the best
weights, as they are (`magnitude`) and trained once more as long (`magnitude_tuned`). What is trained after
pruning has had twice the epochs, and so has `dense_tuned`, to compare it with. The control of a mask,
`…_shuffled`, has the same number of weights in each layer, drawn anew, as in "Missing the Mark" (Frankle et
al. 2021, https://arxiv.org/abs/2009.08576): a method that is not ahead of it has chosen numbers and no
weights.

Units of a recurrent network go whole, by the norm of their weights or by chance, which leaves a smaller
network: it is written as `gp-cells export` writes one, and timed. All losses are of the validation split,
the best of the epochs trained; the test split is not read.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, check_range
from gp_cells.config.files import written_beside
from gp_cells.config.plan import data_name
from gp_cells.exchange.export import about, write_python
from gp_cells.exchange.export.check import load_module
from gp_cells.exchange.export.trained import Trained, find_trained
from gp_cells.measures.latency import pass_ms
from gp_cells.networks import units
from gp_cells.networks.network import Network
from gp_cells.networks.recurrent import RecurrentNetwork
from gp_cells.stopping.never import Never
from gp_cells.tables.schemas import REAL, TEXT, WHOLE
from gp_cells.tasks import Arrays, SplitName
from gp_cells.tasks.prepared import load
from gp_cells.training import pruning, record
from gp_cells.training.loss import first_guess
from gp_cells.training.pruning import Mask, Sparse
from gp_cells.training.train import NoCheckpoints, Setup, evaluate, make_network, train
from gp_cells.training.trial import set_up_torch, setup_of

FILE = "pruned.parquet"
BATCH, PASSES = 64, 31  # sequences or images of a pass that is timed, and how often it is

COLUMNS = (
    ("method", TEXT, "", "how weights were chosen; _tuned: trained on after; _shuffled: control"),
    ("share", REAL, "", "share of the weights, or of the units, that was asked for"),
    ("kept", WHOLE, "weights", "that a mask is of and that are kept; of units: all that are left"),
    ("units", WHOLE, "units", "of each layer; NULL where none went"),
    ("parameters", WHOLE, "numbers", "learned numbers of the network, those set to zero too"),
    ("seed", WHOLE, "", "the training's seed"),
    ("epochs", WHOLE, "epochs", "that the weights have seen, before and after pruning"),
    ("status", TEXT, "", "how the training ended"),
    ("valid_loss", REAL, "as the task's", "best validation loss; NULL if it failed"),
    ("latency_ms", REAL, "ms", f"median time of a pass of {BATCH} sequences; NULL: not measured"),
    ("exported_ms", REAL, "ms", "the same of the exported network, in plain torch"),
    ("exported_bytes", WHOLE, "bytes", "size of weights.safetensors of the exported network"),
)

Row = dict[str, Any]


def prune(
    results: Path, name: str, shares: Sequence[float], repeats: int, to: Path | None
) -> Iterator[str]:
    """Prune a trial's network by every method, yield what came out, and write all rows and networks.

    Raises:
        RecordError: there is no such trial, its record is broken, or it failed and has no weights.
        SettingError: it went on from another trial, a number is none, or the folder is there already.
        DataError: its data are gone or others.
    """
    check_range("--seeds", repeats, 1)
    for share in shares:
        check_range("--share", share, 0.001, 0.999)
    trained = find_trained(results, name)
    row, spec = trained.row, trained.record.spec
    setup = setup_of(trained.record.protocol, spec)
    if spec.start is not None or setup.shard is not None:
        raise SettingError(
            f"{name}: it went on from another trial or has a part of the data, so it cannot be trained "
            "again from its record alone; prune a finalist"
        )
    folder = to or Path(f"{row['run']}-{row['candidate']}-pruned")
    if folder.exists():
        raise SettingError(f"{folder} is there already; name another folder with --to")
    set_up_torch(trained.record.protocol.training.threads)
    gc.unfreeze()  # duckdb's types are among what is frozen, and it complains of those at the end
    protocol = trained.record.protocol
    data = results / "data" / data_name(protocol.benchmark, protocol.task_label)
    splits = load(data, "search", protocol.data.hash)
    setup = dataclasses.replace(setup, stopper=Never(), device="cpu", control=False, keeps=False)
    pruned = _Pruned(trained, setup, splits, folder)
    for repeat in range(repeats):
        pruned.of_seed(seeds.derive(seed=spec.seed, purpose="prune", repeat=repeat), shares)
    _write(folder / FILE, pruned.rows, trained)
    yield from _told(pruned.rows, shares, f"{row['run']}/{row['candidate']}", setup)
    yield f"rows: {folder / FILE}"


@dataclass
class _Pruned:
    """The rows of one trial's prunings, as they are made."""

    trained: Trained
    setup: Setup
    splits: Mapping[SplitName, Arrays]
    folder: Path
    rows: list[Row] = field(default_factory=list)

    def of_seed(self, seed: int, shares: Sequence[float]) -> None:
        """Add the rows of one seed."""
        setup = dataclasses.replace(self.setup, seed=seed)
        first = self._first(setup)
        best = self._train(setup, "dense", 1.0)
        if best is not None:
            self._train(setup, "dense_tuned", 1.0, Sparse({}, best), before=True)
        sample = self._sample(setup, 1)
        scores = {
            "snip": pruning.snip(first, setup.form, setup.task.batches(self.splits["train"], None)),
            "random": pruning.chances(first, seed),
        }
        for share in shares:
            masks = {name: pruning.highest(of, share) for name, of in scores.items()}
            masks["synflow"] = pruning.synflow(first, setup.form, sample, share)
            for name, mask in masks.items():
                self._train(setup, name, share, Sparse(mask))
                if name != "random":  # which is a shuffle of itself
                    other = pruning.shuffled(mask, seed)
                    self._train(setup, f"{name}_shuffled", share, Sparse(other))
            if best is not None:
                self._after(setup, best, share)
                self._units(setup, best, share)

    def _first(self, setup: Setup) -> Network:
        """Return the network that training begins with."""
        network = make_network(setup)
        batches = setup.task.batches(self.splits["train"], None)
        told = [(batch.targets, batch.counted) for batch in batches]
        network.start_from(first_guess(setup.form, told))
        return network

    def _sample(self, setup: Setup, count: int) -> Tensor:
        """Return inputs of some sequences or images, each as often as it takes."""
        inputs = torch.from_numpy(next(iter(setup.task.batches(self.splits["train"], None))).inputs)
        axis = setup.form.batch_axis
        return inputs.index_select(axis, torch.arange(count) % inputs.shape[axis])

    def _after(self, setup: Setup, best: Mapping[str, Tensor], share: float) -> None:
        """Add the rows of trained weights that are pruned by magnitude."""
        network = make_network(setup)
        network.load_state_dict(best)
        mask = pruning.highest(pruning.magnitudes(network), share)
        other = pruning.shuffled(mask, setup.seed)
        for name, of in (("magnitude", mask), ("magnitude_shuffled", other)):
            whole = make_network(setup)
            Sparse(of, best).begin(whole)
            loss, _ = evaluate(whole, setup.task, setup.form, self.splits["valid"])
            self._add(setup, name, share, "ok", loss, setup.task.recipe.epochs, kept=_kept(of))
            self._train(setup, f"{name}_tuned", share, Sparse(of, best), before=True)

    def _units(self, setup: Setup, best: Mapping[str, Tensor], share: float) -> None:
        """Add the rows of smaller networks, of a recurrent one."""
        network = make_network(setup)
        if not isinstance(network, RecurrentNetwork):
            return
        network.load_state_dict(best)
        count = max(1, round(share * setup.task.recipe.units))
        chosen = {
            "units": units.units_by_norm(network, count),
            "units_random": units.units_by_chance(network, count, setup.seed),
        }
        recipe = dataclasses.replace(setup.task.recipe, units=count)
        task: Any = setup.task
        smaller = dataclasses.replace(setup, task=dataclasses.replace(task, recipe=recipe))
        for name, kept in chosen.items():
            weights = units.weights_of(network, kept)
            of = make_network(smaller)
            of.load_state_dict(weights)
            loss, _ = evaluate(of, smaller.task, smaller.form, self.splits["valid"])
            self._add(smaller, name, share, "ok", loss, recipe.epochs, units=count)
            self._train(
                smaller, f"{name}_tuned", share, Sparse({}, weights), before=True, units=count
            )

    def _train(
        self,
        setup: Setup,
        method: str,
        share: float,
        sparse: Sparse | None = None,
        before: bool = False,
        **known: int,
    ) -> Mapping[str, Tensor] | None:
        """Train under a mask, add the row, and return the best weights, None if it failed."""
        ended = train(dataclasses.replace(setup, sparse=sparse), self.splits, NoCheckpoints())
        epochs = len(ended.epochs) + (setup.task.recipe.epochs if before else 0)
        if sparse is not None and sparse.mask:
            known = {**known, "kept": _kept(sparse.mask)}
        self._add(setup, method, share, ended.status, ended.fitness, epochs, **known)
        if ended.fitness is None:
            return None
        if method in ("dense", "units_tuned") and not self._is_timed(method, share):
            self.rows[-1] |= self._timed(setup, ended.best_weights, f"{method}-{share:g}")
        return ended.best_weights

    def _add(
        self,
        setup: Setup,
        method: str,
        share: float,
        status: str,
        loss: float | None,
        epochs: int,
        **known: int,
    ) -> None:
        network = make_network(setup)
        row = dict.fromkeys(name for name, *_ in COLUMNS)
        whole = sum(weight.numel() for weight in pruning.prunable(network).values())
        self.rows.append(
            {
                **row,
                "method": method,
                "share": share,
                "kept": whole,
                "parameters": sum(weight.numel() for weight in network.parameters()),
                "seed": setup.seed,
                "epochs": epochs,
                "status": status,
                "valid_loss": loss if loss is None or math.isfinite(loss) else None,
                **known,
            }
        )

    def _is_timed(self, method: str, share: float) -> bool:
        """Return whether a network of that size is written and timed already, of another seed."""
        same = (method, share)
        return any((row["method"], row["share"]) == same for row in self.rows[:-1])

    def _timed(self, setup: Setup, weights: Mapping[str, Tensor], name: str) -> Row:
        """Write a network as `gp-cells export` does, and return its size and the times of a pass."""
        network = make_network(setup)
        network.load_state_dict(weights)
        plain = make_network(dataclasses.replace(setup, engine="eager", precision="float32"))
        plain.load_state_dict(weights)
        folder = self.folder / name
        text = about(self.trained.row, self.setup, self.trained.record.protocol.task.name)
        write_python(
            plain.eval(), setup.form, f"{text}\npruned           {name}, trained on", folder
        )
        exported = load_module(folder / "network.py").load()
        batch = self._sample(setup, BATCH)
        return {
            "latency_ms": pass_ms(lambda: network.eval()(batch, None, None), batch, PASSES),
            "exported_ms": pass_ms(lambda: exported(batch), batch, PASSES),
            "exported_bytes": (folder / "weights.safetensors").stat().st_size,
        }


def _kept(mask: Mask) -> int:
    return sum(int(of.sum()) for of in mask.values())


def _write(path: Path, rows: Sequence[Row], trained: Trained) -> None:
    """Write rows as Parquet, with what they come from in the metadata."""
    fields = [
        pa.field(name, kind, metadata={"unit": unit, "description": meaning})
        for name, kind, unit, meaning in COLUMNS
    ]
    made = {
        "trial": {
            key: trained.row[key] for key in ("trial_id", "run", "candidate", "architecture_id")
        },
        "genome": trained.record.spec.genome,
        "versions": record.versions(),
        "git": record.git_state(),
        "hardware": record.hardware(),
        "threads": torch.get_num_threads(),
        "written_utc": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    whole = pa.schema(fields, metadata={"made": json.dumps(made, sort_keys=True)})
    with written_beside(path) as partial:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=whole), partial, compression="zstd")


def _told(rows: Sequence[Row], shares: Sequence[float], name: str, setup: Setup) -> Iterator[str]:
    """Yield both tables in Markdown: losses by share, and what fewer units make smaller and faster."""
    yield f"{name}: validation loss in {setup.task.unit}, mean ± standard deviation over seeds"
    yield ""
    yield f"| method | {' | '.join(f'{100 * share:g} %' for share in shares)} |"
    yield "| --- " * (len(shares) + 1) + "|"
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        cells = [_mean([row for row in own if row["share"] in (share, 1.0)]) for share in shares]
        yield f"| {method} | {' | '.join(cells)} |"
    timed = [row for row in rows if row["latency_ms"] is not None]
    if len(timed) < 2:
        return
    yield ""
    yield f"| network | units | parameters | bytes | pass of {BATCH}, ms | exported, ms |"
    yield "| --- " * 6 + "|"
    for row in timed:
        count = setup.task.recipe.units if row["units"] is None else row["units"]
        yield (
            f"| {row['method']} | {count} | {row['parameters']:,} | {row['exported_bytes']:,} | "
            f"{row['latency_ms']:.3f} | {row['exported_ms']:.3f} |"
        )


def _mean(rows: Sequence[Row]) -> str:
    """Return the mean loss of some rows and its spread; how many failed, if any did."""
    losses = [row["valid_loss"] for row in rows if row["valid_loss"] is not None]
    failed = f" ({len(rows) - len(losses)} failed)" if len(losses) < len(rows) else ""
    if not losses:
        return f"none{failed}"
    spread = f" ± {statistics.stdev(losses):.4f}" if len(losses) > 1 else ""
    return f"{statistics.fmean(losses):.4f}{spread}{failed}"
