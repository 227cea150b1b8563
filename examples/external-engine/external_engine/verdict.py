"""Ranks and thresholds, as in Anomal's own engine."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from external_engine.detectors import Scores
from external_engine.settings import Threshold
from external_engine.table import ROW, Floats

MAX_FITTED_SCORES = 100_000
"""Fitted scores that are stored for ranks; of more scores an even sample in order."""

HIGHEST = np.finfo(np.float64).max


@dataclass(frozen=True)
class Verdict:
    """The fitted scores and the threshold."""

    fitted_scores: Floats
    cut: float
    """Rows with a score at or above it are suspicious; infinite if none are."""

    @classmethod
    def from_scores(cls, scores: Floats, threshold: Threshold) -> "Verdict":
        ordered = np.sort(scores)
        step = max(1, -(-len(ordered) // MAX_FITTED_SCORES))
        return cls(ordered[::step], _cut(ordered, threshold))

    def ranks(self, scores: Floats) -> Floats:
        """Returns the shares of the fitted rows with a lower score."""
        return np.searchsorted(self.fitted_scores, scores, side="left") / max(1, len(self.fitted_scores))


def _cut(ordered: Floats, threshold: Threshold) -> float:
    value = threshold.value
    if not len(ordered):
        return np.inf
    if threshold.method == "contamination":
        return _contamination(ordered, value)
    if threshold.method == "quantile":
        # Above the quantile, not at it.
        return float(np.nextafter(np.quantile(ordered, value), np.inf))
    return value


def _contamination(ordered: Floats, share: float) -> float:
    """The lowest score such that at most the share of rows (at least one) have it or a higher one.

    Rows of equal score are never separated: a tie at the border is excluded as a whole. If even the highest
    score belongs to more rows, these are suspicious if they are at most half of all.
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
    """Replaces infinite and NaN scores by the greatest number."""
    return np.where(np.isnan(scores), HIGHEST, np.clip(scores, -HIGHEST, HIGHEST))


def _shares(parts: Floats) -> Floats:
    """Divides parts by their row's sum; all 0 where the sum is 0."""
    known: Floats = np.nan_to_num(parts, nan=0.0, posinf=1e300).clip(0.0, 1e300)
    # Divides by the row's largest part first, so that no sum overflows.
    largest = known.max(axis=1, keepdims=True, initial=0.0)
    known = np.divide(known, largest, out=np.zeros_like(known), where=largest > 0)
    total = np.zeros((len(known), 1))
    for feature in range(known.shape[1]):
        total += known[:, feature : feature + 1]
    np.divide(known, total, out=known, where=total > 0)
    return known


def spread(scored: Scores, features: list[Any]) -> Scores:
    """Converts the parts of the features with positive weight to shares of all features."""
    parts = np.zeros((len(scored.scores), len(features)))
    parts[:, [feature.weight > 0 for feature in features]] = _shares(scored.parts)
    return Scores(_finite(scored.scores), parts)


def results(rows: pa.ChunkedArray, names: list[str], scored: Scores | None, verdict: Verdict) -> pa.Table:
    """Returns the result rows; the `parts` of `scored` are shares.

    Without scores (a single row, no feature of positive weight) score and rank are missing.
    """
    scores, ranks = pa.nulls(len(rows), pa.float64()), pa.nulls(len(rows), pa.float64())
    suspicious, parts = np.zeros(len(rows), dtype=np.bool_), np.zeros((len(rows), len(names)))
    if scored is not None:
        scores, ranks = pa.array(scored.scores), pa.array(verdict.ranks(scored.scores))
        suspicious, parts = scored.scores >= verdict.cut, scored.parts
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
