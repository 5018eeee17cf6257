"""Drawings as the program gives them: plain PGM, numbers that people can read as well."""

from pathlib import Path
from typing import NamedTuple


class Drawing(NamedTuple):
    width: int
    most: int
    rows: list


def read_drawing(path):
    """The drawing in a file."""
    magic, size, most, *lines = Path(path).read_text().splitlines()
    if magic != "P2":
        raise ValueError(f"{path} is no plain PGM")
    width, height = map(int, size.split())
    rows = [list(map(int, line.split())) for line in lines]
    if len(rows) != height or any(len(row) != width for row in rows):
        raise ValueError(f"{path} is cut off")
    return Drawing(width, int(most), rows)
