"""A report of 1,000,000 rows x 10 features: what publishing costs, how its pages answer, what the server takes.

python3 xtask/bench/report.py PATH/TO/anomal [FOLDER]; needs nothing but Python.
"""

import html
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROWS, FEATURES, CLIENTS, SECONDS = 1_000_000, 10, 50, 15


def table(path):
    numbers = random.Random(0)
    with open(path, "w", encoding="ascii") as out:
        out.write(",".join(f"f{i}" for i in range(FEATURES)) + "\n")
        for _ in range(ROWS):
            out.write(",".join(f"{numbers.gauss(0, 1):.6f}" for _ in range(FEATURES)) + "\n")


def run(anomal, folder, name, report):
    path = os.path.join(folder, name + ".yaml")
    with open(path, "w", encoding="ascii") as job:
        job.write(
            "input: {csv: {path: table.csv}}\nfeatures: [{type: field, match: '*'}]\n"
            "classification: {engine: HBOS, threshold: {method: contamination, value: 0.02}}\n"
            f"outputs: [{{parquet: {{path: {name}.parquet, include: [features, contributions]}}}}]\n" + report
        )
    command = [anomal, "run", path, "--quiet", "--summary", "json", "--report-store", os.path.join(folder, "store")]
    summary = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {stage["stage"].lower(): stage["seconds"] for stage in summary["stages"]}


def main():
    anomal = os.path.abspath(sys.argv[1])
    folder = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()
    table(os.path.join(folder, "table.csv"))
    plain = run(anomal, folder, "plain", "")
    kept = run(anomal, folder, "kept", "report: {title: million}\n")
    print(f"Parquet written in {plain['write']:.2f} s; with a report {kept['write']:.2f} s, published in {kept['publish']:.2f} s")
    store = os.path.join(folder, "store")
    serve = [anomal, "report", "serve", "--report-store", store, "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(serve, stderr=subprocess.PIPE, text=True)
    base = re.search(r"http://[0-9.:]+", server.stderr.readline()).group(0)
    report = "/reports/" + max(os.listdir(os.path.join(store, "reports")))

    def get(path):
        started = time.perf_counter()
        request = urllib.request.Request(base + path, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request) as answer:
            size = len(answer.read())
        return (time.perf_counter() - started) * 1000, size

    def resident():
        with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024

    print("first page %.0f ms" % get(report)[0])
    pages = {"list": "/", "row": report + "/rows/777777"}
    pages |= {"summary": report, **{name: f"{report}/{name}" for name in ("clustering", "behaviour")}}
    for name, path in pages.items():
        times = sorted(get(path) for _ in range(7))
        print(f"{name}: {times[3][0]:.0f} ms, {times[0][1]} bytes")
    text = urllib.request.urlopen(base + report).read().decode()
    sorts = sorted({html.unescape(key) for key in re.findall(r"sort=((?:source|feature)\.[^&\"]+)", text)})
    times = [get(f"{report}?sort={key}&order=down&page={page}")[0] for key in sorts for page in (1, 30, 300)]
    print(f"pages of {len(sorts)} orders: at most {max(times):.0f} ms; search {get(report + '?q=0.123')[0]:.0f} ms, again {get(report + '?q=1.7')[0]:.0f} ms")

    stop, seen = time.time() + SECONDS, []

    def reader(number):
        dice = random.Random(number)
        while time.time() < stop:
            path = dice.choice([
                report, report + "/behaviour", report + "/clustering", f"{report}/rows/{dice.randrange(ROWS)}",
                f"{report}?sort={dice.choice(sorts)}&page={dice.randrange(1, 300)}",
            ])
            seen.append(get(path)[0])

    readers = [threading.Thread(target=reader, args=(number,)) for number in range(CLIENTS)]
    for one in readers:
        one.start()
    for one in readers:
        one.join()
    seen.sort()
    print(f"{CLIENTS} clients: {len(seen) / SECONDS:.0f} pages a second, median {seen[len(seen) // 2]:.0f} ms, server's peak {resident():.0f} MB")
    server.send_signal(signal.SIGINT)
    server.wait()


main()
