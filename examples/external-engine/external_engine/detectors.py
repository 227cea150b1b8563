"""Detectors. A new one is a class here and a line in `DETECTORS`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.covariance import LedoitWolf, empirical_covariance, shrunk_covariance
from sklearn.neighbors import LocalOutlierFactor as SklearnLof

from external_engine.settings import Parameter
from external_engine.table import Floats

BLOCK = 65_536
"""Rows processed together, to bound memory."""


@dataclass(frozen=True)
class Scores:
    """The scores of a table's rows."""

    scores: Floats
    """One per row; higher is more unusual."""
    parts: Floats
    """Each feature's part in each row's score: not negative, in any unit."""


class Detector(ABC):
    """Scores the rows of a table.

    `values` has one row per row and one column per feature, without missing values (see `encoding`), at
    least 2 rows and 1 feature. `weights` are above 0 and at most 1; features of weight 0 are excluded.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    cost: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]
    row_wise: ClassVar[bool] = False

    @abstractmethod
    def classify(self, values: Floats, weights: Floats, parameters: Mapping[str, Any]) -> Scores:
        """Scores rows relative to each other."""


class RowWise(Detector):
    """Fits all rows, then scores each independently: a row's score is the same in every batch.

    The fitted state is a dictionary of lists of numbers, which is sent as JSON.
    """

    row_wise = True

    @abstractmethod
    def fit(self, values: Floats, weights: Floats, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the fitted state."""

    @abstractmethod
    def score(self, fitted: Mapping[str, Any], values: Floats) -> Scores:
        """Scores rows with a fitted state, which is untrusted: raises ValueError if it is invalid."""

    def classify(self, values: Floats, weights: Floats, parameters: Mapping[str, Any]) -> Scores:
        return self.score(self.fit(values, weights, parameters), values)


class LocalOutlierFactor(Detector):
    """How much lower the density is around a row than around its neighbors (Breunig et al. 2000).

    Neighbors are distinct rows, as the paper suggests for data with duplicates: with more than
    `nNeighbors` equal rows the density would be infinite.
    """

    name = "LocalOutlierFactor"
    description = (
        "Local outlier factor (scikit-learn): how much lower the density is around a row than around its nearest "
        "neighbors. Finds rows that are unusual for where they are."
    )
    cost = "O(n log n) time for few features, O(n²) for more than 15; O(n) memory"
    parameters = (
        Parameter(
            "nNeighbors",
            "integer",
            "Neighbors that a row is compared with; all others where there are fewer.",
            20,
            minimum=1,
            maximum=10_000,
        ),
        Parameter(
            "metric",
            "string",
            "How the differences of the features add up to a distance.",
            "euclidean",
            choices=("euclidean", "manhattan"),
        ),
    )

    def classify(self, values: Floats, weights: Floats, parameters: Mapping[str, Any]) -> Scores:
        power = 2 if parameters["metric"] == "euclidean" else 1
        distinct, places = np.unique(values * weights ** (1 / power), axis=0, return_inverse=True)
        if len(distinct) < 2:
            return Scores(np.ones(len(values)), np.zeros_like(values))
        neighbors = min(parameters["nNeighbors"], len(distinct) - 1)
        model = SklearnLof(n_neighbors=neighbors, metric="minkowski", p=power).fit(distinct)
        # A feature's part is the distance to the neighbors by that feature alone.
        parts = np.empty_like(distinct)
        nearest = model.kneighbors(return_distance=False)
        for start in range(0, len(distinct), BLOCK):
            rows = slice(start, start + BLOCK)
            for feature, column in enumerate(distinct.T):
                away = np.abs(column[nearest[rows]] - column[rows, np.newaxis])
                parts[rows, feature] = (away**power).mean(axis=1)
        places = places.reshape(-1)
        return Scores(-model.negative_outlier_factor_[places], parts[places])


class Mahalanobis(RowWise):
    """The distance from the mean of all rows, in which correlated features count once.

    Its square is a sum of one term per feature: the symmetric root of the inverse covariance makes the
    features uncorrelated while changing each as little as possible (Garthwaite and Koch 2016,
    "Evaluating the contributions of individual variables to a quadratic form"). Weights and
    contributions apply to these terms.
    """

    name = "Mahalanobis"
    description = (
        "Mahalanobis distance from the mean under a shrunk covariance (scikit-learn): finds unusual values and "
        "combinations that break what features otherwise do together."
    )
    cost = "O(n) time, O(1) memory beyond the table"
    parameters = (
        Parameter(
            "shrinkage",
            "number",
            "How far the covariance is drawn towards uncorrelated features, 0..1; by default as Ledoit and Wolf "
            "estimate it.",
            minimum=0,
            maximum=1,
        ),
    )

    def fit(self, values: Floats, weights: Floats, parameters: Mapping[str, Any]) -> dict[str, Any]:
        center, scale = values.mean(axis=0), values.std(axis=0)
        scale[scale <= 1e-12] = 1.0
        standard = (values - center) / scale
        if parameters["shrinkage"] is None:
            covariance = LedoitWolf(assume_centered=True).fit(standard).covariance_
        else:
            empirical = empirical_covariance(standard, assume_centered=True)
            covariance = shrunk_covariance(empirical, parameters["shrinkage"])
        variances, directions = np.linalg.eigh(covariance)
        # Directions without variance keep a finite distance.
        variances = np.maximum(variances, 1e-6 * max(variances.mean(), 1e-6))
        root = (directions / np.sqrt(variances)) @ directions.T
        fitted = {"center": center, "scale": scale, "root": root, "weights": weights / weights.sum()}
        return {name: array.tolist() for name, array in fitted.items()}

    def score(self, fitted: Mapping[str, Any], values: Floats) -> Scores:
        features = values.shape[1]
        center, scale, weights = (
            _array(fitted, name, (features,)) for name in ("center", "scale", "weights")
        )
        root = _array(fitted, "root", (features, features))
        if not (scale > 0).all() or not (weights >= 0).all():
            raise ValueError("a scale or weight is not positive")
        with np.errstate(over="ignore", invalid="ignore"):
            standard = np.ascontiguousarray(((values - center) / scale).T)
            terms, total = np.zeros_like(standard), np.zeros(len(values))
            for term, factors, weight in zip(terms, root, weights, strict=True):
                # Not a matrix product, whose bits depend on the number of rows.
                for feature, factor in zip(standard, factors, strict=True):
                    term += feature * factor
                term *= term
                term *= weight
                total += term
        return Scores(np.sqrt(total), terms.T)


def _array(fitted: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Floats:
    array = np.asarray(fitted[name], dtype=np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"`{name}` is not of {' x '.join(map(str, shape))} finite numbers")
    return array


DETECTORS: tuple[Detector, ...] = (LocalOutlierFactor(), Mahalanobis())
"""All detectors; the first is the default."""
