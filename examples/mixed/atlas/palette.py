"""Palettes: colours for numbers."""

from atlas.blend import blend


class Palette:
    """Colours that go over into each other, and black for the points that never leave."""

    def __init__(self, *stops):
        self.stops = [bytes.fromhex(stop) for stop in stops]

    def colours(self, most):
        """A colour for every number from 0 to `most`."""
        return [bytes(3)] + [self.at(number / most) for number in range(1, most + 1)]

    def at(self, share):
        """The colour at a place between 0 and 1."""
        place = share * (len(self.stops) - 1)
        stop = min(int(place), len(self.stops) - 2)
        return blend(self.stops[stop], self.stops[stop + 1], place - stop)


PALETTES = {
    "ember": Palette("0b0a1f", "5b1647", "c43c2f", "f6a53c", "fff3c4", "fffdf0"),
    "ocean": Palette("04122b", "0b3c6f", "1f86a8", "7fd1c0", "eefbe8", "ffffff"),
    "paper": Palette("fbf7ec", "e4d8bd", "b79f76", "6e5a3f", "2f2619", "100c06"),
}
