"""Errors as Anomal sends them: a gRPC status with `google.rpc` details.

With these details a client distinguishes wrong settings, and their path, from a lost server.
"""

from enum import Enum
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

DOMAIN = "anomal.dev"


class Kind(Enum):
    """The kind of an error: the gRPC code and Anomal's code."""

    INVALID_SETTINGS = (grpc.StatusCode.INVALID_ARGUMENT, "InvalidSettings")
    INVALID_REQUEST = (grpc.StatusCode.INVALID_ARGUMENT, "InvalidRequest")
    RESOURCE_EXHAUSTED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "ResourceExhausted")
    INCOMPATIBLE = (grpc.StatusCode.UNIMPLEMENTED, "Incompatible")
    INTERNAL = (grpc.StatusCode.INTERNAL, "Internal")


class Refusal(Exception):
    """A refused request. `reason` is stable and for programs, `message` is for users."""

    def __init__(self, kind: Kind, reason: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.kind, self.reason, self.message, self.path = kind, reason, message, path

    def status(self) -> Any:
        """The status that ends a call (`grpc.Status`)."""
        code, name = self.kind.value
        details: list[Any] = [
            error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata={"code": name})
        ]
        text = self.message
        if self.path:
            violation = error_details_pb2.BadRequest.FieldViolation(field=self.path, description=self.message)
            details.append(error_details_pb2.BadRequest(field_violations=[violation]))
            text = f"{self.path}: {text}"
        status = status_pb2.Status(code=code.value[0], message=text)
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        return rpc_status.to_status(status)


def wrong_setting(path: str, reason: str, message: str) -> Refusal:
    """An error in the job's settings, at `path`."""
    return Refusal(Kind.INVALID_SETTINGS, reason, message, path)


def wrong_request(reason: str, message: str) -> Refusal:
    """An invalid request, which no job can cause."""
    return Refusal(Kind.INVALID_REQUEST, reason, message)
