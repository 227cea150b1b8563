"""Writes what other readers read: json.json, times.json and logs.json beside it, which the tests compare with.

Needs duckdb, pandas and dateutil from PyPI:
pip install duckdb==2.0.1 pandas==3.1.1 python-dateutil==4.0.0 && python generate.py

json.json: documents in the frames of records that programs write, with the records as Python's json reads them (numbers
keep their text), and where DuckDB's JSON functions give another text for a member.
times.json: texts in each format, with seconds since 1970 as datetime.strptime, email.utils, pandas or dateutil read them.
logs.json: lines of text logs, with their cells by regular expressions and by pandas.
"""

import datetime
import email.utils
import io
import json
import pathlib
import re

import dateutil.parser
import duckdb
import pandas

FOLDER = pathlib.Path(__file__).parent
UTC = datetime.timezone.utc


def save(name, content):
    content["made by"] = {
        "duckdb": duckdb.__version__,
        "pandas": pandas.__version__,
        "dateutil": str(dateutil.__version__) if hasattr(dateutil, "__version__") else "4.0.0",
    }
    (FOLDER / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


# --- JSON

VALUES = [
    "0", "-17", "9007199254740993", "18446744073709551615", "123456789012345678901234567890", "1.50", "-0.0", "1e3", "1E-7",
    "6.02214076e+23", "true", "false", '""', '"007"', '"a\\"b"', '"\\u00fc\\n\\t"', '"\\ud83d\\ude00"', '"日本語"', '"a,b"', '"null"',
]


def records():
    for row, value in enumerate(VALUES * 3):
        rest = [f'"row": {row}', f'"v": {value}']
        if row % 3 == 1:
            rest.append(f'"nested": {{"a": {{"b": {row}.25, "c": "x{row}"}}, "list": [1, 2.50, "z"]}}')
        if row % 4 == 2:
            rest.append('"gone": null')
        if row % 5 == 3:
            rest.append('"tags": ["a", "b c"], "objects": [{"k": 1e2}, {"k": "w"}]')
        yield "{" + ", ".join(rest) + "}"


def flatten(value, name, cells):
    """As docs/settings.md says: objects by names with dots, lists as their JSON without blanks, null as nothing."""
    if isinstance(value, dict):
        for key, member in value.items():
            flatten(member, f"{name}.{key}" if name else key, cells)
    elif isinstance(value, list):
        cells[name] = compact(value)
    elif isinstance(value, Number):
        cells[name] = value.text
    elif isinstance(value, bool):
        cells[name] = "true" if value else "false"
    elif value is not None:
        cells[name] = value


class Number:
    def __init__(self, text):
        self.text = text


def compact(value):
    if isinstance(value, Number):
        return value.text
    if isinstance(value, list):
        return "[" + ",".join(compact(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{compact(v)}" for k, v in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def loads(text):
    return json.loads(text, parse_int=Number, parse_float=Number)


def indented(record):
    """A token a line."""
    return "\n".join(re.findall(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', record))


def json_files():
    all_records = list(records())
    frames = {
        "lines": ("", "\n".join(all_records) + "\n"),
        "no line ends": ("", " ".join(all_records)),
        "array": ("", "[" + ",\n".join(all_records) + "]"),
        "wrapped": ("Records", '{"Records": [' + ", ".join(all_records) + "]}"),
        "wrapped deeper": (
            "hits.hits", '{"took": 3, "hits": {"total": {"value": 60}, "hits": [' + ",".join(all_records) + "]}}"
        ),
        "indented": ("", "\n".join(indented(record) for record in all_records)),
        "byte order mark": ("", "\ufeff[" + ",".join(all_records) + "]\r\n"),
        "two arrays": ("", "[" + ",".join(all_records[:20]) + "]\n[" + ",".join(all_records[20:]) + "]"),
    }
    expected = []
    for record in all_records:
        cells = {}
        flatten(loads(record), "", cells)
        expected.append(cells)
    for name, (path, text) in frames.items():
        whole = text.removeprefix("\ufeff")
        if name in ("array", "byte order mark"):
            read = loads(whole)
        elif path:
            read = loads(whole)
            for part in path.split("."):
                read = read[part]
        else:
            read, decoder, at = [], json.JSONDecoder(parse_int=Number, parse_float=Number), 0
            while whole[at:].strip():
                at += len(whole[at:]) - len(whole[at:].lstrip())
                value, at = decoder.raw_decode(whole, at)
                read.extend(value if isinstance(value, list) else [value])
        again = []
        for record in read:
            cells = {}
            flatten(record, "", cells)
            again.append(cells)
        assert again == expected, name
    connection, others = duckdb.connect(), {}
    for record, cells in zip(all_records, expected):
        for name, text in cells.items():
            path = "$" + "".join(f'."{part}"' for part in name.split("."))
            found = connection.execute("SELECT json_extract_string(?::JSON, ?)", [record, path]).fetchone()[0]
            if found != text:
                others.setdefault(name, {})[text] = found
    save("json.json", {
        "files": [{"name": name, "records": path, "text": text} for name, (path, text) in frames.items()],
        "expected": expected,
        "duckdb": others,
    })


# --- times

MOMENTS = [
    datetime.datetime(2026, 11, 2, 13, 4, 5, 123456), datetime.datetime(1999, 12, 31, 23, 59, 59, 999000),
    datetime.datetime(2024, 2, 29, 0, 0, 0), datetime.datetime(1970, 1, 1, 0, 0, 1), datetime.datetime(2038, 1, 19, 3, 14, 8),
    datetime.datetime(2069, 6, 15, 12, 0, 0, 500000), datetime.datetime(2026, 3, 29, 1, 30, 0),
]


def seconds(moment):
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=UTC)
    return f"{since.days * 86400 + since.seconds}.{since.microseconds:06}"


def strptime(pattern):
    return lambda text: datetime.datetime.strptime(text, pattern)


def of_pandas(**options):
    return lambda text: pandas.to_datetime(text, **options).to_pydatetime()


# Our format, how the texts are written, and who reads them.
FORMATS = [
    ("iso", "%Y-%m-%dT%H:%M:%S.%fZ", lambda text: datetime.datetime.fromisoformat(text)),
    ("iso", "%Y-%m-%dT%H:%M:%S+01:00", lambda text: datetime.datetime.fromisoformat(text)),
    ("iso", "%Y-%m-%d %H:%M:%S.%f", of_pandas(format="ISO8601")),
    ("iso", "%Y-%m-%d %H:%M", dateutil.parser.isoparse),
    ("iso", "%Y-%m-%d", dateutil.parser.isoparse),
    ("iso", "%Y-%m-%dT%H:%M:%S-0530", dateutil.parser.isoparse),
    ("isoBasic", "%Y%m%dT%H%M%SZ", dateutil.parser.isoparse),
    ("isoBasic", "%Y%m%d", dateutil.parser.isoparse),
    ("slash", "%Y/%m/%d %H:%M:%S", strptime("%Y/%m/%d %H:%M:%S")),
    ("slash", "%Y.%m.%d %H:%M:%S", strptime("%Y.%m.%d %H:%M:%S")),
    ("apache", "%d/%b/%Y:%H:%M:%S +0000", strptime("%d/%b/%Y:%H:%M:%S %z")),
    ("apache", "[%d/%b/%Y:%H:%M:%S -0700]", strptime("[%d/%b/%Y:%H:%M:%S %z]")),
    ("rfc2822", "%a, %d %b %Y %H:%M:%S +0100", email.utils.parsedate_to_datetime),
    ("rfc2822", "%d %b %Y %H:%M:%S EST", email.utils.parsedate_to_datetime),
    ("http", "%a, %d %b %Y %H:%M:%S GMT", email.utils.parsedate_to_datetime),
    ("dayMonth", "%d %b %Y %H:%M:%S", dateutil.parser.parse),
    ("dayMonth", "%d-%b-%Y %I:%M %p", dateutil.parser.parse),
    ("ctime", "%a %b %d %H:%M:%S %Y", dateutil.parser.parse),
    ("kibana", "%b %d, %Y @ %H:%M:%S.%f", strptime("%b %d, %Y @ %H:%M:%S.%f")),
    ("us", "%m/%d/%Y %H:%M", of_pandas(format="%m/%d/%Y %H:%M")),
    ("us", "%m/%d/%Y %I:%M:%S %p", dateutil.parser.parse),
    ("eu", "%d.%m.%Y %H:%M", of_pandas(format="%d.%m.%Y %H:%M")),
    ("eu", "%d/%m/%Y", lambda text: dateutil.parser.parse(text, dayfirst=True)),
    ("%Y-%j %H:%M", "%Y-%j %H:%M", strptime("%Y-%j %H:%M")),
    ("%d.%m.%y %H:%M", "%d.%m.%y %H:%M", strptime("%d.%m.%y %H:%M")),
    ("%A, %B %d, %Y", "%A, %B %d, %Y", strptime("%A, %B %d, %Y")),
]
EPOCHS = [("epoch", "s", 10**6), ("epochMillis", "ms", 10**3), ("epochMicros", "us", 1)]


def times():
    columns = []
    for name, writer, reader in FORMATS:
        texts = [moment.strftime(writer) for moment in MOMENTS]
        # Two digits of the year have another century in Python before 1969.
        read = [seconds(reader(text)) for text in texts]
        columns.append({"format": name, "texts": texts, "seconds": read})
    for name, unit, divisor in EPOCHS:
        micros = [int((m - datetime.datetime(1970, 1, 1)) / datetime.timedelta(microseconds=1)) for m in MOMENTS]
        whole = [value // divisor for value in micros]
        read = [seconds(pandas.to_datetime(value, unit=unit).to_pydatetime()) for value in whole]
        columns.append({"format": name, "texts": [str(value) for value in whole], "seconds": read})
    whole = [int((m - datetime.datetime(1970, 1, 1)) / datetime.timedelta(microseconds=1)) * 1000 for m in MOMENTS]
    read = [seconds(pandas.to_datetime(value, unit="ns").to_pydatetime()) for value in whole]
    columns.append({"format": "epochNanos", "texts": [str(value) for value in whole], "seconds": read})
    # Zones: clocks that are set, by Python's database.
    local = [datetime.datetime(2026, month, 15, hour, 30) for month in range(1, 13) for hour in (0, 12)]
    # Zones whose rules have not changed for years: versions of the database differ in others.
    for zone in ["Europe/Vienna", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]:
        texts = [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in local]
        read = [seconds(pandas.Timestamp(text, tz=zone).to_pydatetime()) for text in texts]
        columns.append({"format": "iso", "zone": zone, "texts": texts, "seconds": read})
    save("times.json", {"columns": columns})


# --- logs

QUOTED = r'"((?:[^"\\]|\\.)*)"'
COMMON = r'(\S+) \S+ (\S+) \[([^\]]+)\] ' + QUOTED + r' (\d{3}) (\d+|-)'
REQUESTS = [
    "GET / HTTP/1.1", "GET /a?q=%27%20OR%201=1 HTTP/1.1", "POST /login HTTP/2.0", "HEAD /x HTTP/1.0", r"GET /\"quoted\" HTTP/1.1",
    r"\x16\x03\x01\x02", "-", "GET /caf\u00e9 HTTP/1.1", "OPTIONS * HTTP/1.1",
]
AGENTS = ["Mozilla/5.0 (X11; Linux x86_64)", "curl/8.7", "-", r"a \"b\" c", "sqlmap/1.8#stable"]
ADDRESSES = ["192.0.2.1", "2001:db8::17", "host.example.com", "198.51.100.9"]


def request(text):
    match = re.fullmatch(r"([A-Z]+) (\S+) HTTP/(\S+)", text)
    return match.groups() if match else (None, text, None)


def web(combined, vhost):
    lines, cells = [], []
    for row in range(45):
        fields = [
            ADDRESSES[row % 4], "-", ["-", "alice"][row % 7 == 3],
            f"[{1 + row % 28:02}/Mar/2026:10:{row:02}:07 +0{row % 3}00]", f'"{REQUESTS[row % 9]}"',
            str([200, 404, 301, 500][row % 4]), ["-", str(row * 97)][row % 5 > 0],
        ]
        if combined:
            fields += [['"-"', '"https://a.example/?x=1"'][row % 2], f'"{AGENTS[row % 5]}"']
        if vhost:
            fields.insert(0, f"www{row % 3}.example.com:443")
        lines.append(" ".join(fields))
    pattern = (r"([^: ]+):(\d+) " if vhost else "") + COMMON + (" " + QUOTED + " " + QUOTED if combined else "")
    for line in lines:
        found = list(re.fullmatch(pattern, line).groups())
        row = dict(zip(["url.domain", "url.port"], [found.pop(0), found.pop(0)])) if vhost else {}
        method, target, version = request(found[3])
        row |= {
            "source.address": found[0], "user.name": found[1], "@timestamp": found[2], "http.request.method": method,
            "url.original": target, "http.version": version, "http.response.status_code": found[4],
            "http.response.body.bytes": found[5],
        }
        if combined:
            row |= {"http.request.referrer": found[6], "user_agent.original": found[7]}
        cells.append({name: value or "" for name, value in row.items()})
    return "\n".join(lines) + "\n", cells


def table(text, separator, names):
    frame = pandas.read_csv(io.StringIO(text), sep=separator, comment="#", names=names, dtype=str, keep_default_na=False, quoting=3)
    return frame.to_dict(orient="records")


def zeek():
    names = ["ts", "uid", "id.orig_h", "id.orig_p", "query", "answers", "rejected"]
    head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n"
    head += "#fields\t" + "\t".join(names) + "\n#types\ttime\tstring\taddr\tport\tstring\tvector[string]\tbool\n"
    body = "".join(
        "\t".join([
            f"{1_517_336_000 + row}.{row:06}", f"C{row}", f"10.0.0.{row % 5}", str(4000 + row), ["a.example", "-", "x\\x09y"][row % 3],
            ["1.2.3.4,5.6.7.8", "(empty)", "-"][row % 3], "TF"[row % 2],
        ]) + "\n"
        for row in range(40)
    )
    return head + body + "#close\t2018-01-30-18-13-20\n", table(body, "\t", names)


def w3c():
    names = ["date", "time", "c-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "sc-status", "cs(User-Agent)"]
    head = "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Fields: " + " ".join(names) + "\n"
    body = "".join(
        " ".join([
            "2026-03-02", f"10:{row:02}:00", ADDRESSES[row % 4], "GET", f"/p{row % 6}", ["-", "q=a%20b"][row % 2], "200",
            "Mozilla/5.0+(X11)",
        ]) + "\n"
        for row in range(40)
    )
    return head + body, table(body, " ", names)


def logfmt():
    lines = [
        f'time=2026-03-02T10:{row:02}:00Z level={["info", "warn"][row % 2]} msg="took {row} ms" ms={row}.5 path=/a/{row % 3}'
        + (f' user="al \\"x\\" ice"' if row % 4 == 1 else "")
        for row in range(40)
    ]
    pair = re.compile(r'([\w.]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))')
    cells = [{key: quoted or bare for key, quoted, bare in pair.findall(line)} for line in lines]
    return "\n".join(lines) + "\n", [{"user": "", **row} for row in cells]


def syslog(new):
    lines, cells = [], []
    for row in range(40):
        host, program, pid = f"web{row % 3}", ["sshd", "cron", "my-app"][row % 3], ["", str(100 + row)][row % 2]
        message = [f"Accepted password for user{row}", "it's: a [test]", "x=1"][row % 3]
        if new:
            line = f"<{34 + row % 8}>1 2026-03-02T10:{row:02}:00.5Z {host} {program} {pid or '-'} ID{row % 4} - {message}"
            pattern = r"<(\d+)>1 (\S+) (\S+) (\S+) (\S+) (\S+) - (.*)"
            names = ["log.syslog.priority", "@timestamp", "host.name", "process.name", "process.pid", "log.syslog.msgid", "message"]
        else:
            line = f"Mar {1 + row % 28:2} 10:{row:02}:00 {host} {program}{f'[{pid}]' if pid else ''}: {message}"
            pattern = r"(\w{3} [ \d]\d \S+) (\S+) ([^\s\[:]+)(?:\[(\d+)\])?: (.*)"
            names = ["@timestamp", "host.name", "process.name", "process.pid", "message"]
        lines.append(line)
        cells.append({name: value or "" for name, value in zip(names, re.fullmatch(pattern, line).groups())})
    return "\n".join(lines) + "\n", cells


def logs():
    files = {
        "common": ("common", *web(False, False)),
        "combined": ("combined", *web(True, False)),
        "vhostCombined": ("vhostCombined", *web(True, True)),
        "zeek": ("zeek", *zeek()),
        "w3c": ("w3c", *w3c()),
        "logfmt": ("logfmt", *logfmt()),
        "syslog 3164": ("syslog", *syslog(False)),
        "syslog 5424": ("syslog", *syslog(True)),
    }
    save("logs.json", {
        "files": [
            {"name": name, "format": form, "text": text, "cells": cells} for name, (form, text, cells) in files.items()
        ]
    })


json_files()
times()
logs()
