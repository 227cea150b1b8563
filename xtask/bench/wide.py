"""Wide tables: `python3 xtask/bench/wide.py PATH/TO/anomal`, which needs NumPy, PyArrow and scikit-learn.

Two tables of 1,966 rows: numbers that depend on 40 common ones, and indicators of rare events (0 or 1), many of them
equal. One row in 50 is an anomaly: a tenth of its values are those of other rows. Printed are the seconds of the classify
stage without the analysis (correlations, quantiles), but with reasons, the CPU seconds of the whole process and
the AUROC; and for scikit-learn's PCA (all components, then the distance in standard deviations) the seconds of
fitting and scoring. A third table has more features than rows.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

DETECTORS = ("PCA", "MCD", "GaussianMixture", "KNN", "IsolationForest", "Ensemble")
EVERY = 50


def numbers(random: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    common = random.normal(size=(rows, 40))
    return common @ random.normal(size=(40, columns)) + 2 * random.normal(size=(rows, columns))


def indicators(random: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Topics of events: a row has one of 30 topics, and an event a chance by topic. A sixth of the events are others' copies."""
    topics = random.integers(0, 30, rows)
    chances = 10 ** random.uniform(-3.5, -0.7, size=(30, columns))
    values = (random.random((rows, columns)) < chances[topics]).astype(float)
    copies = random.choice(columns, columns // 6, replace=False)
    values[:, copies] = values[:, random.integers(0, columns, len(copies))]
    return values


def with_anomalies(random: np.random.Generator, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    label = np.arange(len(values)) % EVERY == 0
    for row in np.flatnonzero(label):
        places = random.choice(values.shape[1], values.shape[1] // 10, replace=False)
        values[row, places] = values[random.integers(0, len(values), len(places)), places]
    return values, label


def anomal(program: str, folder: Path, detector: str) -> dict:
    job = folder / "job.yaml"
    job.write_text(
        "input: {parquet: {path: in.parquet}}\n"
        "features: [{type: field, match: 'f*'}]\n"
        f"classification: {{engine: {detector}}}\n"
        "outputs: [{parquet: {path: out.parquet}}]\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [program, "run", str(job), "--summary", "json", "--quiet"]
    summary = json.loads(subprocess.check_output(command))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    stages = {stage["stage"]: stage["seconds"] for stage in summary["stages"]}
    analysis = sum(step["seconds"] for step in summary["steps"] if step["step"] == "analysis")
    scores = parquet.read_table(folder / "out.parquet", columns=["anomal.score"])
    cpu = sum(getattr(after, name) - getattr(before, name) for name in ("ru_utime", "ru_stime"))
    return {
        "seconds": stages["classify"] - analysis,
        "cpu": cpu,
        "scores": scores["anomal.score"].to_numpy(),
    }


def peer(values: np.ndarray) -> tuple[float, float, np.ndarray]:
    started, used = time.perf_counter(), time.process_time()
    values = StandardScaler().fit_transform(values)
    solver = "covariance_eigh" if values.shape[0] >= values.shape[1] else "full"
    model = PCA(svd_solver=solver).fit(values)
    variances = model.explained_variance_
    kept = variances > variances[0] * 1e-9
    along = (values - model.mean_) @ model.components_[kept].T
    scores = np.sqrt((along**2 / variances[kept]).sum(axis=1))
    return time.perf_counter() - started, time.process_time() - used, scores


def main() -> None:
    program = str(Path(sys.argv[1]).resolve())
    names = sys.argv[2:] or DETECTORS
    tables = [("numbers", numbers, 1_966, 1_555), ("indicators", indicators, 1_966, 1_555), ("numbers", numbers, 500, 2_000)]
    print(f"{os.cpu_count()} cores")
    print("| table | detector | seconds | CPU seconds | AUROC |")
    print("| --- | --- | --- | --- | --- |")
    for kind, make, rows, columns in tables:
        random = np.random.default_rng(0)
        values, label = with_anomalies(random, make(random, rows, columns))
        title = f"{kind}, {rows:,} x {columns:,}"
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            table = pa.table({f"f{place}": values[:, place] for place in range(columns)})
            parquet.write_table(table, folder / "in.parquet")
            for detector in names:
                found = anomal(program, folder, detector)
                area = roc_auc_score(label, found["scores"])
                print(f"| {title} | {detector} | {found['seconds']:.2f} | {found['cpu']:.2f} | {area:.3f} |", flush=True)
        seconds, cpu, scores = peer(values)
        area = roc_auc_score(label, scores)
        print(f"| {title} | scikit-learn's PCA | {seconds:.2f} | {cpu:.2f} | {area:.3f} |", flush=True)


if __name__ == "__main__":
    main()
