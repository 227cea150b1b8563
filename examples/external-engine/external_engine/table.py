"""Tables as Arrow IPC streams in arbitrary chunks, and their features."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from external_engine.errors import Kind, Refusal, wrong_request
from external_engine.stubs import common_pb2

ROW = "anomal.row"
CHUNK_BYTES = 1 << 20
MISSING = -1

T = TypeVar("T")

Floats = NDArray[np.float64]


class Assembler:
    """Joins chunks up to a limit."""

    def __init__(self, limit: int) -> None:
        self._chunks: list[bytes] = []
        self._room = limit
        self._limit = limit

    def push(self, chunk: bytes) -> None:
        self._room -= len(chunk)
        if self._room < 0:
            message = f"the request has more than the {self._limit} bytes that one may have here (--max-request-bytes)"
            raise Refusal(Kind.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", message)
        self._chunks.append(chunk)

    def bytes(self) -> bytes:
        return b"".join(self._chunks)


def chunks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


def to_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def from_bytes(data: bytes) -> pa.Table:
    """Reads a table whose first column is the row number. The bytes are untrusted and validated."""
    try:
        table = pa.ipc.open_stream(pa.py_buffer(data)).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise wrong_request("TABLE_INVALID", f"the chunks are not a table: {error}") from error
    first = table.schema.field(0) if table.num_columns else None
    good = first is not None and first.name == ROW and pa.types.is_uint64(first.type)
    if not good or table.column(0).null_count:
        message = f"the first column of a table must be `{ROW}` of type u64 without nulls"
        raise wrong_request("ROW_COLUMN_MISSING", message)
    return table


@dataclass(frozen=True)
class Column:
    """A feature's values. Categories and booleans ("true", "false") are codes of `levels`."""

    values: Floats
    """Numbers with NaN for missing values, or codes with -1 for them."""
    levels: list[str] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def missing(self) -> NDArray[np.bool_]:
        return np.isnan(self.values) if self.levels is None else self.values == MISSING


def columns(table: pa.Table, features: list[Any]) -> list[Column]:
    """Returns the columns of the features (`FeatureColumn`), in their order."""
    return [_column(table, feature) for feature in features]


def weighing(features: list[Any], of_each: list[T]) -> list[T]:
    """Returns the items of the features with positive weight."""
    return [one for feature, one in zip(features, of_each, strict=True) if feature.weight > 0]


def _column(table: pa.Table, feature: Any) -> Column:
    place = table.schema.get_field_index(feature.name)
    if place < 0:
        message = f"the table has no column for the feature `{feature.name}`"
        raise wrong_request("FEATURE_MISSING", message)
    values = table.column(place)
    try:
        if feature.kind == common_pb2.FEATURE_KIND_NUMERIC:
            return Column(_numbers(values))
        return _categories(values)
    except (pa.ArrowException, TypeError) as error:
        message = f"the feature `{feature.name}` can't be read from a column of {values.type}: {error}"
        raise wrong_request("FEATURE_TYPE", message) from error


def _numbers(values: pa.ChunkedArray) -> Floats:
    """Converts booleans to 0 and 1 and times to seconds. Values that are not finite are missing."""
    scale = 1.0
    if pa.types.is_timestamp(values.type):
        scale = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[values.type.unit]
        values = values.cast(pa.int64())
    elif not (pa.types.is_primitive(values.type) or pa.types.is_null(values.type)):
        raise TypeError("it is numeric")
    numbers = values.cast(pa.float64(), safe=False).to_numpy().astype(np.float64) / scale
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _categories(values: pa.ChunkedArray) -> Column:
    encoded = values.cast(pa.large_string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = pc.fill_null(encoded.indices, MISSING).to_numpy(zero_copy_only=False)
    return Column(codes.astype(np.int64), encoded.dictionary.to_pylist())
