"""A place of the atlas."""

from dataclasses import asdict, dataclass

# How often a point is followed before it counts as one that never leaves.
STEPS = 500


@dataclass(frozen=True)
class Place:
    """A name, a point in the middle, and how much there is to see around it."""

    id: str
    title: str
    x: float
    y: float
    across: float
    steps: int = STEPS

    @classmethod
    def of(cls, entry):
        """The place that an entry of the list describes."""
        place = cls(**entry)
        if not place.id.isidentifier():
            raise ValueError(f"{place.id!r} cannot be the name of a picture")
        if not (0 < place.across <= 4 and 0 < place.steps <= 100_000):
            raise ValueError(f"{place.id} cannot be drawn")
        return place

    def as_dict(self):
        return asdict(self)

    def view(self, width):
        """What has to be known to draw it, in a picture of this width."""
        view = self.as_dict()
        del view["title"]
        return {**view, "width": width, "height": width * 3 // 4}
