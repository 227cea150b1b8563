"""Encodes features of all kinds as one number each, 0 for usual and missing values."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from external_engine.stubs import common_pb2
from external_engine.table import Column, Floats

FARTHEST = 1e6
"""Limit of a distance, in standard deviations."""


@dataclass(frozen=True)
class Scale:
    """Encodes a numeric or boolean feature as distances from the median in robust standard deviations."""

    center: float
    scale: float

    @classmethod
    def fit(cls, numbers: Floats) -> "Scale":
        known = numbers[~np.isnan(numbers)]
        if not len(known):
            return cls(0.0, 1.0)
        first, center, third = (float(value) for value in np.quantile(known, (0.25, 0.5, 0.75)))
        # The quartiles of normal values are 1.349 standard deviations apart. They are equal if more than
        # half of the values are.
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
    """Encodes a categorical feature as a value's surprise, -ln of its share of the rows, minus the median.

    Values that occur once or never in the fitted rows are equally rare: only more frequent ones are
    stored.
    """

    center: float
    known: dict[str, float]
    other: float

    @classmethod
    def fit(cls, column: Column) -> "Rarity":
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
        # The last entry is for missing values, whose code is -1.
        return np.array([*surprise, 0.0])[column.values.astype(np.int64)]


Encoding = Scale | Rarity


def fit(feature: Any, column: Column) -> Encoding:
    if feature.kind == common_pb2.FEATURE_KIND_CATEGORICAL:
        return Rarity.fit(column)
    return Scale.fit(_numbers(column))


def encode(encodings: list[Encoding], columns: list[Column]) -> Floats:
    """Returns one row per row and one column per feature."""
    encoded = [
        known.encode(column) if isinstance(known, Rarity) else known.encode(_numbers(column))
        for known, column in zip(encodings, columns, strict=True)
    ]
    return np.column_stack(encoded)


def _numbers(column: Column) -> Floats:
    """Booleans become 1 and 0."""
    if column.levels is None:
        return column.values
    truth = np.array([*(float(level == "true") for level in column.levels), np.nan])
    return truth[column.values.astype(np.int64)]
