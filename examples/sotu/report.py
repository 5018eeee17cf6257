"""Says of each speech which words tell it from the others: said often there, and in few other speeches."""

import json
import math
import sys
from pathlib import Path

WORDS = 6


def telling(words, frequencies, speeches):
    """The words with the greatest count times the logarithm of how rare they are (TF-IDF)."""

    def weight(word):
        return words[word] * math.log(speeches / frequencies[word])

    return sorted(words, key=lambda word: (-weight(word), word))[:WORDS]


def title(key):
    """`speeches/1801_thomas_jefferson_dr.txt` as "1801 Thomas Jefferson"."""
    *name, _party = Path(key).stem.split("_")
    return " ".join(part.capitalize() for part in name)


def main():
    index = json.loads(Path(sys.argv[1]).read_text())
    speeches = index["speeches"]
    for key, speech in sorted(speeches.items()):
        words = telling(speech["words"], index["frequencies"], len(speeches))
        print(f"{title(key):27}{speech['length']:6} words  {' '.join(words)}")


main()
