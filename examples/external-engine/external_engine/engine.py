"""From a table to what is said of its rows."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from external_engine import analysis, encoding, judging, settings, table
from external_engine.detectors import DETECTORS, Detector, RowWise, Scores
from external_engine.errors import Kind, Refusal, wrong_request
from external_engine.judging import Verdict
from external_engine.model import Model
from external_engine.settings import Settings, Threshold
from external_engine.stubs import analysis_pb2, classification_pb2, common_pb2
from external_engine.table import Column, weighing


def describe(detector: Detector) -> Any:
    """A detector as `ListDetectors` tells it."""
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
    """What Classify and Fit are asked."""

    detector: Detector
    parameters: dict[str, Any]
    threshold: Threshold
    features: list[Any]
    """`FeatureColumn`s."""
    table: pa.Table

    @classmethod
    def of(cls, told: Any, data: bytes) -> "Request":
        """From `ClassifySettings` and the bytes of a table."""
        detectors = {detector.name: detector for detector in DETECTORS}
        given = Settings.parse(told.settings, told.settings_version, list(detectors))
        detector = detectors[given.detector]
        parameters = settings.checked(given.parameters, detector.parameters)
        features = list(told.features)
        if len({feature.name for feature in features}) < len(features):
            raise wrong_request("FEATURE_TWICE", "a feature is there twice")
        for feature in features:
            if not (math.isfinite(feature.weight) and feature.weight >= 0):
                message = f"the feature `{feature.name}` has the weight {feature.weight}"
                raise wrong_request("FEATURE_WEIGHT", message)
        return cls(detector, parameters, given.threshold, features, table.from_bytes(data))


@dataclass(frozen=True)
class Answer:
    """What an answer is made of; each call has what its answer needs."""

    rows: pa.Table | None = None
    model: bytes = b""
    analysis: Any = None
    """An `Analysis`."""
    steps: list[Any] = field(default_factory=list)
    """`StepStatistics`."""


def classify(request: Request) -> Answer:
    judged = _judge(request)
    names = [feature.name for feature in request.features]
    rows = judging.results(request.table.column(0), names, judged.said, judged.verdict)
    return Answer(rows=rows, analysis=_analyse(request, judged), steps=judged.steps)


def fit(request: Request) -> Answer:
    detector = request.detector
    if not isinstance(detector, RowWise):
        message = f"{detector.name} judges rows among themselves and makes no model; use Classify"
        raise Refusal(Kind.INCOMPATIBLE, "DETECTOR_NOT_ROW_WISE", message)
    judged = _judge(request)
    model = Model(detector, request.features, judged.encodings, judged.learnt, judged.verdict)
    return Answer(model=model.to_bytes(), analysis=_analyse(request, judged), steps=judged.steps)


def score(model: bytes, data: bytes) -> Answer:
    rows, steps = table.from_bytes(data), list[Any]()
    with _step(steps, "score", len(rows)):
        scored = Model.from_bytes(model).score(rows)
    return Answer(rows=scored, steps=steps)


@dataclass(frozen=True)
class _Judged:
    """A table's rows, judged among themselves."""

    columns: list[Column]
    encodings: list[encoding.Encoding]
    learnt: dict[str, Any] | None
    said: Scores | None
    """None where there is nothing to compare: a lone row, or no feature that weighs."""
    verdict: Verdict
    steps: list[Any]


def _judge(request: Request) -> _Judged:
    detector, features, rows = request.detector, request.features, len(request.table)
    steps: list[Any] = []
    with _step(steps, "features", rows):
        columns = table.columns(request.table, features)
        chosen = weighing(features, columns)
        encodings = list(map(encoding.learn, weighing(features, features), chosen))
    learnt, said = None, None
    if rows >= 2 and chosen:
        with _step(steps, detector.name, rows):
            values = encoding.encode(encodings, chosen)
            weights = np.array([feature.weight for feature in weighing(features, features)])
            weights /= weights.max()
            if isinstance(detector, RowWise):
                learnt = detector.fit(values, weights, request.parameters)
                said = detector.score(learnt, values)
            else:
                said = detector.classify(values, weights, request.parameters)
            said = judging.spread(said, features)
    verdict = Verdict.of(said.scores if said else np.empty(0), request.threshold)
    return _Judged(columns, encodings, learnt, said, verdict, steps)


def _analyse(request: Request, judged: _Judged) -> Any:
    rows = len(request.table)
    told = analysis_pb2.Analysis(detector=request.detector.name, rows=rows)
    suspicious, shares = np.zeros(rows, dtype=np.bool_), np.zeros((rows, len(request.features)))
    if judged.said is not None:
        suspicious, shares = judged.said.scores >= judged.verdict.cut, judged.said.parts
        told.threshold.method = request.threshold.method
        told.threshold.value = request.threshold.value
        told.threshold.suspicious = int(suspicious.sum())
        if math.isfinite(judged.verdict.cut):
            told.threshold.cut = judged.verdict.cut
    for feature, column, share in zip(request.features, judged.columns, shares.T, strict=True):
        told.features.append(analysis.summary(feature, column, suspicious, share))
    return told


@contextmanager
def _step(steps: list[Any], name: str, rows: int) -> Iterator[None]:
    """Takes the time of a step."""
    started = time.monotonic()
    yield
    seconds = time.monotonic() - started
    told = common_pb2.StepStatistics(step=name, rows_in=rows, rows_out=rows, seconds=seconds)
    steps.append(told)
