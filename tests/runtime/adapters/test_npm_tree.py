from mcphub_gitops.runtime.adapters.npm_pins import NpmPin, parse_pin
from mcphub_gitops.runtime.adapters.npm_tree import find_difference, find_lacking

HASH = f"sha512-{'A' * 86}=="


def pin(place: str, traits: str = "") -> NpmPin:
    name = place.rpartition("node_modules/")[2]
    found = parse_pin(f"npm:{name}@1.0.0 {place} {HASH} {traits}".strip())
    assert found is not None
    return found


DEMO = pin("node_modules/demo", "dependencies=helper@1 optionalDependencies=native@1")
HELPER = pin("node_modules/helper")
NATIVE = pin("node_modules/native", "dependencies=glue@1 optional")
GLUE = pin("node_modules/glue", "optional")
OUTER = pin("node_modules/native/node_modules/deep", "dependencies=glue@1 optional")


def installed(*pins: NpmPin) -> dict[str, tuple[str, str]]:
    return {each.place: (each.version, each.integrity) for each in pins}


def test_what_was_locked_was_installed() -> None:
    assert find_difference([DEMO, HELPER, NATIVE], installed(DEMO, HELPER)) == ""


def test_what_was_not_locked_is_found() -> None:
    assert find_difference([DEMO], installed(DEMO, HELPER)) == "node_modules/helper"
    assert find_difference([DEMO, HELPER], installed(DEMO) | {"node_modules/helper": ("1.0.1", HASH)}) == HELPER.place
    assert find_difference([DEMO, HELPER], installed(DEMO) | {"node_modules/helper": ("1.0.0", "")}) == HELPER.place


def test_what_is_needed_and_missing_is_found() -> None:
    assert find_difference([DEMO, HELPER], installed(DEMO)) == "node_modules/helper"


def test_what_is_not_for_this_machine_excuses_what_belongs_to_it() -> None:
    pins = [DEMO, NATIVE, GLUE, OUTER]
    missing = {NATIVE.place, GLUE.place, OUTER.place}
    assert find_lacking(pins, missing, {NATIVE.place}) == ""
    assert find_lacking(pins, missing, {OUTER.place}) == ""


def test_what_is_missing_without_a_reason_is_found() -> None:
    assert find_lacking([DEMO, NATIVE], {NATIVE.place}, set()) == "node_modules/native"
    other = pin("node_modules/other", "optional")
    assert find_lacking([NATIVE, other], {NATIVE.place, other.place}, {NATIVE.place}) == "node_modules/other"
    assert find_lacking([NATIVE], set(), set()) == ""
