"""A fitted model as JSON: what was learnt, and nothing that runs when it is read."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf import json_format

from external_engine import encoding, judging, table
from external_engine.detectors import DETECTORS, RowWise
from external_engine.encoding import Encoding, Rarity, Scale
from external_engine.errors import wrong_request
from external_engine.judging import Verdict
from external_engine.stubs import common_pb2
from external_engine.table import weighing

FORMAT = "anomal-external-engine/1"


@dataclass(frozen=True)
class Model:
    """All that a row is scored by."""

    detector: RowWise
    features: list[Any]
    """`FeatureColumn`s."""
    encodings: list[Encoding]
    """Of the features that weigh."""
    learnt: Mapping[str, Any] | None
    """The detector's own; none where there was nothing to learn from."""
    verdict: Verdict

    def score(self, rows: pa.Table) -> pa.Table:
        """The result rows of a table."""
        columns = table.columns(rows, self.features)
        said = None
        if self.learnt is not None:
            values = encoding.encode(self.encodings, weighing(self.features, columns))
            said = judging.spread(self.detector.score(self.learnt, values), self.features)
        names = [feature.name for feature in self.features]
        return judging.results(rows.column(0), names, said, self.verdict)

    def to_bytes(self) -> bytes:
        told = {
            "format": FORMAT,
            "detector": self.detector.name,
            "features": [json_format.MessageToDict(feature) for feature in self.features],
            "encodings": [vars(known) for known in self.encodings],
            "learnt": self.learnt,
            "scores": self.verdict.kept.tolist(),
            "cut": self.verdict.cut if math.isfinite(self.verdict.cut) else None,
        }
        return json.dumps(told, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """A model may come from anywhere: one that is damaged is refused."""
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
        told = json.loads(data, parse_constant=_no_number)
        if told["format"] != FORMAT:
            raise ValueError("it is of another engine or version; fit it again")
        known = {one.name: one for one in DETECTORS if isinstance(one, RowWise)}
        detector = known[told["detector"]]
        features = [json_format.ParseDict(one, common_pb2.FeatureColumn()) for one in told["features"]]
        encoded = zip(weighing(features, features), told["encodings"], strict=True)
        encodings = [_encoding(feature, one) for feature, one in encoded]
        kept = np.asarray(told["scores"], dtype=np.float64)
        if kept.ndim != 1 or not np.isfinite(kept).all() or (np.diff(kept) < 0).any():
            raise ValueError("its scores are not in order")
        cut = math.inf if told["cut"] is None else float(told["cut"])
        model = cls(detector, features, encodings, told["learnt"], Verdict(kept, cut))
        if model.learnt is not None:
            detector.score(model.learnt, np.zeros((1, len(encodings))))
        return model


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _encoding(feature: Any, told: Mapping[str, Any]) -> Encoding:
    if feature.kind == common_pb2.FEATURE_KIND_CATEGORICAL:
        known = {str(level): _finite(value) for level, value in told["known"].items()}
        return Rarity(_finite(told["center"]), known, _finite(told["other"]))
    scale = _finite(told["scale"])
    if scale <= 0:
        raise ValueError("a scale is not positive")
    return Scale(_finite(told["center"]), scale)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return number
