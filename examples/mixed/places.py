"""Reads the list of places, refuses what cannot be drawn, and fills in what may be left out."""

import json
import sys
from pathlib import Path

from atlas.place import Place


def main():
    listed = json.loads(Path(sys.argv[1]).read_text())
    places = [Place.of(entry) for entry in listed]
    print(json.dumps([place.as_dict() for place in places]))


main()
