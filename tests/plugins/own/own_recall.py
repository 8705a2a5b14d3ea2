"""Sequences of several lengths: at a marked step, say the symbol that came first. All other steps are masked."""

from dataclasses import dataclass

import numpy as np

from tasks.contract import BUDGETS, Dataset, Defaults, Reference, Split, Target, Task

SYMBOLS, BLANK, ASK = 4, 4, 5


@dataclass(frozen=True)
class OwnRecall(Task):
    name = "own_recall"
    summary = "recall the first symbol when asked, at several lengths"
    loss = "cross_entropy"
    per_step = True
    input_size, output_size = SYMBOLS + 2, SYMBOLS
    target = Target("accuracy", 0.95, "above")
    defaults = Defaults(batch_size=16, steps=dict.fromkeys(BUDGETS, 20), learning_rate=(1e-3, 3e-2))

    longest: int = 9

    def generate(self, seed):
        rng = np.random.default_rng(seed)

        def split(count):
            lengths = rng.integers(3, self.longest + 1, count)
            first, steps = rng.integers(0, SYMBOLS, count), np.arange(self.longest)
            inputs = np.where(steps == 0, first[:, None], BLANK)
            inputs[np.arange(count), lengths - 1] = ASK
            inputs[steps >= lengths[:, None]] = rng.integers(0, ASK + 1, (steps >= lengths[:, None]).sum())
            targets = np.broadcast_to(first[:, None], inputs.shape).copy()
            return Split(inputs, targets, steps == lengths[:, None] - 1, lengths)

        return Dataset(split(200), split(60), split(60))

    def metrics(self, outputs, targets, mask=None):
        return {"accuracy": float((outputs.argmax(-1) == targets)[mask].mean())}

    def references(self, dataset):
        outputs = np.zeros((*dataset.test.targets.shape, SYMBOLS))
        return [Reference("guess", "floor", float(np.log(SYMBOLS)), how="all symbols alike", outputs=outputs)]
