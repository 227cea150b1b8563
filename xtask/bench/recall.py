"""How many of a row's nearest neighbours KNN finds among a million: `python3 xtask/bench/recall.py PATH/TO/anomal`.

It needs NumPy and PyArrow. With `method: largest` a row's score is the distance to the fifth neighbour that was found: that
of the true fifth if all five are the true ones. It is held against all distances of some rows. Printed are the share of
rows with all five, which the recall is no lower than, by how much the others' fifth is too far, and the seconds of the
classify stage without the analysis.
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


def found(program: str, folder: Path) -> tuple[np.ndarray, float]:
    """The distance of each row to the last of its neighbours, and the seconds."""
    job = folder / "job.yaml"
    job.write_text(
        "input: {parquet: {path: in.parquet}}\n"
        "features: [{type: field, match: 'f*'}]\n"
        f"classification: {{engine: KNN, parameters: {{nNeighbors: {NEIGHBORS}, method: largest}}}}\n"
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
        scores, seconds = found(program, folder)
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    asked = np.random.default_rng(1).choice(ROWS, ASKED, replace=False)
    farther = []
    for row in asked:
        squares = ((values - values[row]) ** 2).sum(axis=1)
        # The row itself is the nearest.
        fifth = np.sqrt(np.partition(squares, NEIGHBORS)[NEIGHBORS])
        farther.append(scores[row] / fifth - 1)
    missed = [far for far in farther if far > 1e-6]
    print(f"all {NEIGHBORS} found: {1 - len(missed) / ASKED:.3f} of {ASKED} rows")
    print(f"the others' last is farther by {np.mean(missed) if missed else 0:.3f}")
    print(f"seconds: {seconds:.1f}")


if __name__ == "__main__":
    main()
