"""The gRPC service: assembles requests, calls the engine, streams the responses."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import BoundedSemaphore
from typing import Any

import grpc

from external_engine import engine, table
from external_engine.detectors import DETECTORS
from external_engine.engine import Answer, Request
from external_engine.errors import Kind, Refusal, wrong_request
from external_engine.stubs import analysis_pb2, classification_pb2, classification_pb2_grpc
from external_engine.table import Assembler

NAME = "anomal.v1.ClassificationEngine"

Method = Callable[[Any, Iterator[Any], grpc.ServicerContext], Iterator[Any]]


def _refusing(method: Method) -> Method:
    """Ends a call with the status of a raised error."""

    @wraps(method)
    def answer(self: Any, messages: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            with self.admitted():
                yield from method(self, messages, context)
        except grpc.RpcError:
            # The client has disconnected.
            raise
        except Exception as error:
            status = _refusal(method.__name__, error).status()
            logging.warning("%s: %s: %s", method.__name__, status.code.name, status.details)
            context.abort_with_status(status)

    return answer


def _refusal(method: str, error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    logging.error("%s", method, exc_info=error)
    if isinstance(error, MemoryError):
        return Refusal(Kind.RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "the table does not fit into memory")
    return Refusal(Kind.INTERNAL, "INTERNAL", f"the engine failed: {error!r}")


class ClassificationEngine(classification_pb2_grpc.ClassificationEngineServicer):
    """Implements proto/anomal/v1/classification.proto."""

    def __init__(self, max_request_bytes: int, max_concurrent_requests: int) -> None:
        self._limit = max_request_bytes
        self._slots = BoundedSemaphore(max_concurrent_requests)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Admits a request unless there are too many; clients retry after this reason."""
        if not self._slots.acquire(blocking=False):
            message = "too many concurrent requests; try again"
            raise Refusal(Kind.RESOURCE_EXHAUSTED, "TOO_MANY_REQUESTS", message)
        try:
            yield
        finally:
            self._slots.release()

    def ListDetectors(self, request: Any, context: grpc.ServicerContext) -> Any:
        detectors = map(engine.describe, DETECTORS)
        return classification_pb2.ListDetectorsResponse(detectors=detectors)

    @_refusing
    def Classify(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        message = classification_pb2.ClassifyResponse
        answer = engine.classify(self._request(messages))
        for chunk in table.chunks(table.to_bytes(answer.rows)):
            yield message(rows=chunk)
        for part in _parts(answer.analysis):
            yield message(analysis=part)
        yield message(statistics=_statistics(answer))

    @_refusing
    def Fit(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        message = classification_pb2.FitResponse
        answer = engine.fit(self._request(messages))
        for chunk in table.chunks(answer.model):
            yield message(model=chunk)
        for part in _parts(answer.analysis):
            yield message(analysis=part)
        yield message(statistics=_statistics(answer))

    @_refusing
    def Score(self, messages: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        message = classification_pb2.ScoreResponse
        model, rows = Assembler(self._limit), Assembler(self._limit)
        for part in messages:
            model.push(part.model)
            rows.push(part.table)
        answer = engine.score(model.bytes(), rows.bytes())
        for chunk in table.chunks(table.to_bytes(answer.rows)):
            yield message(rows=chunk)
        yield message(statistics=_statistics(answer))

    def _request(self, messages: Iterator[Any]) -> Request:
        settings, rows = None, Assembler(self._limit)
        for message in messages:
            if message.HasField("settings"):
                settings = message.settings
            rows.push(message.table)
        if settings is None:
            raise wrong_request("SETTINGS_MISSING", "the request's first message has no settings")
        return Request.from_message(settings, rows.bytes())


def _parts(analysis: Any) -> Iterator[Any]:
    """The first part has the detector's name, then one part follows per feature."""
    features = list(analysis.features)
    del analysis.features[:]
    yield analysis
    for feature in features:
        yield analysis_pb2.Analysis(features=[feature])


def _statistics(answer: Answer) -> Any:
    """Sent last: a client treats a response without it as truncated, and retries."""
    return classification_pb2.ClassifyStatistics(steps=answer.steps)
