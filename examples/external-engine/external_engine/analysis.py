"""Each feature's distribution over all rows and by group, for charts and explanations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from external_engine.stubs import analysis_pb2
from external_engine.table import Column, Floats

BINS = 40
CATEGORIES = 50
LONGEST_CATEGORY = 4_096
"""In characters; longer values are counted as other values, which bounds the messages."""
OTHER = "other values"
QUANTILES = (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1)

Mask = NDArray[np.bool_]


def summary(feature: Any, column: Column, suspicious: Mask, shares: Floats) -> Any:
    """Returns a `FeatureSummary`. `shares` are the feature's contributions."""
    result = _numeric(column, suspicious) if column.levels is None else _categorical(column, suspicious)
    result.feature.CopyFrom(feature)
    result.missing = int(column.missing().sum())
    if len(shares):
        result.mean_contribution = float(shares.mean())
    if suspicious.any():
        result.mean_contribution_suspicious = float(shares[suspicious].mean())
    return result


def _groups(suspicious: Mask) -> list[tuple[Any, Mask]]:
    return [
        (analysis_pb2.GROUP_ALL, np.ones_like(suspicious)),
        (analysis_pb2.GROUP_NORMAL, ~suspicious),
        (analysis_pb2.GROUP_SUSPICIOUS, suspicious),
    ]


def _numeric(column: Column, suspicious: Mask) -> Any:
    known = ~column.missing()
    result = analysis_pb2.FeatureSummary(distinct=len(np.unique(column.values[known])))
    edges = _edges(column.values[known])
    result.edges.extend(edges)
    for group, rows in _groups(suspicious):
        values = column.values[known & rows]
        part = result.groups.add(group=group, count=len(values))
        part.counts.extend(np.histogram(values, edges)[0].tolist() if len(edges) else [])
        if not len(values):
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            part.mean = float(values.mean())
            part.quantiles.extend(np.quantile(values, QUANTILES).tolist())
            deviation = float(values.std(ddof=1)) if len(values) > 1 else np.nan
        if np.isfinite(deviation):
            part.standard_deviation = deviation
    return result


def _edges(values: Floats) -> Floats:
    if not len(values):
        return np.empty(0)
    low, high = values.min(), values.max()
    share = np.linspace(0.0, 1.0, BINS + 1 if low < high else 2)
    # A weighted mean of both ends can't overflow, and the edges stay in order despite rounding.
    return np.maximum.accumulate(np.clip(low * (1 - share) + high * share, low, high))


def _categorical(column: Column, suspicious: Mask) -> Any:
    levels = column.levels or []
    known = ~column.missing()
    codes = column.values.astype(np.int64)
    counts = [
        (group, np.bincount(codes[known & rows], minlength=len(levels)))
        for group, rows in _groups(suspicious)
    ]
    order = np.argsort(-counts[0][1], kind="stable")
    short = np.array([len(level) <= LONGEST_CATEGORY for level in levels], dtype=np.bool_)
    shown = order[short[order]][:CATEGORIES]
    result = analysis_pb2.FeatureSummary(distinct=len(levels))
    result.categories.extend(levels[code] for code in shown)
    others = len(shown) < len(levels)
    if others:
        result.categories.append(OTHER)
    for group, count in counts:
        rest = [int(count.sum() - count[shown].sum())] if others else []
        result.groups.add(group=group, count=int(count.sum()), counts=[*count[shown].tolist(), *rest])
    return result
