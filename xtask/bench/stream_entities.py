"""A stream with very many entities: its memory, and how long records wait for checkpoints.

python3 xtask/bench/stream_entities.py PATH/TO/anomal [ENTITIES]; needs nothing but Python. Each entity comes three times, beside a thousand others, in the job
"HBOS and profiles" of stream_speed.py without windows. A checkpoint is saved each second.
"""

import json
import os
import pathlib
import random
import re
import resource
import subprocess
import sys
import tempfile

import stream_speed

SCALE = {"ns": 1e-6, "µs": 1e-3, "ms": 1.0, "s": 1e3}


def records(path, entities):
    dice = random.Random(0)
    with open(path, "w", encoding="ascii") as out:
        for row in range(3 * entities):
            # A thousand of them at a time, three times.
            host = row // 3_000 * 1_000 + row % 1_000
            second = row * 3_000 // (3 * entities)
            record = {
                "@timestamp": f"2026-03-02T{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
                "source.ip": f"10.{host // 65_536}.{host // 256 % 256}.{host % 256}",
                **stream_speed.request(dice),
            }
            out.write(json.dumps(record) + "\n")


def main():
    anomal = os.path.abspath(sys.argv[1])
    entities = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    kept = [line for line in stream_speed.HEAD.splitlines() if "aggregat" not in line]
    stream = "classification: {engine: HBOS}\nstream: {state: {checkpoint: {every: 1s}}, entity: {by: [source.ip], max: %d}}\n"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        records(folder / "dns.ndjson", entities)
        (folder / "job.yaml").write_text("\n".join(kept) + "\n" + stream % (entities + 1), encoding="utf-8")
        command = [anomal, "run", "job.yaml", "--until-caught-up", "--summary", "json"]
        environment = dict(os.environ, RUST_LOG="anomal_runner=debug,warn")
        ran = subprocess.run(["/usr/bin/time", "-f", "%M", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise SystemExit(ran.stderr[-3000:])
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        summary = json.loads(ran.stdout)
        waits = re.findall(r"records waited ([0-9.]+)(ns|µs|ms|s) for a checkpoint", ran.stderr)
        waits = sorted(float(number) * SCALE[unit] for number, unit in waits)
        state = sum(file.stat().st_size for file in (folder / "job.state").rglob("*") if file.is_file())
        print(
            f"{3 * entities:,} records of {summary['entities']}: {summary['durationSeconds']:.0f} s, {spent.ru_utime + spent.ru_stime:.0f} processor seconds, "
            f"{int(ran.stderr.split()[-1]) // 1024:,} MB, state {state / 1e6:,.0f} MB; {len(waits)} checkpoints, records waited {waits[len(waits) // 2]:.1f} ms "
            f"(median), {waits[int(len(waits) * 0.99)]:.1f} ms (99 %)"
        )


if __name__ == "__main__":
    main()
