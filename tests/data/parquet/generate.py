"""Makes the files beside it, which the tests read. Needs pyarrow and duckdb from PyPI: python generate.py"""

import datetime as dt
import decimal
import os
import uuid

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption

os.chdir(os.path.dirname(os.path.abspath(__file__)))
D = decimal.Decimal
day = dt.date(2021, 6, 9)
instant = dt.datetime(2021, 6, 9, 3, 2, 37, 123000)

# Every type: two values, a missing one, and an extreme one.
COLUMNS = {
    "bool": (pa.bool_(), [True, False, None, True]),
    "int8": (pa.int8(), [1, -2, None, -128]),
    "int16": (pa.int16(), [1, -2, None, -32768]),
    "int32": (pa.int32(), [1, -2, None, -2147483648]),
    "int64": (pa.int64(), [1, -2, None, -9223372036854775808]),
    "uint8": (pa.uint8(), [1, 2, None, 255]),
    "uint16": (pa.uint16(), [1, 2, None, 65535]),
    "uint32": (pa.uint32(), [1, 2, None, 4294967295]),
    "uint64": (pa.uint64(), [1, 2, None, 9223372036854775807]),
    "float16": (pa.float16(), [np.float16(0.1), np.float16(-2.5), None, np.float16(65504)]),
    "float32": (pa.float32(), [0.1, -2.5, None, 3.4e38]),
    "float64": (pa.float64(), [0.1, -2.5, None, 1e300]),
    "decimal9": (pa.decimal128(9, 2), [D("1.50"), D("-0.01"), None, D("9999999.99")]),
    "decimal18": (pa.decimal128(18, 4), [D("1.5000"), D("-0.0001"), None, D("12345678901234.5678")]),
    "decimal38": (pa.decimal128(38, 10), [D("1.5"), D("-0.0000000001"), None, D("9999999999999999999999999999.9999999999")]),
    "decimal256": (pa.decimal256(30, 2), [D("1.50"), D("-0.01"), None, D("9999999999999999999999999999.99")]),
    "decimal76": (pa.decimal256(76, 2), [D("1.50"), D("-0.01"), None, D("9" * 74 + ".99")]),
    "whole": (pa.decimal128(12, 0), [D("1"), D("-2"), None, D("999999999999")]),
    "date32": (pa.date32(), [day, dt.date(1969, 12, 31), None, dt.date(9999, 12, 31)]),
    "date64": (pa.date64(), [day, dt.date(1969, 12, 31), None, dt.date(9999, 12, 31)]),
    "seconds": (pa.timestamp("s"), [dt.datetime(2021, 6, 9, 3, 2, 37), dt.datetime(1969, 12, 31), None, dt.datetime(9999, 12, 31)]),
    "millis": (pa.timestamp("ms"), [instant, dt.datetime(1969, 12, 31), None, dt.datetime(9999, 12, 31)]),
    "micros": (pa.timestamp("us"), [instant, dt.datetime(1969, 12, 31), None, dt.datetime(9999, 12, 31)]),
    "nanos": (pa.timestamp("ns"), [1623207757123456789, -1, None, 9223372036854775807]),
    "zoned": (pa.timestamp("us", "Europe/Berlin"), [instant, dt.datetime(1969, 12, 31), None, dt.datetime(9999, 12, 30)]),
    "time_s": (pa.time32("s"), [dt.time(6, 25, 7), dt.time(0), None, dt.time(23, 59, 59)]),
    "time_ms": (pa.time32("ms"), [dt.time(6, 25, 7, 123000), dt.time(0), None, dt.time(23, 59, 59)]),
    "time_us": (pa.time64("us"), [dt.time(6, 25, 7, 123), dt.time(0), None, dt.time(23, 59, 59)]),
    "time_ns": (pa.time64("ns"), [23107000000001, 0, None, 86399999999999]),
    "duration_s": (pa.duration("s"), [90, -1, None, 9223372036854775807]),
    "duration_ms": (pa.duration("ms"), [90500, -1, None, 9223372036854775807]),
    "duration_us": (pa.duration("us"), [90500000, -1, None, 9223372036854775807]),
    "duration_ns": (pa.duration("ns"), [90500000000, -1, None, 9223372036854775807]),
    "string": (pa.string(), ["a", 'b,"c', None, "ä"]),
    "large_string": (pa.large_string(), ["a", "b", None, "ä"]),
    "string_view": (pa.string_view(), ["a", "b", None, "longer than twelve bytes"]),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), ["a", "b", None, "a"]),
    "numbers": (pa.dictionary(pa.int32(), pa.int64()), [1, 2, None, 1]),
    "binary": (pa.binary(), [b"a", b"b", None, "ä".encode()]),
    "bytes": (pa.large_binary(), [b"\x00\xff", b"b", None, b""]),
    "fixed": (pa.binary(3), [b"abc", b"\xff\xff\xff", None, b"xyz"]),
    "struct": (pa.struct({"a": pa.int8(), "b": pa.string(), "c": pa.struct({"d": pa.decimal128(4, 1)})}),
               [{"a": 1, "b": "x", "c": {"d": D("1.0")}}, {"a": None, "b": None, "c": None}, None, {"a": -128, "b": "", "c": {"d": None}}]),
    "list": (pa.list_(pa.string()), [["a", "b"], [], None, [None, "c"]]),
    "large_list": (pa.large_list(pa.uint8()), [[1, 255], [], None, [None]]),
    "fixed_list": (pa.list_(pa.int64(), 2), [[1, 2], [3, 4], None, [None, 5]]),
    "decimals": (pa.list_(pa.list_(pa.decimal128(5, 2))), [[[D("1.50")], []], [], None, [None, [None]]]),
    "map": (pa.map_(pa.string(), pa.int16()), [[("a", 1), ("b", None)], [], None, [("", -1)]]),
    "null": (pa.null(), [None] * 4),
}


