"""How long each stage of a run takes on so many GPUs, from its operations and what they run on.

Knows counts, operations, bytes and seconds; knows neither where they come from nor how they are
shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.scale.assumptions import Assumptions
from benchmarks.scale.models import Sizes
from benchmarks.scale.recipe import Recipe, Training


@dataclass(frozen=True)
class Rates:
    """What was measured on a CPU.

    Attributes:
        prepare: seconds of one core to decode a picture and give it to the processor.
        store: seconds to store the results of one batch.
        figures: seconds of one core for a policy's figures with their intervals, an image that it
            was asked about.
        tables: seconds of one core for all else that no model does, an image and round.
    """

    prepare: float
    store: float
    figures: float
    tables: float


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Attributes:
        name: as shown.
        gpu: seconds in which a GPU is held by its work, added over GPUs.
        clock: seconds on the clock.
        read: bytes that go over the network.
        limit: what the clock waits for.
    """

    name: str
    gpu: float
    clock: float
    read: float
    limit: str


@dataclass(frozen=True)
class Plan:
    """A run on a number of GPUs.

    Attributes:
        images: scored images.
        gpus: that are there.
        model: its sizes.
        recipe: what the run does.
        rates: measured.
        assumed: what was not.
    """

    images: int
    gpus: int
    model: Sizes
    recipe: Recipe
    rates: Rates
    assumed: Assumptions

    @property
    def train(self) -> int:
        """Images that are trained on."""
        return round(self.images * self.recipe.trained)

    @property
    def asked(self) -> int:
        """Images that policies are asked about."""
        return round(self.images * self.recipe.evaluated)

    @property
    def policies(self) -> int:
        """Of a round: the experts on pairs, the one on levels, and what comes of them."""
        return len(self.recipe.pairs) + 2

    @property
    def kept(self) -> int:
        """Images whose features have room; those that are trained on come first."""
        return min(self.images, int(self.recipe.kept_bytes // self.model.feature_bytes))

    @property
    def machines(self) -> int:
        """Machines that the GPUs are in."""
        return math.ceil(self.gpus / self.assumed.gpus_a_machine)

    @property
    def start(self) -> float:
        """Seconds until a worker has the model."""
        return self.assumed.start_seconds + self.model.weight_bytes / self.assumed.disk

    def seconds(self, operations: float, layers: float, memory: float = 0) -> float:
        """Of a pass on one GPU: its operations, its kernels' launches or its bytes, the longest."""
        a = self.assumed
        return max(
            operations / (a.gpu_flops * a.gpu_share),
            memory / (a.gpu_bandwidth * a.bandwidth_share),
            layers * a.kernels_a_layer * a.kernel_seconds,
        )

    def again(self, images: int, trained: bool) -> float:
        """Share of these images whose features were not kept."""
        free = self.kept if trained else max(0, self.kept - self.train)
        return 1 - min(1.0, free / images) if images else 0.0

    def tower(self, pictures: float) -> float:
        """Seconds to prepare and encode pictures that are not kept, one worker."""
        operations = pictures * self.model.costs.tower
        return pictures * self.rates.prepare + self.seconds(operations, self.model.tower_layers)

    def sent(self, machines: int) -> float:
        """Bytes of the features that are kept, to machines beside the run's own."""
        return self.kept * self.model.feature_bytes * (machines - 1)

    def waits_for(self, pictures: float, work: float) -> str:
        """What workers spend most of their work on, given the pictures that they prepare."""
        return "pictures" if pictures * self.rates.prepare > work / 2 else "GPUs"

    def writing(self, prompts: int, texts: int) -> float:
        """Seconds of one batch: the prompts' pass, then a token of every text at a time."""
        cost, model, tokens = self.model.costs, self.model, round(self.assumed.answer_tokens)
        begin = self.seconds(prompts * cost.row(model.prompt, 1), model.layers)
        ahead = model.prompt + tokens / 2
        one = texts * (cost.token + ahead * cost.pair + cost.head)
        return begin + tokens * self.seconds(one, model.layers, model.weight_bytes)


def stages(plan: Plan) -> list[Stage]:
    """All stages of a run in their order; those of its rounds are added up."""
    recipe, train, asked = plan.recipe, plan.train, plan.asked
    tokens = round(plan.assumed.answer_tokens)
    weighed = plan.model.costs.row(plan.model.prompt + 2 * tokens, 2 * tokens)
    found = [
        _batches(plan, "image features", plan.kept, recipe.encoding, 0.0, 1.0),
        _batches(
            plan,
            "writing texts",
            2 * train,
            recipe.writing,
            plan.writing(recipe.writing // 2, recipe.writing),
            plan.again(train, True) / 2,
            recipe.rounds,
        ),
        _batches(
            plan,
            "weighing references",
            train,
            recipe.weighing,
            plan.seconds(recipe.weighing * weighed, plan.model.layers),
            plan.again(train, True),
            recipe.rounds,
        ),
        _trainings(plan),
        _batches(
            plan,
            "asking policies",
            asked,
            recipe.asking,
            plan.writing(recipe.asking, recipe.asking),
            plan.again(asked, False),
            1 + recipe.rounds * plan.policies,
        ),
        _driver(plan),
    ]
    return found


def _batches(
    plan: Plan, name: str, rows: int, size: int, batch: float, pictures: float, times: int = 1
) -> Stage:
    """A stage of batches that any worker computes.

    Args:
        plan: the run.
        name: of the stage.
        rows: of one computation.
        size: rows a batch.
        batch: seconds of a batch on one GPU, the tower left out.
        pictures: share of the rows whose picture goes through the tower.
        times: computations, one after the other.
    """
    count = math.ceil(rows / size)
    work = count * (batch + (plan.tower(size * pictures) if pictures else 0.0))
    read = rows * pictures * plan.assumed.picture_bytes + plan.sent(plan.machines)
    waits = {
        plan.waits_for(rows * pictures, work): work / max(1, min(plan.gpus, count)),
        "network": read / plan.machines / plan.assumed.network,
        "driver stores": count * plan.rates.store,
    }
    longest = max(waits.values())
    limit = max({**waits, "start": plan.start}.items(), key=lambda wait: wait[1])[0]
    return Stage(name, times * work, times * (plan.start + longest), times * read, limit)


def _trainings(plan: Plan) -> Stage:
    """All trainings of all rounds; those of a round beside each other where there are GPUs."""
    cost, tokens = plan.model.costs, round(plan.assumed.answer_tokens)
    prompt, recipe = plan.model.prompt, plan.recipe
    pair = cost.row(prompt + 2 * tokens, 2 * tokens)
    with_text = cost.row(prompt + tokens, tokens)
    # A text is read by the policy before as well, once forward.
    share = 1 / recipe.text_every
    example = (1 - share) * cost.row(prompt, 1)
    example += share * with_text * (1 + 1 / recipe.level.passes)
    rows = [(recipe.level, example)]
    for training in recipe.pairs.values():
        again = cost.row(prompt, 1) / training.passes if training.held else 0
        rows.append((training, pair + again))
    beside = min(len(rows), plan.gpus)
    each = list(_training(plan, rows, plan.gpus // beside))
    clocks = [clock for clock, _ in each]
    # Trainings are handed to the first that is free; with one GPU, one after the other.
    clock = max(max(clocks), sum(clocks) / beside)
    work = sum(clock * processes for clock, processes in each)
    pictures = plan.again(plan.train, True) * plan.train
    pictures *= sum(training.epochs for training, _ in rows)
    used = sum(processes for _, processes in each)
    read = pictures * plan.assumed.picture_bytes
    read += plan.sent(min(plan.machines, math.ceil(used / plan.assumed.gpus_a_machine)))
    full = all(
        processes == training.batch_size
        for (_, processes), (training, _) in zip(each, rows, strict=True)
    )
    limit = "batch size" if full else plan.waits_for(pictures, work)
    return Stage(
        "training experts", recipe.rounds * work, recipe.rounds * clock, recipe.rounds * read, limit
    )


def _training(
    plan: Plan, rows: list[tuple[Training, float]], gpus: int
) -> Iterator[tuple[float, int]]:
    """Seconds on the clock and processes of each training."""
    model, assumed = plan.model, plan.assumed
    for training, operations in rows:
        processes = min(gpus, training.batch_size)
        share = training.batch_size / processes
        parts = max(1, round(training.parts / processes))
        passes = training.passes
        step = parts * plan.seconds(passes * operations * share / parts, passes * model.layers)
        again = plan.again(plan.train, True)
        if again:
            step += parts * plan.tower(share / parts * again)
        step += 3 * model.adapter_bytes / assumed.disk / training.checkpoint_steps
        if processes > 1:
            step += 2 * model.adapter_bytes / assumed.network
        steps = training.epochs * math.ceil(plan.train / training.batch_size)
        yield plan.start + steps * step, processes


def _driver(plan: Plan) -> Stage:
    """Tables, judge, figures and report: one process, while the GPUs wait."""
    policies = 1 + plan.recipe.rounds * plan.policies
    tables = plan.images * plan.recipe.rounds * plan.rates.tables
    clock = tables + plan.asked * policies * plan.rates.figures
    return Stage("tables and figures", 0.0, clock, 0.0, "driver")
