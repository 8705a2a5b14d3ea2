"""Several labels at once: which of three events has happened anywhere in the sequence?"""

from dataclasses import dataclass

import numpy as np

from tasks.contract import BUDGETS, Dataset, Defaults, Reference, Split, Target, Task
from tasks.losses import mean_loss


@dataclass(frozen=True)
class OwnLabels(Task):
    name = "own_labels"
    summary = "which of three events happened"
    loss = "binary_cross_entropy"
    input_size = output_size = 3
    target = Target("exact", 0.9, "above")
    defaults = Defaults(batch_size=16, steps=dict.fromkeys(BUDGETS, 20), learning_rate=(1e-3, 3e-2))

    length: int = 8

    def generate(self, seed):
        rng = np.random.default_rng(seed)

        def split(count):
            seen = rng.standard_normal((count, self.length, 3)).astype(np.float32)
            return Split(seen, (seen.max(axis=1) > 1.35).astype(np.float32))

        return Dataset(split(200), split(60), split(60))

    def metrics(self, outputs, targets, mask=None):
        return {"exact": float(((outputs > 0) == (targets > 0.5)).all(axis=-1).mean())}

    def references(self, dataset):
        shares = dataset.train.targets.mean(axis=0)
        outputs = np.broadcast_to(np.log(shares / (1 - shares)), dataset.test.targets.shape)
        loss = mean_loss(self.loss, outputs, dataset.test.targets)
        return [Reference("shares", "floor", loss, how="each event's share", outputs=outputs)]
