"""Starts the server and talks to it as Anomal does: `python -m unittest test_engine`."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import grpc
import numpy as np
import pyarrow as pa
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from external_engine.settings import VERSION
from external_engine.stubs import (
    analysis_pb2,
    classification_pb2,
    classification_pb2_grpc,
    common_pb2,
)

SERVICE = "anomal.v1.ClassificationEngine"
KINDS = {
    "bytes": common_pb2.FEATURE_KIND_NUMERIC,
    "packets": common_pb2.FEATURE_KIND_NUMERIC,
    "code": common_pb2.FEATURE_KIND_CATEGORICAL,
    "answered": common_pb2.FEATURE_KIND_BOOLEAN,
    "empty": common_pb2.FEATURE_KIND_NUMERIC,
}
WEIGHTS = {"bytes": 1.0, "packets": 2.0, "code": 0.5, "answered": 1.0, "empty": 1.0}
ODD_ROW = 77
"""Its bytes do not go with its packets, and its code is the only one of its kind."""


def features(weights: dict[str, float] = WEIGHTS) -> list[Any]:
    return [
        common_pb2.FeatureColumn(name=name, kind=kind, weight=weights[name], origin=f"field {name}")
        for name, kind in KINDS.items()
    ]


def table(rows: int = 400) -> pa.Table:
    """Row numbers with gaps, values of all kinds, some of them missing, text beyond ASCII."""
    draw = np.random.default_rng(7)
    packets = draw.normal(20, 5, rows)
    size = packets * 100 + draw.normal(0, 20, rows)
    code = draw.choice(["NOERROR", "NXDOMAIN", "ä\u0000é"], rows, p=[0.7, 0.2, 0.1]).astype(object)
    answered: list[bool | None] = draw.choice([True, False], rows, p=[0.9, 0.1]).tolist()
    if rows > ODD_ROW:
        packets[ODD_ROW], size[ODD_ROW], code[ODD_ROW] = 8.0, 4_000.0, "REFUSED"
    numbers: list[float | None] = size.tolist()
    for row in range(0, rows, 23):
        numbers[row], code[row], answered[row] = None, None, None
    if rows > 5:
        numbers[5] = float("nan")
    return pa.table(
        {
            "anomal.row": pa.array(range(3, 3 + 2 * rows, 2), pa.uint64()),
            "bytes": pa.array(numbers, pa.float64()),
            "packets": pa.array(packets),
            "code": pa.array(code.tolist(), pa.large_string()),
            "answered": pa.array(answered, pa.bool_()),
            "empty": pa.nulls(rows, pa.float64()),
        }
    )


def ipc(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue().to_pybytes())


def cut(data: bytes) -> Iterator[bytes]:
    """In pieces that end anywhere but at the borders of Arrow's messages."""
    start, size = 0, 1
    while start < len(data):
        yield data[start : start + size]
        start, size = start + size, min(size * 3 + 1, 1 << 20)


