"""Let searches find what a decoder block lacks: python benchmarks/rediscovery.py check|search|show

    check    train each given block and a known better one with three seeds, and print what they solve
    search   search from each given block, seed after seed over all arms, and add what is found to a log
    show     print the log as a table, with Fisher's exact test of each search against `random`

A scan whose gate is a sigmoid cannot tell parity, since no gate is negative (Grazzi et al. 2025,
https://arxiv.org/abs/2411.12537); linear attention that fades cannot recall, since a key does not know the
value that comes after it. `gp`, `aging` and `random` begin with the block after 1 to 4 typed edits and have
16 waves of 8 candidates; `random` draws each candidate so. A block solves a task if at its best validation
loss, with two training seeds, at least 95 % of the scored validation targets are right; a search ends with
the first that does. All searches train with the same two seeds, so that what one has trained another need
not train again: the log has every training, and a command that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scipy.stats import fisher_exact

from gp_cells.config.files import content_hash
from gp_cells.config.recipe import Recipe
from gp_cells.config.typed_json import plain
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.terms import heads
from gp_cells.spaces.decoder import Decoder
from gp_cells.stopping.never import Never
from gp_cells.strategies import Outcome, Proposal, Strategy
from gp_cells.strategies.aging import Aging
from gp_cells.strategies.gp import GP
from gp_cells.strategies.random import Random
from gp_cells.strategies.strategy import proposals_of
from gp_cells.tasks.parity import Parity
from gp_cells.tasks.recall import Recall
from gp_cells.training.train import NoCheckpoints, Setup, train
from gp_cells.training.trial import set_up_torch

LOG = Path("results/rediscovery.jsonl")
SOLVED = 0.05  # largest share of wrong targets
TRAINING_SEEDS = (1, 2)
WAVES, SLOTS = 16, 8
WITHIN = (64, 128)  # candidates
MUTATIONS = ("replace", "insert", "shrink", "share")
STRATEGIES: Mapping[str, Strategy] = {
    "random": Random(),
    "aging": Aging(population=10, sample=3, mutations=MUTATIONS),  # as in config/reference.yaml
    "gp": GP(),
}
MLP = "mlp = x + narrow(gelu(wide2(norm(x))))"


@dataclass(frozen=True)
class Problem:
    """A task, a block that does not solve it, and one that does."""

    task: Parity | Recall
    block: str
    known: str

    @property
    def space(self) -> Decoder:
        """The space in which fresh genomes are edits of the block."""
        return Decoder(start=(self.block,), context=self.task.length)

    @property
    def key(self) -> str:
        """What trainings and searches depend on, as a hash."""
        return content_hash(plain(dataclasses.asdict(self)))[:12]

    def parsed(self, text: str) -> Genome:
        """Return the canonical genome of a text."""
        return parse(text, self.space.language).canonical()


PROBLEMS = {
    "parity": Problem(
        Parity(
            length=16,
            sequences=960,
            held=256,
            recipe=Recipe(units=32, batch_size=32, epochs=2, learning_rate=0.01),
        ),
        f"n = norm(x)\nmixer = x + linear(scan(sigmoid(linear(n)), linear(n)))\n{MLP}",
        f"n = norm(x)\nmixer = x + linear(scan(tanh(linear(n)), linear(n)))\n{MLP}",
    ),
    "recall": Problem(
        Recall(
            keys=4,
            values=4,
            length=16,
            sequences=960,
            held=256,
            recipe=Recipe(units=32, batch_size=32, epochs=2, learning_rate=0.01),
        ),
        "n = norm(x)\n"
        "s = weigh(dot(split(linear(n)), split(linear(n))), fade(each(n)))\n"
        f"mixer = x + linear(attend(s, split(linear(n))))\n{MLP}",
        "n = norm(x)\n"
        "s = weigh(dot(split(linear(n)), split(depth3(linear(n)))), fade(each(n)))\n"
        f"mixer = x + linear(attend(s, split(linear(n))))\n{MLP}",
    ),
}


@dataclass
class Trainer:
    """Trains blocks on a problem, each once with a seed, whoever asks."""

    problem: str
    log: Path
    known: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        of = PROBLEMS[self.problem]
        self.data = of.task.read()
        for row in read_log(self.log):
            if row["kind"] == "training" and row["key"] == of.key:
                self.known[row["architecture"], row["seed"]] = row

    def trained(self, genome: Genome, seed: int) -> dict[str, Any]:
        """Return what a training came to: `loss` and `error`, None if it failed, and its `cpu_s`."""
        asked = (genome.architecture_id, seed)
        if asked not in self.known:
            self.known[asked] = self._train(genome, seed)
            add_to_log(self.log, self.known[asked])
        return self.known[asked]

    def _train(self, genome: Genome, seed: int) -> dict[str, Any]:
        of = PROBLEMS[self.problem]
        setup = Setup(
            genome=genome,
            space=of.space,
            task=of.task,
            form=self.data.form,
            learning_rate=of.task.recipe.learning_rate,
            seed=seed,
            stopper=Never(),
            time_limit_s=3600,  # of wall time, which other load is not to decide
        )
        began = time.process_time()
        finished = train(setup, self.data.splits, NoCheckpoints())
        best = finished.epochs[finished.best_epoch - 1] if finished.best_epoch else None
        return {
            "kind": "training",
            "problem": self.problem,
            "key": of.key,
            "architecture": genome.architecture_id,
            "seed": seed,
            "status": finished.status,
            "loss": None if best is None else best.valid_loss,
            "error": None if best is None else best.valid_error,
            "cpu_s": round(time.process_time() - began, 3),
        }

    def solves(self, genome: Genome) -> bool:
        """Return whether a block solves the task with every training seed; ends with the first that not."""
        errors = (self.trained(genome, seed)["error"] for seed in TRAINING_SEEDS)
        return all(error is not None and error <= SOLVED for error in errors)


# --- the log --------------------------------------------------------------------------------------


def read_log(log: Path) -> list[dict[str, Any]]:
    """Return the rows of a log; what was cut off at its end is left out."""
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True) if log.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def add_to_log(log: Path, row: Mapping[str, Any]) -> None:
    """Add a row to a log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


