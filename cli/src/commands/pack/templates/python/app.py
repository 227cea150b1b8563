"""Components of NAME."""

from anomal_pack import Datetime, Group, Pack, flag, group_flag, metric


@metric
def digit_share(name: str) -> float | None:
    """Share of digits in a name."""
    if not name:
        return None
    return sum("0" <= character <= "9" for character in name) / len(name.encode())


@flag
def long_name(name: str, *, most: int = 40) -> str | None:
    """A name that is longer than `most` characters."""
    return f"{len(name)} characters" if len(name) > most else None


@group_flag
def many_names(client: Group, names: list[str], times: list[Datetime], *, most: int = 20) -> list:
    """A client with more than `most` different names."""
    seen, hits = set(), []
    for row, name in enumerate(names):
        if name is not None:
            seen.add(name)
        if len(seen) > most:
            hits.append((row, f"{client}: {len(seen)} names"))
    return hits


class Guest(Pack):
    pass