class Server:
    """A server of this example, in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "external_engine", "--listen", "127.0.0.1:0", *arguments]
        folder = Path(__file__).parent
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if match := re.match(r"listening on (\S+:\d+)", line):
                self.address = match[1]
                break
        else:
            raise AssertionError("the server did not start")

    def channel(self, *options: tuple[str, int]) -> grpc.Channel:
        channel = grpc.insecure_channel(self.address, options=options)
        grpc.channel_ready_future(channel).result(timeout=10)
        return channel

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        _, _ = self.process.communicate(timeout=30)
        return self.process.returncode


class EngineTest(unittest.TestCase):
    server: ClassVar[Server]
    channel: ClassVar[grpc.Channel]
    engine: ClassVar[Any]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server("--max-request-bytes", str(2 << 20))
        cls.channel = cls.server.channel()
        cls.engine = classification_pb2_grpc.ClassificationEngineStub(cls.channel)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.channel.close()
        assert cls.server.stop() == 0, "SIGTERM stops it with success"

    def request(
        self,
        settings: dict[str, Any],
        rows: pa.Table | None = None,
        weights: dict[str, float] = WEIGHTS,
        version: int = VERSION,
    ) -> Iterator[Any]:
        message = classification_pb2.ClassifyRequest
        message_settings = classification_pb2.ClassifySettings(
            settings=json.dumps({"engine": "External", "seed": 0} | settings),
            settings_version=version,
            features=features(weights),
        )
        yield message(settings=message_settings)
        for chunk in cut(ipc(table() if rows is None else rows)):
            yield message(table=chunk)

    def classify(self, settings: dict[str, Any], **request: Any) -> tuple[pa.Table, Any]:
        return self.answer(self.engine.Classify(self.request(settings, **request)))

    def fit(self, settings: dict[str, Any], **request: Any) -> tuple[bytes, Any]:
        parts = list(self.engine.Fit(self.request(settings, **request)))
        self.assertEqual(parts[-1].WhichOneof("part"), "statistics")
        return b"".join(part.model for part in parts), joined(parts)

    def score(self, model: bytes, rows: pa.Table) -> pa.Table:
        def messages() -> Iterator[Any]:
            message = classification_pb2.ScoreRequest
            yield from (message(model=chunk) for chunk in cut(model))
            yield from (message(table=chunk) for chunk in cut(ipc(rows)))

        return self.answer(self.engine.Score(messages()))[0]

    def answer(self, answers: Iterator[Any]) -> tuple[pa.Table, Any]:
        parts = list(answers)
        self.assertEqual(parts[-1].WhichOneof("part"), "statistics")
        rows = b"".join(part.rows for part in parts)
        return pa.ipc.open_stream(rows).read_all(), joined(parts)

    def refused(self, answers: Any) -> tuple[grpc.StatusCode, str, str, str]:
        """The code, Anomal's name of it, the reason, and the path of what is wrong."""
        with self.assertRaises(grpc.RpcError) as raised:
            list(answers)
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        status = rpc_status.from_call(raised.exception)
        self.assertIsNotNone(status, raised.exception)
        for detail in status.details:
            detail.Unpack(info) or detail.Unpack(bad)
        self.assertEqual(info.domain, "anomal.dev")
        path = bad.field_violations[0].field if bad.field_violations else ""
        return raised.exception.code(), info.metadata["code"], info.reason, path

    def check_rows(self, answered: pa.Table, asked: pa.Table) -> None:
        names = ["anomal.row", "score", "rank", "cluster", "suspicious"]
        shares = [f"contribution.{name}" for name in KINDS]
        self.assertEqual(answered.column_names, names + shares)
        types = [pa.uint64(), pa.float64(), pa.float64(), pa.uint32(), pa.bool_()]
        self.assertEqual(answered.schema.types, types + [pa.float64()] * len(shares))
        self.assertEqual(answered["anomal.row"], asked["anomal.row"])
        self.assertEqual(answered["cluster"].null_count, len(asked))
        parts = np.column_stack([answered[name].to_numpy() for name in shares])
        self.assertTrue((parts >= 0).all())
        np.testing.assert_allclose(parts.sum(axis=1), 1, atol=1e-12)

    def test_health(self) -> None:
        health = health_pb2_grpc.HealthStub(self.channel)
        for name in ("", SERVICE):
            status = health.Check(health_pb2.HealthCheckRequest(service=name)).status
            self.assertEqual(status, health_pb2.HealthCheckResponse.SERVING)

    def test_detectors_are_listed(self) -> None:
        detectors = self.engine.ListDetectors(classification_pb2.ListDetectorsRequest()).detectors
        listed = [(one.name, one.row_wise) for one in detectors]
        self.assertEqual(listed, [("LocalOutlierFactor", False), ("Mahalanobis", True)])
        schema = json.loads(detectors[0].parameters_schema)
        self.assertEqual(schema["properties"]["nNeighbors"]["minimum"], 1)
        self.assertFalse(schema["additionalProperties"])

    def test_each_detector_classifies(self) -> None:
        rows = table()
        for detector in ("LocalOutlierFactor", "Mahalanobis"):
            for settings in ({"parameters": {"detector": detector}}, {"engine": detector}):
                answered, analysis = self.classify(settings)
                self.check_rows(answered, rows)
                scores, ranks = answered["score"].to_numpy(), answered["rank"].to_numpy()
                self.assertEqual(scores.argmax(), ODD_ROW, detector)
                lower = (scores[:, np.newaxis] > scores).mean(axis=1)
                np.testing.assert_allclose(ranks, lower, atol=1e-12)
                suspicious = answered["suspicious"].to_numpy()
                self.assertEqual(suspicious.sum(), 8)
                self.assertGreater(scores[suspicious].min(), scores[~suspicious].max())
                self.assertEqual((analysis.detector, analysis.rows), (detector, len(rows)))
                self.assertEqual(analysis.threshold.method, "contamination")
                self.assertEqual(analysis.threshold.suspicious, 8)
                self.assertEqual(analysis.threshold.cut, scores[suspicious].min())
                again, _ = self.classify(settings)
                self.assertEqual(again, answered)

    def test_the_first_detector_is_the_default(self) -> None:
        named, _ = self.classify({"parameters": {"detector": "LocalOutlierFactor"}})
        self.assertEqual(self.classify({})[0], named)
        more, _ = self.classify({"parameters": {"nNeighbors": 30, "metric": "manhattan"}})
        self.assertNotEqual(more, named)

    def test_features_are_summed_up(self) -> None:
        _, analysis = self.classify({})
        self.assertEqual([one.feature.name for one in analysis.features], list(KINDS))
        size, _, code, answered, empty = analysis.features
        groups = [analysis_pb2.GROUP_ALL, analysis_pb2.GROUP_NORMAL, analysis_pb2.GROUP_SUSPICIOUS]
        self.assertEqual([one.group for one in size.groups], groups)
        known = np.array([one for one in table()["bytes"].to_pylist() if one is not None and one == one])
        self.assertEqual(size.missing, 400 - len(known))
        expected = np.quantile(known, (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1))
        np.testing.assert_allclose(size.groups[0].quantiles, expected)
        self.assertEqual(sum(size.groups[0].counts), len(known))
        self.assertEqual(len(size.edges), len(size.groups[0].counts) + 1)
        self.assertEqual(list(code.categories), ["NOERROR", "NXDOMAIN", "ä\u0000é", "REFUSED"])
        self.assertEqual(code.groups[0].counts[3], 1)
        self.assertEqual(set(answered.categories), {"true", "false"})
        self.assertEqual((empty.missing, empty.distinct, len(empty.edges)), (400, 0, 0))

    def test_a_model_scores_each_row_for_itself(self) -> None:
        settings = {
            "parameters": {"detector": "Mahalanobis"},
            "threshold": {"method": "quantile", "value": 0.9},
        }
        rows = table()
        classified, analysis = self.classify(settings)
        model, of_fit = self.fit(settings)
        self.assertEqual(of_fit, analysis)
        json.loads(model)
        scored = self.score(model, rows)
        self.assertEqual(scored, classified)
        for start, length in ((0, 1), (ODD_ROW, 1), (399, 1), (3, 250)):
            some = self.score(model, rows.slice(start, length))
            self.assertEqual(some, scored.slice(start, length))
        self.assertEqual(scored["suspicious"].to_numpy().sum(), 40)
        # Values that are not in the fitted rows.
        new = rows.slice(0, 1).set_column(3, "code", pa.array(["new"], pa.large_string()))
        self.check_rows(self.score(model, new), new)

    def test_what_weighs_nothing_has_no_influence(self) -> None:
        light = WEIGHTS | {"packets": 0.0}
        other = table().set_column(2, "packets", pa.array(np.arange(400.0) ** 3))
        for detector in ("LocalOutlierFactor", "Mahalanobis"):
            settings = {"parameters": {"detector": detector}}
            answered, _ = self.classify(settings, weights=light)
            self.assertEqual(self.classify(settings, rows=other, weights=light)[0], answered)
            self.assertFalse(answered["contribution.packets"].to_numpy().any())
            heavy, _ = self.classify(settings, weights=WEIGHTS | {"packets": 50.0})
            usual, _ = self.classify(settings)
            mean = [one["contribution.packets"].to_numpy().mean() for one in (usual, heavy)]
            self.assertGreater(mean[1], mean[0])

    def test_nothing_to_compare(self) -> None:
        alone, nothing = table(1), dict.fromkeys(WEIGHTS, 0.0)
        settings = {"parameters": {"detector": "Mahalanobis"}}
        for rows, weights in ((alone, WEIGHTS), (table(), nothing)):
            for of in ({}, settings):
                answered, _ = self.classify(of, rows=rows, weights=weights)
                self.assertEqual(answered["score"].null_count, len(rows))
                self.assertFalse(answered["suspicious"].to_numpy().any())
            model, _ = self.fit(settings, rows=rows, weights=weights)
            self.assertEqual(self.score(model, rows), answered)

    def test_a_few_rows_and_equal_rows(self) -> None:
        same = pa.concat_tables([table(1)] * 50)
        for detector in ("LocalOutlierFactor", "Mahalanobis"):
            settings = {"parameters": {"detector": detector}}
            for rows in (table(2), table(3), same):
                answered, _ = self.classify(settings, rows=rows)
                self.assertTrue(np.isfinite(answered["score"].to_numpy()).all())
            # With equal scores no row is suspicious.
            self.assertFalse(answered["suspicious"].to_numpy().any())

    def test_thresholds(self) -> None:
        for threshold, suspicious in (
            ({"method": "contamination", "value": 0.1}, 40),
            ({"method": "quantile"}, 8),
            ({"method": "score", "value": -1.0}, 400),
            ({"method": "score", "value": 1e9}, 0),
        ):
            answered, _ = self.classify({"threshold": threshold})
            self.assertEqual(answered["suspicious"].to_numpy().sum(), suspicious, threshold)

    def test_settings_are_refused_with_their_path(self) -> None:
        mahalanobis = {"detector": "Mahalanobis"}
        for settings, reason, path in (
            ({"engine": "Gower"}, "DETECTOR_UNKNOWN", "engine"),
            ({"parameters": {"detector": "KNN"}}, "DETECTOR_UNKNOWN", "parameters.detector"),
            ({"parameters": {"nNeighbours": 3}}, "PARAMETER_UNKNOWN", "parameters.nNeighbours"),
            ({"parameters": {"nNeighbors": 0}}, "PARAMETER_INVALID", "parameters.nNeighbors"),
            ({"parameters": {"nNeighbors": 2.5}}, "PARAMETER_INVALID", "parameters.nNeighbors"),
            ({"parameters": {"nNeighbors": True}}, "PARAMETER_INVALID", "parameters.nNeighbors"),
            ({"parameters": {"metric": "cosine"}}, "PARAMETER_INVALID", "parameters.metric"),
            ({"parameters": mahalanobis | {"nNeighbors": 3}}, "PARAMETER_UNKNOWN", "parameters.nNeighbors"),
            ({"parameters": mahalanobis | {"shrinkage": 1.5}}, "PARAMETER_INVALID", "parameters.shrinkage"),
            ({"threshold": {"method": "smallestCluster"}}, "THRESHOLD_UNSUPPORTED", "threshold.method"),
            (
                {"threshold": {"method": "contamination", "value": 0.7}},
                "THRESHOLD_INVALID",
                "threshold.value",
            ),
            ({"threshold": {"method": "score"}}, "THRESHOLD_INVALID", "threshold.value"),
        ):
            refusal = self.refused(self.engine.Classify(self.request(settings)))
            code = grpc.StatusCode.INVALID_ARGUMENT
            self.assertEqual(refusal, (code, "InvalidSettings", reason, f"classification.{path}"))

    def test_requests_are_refused(self) -> None:
        classify, message = self.engine.Classify, classification_pb2.ClassifyRequest
        invalid = (grpc.StatusCode.INVALID_ARGUMENT, "InvalidRequest")
        other = table().drop_columns(["bytes"])
        text = table().set_column(1, "bytes", pa.array(["a"] * 400, pa.large_string()))
        good, _ = self.fit({"parameters": {"detector": "Mahalanobis"}})
        requests: list[tuple[Callable[[], Any], str]] = [
            (lambda: classify(iter([message(table=ipc(table()))])), "SETTINGS_MISSING"),
            (lambda: classify(self.request({}, rows=other)), "FEATURE_MISSING"),
            (lambda: classify(self.request({}, rows=text)), "FEATURE_TYPE"),
            (lambda: classify(self.request({}, weights=WEIGHTS | {"code": -1.0})), "FEATURE_WEIGHT"),
            (
                lambda: classify(self.request({}, rows=other.drop_columns(["anomal.row"]))),
                "ROW_COLUMN_MISSING",
            ),
            (lambda: classify(cut_off(self.request({}))), "TABLE_INVALID"),
            (lambda: self.scoring(b"no model at all"), "MODEL_INVALID"),
            (lambda: self.scoring(good[: len(good) // 2]), "MODEL_INVALID"),
            (lambda: self.scoring(good.replace(b'"root": [[', b'"root": [[1e999, ')), "MODEL_INVALID"),
            (lambda: self.scoring(good.replace(b'"detector": "M', b'"detector": "m')), "MODEL_INVALID"),
            (lambda: self.scoring(b"[" * 100_000), "MODEL_INVALID"),
        ]
        for answers, reason in requests:
            self.assertEqual(self.refused(answers()), (*invalid, reason, ""))
        self.assertEqual(
            self.refused(classify(self.request({}, version=VERSION + 1))),
            (grpc.StatusCode.UNIMPLEMENTED, "Incompatible", "SETTINGS_VERSION", ""),
        )

    def scoring(self, model: bytes) -> Iterator[Any]:
        message = classification_pb2.ScoreRequest
        return self.engine.Score(iter([message(model=model), message(table=ipc(table()))]))

    def test_what_is_not_row_wise_makes_no_model(self) -> None:
        self.assertEqual(
            self.refused(self.engine.Fit(self.request({}))),
            (grpc.StatusCode.UNIMPLEMENTED, "Incompatible", "DETECTOR_NOT_ROW_WISE", ""),
        )
        model, _ = self.fit({"parameters": {"detector": "Mahalanobis"}})
        fields = json.loads(model) | {"detector": "LocalOutlierFactor"}
        self.assertEqual(
            self.refused(self.scoring(json.dumps(fields).encode()))[1:3],
            ("InvalidRequest", "MODEL_INVALID"),
        )

    def test_a_large_request_is_refused(self) -> None:
        large = table(400).append_column("unused", pa.array(["x" * 10_000] * 400, pa.large_string()))
        self.assertEqual(
            self.refused(self.engine.Classify(self.request({}, rows=large))),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, "ResourceExhausted", "REQUEST_TOO_LARGE", ""),
        )

    def test_a_client_that_pings_often_keeps_its_connection(self) -> None:
        host, _, port = self.server.address.rpartition(":")
        ping, goaway, settings = 6, 7, 4
        with socket.create_connection((host, int(port)), timeout=10) as peer, peer.makefile("rb") as answers:
            peer.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(settings))
            for number in range(6):
                peer.sendall(frame(ping, number.to_bytes(8)))
                kind, payload = 0, b""
                while (kind, payload) != (ping, number.to_bytes(8)):
                    header = answers.read(9)
                    kind, payload = header[3], answers.read(int.from_bytes(header[:3]))
                    self.assertNotEqual(kind, goaway, payload)

    def test_more_requests_than_it_may_take_are_told_to_come_again(self) -> None:
        server = Server("--max-concurrent-requests", "1")
        with server.channel() as channel:
            stub = classification_pb2_grpc.ClassificationEngineStub(channel)

            def slow() -> Iterator[Any]:
                yield from self.request({})
                time.sleep(1)

            first = stub.Classify(slow())
            time.sleep(0.5)
            self.assertEqual(
                self.refused(stub.Classify(self.request({})))[:3],
                (grpc.StatusCode.RESOURCE_EXHAUSTED, "ResourceExhausted", "TOO_MANY_REQUESTS"),
            )
            self.assertEqual(len(self.answer(first)[0]), 400)
            self.assertEqual(len(self.answer(stub.Classify(self.request({})))[0]), 400)
        self.assertEqual(server.stop(), 0)


def frame(kind: int, payload: bytes = b"") -> bytes:
    """An HTTP/2 frame of the connection."""
    return len(payload).to_bytes(3) + bytes([kind]) + bytes(5) + payload


def joined(parts: list[Any]) -> Any:
    """The analysis, put together as Anomal's client does: the part with the detector's name is the first."""
    analysis = analysis_pb2.Analysis()
    for part in parts:
        if part.WhichOneof("part") != "analysis":
            continue
        if part.analysis.detector:
            analysis.CopyFrom(part.analysis)
        else:
            analysis.features.extend(part.analysis.features)
    return analysis


def cut_off(messages: Iterator[Any]) -> Iterator[Any]:
    """Without the last message."""
    before = next(messages)
    for message in messages:
        yield before
        before = message


if __name__ == "__main__":
    unittest.main()