# --- searching ------------------------------------------------------------------------------------


def search(trainer: Trainer, strategy: str, seed: int) -> dict[str, Any]:
    """Search until a block solves the task, or to the end; return the search's row of the log."""
    problem = PROBLEMS[trainer.problem]
    space, history = problem.space, list[Outcome]()
    row: dict[str, Any] = {"kind": "search", "problem": trainer.problem, "key": problem.key}
    row |= {"strategy": strategy, "seed": seed, "candidates": WAVES * SLOTS, "solved": False}
    known: dict[str, Outcome] = {}
    for wave in range(WAVES):
        proposals = proposals_of(STRATEGIES[strategy], history, wave, SLOTS, space, seed)
        for slot, proposal in enumerate(proposals):
            made = outcome(trainer, proposal, wave, slot)
            known[made.candidate] = made
            history.append(made)
            if trainer.solves(proposal.genome):
                count = wave * SLOTS + slot + 1
                return row | {
                    "candidates": count,
                    "solved": True,
                    "genome": str(proposal.genome),
                    "operators": lineage(made, known),
                }
    return row


def outcome(trainer: Trainer, proposal: Proposal, wave: int, slot: int) -> Outcome:
    """Return what a search sees of a candidate."""
    trained = trainer.trained(proposal.genome, TRAINING_SEEDS[0])
    return Outcome(
        candidate=f"w{wave:03}-{slot:02}",
        wave=wave,
        genome=str(proposal.genome),
        architecture_id=proposal.genome.architecture_id,
        status=trained["status"],
        fitness=math.inf if trained["loss"] is None else trained["loss"],
        operator=proposal.operator,
        parents=proposal.parents,
    )


def lineage(made: Outcome, known: Mapping[str, Outcome]) -> list[str]:
    """Return the operators that made a candidate, from its oldest ancestor on; of two parents the first."""
    chain = [str(made.operator)]
    while made.parents:
        made = known[made.parents[0]]
        chain.append(str(made.operator))
    return chain[::-1]


# --- showing --------------------------------------------------------------------------------------


def words(genome: Genome) -> Counter[str]:
    """Return how often each word is in a block."""
    functions = genome.language.by_name
    return Counter(
        functions[head].word
        for _, term in genome.formulas
        for head in heads(term)
        if head in functions
    )


