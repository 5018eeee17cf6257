"""Joins the word counts of all speeches: which words each has, and in how many speeches each word is."""

import argparse
import json
from collections import Counter
from pathlib import Path


def read_counts(path):
    """The lines "word count" of a file."""
    lines = Path(path).read_text().splitlines()
    return {word: int(count) for word, count in map(str.split, lines)}


def build_index(counts, min_count):
    """The index of word counts by speech; what is rare in a speech is left out of it."""
    speeches = {}
    frequencies = Counter()
    for key, words in counts.items():
        often = {word: count for word, count in words.items() if count >= min_count}
        speeches[key] = {"length": sum(words.values()), "words": often}
        frequencies.update(often.keys())
    return {"speeches": speeches, "frequencies": dict(frequencies)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("counts")
    parser.add_argument("--min-count", type=int, required=True)
    arguments = parser.parse_args()
    listed = json.loads(Path(arguments.counts).read_text())
    counts = {item["key"]: read_counts(item["path"]) for item in listed}
    print(json.dumps(build_index(counts, arguments.min_count)))


main()
