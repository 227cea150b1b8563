"""A report of 1,000,000 rows with incidents: what publishing costs, how its pages answer with filters, what the server takes.

python3 xtask/bench/incidents.py PATH/TO/anomal [ROWS]; needs nothing but Python.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROWS, HOSTS, DOMAINS, DAY = 1_000_000, 2_000, 20_000, 1_772_409_600
JOB = """
input: {csv: {path: table.csv}}
packs: [dns]
features:
  - {type: field, name: network.bytes, as: size}
  - {type: field, name: client.bytes}
  - {type: field, name: dns.response_code, kind: categorical, as: code}
  - {type: metric, name: hostname_entropy, dataNeeded: [dns.question.name]}
flags:
  - {type: direct, name: large, expression: size > 9000, severity: high, message: "{count} large answers"}
  - {type: direct, name: failed, expression: code = 'SERVFAIL', severity: medium, message: "{count} failed requests"}
classification: {engine: HBOS, threshold: {method: contamination, value: 0.02}}
outputs: [{parquet: {path: out.parquet}}]
report: {title: million}
"""


def table(path, rows):
    dice = random.Random(0)
    with open(path, "w", encoding="ascii") as out:
        out.write("@timestamp,source.ip,dns.question.name,network.bytes,client.bytes,dns.response_code\n")
        for row in range(rows):
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(DAY + row * 86_400 // rows))
            host, domain = int(HOSTS * dice.random() ** 2), int(DOMAINS * dice.random() ** 3)
            size = int(dice.lognormvariate(5, 0.8)) + (9_000 if dice.random() < 0.005 else 0)
            code = "SERVFAIL" if dice.random() < 0.01 else "NXDOMAIN" if dice.random() < 0.05 else "NOERROR"
            name = f"w{dice.randrange(50)}.d{domain}.example"
            out.write(f"{at},10.{host // 65_536}.{host // 256 % 256}.{host % 256},{name},{size},{dice.randrange(60, 400)},{code}\n")


def main():
    anomal = os.path.abspath(sys.argv[1])
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else ROWS
    folder = tempfile.mkdtemp()
    table(os.path.join(folder, "table.csv"), rows)
    store, job = os.path.join(folder, "store"), os.path.join(folder, "job.yaml")
    with open(job, "w", encoding="ascii") as out:
        out.write(JOB)
    command = [anomal, "run", job, "--quiet", "--summary", "json", "--report-store", store]
    started = time.perf_counter()
    ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    if ran.returncode not in (0, 10):
        sys.exit(ran.stderr)
    summary = json.loads(ran.stdout)
    seconds = {stage["stage"]: round(stage["seconds"], 2) for stage in summary["stages"]}
    print(f"run of {rows:,} rows: {time.perf_counter() - started:.1f} s, stages {seconds}")
    print(f"{summary['suspicious']:,} suspicious, {summary['flagged']:,} flagged, incidents {summary['incidentCount']}")

    serve = [anomal, "report", "serve", "--report-store", store, "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(serve, stderr=subprocess.PIPE, text=True)
    base = re.search(r"http://[0-9.:]+", server.stderr.readline()).group(0)
    report = "/reports/" + max(os.listdir(os.path.join(store, "reports")))

    def get(path):
        begun = time.perf_counter()
        request = urllib.request.Request(base + report + path, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request) as answer:
            size = len(answer.read())
        return (time.perf_counter() - begun) * 1000, size

    def measure(name, paths):
        answers = [get(path) for path in paths]
        times = sorted(answer[0] for answer in answers)
        last = times[min(len(times) - 1, len(times) * 95 // 100)]
        print(f"{name:24} median {times[len(times) // 2]:5.0f} ms  p95 {last:5.0f} ms  {max(a[1] for a in answers) // 1000} kB gzip")

    def clock(hour):
        return urllib.parse.quote(f"2026-03-02T{hour:02}:00:00Z")

    try:
        print("the first page, cold     %.0f ms" % get("")[0])
        hosts = [f"10.0.{number // 256}.{number % 256}" for number in range(20)]
        pages = {
            "overview": [""] * 20,
            "incidents": ["/incidents"] * 20,
            "an incident": [f"/incidents/{number}" for number in range(1, 21)],
            "entities": ["/entities"] * 20,
            "an entity": [f"/entity?kind=host&value={host}" for host in hosts],
            "suspects": ["/suspects"] * 20,
            "flags": ["/flags"] * 20,
            "a row": [f"/rows/{number * (rows // 21)}" for number in range(1, 21)],
        }
        for name, paths in pages.items():
            measure(name, paths)
        filters = {
            "actor": [f"actor={host}" for host in hosts],
            "target": [f"target=d{number}.example" for number in range(20)],
            "flag": ["flag=large", "flag=failed"] * 10,
            "severity": ["severity=high", "severity=medium", "severity=low"] * 7,
            "time": [f"from={clock(hour)}&to={clock(hour + 3)}" for hour in range(20)],
            "risk": [f"risk={number}.." for number in range(20, 100, 4)],
            "column": [f"f.dns.response_code=NOERROR&f.network.bytes=%3E{number}" for number in range(100, 2_100, 100)],
        }
        for name, queries in filters.items():
            measure(f"filter by {name}", [f"?{query}" for query in queries])
            measure("  the rows", [f"/suspects?{query}" for query in queries])
        print("search, the first        %.0f ms" % get("?q=w7.d1")[0])
        measure("search, the next", [f"?q=w{number}.d" for number in range(20)])
        measure("sort", [f"/suspects?sort={key}&order=down" for key in ("row", "score", "time", "actor", "target", "incident", "source.network.bytes") * 3])
        with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
            print("the server's peak        %.0f MB" % (int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024))
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


main()
