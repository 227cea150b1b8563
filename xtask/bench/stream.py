"""Streams over labelled data sets: each row is scored before it is learned.

For each set the AUROC of the rows behind the warm-up, by the Ensemble in a run over all rows, by a stream whose model stays, by
one that is fitted again, and by ones that learn row by row beside their model; the share of rows without anomalies that `risk: 0.001` calls
suspicious, over as many orders of the rows as have 20,000 of them; seconds. Rows are shuffled with a seed.
"""

import argparse
import json
import pathlib
import random
import subprocess
import tempfile

RISK = 0.001
# Rows without anomalies of which false alarms are counted, and the orders of them at most.
USUAL = 20_000
ORDERS = 200


def auroc(scores, labels):
    """The probability that an anomaly has a higher score than another row; equal ones count half."""
    order = sorted(zip(scores, labels))
    positives = sum(labels)
    rank_sum, place = 0.0, 0
    while place < len(order):
        end = place
        while end < len(order) and order[end][0] == order[place][0]:
            end += 1
        rank_sum += (place + end + 1) / 2 * sum(label for _, label in order[place:end])
        place = end
    negatives = len(order) - positives
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


class Set:
    """A data set in a folder of its own."""

    def __init__(self, program, path, folder, most, seed):
        self.program, self.folder = program, folder
        self.write(
            "read.yaml",
            f"input: {{parquet: {{path: {path}}}}}\nlabelColumn: label\nfeatures: [{{type: field, match: 'f*'}}]\n"
            "outputs: [{ndjson: {path: read.ndjson}}]\n",
        )
        self.run("read.yaml", "-q")
        rows = [
            {name: value for name, value in row.items() if not name.startswith("anomal.")}
            for row in self.rows("read.ndjson")
        ]
        random.Random(seed).shuffle(rows)
        self.records = rows[:most]
        self.labels = [int(row["label"]) for row in self.records]
        self.usual = [row for row in self.records if not int(row["label"])]

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def rows(self, name):
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]

    def run(self, *arguments):
        command = [self.program, "run", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{command}: {done.stderr}")
        return done.stdout

    def job(self, name, records, threshold, more):
        self.write(f"{name}.ndjson", "".join(json.dumps(row) + "\n" for row in records))
        self.write(
            f"{name}.yaml",
            f"input: {{ndjson: {{path: {name}.ndjson, badLines: skip, types: {{'f*': float}}}}}}\nlabelColumn: label\n"
            "features: [{type: field, match: 'f*'}]\nroles: {grouping: off}\n"
            f"classification: {{engine: Ensemble, seed: 7{threshold}}}\n{more}",
        )

    def batch(self):
        self.job("batch", self.records, "", "outputs: [{ndjson: {path: out.ndjson}}]\n")
        self.run("batch.yaml", "-q")
        return [row["anomal.score"] for row in self.rows("out.ndjson")]

    def stream(self, name, records, warm_up, model):
        """Its rows, and its summary."""
        self.job(
            name,
            records,
            f", threshold: {{method: risk, value: {RISK}}}",
            f"stream: {{warmUp: {{rows: {warm_up}}}, model: {model}, state: {{checkpoint: {{to: {name}.state}}}}}}\n"
            f"outputs: [{{ndjson: {{path: {name}.out.ndjson, rotate: 16Gi}}}}]\n",
        )
        summary = json.loads(self.run(f"{name}.yaml", "--until-caught-up", "--summary", "json"))
        return self.rows(f"{name}.out-000001.ndjson"), summary


def model_of(count, warm_up):
    """Four fits behind the warm-up."""
    every = max(1_000, (count - warm_up) // 4)
    sample = f"sample: {{rows: {max(100, min(10_000, warm_up * 2))}}}"
    return f"{sample}, refit: {{rows: {every}, shadow: {max(400, every // 4)}}}"


def false_alarms(data, warm_up, model):
    """Suspicious rows and all rows behind the warm-up, over several orders of the rows without anomalies."""
    found = rows = order = 0
    usual = list(data.usual)
    while rows < USUAL and order < ORDERS and len(usual) > warm_up:
        if order:
            random.Random(order).shuffle(usual)
        name = f"usual{order}"
        part = data.stream(name, usual, warm_up, f"{{{model}}}")[0][warm_up:]
        found += sum(row["anomal.suspicious"] for row in part)
        rows += len(part)
        order += 1
    return {"usual rows": rows, "orders": order, "false alarms": found, "share": found / max(1, rows)}


# What is learned row by row beside the model that is fitted again.
ONLINE = {"HBOS": "HBOS", "OIF": "OnlineIsolationForest", "RCF": "RandomCutForest", "covariance": "OnlineCovariance"}


def measure(data, only_false_alarms, only_models):
    count = len(data.records)
    warm_up = min(5_000, max(100, count // 4))
    labels = data.labels[warm_up:]
    if only_false_alarms:
        return false_alarms(data, warm_up, model_of(count, warm_up))
    figures = {"rows": count, "warm": warm_up}
    if not only_models:
        figures["batch"] = auroc(data.batch()[warm_up:], labels)
    refit = model_of(count, warm_up)
    models = {"once": "learn: once", "continuous": refit}
    models |= {name: f"{refit}, online: {online}" for name, online in ONLINE.items()}
    for name, model in models.items():
        if only_models and name not in only_models:
            continue
        rows, summary = data.stream(name, data.records, warm_up, f"{{{model}}}")
        part = rows[warm_up:]
        p_values = [-(row["anomal.pvalue"] or 1.0) for row in part]
        figures[name] = auroc([row["anomal.score"] for row in part], labels)
        figures[f"{name} p"] = auroc(p_values, labels)
        figures[f"{name} models"] = summary["models"]["generation"]
        figures[f"{name} s"] = summary["durationSeconds"]
    return figures if only_models else figures | false_alarms(data, warm_up, refit)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--datasets", type=pathlib.Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--false-alarms", action="store_true", help="count these alone")
    parser.add_argument("--models", nargs="*", default=[], help="continuous, HBOS, OIF, RCF, covariance: streams of these alone")
    arguments = parser.parse_args()
    paths = sorted(arguments.datasets.resolve().glob("*.parquet"))
    for path in paths:
        if arguments.only and path.stem not in arguments.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            program = str(pathlib.Path(arguments.program).resolve())
            data = Set(program, path, pathlib.Path(folder), arguments.rows, arguments.seed)
            figures = measure(data, arguments.false_alarms, arguments.models)
        shown = [f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}" for name, value in figures.items()]
        print(f"{path.stem}: {', '.join(shown)}", flush=True)


if __name__ == "__main__":
    main()
