"""How many of a row's nearest neighbours KNN finds among a million: `python3 xtask/bench/recall.py PATH/TO/anomal`.

It needs NumPy and PyArrow. The distance to the k-th neighbour is KNN's score with `method: largest`, so that runs with 1 to
5 neighbours tell the distances to the five that are found; they are held against all distances of some rows. Printed
are the share of the true five nearest that are among those found, and the seconds of the classify stage without the
analysis.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

ROWS, COLUMNS, CLUSTERS, NEIGHBORS, ASKED = 1_000_000, 10, 20, 5, 1_000


def rows() -> np.ndarray:
    """Clouds of unlike width."""
    random = np.random.default_rng(0)
    centres = 3 * random.normal(size=(CLUSTERS, COLUMNS))
    widths = random.uniform(0.3, 1.5, size=(CLUSTERS, COLUMNS))
    cloud = random.integers(0, CLUSTERS, ROWS)
    return centres[cloud] + widths[cloud] * random.normal(size=(ROWS, COLUMNS))


def found(program: str, folder: Path, neighbors: int) -> tuple[np.ndarray, float]:
    """The distance of each row to its so many-th neighbour, and the seconds."""
    job = folder / "job.yaml"
    job.write_text(
        "input: {parquet: {path: in.parquet}}\n"
        "features: [{type: field, match: 'f*'}]\n"
        f"classification: {{engine: KNN, parameters: {{nNeighbors: {neighbors}, method: largest}}}}\n"
        "outputs: [{parquet: {path: out.parquet}}]\n"
    )
    command = [program, "run", str(job), "--summary", "json", "--quiet"]
    summary = json.loads(subprocess.check_output(command))
    stages = {stage["stage"]: stage["seconds"] for stage in summary["stages"]}
    analysis = sum(step["seconds"] for step in summary["steps"] if step["step"] == "analysis")
    scores = parquet.read_table(folder / "out.parquet", columns=["anomal.score"])
    return scores["anomal.score"].to_numpy(), stages["classify"] - analysis


def main() -> None:
    program = str(Path(sys.argv[1]).resolve())
    values = rows()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = pa.table({f"f{place}": values[:, place] for place in range(COLUMNS)})
        parquet.write_table(table, folder / "in.parquet")
        runs = [found(program, folder, 1 + place) for place in range(NEIGHBORS)]
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    asked = np.random.default_rng(1).choice(ROWS, ASKED, replace=False)
    hits = 0
    for row in asked:
        squares = ((values - values[row]) ** 2).sum(axis=1)
        nearest = np.sqrt(np.partition(squares, NEIGHBORS)[1 : NEIGHBORS + 1].max())
        # What is found is never nearer than the true ones: it is one of them if it is within their farthest.
        hits += sum(scores[row] <= nearest * (1 + 1e-9) for scores, _ in runs)
    print(f"recall {hits / (ASKED * NEIGHBORS):.3f} of {ASKED} rows")
    print("seconds with 1 to 5 neighbours: " + ", ".join(f"{seconds:.1f}" for _, seconds in runs))


if __name__ == "__main__":
    main()
