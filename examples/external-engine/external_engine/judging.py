"""Scores judged: the rank of each, and which are suspicious, as Anomal's own engine does it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from external_engine.detectors import Scores
from external_engine.settings import Threshold
from external_engine.table import ROW, Floats

MOST_KEPT = 100_000
"""Fitted scores that are kept for ranks: all, or every so many of them in order."""

HIGHEST = np.finfo(np.float64).max


@dataclass(frozen=True)
class Verdict:
    """What is known of the fitted scores."""

    kept: Floats
    cut: float
    """Rows with a score at or above it are suspicious; infinite where none is."""

    @classmethod
    def of(cls, scores: Floats, threshold: Threshold) -> "Verdict":
        ordered = np.sort(scores)
        step = max(1, -(-len(ordered) // MOST_KEPT))
        return cls(ordered[::step], _cut(ordered, threshold))

    def ranks(self, scores: Floats) -> Floats:
        """The share of the fitted rows with a lower score."""
        return np.searchsorted(self.kept, scores, side="left") / max(1, len(self.kept))


def _cut(ordered: Floats, threshold: Threshold) -> float:
    value = threshold.value
    if not len(ordered):
        return np.inf
    if threshold.method == "contamination":
        return _contamination(ordered, value)
    if threshold.method == "quantile":
        # Scores above it, and not those at it.
        return float(np.nextafter(np.quantile(ordered, value), np.inf))
    return value


def _contamination(ordered: Floats, share: float) -> float:
    """The lowest score such that at most the share of rows (at least one) have it or a higher one.

    Rows of equal score are never told apart: a tie at the border is left out, whole. Where the highest score
    alone is that of more rows, these are suspicious if they are at most half of all.
    """
    rows = len(ordered)
    most = min(max(int(np.floor(rows * share + 0.5)), 1), rows)
    lowest = ordered[rows - most]
    at_or_above = rows - int(np.searchsorted(ordered, lowest, side="left"))
    if at_or_above <= most:
        return float(lowest)
    above = int(np.searchsorted(ordered, lowest, side="right"))
    if above < rows:
        return float(ordered[above])
    return float(lowest) if at_or_above * 2 <= rows else float(np.inf)


def _finite(scores: Floats) -> Floats:
    """A score beyond all numbers is the greatest one."""
    return np.where(np.isnan(scores), HIGHEST, np.clip(scores, -HIGHEST, HIGHEST))


def _shares(parts: Floats) -> Floats:
    """Parts divided by their row's sum; all 0 where that is 0."""
    known: Floats = np.nan_to_num(parts, nan=0.0, posinf=1e300).clip(0.0, 1e300)
    # First by the largest of the row, so that no sum overflows.
    largest = known.max(axis=1, keepdims=True, initial=0.0)
    known = np.divide(known, largest, out=np.zeros_like(known), where=largest > 0)
    total = np.zeros((len(known), 1))
    for feature in range(known.shape[1]):
        total += known[:, feature : feature + 1]
    np.divide(known, total, out=known, where=total > 0)
    return known


def spread(said: Scores, features: list[Any]) -> Scores:
    """Shares of all features, where the parts are those of the features that weigh."""
    parts = np.zeros((len(said.scores), len(features)))
    parts[:, [feature.weight > 0 for feature in features]] = _shares(said.parts)
    return Scores(_finite(said.scores), parts)


def results(rows: pa.ChunkedArray, names: list[str], said: Scores | None, verdict: Verdict) -> pa.Table:
    """The rows of an answer; `parts` of `said` are shares by now.

    Nothing is said of rows that there is nothing to compare with: a lone row, or no feature that weighs.
    """
    scores, ranks = pa.nulls(len(rows), pa.float64()), pa.nulls(len(rows), pa.float64())
    suspicious, parts = np.zeros(len(rows), dtype=np.bool_), np.zeros((len(rows), len(names)))
    if said is not None:
        scores, ranks = pa.array(said.scores), pa.array(verdict.ranks(said.scores))
        suspicious, parts = said.scores >= verdict.cut, said.parts
    answer = {
        ROW: rows,
        "score": scores,
        "rank": ranks,
        "cluster": pa.nulls(len(rows), pa.uint32()),
        "suspicious": pa.array(suspicious),
    }
    for name, column in zip(names, parts.T, strict=True):
        answer[f"contribution.{name}"] = pa.array(column)
    return pa.table(answer)