def array(kind, values):
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)


def uuids():
    values = [uuid.UUID(int=1).bytes, b"\x12" * 16, None, b"\xff" * 16]
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values, pa.binary(16)))


types = pa.table({name: array(*column) for name, column in COLUMNS.items()} | {"uuid": uuids()})
pq.write_table(types, "types.parquet", compression="none")

# The same values as Parquet types alone, without the writer's Arrow schema.
pq.write_table(types, "plain.parquet", compression="none", store_schema=False)

# 12 bytes: months, days, milliseconds.
duckdb.sql("""
    COPY (SELECT * FROM (VALUES (INTERVAL '14 months 3 days 4.5 seconds'), (INTERVAL '0 days'), (NULL)) t(i))
    TO 'interval.parquet' (FORMAT parquet, COMPRESSION uncompressed)""")

times = [dt.datetime(2021, 6, 9, 3, 2, 37), None, dt.datetime(1960, 1, 1)] * 4
near = pa.table({"t": pa.array(times, pa.timestamp("us")), "v": range(12)})
far = pa.table({"t": pa.array([*times[:-1], dt.datetime(9999, 12, 31)], pa.timestamp("us")), "v": range(12)})
pq.write_table(near, "int96.parquet", use_deprecated_int96_timestamps=True)
pq.write_table(far, "int96-far.parquet", use_deprecated_int96_timestamps=True)

# Encodings and codecs.
n = 300
columns = {
    "delta": pa.array([i * i for i in range(n)], pa.int64()),
    "lengths": pa.array([f"text {i % 7}" for i in range(n)]),
    "prefixes": pa.array([f"prefix {i}" for i in range(n)]),
    "split": pa.array([i / 8 if i % 5 else None for i in range(n)], pa.float64()),
    "small": pa.array([i % 100 for i in range(n)], pa.int8()),
    "flag": pa.array([i % 3 == 0 for i in range(n)]),
}
encodings = {"delta": "DELTA_BINARY_PACKED", "lengths": "DELTA_LENGTH_BYTE_ARRAY", "prefixes": "DELTA_BYTE_ARRAY",
             "split": "BYTE_STREAM_SPLIT", "small": "DELTA_BINARY_PACKED", "flag": "RLE"}
for codec in ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]:
    pq.write_table(pa.table(columns), f"{codec}.parquet", compression=codec, use_dictionary=False, row_group_size=128,
                   column_encoding=encodings, data_page_version="2.0")
