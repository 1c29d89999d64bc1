"""What npm installed, held against what is locked. Pure: places, names and what each package needs."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from mcphub_gitops.runtime.adapters.npm_pins import NpmPin


def find_difference(pins: Sequence[NpmPin], installed: Mapping[str, tuple[str, str]]) -> str:
    """Return a place at which something else was installed than `pins` say, or nothing of what is needed; or nothing.

    `installed` are version and integrity by place. What is optional may be missing: see `find_lacking`.
    """
    locked = {pin.place: (pin.version, pin.integrity) for pin in pins}
    for place, found in installed.items():
        if locked.get(place) != found:
            return place
    return next((pin.place for pin in pins if pin.place not in installed and not pin.has("optional")), "")


def find_lacking(pins: Sequence[NpmPin], missing: AbstractSet[str], unfit: AbstractSet[str]) -> str:
    """Return a place that is `missing` though nothing speaks against it, or nothing.

    `unfit` are those that are not for this machine. npm leaves out one of them together with what only it needs, and
    with what needs it; but it also leaves out, without a word, an optional package that it could not fetch.
    """
    excused = set(unfit)
    pending = list(unfit)
    ways = _ways(pins, missing)
    while pending:
        onward = ways.get(pending.pop(), set()) - excused
        excused |= onward
        pending += onward
    return min(missing - excused, default="")


def _ways(pins: Sequence[NpmPin], among: AbstractSet[str]) -> dict[str, set[str]]:
    """Return, for each place of `among`, those it needs and those that need it."""
    ways: dict[str, set[str]] = {}
    for pin in pins:
        found = (_find(pin.place, name, among) for name in pin.needs()) if pin.place in among else ()
        for place in found:
            if place:
                ways.setdefault(pin.place, set()).add(place)
                ways.setdefault(place, set()).add(pin.place)
    return ways


def _find(place: str, name: str, among: AbstractSet[str]) -> str:
    """Return where the package at `place` finds `name`: in its own folder, or in the next one above that has it."""
    while place:
        if f"{place}/node_modules/{name}" in among:
            return f"{place}/node_modules/{name}"
        place = place.rpartition("/node_modules/")[0]
    return f"node_modules/{name}" if f"node_modules/{name}" in among else ""
