"""Events a second of streams over a file of DNS records of about 400 bytes, and what they take.

python3 xtask/bench/stream_speed.py PATH/TO/anomal [ROWS]; needs nothing but Python. For each kind of job: rows, seconds of
the process and of the processor behind the first checkpoint, rows a second and processor second, the largest memory, and the bytes of the last checkpoint.
"""

import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

ROWS, HOSTS = 500_000, 20_000
HEAD = """
input: {ndjson: {path: dns.ndjson, badLines: skip}}
timeColumn: "@timestamp"
packs: [dns]
features:
  - {type: field, name: client.bytes}
  - {type: field, name: server.bytes}
  - {type: field, name: event.duration}
  - {type: field, name: dns.response_code, kind: categorical}
  - {type: field, name: dns.question.type, kind: categorical}
  - {type: metric, name: hostname_entropy, dataNeeded: [dns.question.name]}
  - {type: metric, name: hostname_length, dataNeeded: [dns.question.name]}
  - {type: expression, name: ratio, expression: '"server.bytes" / "client.bytes"'}
  - {type: aggregate, name: names_5m, function: distinct, of: dns.question.name, by: [source.ip], window: 5m}
  - {type: aggregate, name: failed_10m, function: count, where: "\\"dns.response_code\\" = 'NXDOMAIN'", by: [source.ip], window: 10m}
flags:
  - {type: direct, name: large, expression: '"server.bytes" > 60000', severity: high}
  - {type: direct, name: failed, expression: '"dns.response_code" = ''SERVFAIL''', severity: low}
  - {type: aggregation, name: unique_subdomains, dataNeeded: [source.ip, "@timestamp", dns.question.name], window: 1h}
  - {type: aggregation, name: nxdomain_ratio, dataNeeded: [source.ip, dns.response_code, "@timestamp", dns.question.name], window: 1h}
  - {type: aggregation, name: beaconing_detector, dataNeeded: [source.ip, "@timestamp", dns.question.name], window: 1h}
outputs: [{ndjson: {path: out.ndjson, rotate: 16Gi, rows: suspicious}}]
"""
KINDS = {
    "features and flags": "stream: {}\n",
    "HBOS": "classification: {engine: HBOS}\nstream: {}\n",
    "HBOS and profiles": "classification: {engine: HBOS}\nstream: {entity: {by: [source.ip]}}\n",
    "Ensemble": "classification: {engine: Ensemble}\nstream: {}\n",
    "Ensemble and profiles": "classification: {engine: Ensemble}\nstream: {entity: {by: [source.ip]}}\n",
}


def request(dice):
    """What a host asks for."""
    return {
        "dns.question.name": f"w{dice.randrange(50)}.d{int(20_000 * dice.random() ** 3)}.example",
        "dns.question.type": dice.choice(["A", "A", "A", "AAAA", "TXT"]),
        "dns.response_code": dice.choice(["NOERROR"] * 18 + ["NXDOMAIN", "SERVFAIL"]),
        "client.bytes": dice.randrange(60, 400),
        "server.bytes": int(dice.lognormvariate(5, 0.8)),
        "event.duration": int(dice.lognormvariate(3, 1)),
    }


def records(path, rows):
    dice = random.Random(0)
    with open(path, "w", encoding="ascii") as out:
        for row in range(rows):
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_772_409_600 + row // 200))
            host = int(HOSTS * dice.random() ** 2)
            record = {
                "@timestamp": at,
                "source.ip": f"10.{host // 65_536}.{host // 256 % 256}.{host % 256}",
                **request(dice),
                "destination.ip": "192.0.2.53",
                "observer.name": "sensor-3.example",
                "note": "x" * 40,
            }
            out.write(json.dumps(record) + "\n")


def main():
    anomal = os.path.abspath(sys.argv[1])
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        records(folder / "dns.ndjson", rows)
        print(f"{rows} records of {(folder / 'dns.ndjson').stat().st_size // rows} bytes")
        for kind, more in KINDS.items():
            job = kind.replace(" ", "-").lower()
            (folder / f"{job}.yaml").write_text(HEAD.replace("out.ndjson", f"{job}.ndjson") + more)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [anomal, "run", f"{job}.yaml", "--until-caught-up", "--summary", "json"]
            ran = subprocess.run(["/usr/bin/time", "-f", "%M", *command], cwd=folder, capture_output=True, text=True, check=False)
            if ran.returncode != 0:
                raise SystemExit(f"{kind}: {ran.stderr}")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            summary = json.loads(ran.stdout)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            state = sum(file.stat().st_size for file in (folder / f"{job}.state").rglob("*") if file.is_file())
            seconds = summary["durationSeconds"]
            print(
                f"{kind}: {seconds:.1f} s, {spent:.1f} processor seconds, {rows / seconds:,.0f} rows/s, {rows / spent:,.0f} rows a processor second, "
                f"{int(ran.stderr.split()[-1]) // 1024} MB, state {state / 1e6:.1f} MB, entities {summary.get('entities')}",
                flush=True,
            )


if __name__ == "__main__":
    main()
