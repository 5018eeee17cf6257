"""A drawing in colours, as PNG on standard output."""

import argparse
import sys

from atlas.drawing import read_drawing
from atlas.palette import PALETTES
from atlas.png import encode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("drawing")
    parser.add_argument("--palette", choices=PALETTES, required=True)
    arguments = parser.parse_args()
    drawing = read_drawing(arguments.drawing)
    colours = PALETTES[arguments.palette].colours(drawing.most)
    rows = [b"".join(colours[number] for number in row) for row in drawing.rows]
    sys.stdout.buffer.write(encode(drawing.width, rows))


main()
