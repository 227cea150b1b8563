"""The messages and the service of the contract, as Python modules made from the .proto files.

`python -m external_engine.stubs` makes them, as does whatever imports this module, where they are missing or
older than the contract.
"""

import sys
from pathlib import Path

PROTO = Path(__file__).resolve().parents[3] / "proto"
MADE = Path(__file__).resolve().parent / "_generated"


def generate() -> Path:
    """The folder of the stubs, made if need be."""
    contract = [PROTO / f"anomal/v1/{name}.proto" for name in ("analysis", "classification", "common")]
    last = MADE / "anomal/v1/common_pb2_grpc.py"
    newest = max((path.stat().st_mtime for path in contract if path.exists()), default=0.0)
    if last.exists() and last.stat().st_mtime >= newest:
        return MADE
    from grpc_tools import protoc

    MADE.mkdir(exist_ok=True)
    outputs = [f"--{kind}_out={MADE}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", f"-I{PROTO}", *outputs, *map(str, contract)]) != 0:
        raise SystemExit(f"the contract in {PROTO} does not compile")
    return MADE


sys.path.insert(0, str(generate()))

from anomal.v1 import analysis_pb2, classification_pb2, classification_pb2_grpc, common_pb2  # noqa: E402

__all__ = ["analysis_pb2", "classification_pb2", "classification_pb2_grpc", "common_pb2", "generate"]
