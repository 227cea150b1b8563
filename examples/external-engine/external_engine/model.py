"""A fitted model as JSON, which contains no code."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf import json_format

from external_engine import encoding, table, verdict
from external_engine.detectors import DETECTORS, RowWise
from external_engine.encoding import Encoding, Rarity, Scale
from external_engine.errors import wrong_request
from external_engine.verdict import Verdict
from external_engine.stubs import common_pb2
from external_engine.table import weighing

FORMAT = "anomal-external-engine/1"


@dataclass(frozen=True)
class Model:
    """Everything that is needed to score a row."""

    detector: RowWise
    features: list[Any]
    """`FeatureColumn`s."""
    encodings: list[Encoding]
    """Of the features with positive weight."""
    fitted: Mapping[str, Any] | None
    """The detector's fitted state; None if there were no rows to fit."""
    verdict: Verdict

    def score(self, rows: pa.Table) -> pa.Table:
        """Returns the result rows of a table."""
        columns = table.columns(rows, self.features)
        scored = None
        if self.fitted is not None:
            values = encoding.encode(self.encodings, weighing(self.features, columns))
            scored = verdict.spread(self.detector.score(self.fitted, values), self.features)
        names = [feature.name for feature in self.features]
        return verdict.results(rows.column(0), names, scored, self.verdict)

    def to_bytes(self) -> bytes:
        fields = {
            "format": FORMAT,
            "detector": self.detector.name,
            "features": [json_format.MessageToDict(feature) for feature in self.features],
            "encodings": [vars(known) for known in self.encodings],
            "learnt": self.fitted,
            "scores": self.verdict.fitted_scores.tolist(),
            "cut": self.verdict.cut if math.isfinite(self.verdict.cut) else None,
        }
        return json.dumps(fields, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """A model is untrusted: an invalid one is refused."""
        try:
            return cls._parse(data)
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            OverflowError,
            RecursionError,
            json_format.ParseError,
        ) as error:
            raise wrong_request("MODEL_INVALID", f"the model can't be used: {error}") from error

    @classmethod
    def _parse(cls, data: bytes) -> "Model":
        fields = json.loads(data, parse_constant=_no_number)
        if fields["format"] != FORMAT:
            raise ValueError("it is from another engine or version; fit it again")
        known = {one.name: one for one in DETECTORS if isinstance(one, RowWise)}
        detector = known[fields["detector"]]
        features = [json_format.ParseDict(one, common_pb2.FeatureColumn()) for one in fields["features"]]
        encoded = zip(weighing(features, features), fields["encodings"], strict=True)
        encodings = [_encoding(feature, one) for feature, one in encoded]
        scores = np.asarray(fields["scores"], dtype=np.float64)
        if scores.ndim != 1 or not np.isfinite(scores).all() or (np.diff(scores) < 0).any():
            raise ValueError("its scores are not in order")
        cut = math.inf if fields["cut"] is None else float(fields["cut"])
        model = cls(detector, features, encodings, fields["learnt"], Verdict(scores, cut))
        if model.fitted is not None:
            detector.score(model.fitted, np.zeros((1, len(encodings))))
        return model


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _encoding(feature: Any, fields: Mapping[str, Any]) -> Encoding:
    if feature.kind == common_pb2.FEATURE_KIND_CATEGORICAL:
        known = {str(level): _finite(value) for level, value in fields["known"].items()}
        return Rarity(_finite(fields["center"]), known, _finite(fields["other"]))
    scale = _finite(fields["scale"])
    if scale <= 0:
        raise ValueError("a scale is not positive")
    return Scale(_finite(fields["center"]), scale)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return number
