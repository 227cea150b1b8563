"""The metrics of sdk/rust/example that the benchmark compares, in Python."""

from collections import Counter
from math import log2

from anomal_pack import Pack, metric


@metric
def name_length(name: str) -> int:
    """Characters of a name."""
    return len(name)


@metric
def name_entropy(name: str) -> float | None:
    """Shannon entropy of the bytes of a name, in bits."""
    content = name.encode()
    length = len(content)
    if not length:
        return None
    return log2(length) - sum(count * log2(count) for count in Counter(content).values()) / length


class Guest(Pack):
    pass
