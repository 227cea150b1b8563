"""Each detector of Anomal beside PyOD's on labelled data: `cargo xtask bench detectors --datasets DIR`.

DIR holds Parquet files of number columns and a column `label` (1: an anomaly). Anomal reads the file itself; PyOD gets
the standardised columns in memory. Figures are of fitting and scoring all rows, means over the seeds where a detector
draws at random; AUROC and average precision are scikit-learn's for both. Anomal's seconds are those of its classify
stage without the analysis (correlations, quantiles), but with reasons; its memory is the whole process's.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import mean, median

import numpy as np
import pyarrow.parquet as parquet
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

PEERS = {
    "IsolationForest": ("pyod.models.iforest", "IForest", True),
    "KNN": ("pyod.models.knn", "KNN", False),
    "LOF": ("pyod.models.lof", "LOF", False),
    "HBOS": ("pyod.models.hbos", "HBOS", False),
    "ECOD": ("pyod.models.ecod", "ECOD", False),
    "COPOD": ("pyod.models.copod", "COPOD", False),
    "PCA": ("pyod.models.pca", "PCA", False),
    "MCD": ("pyod.models.mcd", "MCD", True),
    "GaussianMixture": ("pyod.models.gmm", "GMM", True),
    "CBLOF": ("pyod.models.cblof", "CBLOF", True),
    "OCSVM": ("pyod.models.ocsvm", "OCSVM", False),
    "LODA": ("pyod.models.loda", "LODA", True),
}
LAUNCH = """
import os, sys
child = os.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, used = os.wait4(child, 0)
open(sys.argv[1], "w").write(str(used.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a program from a small process: the peak of a large one would count as its child's."""
MIX = ("IsolationForest", "KNN", "MCD", "GaussianMixture")
"""The plain mix that the Ensemble is held against: the mean of -log of the share of rows with as high a score."""


def anomal(program: str, path: Path, detector: str, seed: int) -> dict:
    """Scores, seconds and peak memory of one run."""
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder, "job.yaml")
        job.write_text(
            f"input: {{parquet: {{path: '{path.resolve()}'}}}}\n"
            "features: [{type: field, match: 'f*'}]\n"
            f"classification: {{engine: {detector}, seed: {seed}}}\n"
            "outputs: [{parquet: {path: out.parquet}}]\n"
        )
        command = [str(Path(program).resolve()), "run", str(job), "--summary", "json", "--quiet"]
        used = Path(folder, "used")
        launch = [sys.executable, "-c", LAUNCH, str(used), *command]
        ended = subprocess.run(launch, stdout=subprocess.PIPE, check=False)
        if ended.returncode:
            sys.exit(f"{detector} on {path.name} ended with {ended.returncode}")
        summary = json.loads(ended.stdout)
        rows = parquet.read_table(Path(folder, "out.parquet"), columns=["anomal.score"])
        stages = {stage["stage"]: stage["seconds"] for stage in summary["stages"]}
        analysis = sum(step["seconds"] for step in summary["steps"] if step["step"] == "analysis")
        return {
            "scores": rows["anomal.score"].to_numpy(),
            "seconds": stages["classify"] - analysis,
            "mib": int(used.read_text()) / 1024,
        }


def pyod(name: str, values: np.ndarray, seed: int) -> dict | None:
    """Scores and seconds of the peer; nothing where it fails on the data."""
    module, kind, seeded = PEERS[name]
    model = getattr(__import__(module, fromlist=[kind]), kind)
    arguments = {"random_state": seed} if seeded and name != "LODA" else {}
    np.random.seed(seed)
    started = time.perf_counter()
    try:
        fitted = model(**arguments).fit(values)
    except (ValueError, RuntimeError, np.linalg.LinAlgError):
        return None
    seconds = time.perf_counter() - started
    scores = fitted.decision_scores_
    return {"scores": scores, "seconds": seconds} if np.isfinite(scores).all() else None


def tail(scores: np.ndarray) -> np.ndarray:
    order = np.sort(scores)
    at_or_above = len(scores) - np.searchsorted(order, scores, side="left")
    return -np.log(at_or_above / len(scores))


def figures(label: np.ndarray, runs: list[dict | None]) -> dict | None:
    known = [run for run in runs if run is not None]
    if not known:
        return None
    return {
        "auroc": mean(roc_auc_score(label, run["scores"]) for run in known),
        "ap": mean(average_precision_score(label, run["scores"]) for run in known),
        "seconds": median(run["seconds"] for run in known),
        "mib": max(run.get("mib", 0.0) for run in known),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("program")
    arguments.add_argument("--datasets", type=Path, required=True)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--only", nargs="*", help="detectors, the others left out")
    arguments.add_argument("--no-peers", action="store_true")
    given = arguments.parse_args()
    warnings.filterwarnings("ignore")
    listed = json.loads(subprocess.check_output([given.program, "detectors", "--json"]))
    names = [known["name"] for known in listed if known["rowWise"]]
    names = [name for name in names if not given.only or name in given.only]
    ours: dict[str, list] = {name: [] for name in [*names, "plain mix"]}
    peers: dict[str, list] = {name: [] for name in names if name in PEERS and not given.no_peers}
    for path in sorted(given.datasets.glob("*.parquet")):
        table = parquet.read_table(path)
        label = table["label"].to_numpy()
        columns = [name for name in table.column_names if name != "label"]
        values = StandardScaler().fit_transform(np.column_stack([table[name] for name in columns]))
        runs = {
            name: [anomal(given.program, path, name, seed) for seed in range(given.seeds)]
            for name in names
        }
        for name in names:
            ours[name].append((path.stem, len(label), figures(label, runs[name])))
        if all(name in runs for name in MIX):
            mixed = [
                {"scores": sum(tail(runs[name][seed]["scores"]) for name in MIX), "seconds": 0.0}
                for seed in range(given.seeds)
            ]
            ours["plain mix"].append((path.stem, len(label), figures(label, mixed)))
        for name in peers:
            seeds = range(given.seeds)
            # What it compiles at its first call is not its speed.
            pyod(name, values[:200], 0)
            found = figures(label, [pyod(name, values, seed) for seed in seeds])
            peers[name].append((path.stem, len(label), found))
        print(f"{path.stem} done", file=sys.stderr, flush=True)

    print("| detector | AUROC | AP | seconds | MiB | PyOD: AUROC | AP | seconds | times faster |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, all_sets in ours.items():
        if not all_sets:
            continue
        sets = [found for _, _, found in all_sets]
        line = [
            name,
            f"{mean(one['auroc'] for one in sets):.3f}",
            f"{mean(one['ap'] for one in sets):.3f}",
            f"{sum(one['seconds'] for one in sets):.2f}",
            f"{max(one['mib'] for one in sets):.0f}",
        ]
        pairs = [
            (own, peer)
            for (_, _, own), (_, _, peer) in zip(all_sets, peers.get(name, []), strict=False)
            if peer
        ]
        if pairs:
            large = [
                peer["seconds"] / own["seconds"]
                for (_, rows, own), (_, _, peer) in zip(all_sets, peers[name], strict=True)
                if peer and rows >= 5_000
            ]
            line += [
                f"{mean(peer['auroc'] for _, peer in pairs):.3f} ({len(pairs)} sets)",
                f"{mean(peer['ap'] for _, peer in pairs):.3f}",
                f"{sum(peer['seconds'] for _, peer in pairs):.2f}",
                f"{median(large):.1f} (least {min(large):.1f})" if large else "",
            ]
        else:
            line += [""] * 4
        print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main()
