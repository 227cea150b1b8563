"""Online detectors of River and PySAD over the rows that `stream.py` uses: each row is scored before it is learned.

For each set and detector the AUROC of the rows behind the warm-up, and rows a second. Numbers are scaled to 0..1 by the rows of the
warm-up. HST: half-space trees of River, whose window is at most the warm-up; LODA and RRCF: of PySAD; else with their defaults.
"""

import argparse
import pathlib
import random
import time
import warnings

import numpy
import pyarrow.parquet
from pysad.models import LODA, RobustRandomCutForest
from river.anomaly import HalfSpaceTrees

from stream import auroc


class River:
    def __init__(self, model):
        self.model = model

    def score(self, row):
        row = dict(enumerate(row))
        score = self.model.score_one(row)
        self.model.learn_one(row)
        return score


class PySad:
    def __init__(self, model):
        self.model = model

    def score(self, row):
        try:
            score = float(self.model.score_partial(row))
        except Exception:  # Some have no score before they have learned.
            score = 0.0
        self.model.fit_partial(row)
        return score if numpy.isfinite(score) else 0.0


# Made for a warm-up of so many rows. River's trees have no scores before their first window of 250 rows has passed.
DETECTORS = {
    "HST": lambda warm_up: River(HalfSpaceTrees(window_size=min(250, warm_up), seed=7)),
    "LODA": lambda _: PySad(LODA()),
    "RRCF": lambda _: PySad(RobustRandomCutForest()),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=pathlib.Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--detectors", nargs="*", choices=DETECTORS, default=list(DETECTORS))
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    for path in sorted(arguments.datasets.glob("*.parquet")):
        if arguments.only and path.stem not in arguments.only:
            continue
        table = pyarrow.parquet.read_table(path).to_pydict()
        labels = table.pop("label")
        features = [name for name in table if name.startswith("f")]
        rows = list(zip(*(table[name] for name in features), labels))
        random.Random(arguments.seed).shuffle(rows)
        rows = rows[: arguments.rows]
        warm_up = min(5_000, max(100, len(rows) // 4))
        values = numpy.array([row[:-1] for row in rows], dtype=float)
        labels = [int(row[-1]) for row in rows][warm_up:]
        low, high = values[:warm_up].min(axis=0), values[:warm_up].max(axis=0)
        values = numpy.clip((values - low) / numpy.where(high > low, high - low, 1.0), -1.0, 2.0)
        shown = []
        for name in arguments.detectors:
            numpy.random.seed(7)
            detector, begun = DETECTORS[name](warm_up), time.monotonic()
            scores = [detector.score(row) for row in values][warm_up:]
            rate = len(values) / (time.monotonic() - begun)
            shown.append(f"{name} {auroc(scores, labels):.4f} ({rate:.0f} rows/s)")
        print(f"{path.stem}: rows {len(values)}, {', '.join(shown)}", flush=True)


if __name__ == "__main__":
    main()
