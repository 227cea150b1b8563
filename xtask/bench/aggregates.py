"""Three aggregates over 5,000,000 rows of 100,000 keys, beside reading the same columns.

python3 xtask/bench/aggregates.py PATH/TO/anomal [FOLDER]; needs nothing but Python.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time

ROWS, KEYS, NAMES, DAYS, RUNS = 5_000_000, 100_000, 5_000, 10, 3

READ = """  - {type: field, name: t}
  - {type: field, name: key}
  - {type: field, name: name}
  - {type: field, name: amount}
"""
AGGREGATES = """  - {type: aggregate, name: rows, function: count, by: [key], window: 1h}
  - {type: aggregate, name: names, function: distinct, of: name, by: [key], window: 1h}
  - {type: aggregate, name: average, function: mean, of: amount, by: [key], window: 1h}
"""


def table(path):
    """Rows in no order of time."""
    numbers = random.Random(1)
    with open(path, "w", encoding="ascii") as out:
        out.write("t,key,name,amount\n")
        for _ in range(ROWS):
            day, second = divmod(int(numbers.random() * DAYS * 86_400), 86_400)
            time_of_day = f"{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}"
            key, name = int(numbers.random() * KEYS), int(numbers.random() * NAMES)
            out.write(f"2026-01-{day + 1:02}T{time_of_day}Z,k{key},n{name},{numbers.random() * 1_000:.2f}\n")


def run(anomal, folder, name, features):
    """Seconds of the run, and the largest peak memory of all runs so far in MiB."""
    path = os.path.join(folder, name + ".yaml")
    with open(path, "w", encoding="ascii") as job:
        job.write(
            "input: {csv: {path: table.csv, types: {t: datetime}}}\ntimeColumn: t\nfeatures:\n"
            f"{features}outputs: [{{parquet: {{path: {name}.parquet, include: [features]}}}}]\n"
        )
    started = time.perf_counter()
    subprocess.run([anomal, "run", path, "--quiet"], check=True, capture_output=True)
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1_024


def main():
    anomal = os.path.abspath(sys.argv[1])
    folder = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()
    table(os.path.join(folder, "table.csv"))
    for name, features in [("read", READ), ("aggregates", AGGREGATES)]:
        runs = [run(anomal, folder, name, features) for _ in range(RUNS)]
        seconds = ", ".join(f"{seconds:.2f}" for seconds, _ in runs)
        print(f"{name}: {seconds} s, peak {runs[-1][1]:.0f} MiB")


if __name__ == "__main__":
    main()
