//! What is right for types.parquet.

/// A column.
pub struct ExpectedColumn {
    pub name: &'static str,
    /// The cells of CSV.
    pub csv: [&'static str; 4],
    /// The values of NDJSON; the same as the cells, but for missing values, if there are none.
    pub json: Option<[&'static str; 4]>,
    /// The start of the Arrow type of Parquet.
    pub dtype: &'static str,
}

const fn bare(name: &'static str, csv: [&'static str; 4], dtype: &'static str) -> ExpectedColumn {
    ExpectedColumn { name, csv, json: None, dtype }
}

const fn quoted(
    name: &'static str,
    csv: [&'static str; 4],
    json: [&'static str; 4],
    dtype: &'static str,
) -> ExpectedColumn {
    ExpectedColumn { name, csv, json: Some(json), dtype }
}

#[rustfmt::skip]
pub const COLUMNS: &[ExpectedColumn] = &[
    bare("bool", ["true", "false", "", "true"], "Boolean"),
    bare("int8", ["1", "-2", "", "-128"], "Int8"),
    bare("int16", ["1", "-2", "", "-32768"], "Int16"),
    bare("int32", ["1", "-2", "", "-2147483648"], "Int32"),
    bare("int64", ["1", "-2", "", "-9223372036854775808"], "Int64"),
    bare("uint8", ["1", "2", "", "255"], "UInt8"),
    bare("uint16", ["1", "2", "", "65535"], "UInt16"),
    bare("uint32", ["1", "2", "", "4294967295"], "UInt32"),
    bare("uint64", ["1", "2", "", "9223372036854775807"], "UInt64"),
    bare("float16", ["0.1", "-2.5", "", "65500"], "Float32"),
    bare("float32", ["0.1", "-2.5", "", "3.4e+38"], "Float32"),
    bare("float64", ["0.1", "-2.5", "", "1e+300"], "Float64"),
    bare("decimal9", ["1.50", "-0.01", "", "9999999.99"], "Decimal(9, 2)"),
    bare("decimal18", ["1.5000", "-0.0001", "", "12345678901234.5678"], "Decimal(18, 4)"),
    bare("decimal38", ["1.5000000000", "-0.0000000001", "", "9999999999999999999999999999.9999999999"], "Decimal(38, 10)"),
    bare("decimal256", ["1.50", "-0.01", "", "9999999999999999999999999999.99"], "Decimal(30, 2)"),
    bare("decimal76", ["1.50", "-0.01", "", "99999999999999999999999999999999999999999999999999999999999999999999999999.99"], "Utf8View"),
    bare("whole", ["1", "-2", "", "999999999999"], "Decimal(12, 0)"),
    quoted("date32", ["2021-06-09", "1969-12-31", "", "9999-12-31"], [r#""2021-06-09""#, r#""1969-12-31""#, "null", r#""9999-12-31""#], "Date32"),
    quoted("date64", ["2021-06-09", "1969-12-31", "", "9999-12-31"], [r#""2021-06-09""#, r#""1969-12-31""#, "null", r#""9999-12-31""#], "Date32"),
    quoted("seconds", ["2021-06-09T03:02:37Z", "1969-12-31T00:00:00Z", "", "9999-12-31T00:00:00Z"], [r#""2021-06-09T03:02:37Z""#, r#""1969-12-31T00:00:00Z""#, "null", r#""9999-12-31T00:00:00Z""#], "Timestamp(Millisecond, None)"),
    quoted("millis", ["2021-06-09T03:02:37.123Z", "1969-12-31T00:00:00Z", "", "9999-12-31T00:00:00Z"], [r#""2021-06-09T03:02:37.123Z""#, r#""1969-12-31T00:00:00Z""#, "null", r#""9999-12-31T00:00:00Z""#], "Timestamp(Millisecond, None)"),
    quoted("micros", ["2021-06-09T03:02:37.123Z", "1969-12-31T00:00:00Z", "", "9999-12-31T00:00:00Z"], [r#""2021-06-09T03:02:37.123Z""#, r#""1969-12-31T00:00:00Z""#, "null", r#""9999-12-31T00:00:00Z""#], "Timestamp(Microsecond, None)"),
    quoted("nanos", ["2021-06-09T03:02:37.123456789Z", "1969-12-31T23:59:59.999999999Z", "", "2262-04-11T23:47:16.854775807Z"], [r#""2021-06-09T03:02:37.123456789Z""#, r#""1969-12-31T23:59:59.999999999Z""#, "null", r#""2262-04-11T23:47:16.854775807Z""#], "Timestamp(Nanosecond, None)"),
    quoted("zoned", ["2021-06-09T03:02:37.123Z", "1969-12-31T00:00:00Z", "", "9999-12-30T00:00:00Z"], [r#""2021-06-09T03:02:37.123Z""#, r#""1969-12-31T00:00:00Z""#, "null", r#""9999-12-30T00:00:00Z""#], r#"Timestamp(Microsecond, Some("Europe/Berlin"))"#),
    quoted("time_s", ["06:25:07", "00:00:00", "", "23:59:59"], [r#""06:25:07""#, r#""00:00:00""#, "null", r#""23:59:59""#], "Time32(Millisecond)"),
    quoted("time_ms", ["06:25:07.123", "00:00:00", "", "23:59:59"], [r#""06:25:07.123""#, r#""00:00:00""#, "null", r#""23:59:59""#], "Time32(Millisecond)"),
    quoted("time_us", ["06:25:07.000123", "00:00:00", "", "23:59:59"], [r#""06:25:07.000123""#, r#""00:00:00""#, "null", r#""23:59:59""#], "Time64(Microsecond)"),
    quoted("time_ns", ["06:25:07.000000001", "00:00:00", "", "23:59:59.999999999"], [r#""06:25:07.000000001""#, r#""00:00:00""#, "null", r#""23:59:59.999999999""#], "Time64(Nanosecond)"),
    bare("duration_s", ["90", "-1", "", "9223372036854775807"], "Duration(Second)"),
    bare("duration_ms", ["90.5", "-0.001", "", "9223372036854775.807"], "Duration(Millisecond)"),
    bare("duration_us", ["90.5", "-0.000001", "", "9223372036854.775807"], "Duration(Microsecond)"),
    bare("duration_ns", ["90.5", "-0.000000001", "", "9223372036.854775807"], "Duration(Nanosecond)"),
    quoted("string", ["a", r#"b,"c"#, "", "ä"], [r#""a""#, r#""b,\"c""#, "null", r#""ä""#], "Utf8View"),
    quoted("large_string", ["a", "b", "", "ä"], [r#""a""#, r#""b""#, "null", r#""ä""#], "Utf8View"),
    quoted("string_view", ["a", "b", "", "longer than twelve bytes"], [r#""a""#, r#""b""#, "null", r#""longer than twelve bytes""#], "Utf8View"),
    quoted("dictionary", ["a", "b", "", "a"], [r#""a""#, r#""b""#, "null", r#""a""#], "Utf8View"),
    bare("numbers", ["1", "2", "", "1"], "Int64"),
    quoted("binary", ["a", "b", "", "ä"], [r#""a""#, r#""b""#, "null", r#""ä""#], "BinaryView"),
    quoted("bytes", ["0x00ff", "0x62", "", "0x"], [r#""0x00ff""#, r#""0x62""#, "null", r#""0x""#], "BinaryView"),
    quoted("fixed", ["0x616263", "0xffffff", "", "0x78797a"], [r#""0x616263""#, r#""0xffffff""#, "null", r#""0x78797a""#], "BinaryView"),
    bare("struct", [r#"{"a":1,"b":"x","c":{"d":1.0}}"#, r#"{"a":null,"b":null,"c":null}"#, "", r#"{"a":-128,"b":"","c":{"d":null}}"#], "Struct"),
    bare("list", [r#"["a","b"]"#, "[]", "", r#"[null,"c"]"#], "LargeList"),
    bare("large_list", ["[1,255]", "[]", "", "[null]"], "LargeList"),
    bare("fixed_list", ["[1,2]", "[3,4]", "", "[null,5]"], "LargeList"),
    bare("decimals", ["[[1.50],[]]", "[]", "", "[null,[null]]"], "LargeList"),
    bare("map", [r#"{"a":1,"b":null}"#, "{}", "", r#"{"":-1}"#], "LargeList"),
    bare("null", ["", "", "", ""], "Null"),
    quoted("uuid", ["00000000-0000-0000-0000-000000000001", "12121212-1212-1212-1212-121212121212", "", "ffffffff-ffff-ffff-ffff-ffffffffffff"], [r#""00000000-0000-0000-0000-000000000001""#, r#""12121212-1212-1212-1212-121212121212""#, "null", r#""ffffffff-ffff-ffff-ffff-ffffffffffff""#], "Extension"),
];
