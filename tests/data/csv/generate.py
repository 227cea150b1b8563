"""Makes the files beside it, which the tests read, and reads them by three other readers.

Needs duckdb and pandas from PyPI: pip install duckdb==2.0.1 pandas==3.1.1 && python generate.py

Each file is one of the tables below in one dialect. `corpus.json` has the tables, and for each file its table, the settings
that say its dialect, and what Python's csv, pandas and DuckDB read otherwise when they are given the same dialect.
"""

import csv
import itertools
import json
import pathlib

import duckdb
import pandas

FOLDER = pathlib.Path(__file__).parent
ROWS = 40
HOSTS = ["web0", "web1", "db-7", "mail"]
AGENTS = ['Mozilla/5.0 (X11; Linux), like "Gecko"', "curl/8.7", "a\tb", "x|y;z", "it's, 'quoted'", ""]
TEXTS = ["Müller, Köln", "naïve café; “quoted”", "日本語", "smile 😀", "Ελλάδα", "plain"]
LATIN = ["Müller, Köln", "café; crème", "Señor", "plain"]

TABLES = {
    # Words and whole numbers, nothing to quote.
    "plain": (
        ["host", "bytes", "code"],
        [[HOSTS[i % 4], str(1000 + 37 * i), str(200 + i % 5)] for i in range(ROWS)],
    ),
    # Separators, quotes and line ends within cells.
    "quoted": (
        ["host", "bytes", "agent"],
        [[HOSTS[i % 4], str(1000 + 37 * i), AGENTS[i % 6]] for i in range(ROWS)],
    ),
    "lines": (
        ["id", "text", "ms"],
        [[f"r{i}", "first\nsecond" if i % 7 == 3 else f"text {i}", f"{i}.5"] for i in range(ROWS)],
    ),
    "unicode": (
        ["id", "name", "ms"],
        [[f"r{i}", TEXTS[i % 6], f"{i}.25"] for i in range(ROWS)],
    ),
    "latin": (
        ["id", "name", "ms"],
        [[f"r{i}", LATIN[i % 4], f"{i}.25"] for i in range(ROWS)],
    ),
    # Values that lose characters as numbers, null words, missing cells.
    "codes": (
        ["zip", "ref", "ms", "country"],
        [
            [f"{(1730 + i * 13) % 9973:05}", f"{i}E{i}", ["-", "NA", "", f"{i}.75"][i % 4], ["NA", "AT", "DE"][i % 3]]
            for i in range(ROWS)
        ],
    ),
    "commas": (
        ["place", "amount", "day"],
        [[f"p{i % 5}", f"{i * 31},{i % 10}", f"{1 + i % 28:02}.11.2026"] for i in range(ROWS)],
    ),
    "one": (["host"], [[HOSTS[i % 4]] for i in range(ROWS)]),
}

NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
SETTINGS = {",": '","', ";": '";"', "\t": "tab", "|": '"|"'}


def write(path, table, *, separator=",", quote='"', escape="double", end="\n", header=True, above="", encoding="utf-8",
          quoting=csv.QUOTE_MINIMAL, trailing="", blank="", last_end=True):
    """A table in a dialect, by the standard library's writer where that can write it."""
    names, rows = TABLES[table]
    lines = [names, *rows] if header else rows

    class Lines:
        text = ""

        def write(self, part):
            self.text += part

    out = Lines()
    out.text = above
    for line in lines:
        if blank:
            # A blank in front of each quote, which no writer has a setting for.
            cells = [f'{quote}{cell.replace(quote, quote * 2)}{quote}' for cell in line]
            out.write((separator + blank).join(cells) + end)
            continue
        one = Lines()
        writer = csv.writer(
            one,
            delimiter=separator,
            quotechar=quote or None,
            quoting=csv.QUOTE_NONE if not quote else quoting,
            doublequote=escape == "double",
            escapechar=None if escape == "double" else "\\",
            lineterminator="\n",
        )
        writer.writerow(line)
        out.write(one.text.removesuffix("\n") + trailing + end)
    text = out.text if last_end else out.text[: -len(end)]
    path.write_bytes(text.encode(encoding))


def files():
    """Name, table, how it is written, and the settings that say so."""
    for separator in NAMES:
        name, said = NAMES[separator], f"separator: {SETTINGS[separator]}"
        for table in ["plain", "quoted", "lines", "codes"]:
            yield f"{name}-{table}", table, {"separator": separator}, said
        yield f"{name}-crlf", "quoted", {"separator": separator, "end": "\r\n"}, said
        yield f"{name}-all-quoted", "quoted", {"separator": separator, "quoting": csv.QUOTE_ALL}, said
        yield (f"{name}-single-quote", "quoted", {"separator": separator, "quote": "'"}, said + ', quote: "\'"')
        yield (f"{name}-backslash", "quoted", {"separator": separator, "escape": "backslash"}, said + ", escape: backslash")
        yield f"{name}-no-last-line-end", "plain", {"separator": separator, "last_end": False}, said
        yield (f"{name}-no-header", "plain", {"separator": separator, "header": False},
               said + ", header: false, names: [host, bytes, code]")
        yield (f"{name}-title", "plain", {"separator": separator, "above": "Report of November\n\n"}, said + ", skipLines: 2")
        yield (f"{name}-comment", "plain", {"separator": separator, "above": "# made by hand\n"}, said + ', comment: "#"')
        yield f"{name}-trailing", "plain", {"separator": separator, "trailing": separator}, said + ", trailing: drop"
        yield (f"{name}-blank-before-quote", "quoted", {"separator": separator, "blank": " "}, said + ", blanks: beforeQuote")
        yield f"{name}-cr", "quoted", {"separator": separator, "end": "\r"}, said + ", lineEnd: cr"
    for encoding, said in [("utf-8-sig", "utf-8"), ("utf-16-le", "utf-16le"), ("utf-16-be", "utf-16be")]:
        yield encoding, "unicode", {"encoding": encoding}, f"encoding: {said}"
    yield "utf-16-bom", "unicode", {"encoding": "utf-16"}, "encoding: utf-16le"
    yield "utf-8", "unicode", {}, ""
    for encoding in ["windows-1252", "iso-8859-15"]:
        yield encoding, "latin", {"encoding": encoding}, f"encoding: {encoding}"
    yield "excel", "commas", {"separator": ";", "above": "sep=;\r\n", "end": "\r\n"}, "dialect: excelSemicolon"
    yield "decimal-comma", "commas", {"separator": ";"}, 'separator: ";"'
    yield "one-column", "one", {}, "separator: \",\""


