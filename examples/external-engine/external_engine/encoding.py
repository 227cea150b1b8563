"""Features of all kinds as numbers: one for each feature, 0 where the value is usual or missing."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from external_engine.stubs import common_pb2
from external_engine.table import Column, Floats

FARTHEST = 1e6
"""Standard deviations that a value is taken to be away at most."""


@dataclass(frozen=True)
class Scale:
    """Of a numeric or boolean feature: distances from the median in robust standard deviations."""

    center: float
    scale: float

    @classmethod
    def learn(cls, numbers: Floats) -> "Scale":
        known = numbers[~np.isnan(numbers)]
        if not len(known):
            return cls(0.0, 1.0)
        first, center, third = (float(value) for value in np.quantile(known, (0.25, 0.5, 0.75)))
        # The quartiles of normal values are 1.349 standard deviations apart. Where they are equal, more
        # than half the values are.
        with np.errstate(over="ignore", invalid="ignore"):
            candidates = ((third - first) / 1.349, float(known.std()))
        usable = (scale for scale in candidates if np.isfinite(scale) and scale > 0)
        return cls(center, next(usable, 1.0))

    def encode(self, numbers: Floats) -> Floats:
        with np.errstate(over="ignore"):
            distances = np.clip((numbers - self.center) / self.scale, -FARTHEST, FARTHEST)
        return np.where(np.isnan(distances), 0.0, distances)


@dataclass(frozen=True)
class Rarity:
    """Of a categorical feature: a value's surprise, -ln of its share of the rows, against the median.

    A value that the fitted rows have once, and one that they do not have, are as rare as each other: only
    those seen more often are kept.
    """

    center: float
    known: dict[str, float]
    other: float

    @classmethod
    def learn(cls, column: Column) -> "Rarity":
        levels = column.levels or []
        codes = column.values[~column.missing()].astype(np.int64)
        if not len(codes):
            return cls(0.0, {}, 0.0)
        counts = np.bincount(codes, minlength=len(levels))
        surprise = np.log(len(codes) / np.maximum(counts, 1))
        seen = {levels[code]: float(surprise[code]) for code in np.flatnonzero(counts > 1)}
        return cls(float(np.median(surprise[codes])), seen, float(np.log(len(codes))))

    def encode(self, column: Column) -> Floats:
        surprise = [self.known.get(level, self.other) - self.center for level in column.levels or []]
        # The last one stands for what is missing, whose code is -1.
        return np.array([*surprise, 0.0])[column.values.astype(np.int64)]


Encoding = Scale | Rarity


def learn(feature: Any, column: Column) -> Encoding:
    if feature.kind == common_pb2.FEATURE_KIND_CATEGORICAL:
        return Rarity.learn(column)
    return Scale.learn(_numbers(column))


def encode(encodings: list[Encoding], columns: list[Column]) -> Floats:
    """A row for each row, a column for each feature."""
    encoded = [
        known.encode(column) if isinstance(known, Rarity) else known.encode(_numbers(column))
        for known, column in zip(encodings, columns, strict=True)
    ]
    return np.column_stack(encoded)


def _numbers(column: Column) -> Floats:
    """Truth values as 1 and 0."""
    if column.levels is None:
        return column.values
    truth = np.array([*(float(level == "true") for level in column.levels), np.nan])
    return truth[column.values.astype(np.int64)]