def changes(start: Genome, found: Genome) -> str:
    """Return which words a block has more of than another, and which fewer."""
    before, after = words(start), words(found)
    differences = (("+", after - before), ("-", before - after))
    return " ".join(
        f"{sign}{word}" + (f"*{count}" if count > 1 else "")
        for sign, counted in differences
        for word, count in sorted(counted.items())
    )


def show(log: Path, seeds: int) -> None:
    """Print what the searches of a log have found, of its first seeds."""
    rows = read_log(log)
    for name, problem in PROBLEMS.items():
        own = [row for row in rows if row["problem"] == name and row["key"] == problem.key]
        trainings = [row for row in own if row["kind"] == "training"]
        found = [row for row in own if row["kind"] == "search" and row["seed"] <= seeds]
        seconds = sum(row["cpu_s"] for row in trainings)
        print(f"-- {name}: {len(trainings):,} trainings, {seconds:,.0f} CPU s")
        for within in WITHIN:
            print_table(found, within)
        for row in found:
            if row["solved"]:
                print_found(row, problem)


def print_table(found: Sequence[Mapping[str, Any]], within: int) -> None:
    """Print how many searches of each strategy have found a solving block, and how it was by chance."""
    counts = {}
    for strategy in STRATEGIES:
        own = [row for row in found if row["strategy"] == strategy]
        solved = sum(row["solved"] and row["candidates"] <= within for row in own)
        counts[strategy] = (solved, len(own) - solved)
    for strategy, count in counts.items():
        chance = fisher_exact([count, counts["random"]], alternative="two-sided").pvalue
        against = "" if strategy == "random" else f"   against random p = {chance:.3f}"
        print(f"   {within:4} candidates  {strategy:7} {count[0]:3} of {sum(count):3}{against}")


def print_found(row: Mapping[str, Any], problem: Problem) -> None:
    """Print by which edits a search came to the block that it has found."""
    start, found = problem.parsed(problem.block), problem.parsed(row["genome"])
    print(
        f"   {row['strategy']:7} seed {row['seed']:2} candidate {row['candidates']:3}  "
        f"{' > '.join(row['operators'])}  ({changes(start, found)})"
    )
    before = set(str(start).splitlines())
    for line in str(found).splitlines():
        if line not in before:
            print(f"           {line}")


# --- the command ----------------------------------------------------------------------------------


def check(seeds: int) -> None:
    """Print which share of targets each given and each known block gets wrong, by training seed."""
    for name, problem in PROBLEMS.items():
        trainer = Trainer(name, LOG.with_name("rediscovery_check.jsonl"))
        for label, text in (("given", problem.block), ("known", problem.known)):
            rows = [trainer.trained(problem.parsed(text), seed) for seed in range(1, seeds + 1)]
            errors = "  ".join(f"{row['error']:.3f}" for row in rows)
            print(f"{name:7} {label}  error {errors}  {rows[0]['cpu_s']:.2f} CPU s a training")


def search_all(problems: Sequence[str], seeds: int, log: Path) -> None:
    """Make the searches that the log does not have, seed after seed over problems and strategies."""
    done = {
        (row["problem"], row["key"], row["strategy"], row["seed"])
        for row in read_log(log)
        if row["kind"] == "search"
    }
    trainers = {name: Trainer(name, log) for name in problems}
    for seed in range(1, seeds + 1):
        for name, trainer in trainers.items():
            for strategy in STRATEGIES:
                if (name, PROBLEMS[name].key, strategy, seed) not in done:
                    row = search(trainer, strategy, seed)
                    add_to_log(log, row)
                    print(
                        f"{name} {strategy} {seed}: {row['candidates']} {row['solved']}", flush=True
                    )


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("action", choices=("check", "search", "show"))
    parser.add_argument(
        "--seeds", type=int, help="3 trainings of a block, 20 searches of a strategy"
    )
    parser.add_argument("--problem", choices=PROBLEMS, help="search from this one's block alone")
    parser.add_argument("--log", type=Path, default=LOG)
    given = parser.parse_args()
    set_up_torch(1)
    match given.action:
        case "check":
            check(given.seeds or 3)
        case "search":
            search_all(
                [given.problem] if given.problem else [*PROBLEMS], given.seeds or 20, given.log
            )
        case _:
            show(given.log, given.seeds or 20)


if __name__ == "__main__":
    main()
