"""A page with all pictures, and the pictures beside it."""

import json
import shutil
import sys
from html import escape
from pathlib import Path

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A small atlas of the Mandelbrot set</title>
<style>
  body {{ max-width: 70rem; margin: 3rem auto; padding: 0 1rem; font: 16px/1.5 system-ui; background: #fafaf7; }}
  main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 2rem; }}
  figure {{ margin: 0; }}
  img {{ width: 100%; border-radius: 4px; }}
  small {{ color: #666; display: block; }}
</style>
<h1>A small atlas of the Mandelbrot set</h1>
<main>
{figures}
</main>
</html>
"""

FIGURE = """<figure>
  <img src="{id}.png" alt="{title}">
  <figcaption>{title} <small>at {x}, {y}; {across} across; {inside} points never leave</small></figcaption>
</figure>"""


def read_json(path):
    return json.loads(Path(path).read_text())


def by_key(listed):
    """The paths of a mapped node's outputs."""
    return {item["key"]: Path(item["path"]) for item in read_json(listed)}


def main():
    _, places, pictures, inside, output = sys.argv
    pictures, inside, output = by_key(pictures), by_key(inside), Path(output)
    figures = []
    for place in read_json(places):
        key = place["id"]
        shutil.copyfile(pictures[key], output / f"{key}.png")
        shown = {name: escape(str(value)) for name, value in place.items()}
        figures.append(FIGURE.format(inside=inside[key].read_text().strip(), **shown))
    (output / "index.html").write_text(PAGE.format(figures="\n".join(figures)))


main()
