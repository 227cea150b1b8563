"""Figures of aggregates by DuckDB's window functions, for the test `values_are_those_of_duckdb`.

pip install duckdb && python3 tests/tests/aggregates/duckdb_figures.py > tests/tests/aggregates/duckdb.json
"""

import json

import duckdb

ROWS, WINDOW = 100_000, 600
MASK = (1 << 64) - 1


def rows():
    """The rows of the test, from the same generator."""
    state = 1

    def below(end):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        return (state >> 33) % end

    for row in range(ROWS):
        time, user, port = below(20_000), below(200), below(5)
        quarters, integer = below(4_000), below(2_000)
        failed, gaps = below(4) == 0, below(100)
        yield (
            row,
            None if gaps == 0 else time,
            None if gaps == 1 else f"user{user}",
            port,
            None if gaps < 6 else (quarters - 2_000) / 4,
            None if gaps > 94 else integer - 1_000,
            failed,
        )


# Rows of equal time are in the order of their numbers: so a key with both, and a frame as long as the window.
FUNCTIONS = {
    "count": "count(*) OVER w",
    "count_failed": "count(*) FILTER (failed) OVER w",
    "rate": f"count(*) OVER w / {WINDOW}.0",
    "distinct": "count(DISTINCT amount) OVER w",
    "sum": "sum(amount) OVER w",
    "sum_failed": "sum(number) FILTER (failed) OVER w",
    "mean": "avg(amount) OVER w",
    "min": "min(amount) OVER w",
    "max": "max(number) OVER w",
    "stddev": "stddev_samp(amount) OVER w",
    "exceedance": """CASE WHEN amount IS NOT NULL AND max(amount) OVER b IS NOT NULL THEN
        greatest(amount - max(amount) OVER b, min(amount) OVER b - amount, 0)
        / (greatest(amount, max(amount) OVER b) - least(amount, min(amount) OVER b) + 1e-300) END""",
    "share": "count(*) FILTER (failed) OVER w / (count(*) OVER w)::DOUBLE",
    "value_share": "CASE WHEN number IS NOT NULL THEN count(*) OVER v / (count(number) OVER w)::DOUBLE END",
    "since_last": "time - max(time) OVER before",
    "running_sum": "sum(number) OVER u",
    "running_distinct": "count(DISTINCT number) OVER u",
}
SQL = f"""
SELECT id, {", ".join(f"({sql})::DOUBLE AS {name}" for name, sql in FUNCTIONS.items())}
FROM (SELECT *, time::BIGINT * {1 << 20} + id AS place FROM rows WHERE time IS NOT NULL)
WINDOW
    w AS (PARTITION BY name, port ORDER BY place
          RANGE BETWEEN {(WINDOW - 1) << 20} + id PRECEDING AND CURRENT ROW),
    v AS (PARTITION BY name, port, number ORDER BY place
          RANGE BETWEEN {(WINDOW - 1) << 20} + id PRECEDING AND CURRENT ROW),
    b AS (PARTITION BY name, port ORDER BY place
          RANGE BETWEEN {(WINDOW - 1) << 20} + id PRECEDING AND 1 PRECEDING),
    u AS (PARTITION BY name ORDER BY place),
    before AS (PARTITION BY name, port ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
ORDER BY id
"""


def main():
    database = duckdb.connect()
    database.execute(
        "CREATE TABLE rows (id BIGINT, time BIGINT, name TEXT, port BIGINT, amount DOUBLE, number BIGINT, failed BOOL)"
    )
    path = "/tmp/duckdb_figures.csv"
    with open(path, "w") as file:
        for row in rows():
            file.write(",".join("" if cell is None else str(cell) for cell in row) + "\n")
    database.execute(f"COPY rows FROM '{path}' (HEADER false)")
    values = database.execute(SQL).fetchall()
    figures = {}
    for index, name in enumerate(FUNCTIONS, start=1):
        present = [(row[0], row[index]) for row in values if row[index] is not None]
        figures[name] = {
            "rows": len(present),
            "sum": sum(value for _, value in present),
            "weighted": sum(value * (1 + id % 97) for id, value in present),
        }
    print(json.dumps(figures, indent=1))


main()