pq.write_table(pa.table({"d": pa.array([D("1.5"), D("2.5")], pa.decimal128(30, 1)), "v": [1, 2]}), "split-bytes.parquet",
               use_dictionary=False, column_encoding={"d": "BYTE_STREAM_SPLIT", "v": "PLAIN"})

# Values that the sample of the first 10,000 rows does not show.
def late(first, last, kind):
    return pa.array([first] * 12_000 + [last] + [first] * 99, kind)


rows = {"v": [1] * 12_100}
pq.write_table(pa.table({"t": late(dt.datetime(2021, 6, 9), dt.datetime(9999, 12, 31), pa.timestamp("us"))} | rows),
               "late-time.parquet", use_deprecated_int96_timestamps=True)
pq.write_table(pa.table({"b": late(b"a", b"\xff", pa.binary())} | rows), "late-bytes.parquet")
pq.write_table(pa.table({"u": late(1, 2**64 - 1, pa.uint64())} | rows), "late-number.parquet")

# Times that no engine has.
largest = 2**63 - 1
pq.write_table(pa.table({
    "date": pa.array([0, 2932897, None, 2**31 - 1], pa.int32()).cast(pa.date32()),
    "millis": pa.array([0, 253402300800000, None, largest], pa.int64()).cast(pa.timestamp("ms")),
    "micros": pa.array([0, 253402300800000000, None, largest], pa.int64()).cast(pa.timestamp("us", "UTC")),
    "v": [1, 2, 3, 4],
}), "far.parquet")

# Files of one input.
for folder in ["several", "too-wide", "one-less"]:
    os.makedirs(folder, exist_ok=True)
text = pa.dictionary(pa.int8(), pa.string())
first = pa.table({"n": pa.array([1, 2], pa.int64()), "s": ["a", "b"], "t": pa.array([0, 1], pa.timestamp("us"))})
second = pa.table({"t": pa.array([2, None], pa.timestamp("ms")), "s": array(text, ["b", None]), "n": pa.array([3, -128], pa.int8())})
pq.write_table(first, "several/1.parquet")
pq.write_table(second, "several/2.parquet")
pq.write_table(pa.table({"n": pa.array([1], pa.int8())}), "too-wide/1.parquet")
pq.write_table(pa.table({"n": pa.array([1, 128], pa.int64())}), "too-wide/2.parquet")
pq.write_table(first, "one-less/1.parquet")
pq.write_table(second.drop_columns("s"), "one-less/2.parquet")

# Edges.
feather.write_feather(pa.table({"v": [1]}), "feather.arrow", compression="uncompressed")
pq.write_table(types.slice(0, 0), "no-rows.parquet")
pq.ParquetWriter("no-groups.parquet", types.schema).close()
pq.write_table(pa.table({"a": [1, 2], "A": ["x", "y"]}), "case.parquet")
pq.write_table(pa.table({"x": pa.array([{"anomal.arrow.int8": 1}, {"anomal.arrow.int8": 2}]), "v": [1, 2]}), "reserved.parquet")
two = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
pq.write_table(two, "twice.parquet")
with open("bad-text.parquet", "wb") as file:
    pq.write_table(pa.table({"s": ["~~~~", "b"], "v": [1, 2]}), file, compression="none", use_dictionary=False,
                   write_statistics=False)
data = open("bad-text.parquet", "rb").read()
open("bad-text.parquet", "wb").write(data.replace(b"~~~~", b"\xff~~~"))


class Keys(encryption.KmsClient):
    def __init__(self, config):
        super().__init__()

    def wrap_key(self, key, master):
        return key.hex()

    def unwrap_key(self, key, master):
        return bytes.fromhex(key)


factory = encryption.CryptoFactory(Keys)
for name, plain in [("encrypted.parquet", False), ("encrypted-columns.parquet", True)]:
    settings = encryption.EncryptionConfiguration("key", column_keys={"key": ["a"]}, plaintext_footer=plain, internal_key_material=True)
    with pq.ParquetWriter(name, pa.schema({"a": pa.int64(), "b": pa.int64()}),
                          encryption_properties=factory.file_encryption_properties(encryption.KmsConnectionConfig(), settings)) as writer:
        writer.write_table(pa.table({"a": [1], "b": [2]}))
