"""Colours between colours."""


def blend(first, second, share):
    """The colour that is `share` of the way from the first to the second."""
    return bytes(round(a + (b - a) * share) for a, b in zip(first, second))
