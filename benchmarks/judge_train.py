"""Train the judge on real films and say how far it can be trusted.

    python benchmarks/judge_train.py --data FOLDER --out work/judge

Trains on `train`, keeps the best epoch on `val`, reports on `test` once. View position is a
possible shortcut, so the figures within one view stand beside those of all films.
"""

import argparse
import copy
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from judge import Judge, Judges, save_judge
from judge_data import Films, augmented, is_ill, load_split, mixed

from sequela.metrics import auroc, patient_interval


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long and how hard; the defaults took 2.3 CPU minutes a member on one slow core."""

    epochs: int = 45
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    smoothing: float = 0.1  # the labels are known to be wrong in one case of ten
    average: float = 0.98  # of the weights, per step


class Member:
    """One judge in training, with the running average of its weights."""

    def __init__(self, config: Training, steps: int, seed: int) -> None:
        self.config = config
        self.draw = torch.Generator().manual_seed(seed)
        self.judge = Judge()
        self.average = copy.deepcopy(self.judge).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.judge.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, config.learning_rate, total_steps=steps, pct_start=0.2
        )

    def epoch(self, films: Films) -> float:
        """Once through the films; the mean loss."""
        self.judge.train()
        order = torch.randperm(len(films.images), generator=self.draw)
        whole = len(order) // self.config.batch * self.config.batch
        return float(np.mean([self.step(films, i) for i in order[:whole].split(self.config.batch)]))

    def step(self, films: Films, chosen: torch.Tensor) -> float:
        """One batch; its loss."""
        images = augmented(films.images[chosen], self.draw)
        images, targets = mixed(images, films.targets[chosen], self.draw)
        soft = targets * (1 - self.config.smoothing) + self.config.smoothing / 2
        losses = F.binary_cross_entropy_with_logits(self.judge(images), soft, reduction="none")
        loss = losses[:, 0].mean() + 0.3 * losses[:, 1:].mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.judge.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        for mean, weight in zip(self.average.parameters(), self.judge.parameters(), strict=True):
            mean.lerp_(weight.detach(), 1 - self.config.average)
        return loss.item()


def train_member(train: Films, val: Films, config: Training, seed: int) -> Judge:
    """One judge; of its running averages, the one with the best AUROC on `val`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # inside the fork: the first weights and the dropout
        member = Member(config, config.epochs * (len(train.images) // config.batch), seed)
        best, kept = -1.0, member.average
        for epoch in range(config.epochs):
            loss = member.epoch(train)
            value = auroc(Judges([member.average]).score(val.images).numpy(), is_ill(val))
            print(f"seed {seed} epoch {epoch}: loss {loss:.3f}, val AUROC {value:.3f}", flush=True)
            if value >= best:
                best, kept = value, copy.deepcopy(member.average)
    return kept


def report(judges: Judges, films: Films) -> dict[str, str]:
    """AUROC with intervals: of all films, within AP, within PA, and of the view alone."""
    scores, ill = judges.score(films.images).numpy(), is_ill(films)
    view = (films.views == "PA").astype(np.float64)
    everything = np.ones(len(ill), dtype=bool)
    groups = {
        "all": (scores, everything),
        "AP only": (scores, films.views == "AP"),
        "PA only": (scores, films.views == "PA"),
        "view position alone (shortcut)": (view, everything),
    }
    lines = {}
    for name, (values, group) in groups.items():
        s, y, who = values[group], ill[group], films.patients[group]
        low, high = patient_interval(lambda i, s=s, y=y: auroc(s[i], y[i]), who)
        lines[name] = f"{auroc(s, y):.3f} [{low:.3f}, {high:.3f}] ({y.sum()} ill of {len(y)} films)"
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("SEQUELA_DATA"))
    parser.add_argument("--out", type=Path, default=Path("work/judge"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=Training.epochs)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.data is None:
        parser.error("give the folder that holds the data sets with --data or SEQUELA_DATA")
    torch.set_num_threads(options.threads)
    began = time.process_time()
    splits = {name: load_split(options.data, name) for name in ("train", "val", "test")}
    config = Training(epochs=options.epochs)
    members = [
        train_member(splits["train"], splits["val"], config, seed) for seed in range(options.seeds)
    ]
    judges = Judges(members)
    figures = {name: report(judges, splits[name]) for name in ("val", "test")}
    for split, lines in figures.items():
        for name, line in lines.items():
            print(f"{split}, {name}: AUROC {line}")
    minutes = (time.process_time() - began) / 60
    path = save_judge(judges, options.out, {"cohort": "cxr-nih train", "auroc": figures})
    print(f"saved {path} after {minutes:.1f} CPU minutes")


if __name__ == "__main__":
    main()
