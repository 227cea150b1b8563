"""The engine: classify, fit and score tables."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from external_engine import analysis, encoding, settings, table, verdict as verdicts
from external_engine.detectors import DETECTORS, Detector, RowWise, Scores
from external_engine.errors import Kind, Refusal, wrong_request
from external_engine.verdict import Verdict
from external_engine.model import Model
from external_engine.settings import Settings, Threshold
from external_engine.stubs import analysis_pb2, classification_pb2, common_pb2
from external_engine.table import Column, weighing


def describe(detector: Detector) -> Any:
    """The detector's entry in `ListDetectors`."""
    return classification_pb2.Detector(
        name=detector.name,
        description=detector.description,
        parameters_schema=settings.schema(detector.name, detector.parameters),
        categorical=True,
        missing_values=True,
        contributions=True,
        clusters=False,
        row_wise=detector.row_wise,
        cost=detector.cost,
    )


@dataclass(frozen=True)
class Request:
    """A request of Classify or Fit."""

    detector: Detector
    parameters: dict[str, Any]
    threshold: Threshold
    features: list[Any]
    """`FeatureColumn`s."""
    table: pa.Table

    @classmethod
    def from_message(cls, message: Any, data: bytes) -> "Request":
        """Builds it from `ClassifySettings` and the bytes of a table."""
        detectors = {detector.name: detector for detector in DETECTORS}
        given = Settings.parse(message.settings, message.settings_version, list(detectors))
        detector = detectors[given.detector]
        parameters = settings.checked(given.parameters, detector.parameters)
        features = list(message.features)
        if len({feature.name for feature in features}) < len(features):
            raise wrong_request("FEATURE_TWICE", "a feature is listed twice")
        for feature in features:
            if not (math.isfinite(feature.weight) and feature.weight >= 0):
                text = f"the feature `{feature.name}` has the weight {feature.weight}"
                raise wrong_request("FEATURE_WEIGHT", text)
        return cls(detector, parameters, given.threshold, features, table.from_bytes(data))


@dataclass(frozen=True)
class Answer:
    """A response; each call fills the parts that it needs."""

    rows: pa.Table | None = None
    model: bytes = b""
    analysis: Any = None
    """An `Analysis`."""
    steps: list[Any] = field(default_factory=list)
    """`StepStatistics`."""


def classify(request: Request) -> Answer:
    scored_table = _score_table(request)
    names = [feature.name for feature in request.features]
    rows = verdicts.results(request.table.column(0), names, scored_table.scored, scored_table.verdict)
    return Answer(rows=rows, analysis=_analyse(request, scored_table), steps=scored_table.steps)


def fit(request: Request) -> Answer:
    detector = request.detector
    if not isinstance(detector, RowWise):
        message = f"{detector.name} scores rows relative to each other and has no model; use Classify"
        raise Refusal(Kind.INCOMPATIBLE, "DETECTOR_NOT_ROW_WISE", message)
    scored_table = _score_table(request)
    model = Model(detector, request.features, scored_table.encodings, scored_table.fitted, scored_table.verdict)
    return Answer(model=model.to_bytes(), analysis=_analyse(request, scored_table), steps=scored_table.steps)


def score(model: bytes, data: bytes) -> Answer:
    rows, steps = table.from_bytes(data), list[Any]()
    with _step(steps, "score", len(rows)):
        results = Model.from_bytes(model).score(rows)
    return Answer(rows=results, steps=steps)


@dataclass(frozen=True)
class _ScoredTable:
    """A table with the scores of its rows."""

    columns: list[Column]
    encodings: list[encoding.Encoding]
    fitted: dict[str, Any] | None
    scored: Scores | None
    """None for a single row and without features of positive weight."""
    verdict: Verdict
    steps: list[Any]


def _score_table(request: Request) -> _ScoredTable:
    detector, features, rows = request.detector, request.features, len(request.table)
    steps: list[Any] = []
    with _step(steps, "features", rows):
        columns = table.columns(request.table, features)
        chosen = weighing(features, columns)
        encodings = list(map(encoding.fit, weighing(features, features), chosen))
    fitted, scored = None, None
    if rows >= 2 and chosen:
        with _step(steps, detector.name, rows):
            values = encoding.encode(encodings, chosen)
            weights = np.array([feature.weight for feature in weighing(features, features)])
            weights /= weights.max()
            if isinstance(detector, RowWise):
                fitted = detector.fit(values, weights, request.parameters)
                scored = detector.score(fitted, values)
            else:
                scored = detector.classify(values, weights, request.parameters)
            scored = verdicts.spread(scored, features)
    verdict = Verdict.from_scores(scored.scores if scored else np.empty(0), request.threshold)
    return _ScoredTable(columns, encodings, fitted, scored, verdict, steps)


def _analyse(request: Request, scored_table: _ScoredTable) -> Any:
    rows = len(request.table)
    result = analysis_pb2.Analysis(detector=request.detector.name, rows=rows)
    suspicious, shares = np.zeros(rows, dtype=np.bool_), np.zeros((rows, len(request.features)))
    if scored_table.scored is not None:
        suspicious, shares = scored_table.scored.scores >= scored_table.verdict.cut, scored_table.scored.parts
        result.threshold.method = request.threshold.method
        result.threshold.value = request.threshold.value
        result.threshold.suspicious = int(suspicious.sum())
        if math.isfinite(scored_table.verdict.cut):
            result.threshold.cut = scored_table.verdict.cut
    for feature, column, share in zip(request.features, scored_table.columns, shares.T, strict=True):
        result.features.append(analysis.summary(feature, column, suspicious, share))
    return result


@contextmanager
def _step(steps: list[Any], name: str, rows: int) -> Iterator[None]:
    """Measures the time of a step."""
    started = time.monotonic()
    yield
    seconds = time.monotonic() - started
    steps.append(common_pb2.StepStatistics(step=name, rows_in=rows, rows_out=rows, seconds=seconds))
