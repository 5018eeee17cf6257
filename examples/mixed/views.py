"""What the drawing program has to know of each place."""

import argparse
import json
from pathlib import Path

from atlas.place import Place


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("places")
    parser.add_argument("--width", type=int, required=True)
    arguments = parser.parse_args()
    places = json.loads(Path(arguments.places).read_text())
    print(json.dumps([Place.of(place).view(arguments.width) for place in places]))


main()