def given(options, table):
    """The dialect as the other readers are given it."""
    above = options.get("above", "")
    return {
        "separator": options.get("separator", ","),
        "quote": options.get("quote", '"'),
        "escape": options.get("escape", "double"),
        "header": options.get("header", True),
        "skip": above.count("\n"),
        "encoding": options.get("encoding", "utf-8"),
        "end": options.get("end", "\n"),
        "blank": options.get("blank", ""),
        "names": TABLES[table][0],
        "trailing": bool(options.get("trailing")),
    }


def by_csv(path, dialect):
    text = path.read_bytes().decode(dialect["encoding"])
    if dialect["end"] == "\r\n":
        # Line ends within cells are kept.
        text = text.replace("\r\n", "\n")
    lines = text.split(dialect["end"][-1]) if dialect["end"] == "\r" else text.splitlines(keepends=True)
    rows = csv.reader(
        lines[dialect["skip"]:],
        delimiter=dialect["separator"],
        quotechar=dialect["quote"],
        doublequote=dialect["escape"] == "double",
        escapechar=None if dialect["escape"] == "double" else "\\",
        skipinitialspace=bool(dialect["blank"]),
        strict=True,
    )
    # None has a setting for a separator that ends each record: to them it is a column more.
    rows = [row[:-1] if dialect["trailing"] else row for row in rows if row]
    return rows if dialect["header"] else [dialect["names"], *rows]


def by_pandas(path, dialect):
    frame = pandas.read_csv(
        path,
        sep=dialect["separator"],
        quotechar=dialect["quote"],
        doublequote=dialect["escape"] == "double",
        escapechar=None if dialect["escape"] == "double" else "\\",
        skipinitialspace=bool(dialect["blank"]),
        skiprows=dialect["skip"],
        encoding=dialect["encoding"],
        header=0 if dialect["header"] else None,
        names=None if dialect["header"] else dialect["names"],
        index_col=False,
        dtype=str,
        keep_default_na=False,
    )
    if dialect["trailing"]:
        frame = frame.iloc[:, :-1]
    return [list(frame.columns), *frame.values.tolist()]


def by_duckdb(path, dialect):
    encoding = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16"}.get(dialect["encoding"], dialect["encoding"])
    names = dialect["names"] + ["end"] * dialect["trailing"]
    columns = ", ".join(f"'{name}': 'varchar'" for name in names)
    escape = dialect["quote"] if dialect["escape"] == "double" else "\\"
    quoted = {"sep": dialect["separator"], "quote": dialect["quote"], "escape": escape, "encoding": encoding}
    quoted = ", ".join("{} = '{}'".format(name, value.replace("'", "''")) for name, value in quoted.items())
    without = 'EXCLUDE ("end")' if dialect["trailing"] else ""
    rows = duckdb.sql(
        f"SELECT * {without} FROM read_csv('{path}', auto_detect = false, header = {dialect['header']}, skip = {dialect['skip']},"
        f" columns = {{{columns}}}, {quoted})"
    )
    return [rows.columns, *[["" if cell is None else cell for cell in row] for row in rows.fetchall()]]


READERS = {"csv": by_csv, "pandas": by_pandas, "duckdb": by_duckdb}


def difference(expected, read):
    """The first place where a reader has something else."""
    if len(expected) != len(read):
        return f"{len(read) - 1} rows"
    for row, (left, right) in enumerate(zip(expected, read)):
        if list(left) != list(right):
            place = next((i for i, (a, b) in enumerate(itertools.zip_longest(left, right)) if a != b), 0)
            return f"row {row}: {list(right)[place:place + 1]} in place of {list(left)[place:place + 1]}"
    return None


def main():
    corpus = {"tables": {name: [names, *rows] for name, (names, rows) in TABLES.items()}, "files": []}
    for name, table, options, settings in files():
        path = FOLDER / f"{name}.csv"
        write(path, table, **options)
        expected = corpus["tables"][table]
        others = {}
        for reader, read in READERS.items():
            try:
                found = difference(expected, read(path, given(options, table)))
            except Exception as error:  # What it says is the result.
                found = f"refused: {str(error).splitlines()[0][:100]}"
            if found:
                others[reader] = found.replace(str(FOLDER), "")
        corpus["files"].append({"file": path.name, "table": table, "settings": settings, "others": others})
    (FOLDER / "corpus.json").write_text(json.dumps(corpus, ensure_ascii=False, indent=1) + "\n")
    for file in corpus["files"]:
        if file["others"]:
            print(file["file"], file["others"])
    print(len(corpus["files"]), "files")


main()
