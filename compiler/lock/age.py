"""How old a release has to be before it is taken up: durations as people write them."""

_SECONDS = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_MOST_DIGITS = 4


def seconds_of(age: str) -> int | None:
    """Return `age` (``12h``, ``7d``, ``2w``) in seconds, None where it is no such duration."""
    number, unit = age[:-1], age[-1:]
    if unit not in _SECONDS or not number.isascii() or not number.isdigit() or len(number) > _MOST_DIGITS:
        return None
    return int(number) * _SECONDS[unit]
