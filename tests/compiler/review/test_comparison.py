"""What a review says where a side is no hub, or is not known as a whole."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.plan.plan import Action
from mcphub_gitops.compiler.review.comparison import compare
from mcphub_gitops.compiler.review.document import render_document
from mcphub_gitops.compiler.review.headline import write_quiet_headline
from mcphub_gitops.compiler.review.markdown import render_markdown
from mcphub_gitops.compiler.review.model import Review, Setting
from mcphub_gitops.compiler.review.side import Held, Kind, Side, side_of_desired, side_of_lock
from mcphub_gitops.compiler.review.text import render_text
from tests.support.hubs import TIME_HUB, hub_of, lock_of
from tests.support.reviews import locked


def side(name: str, *, kind: Kind = "hub", era: str = "modern", tool: object = "now") -> Side:
    hub = hub_of(TIME_HUB)
    lock, definitions = locked(lock_of(hub, {}), {"time": [tool]})
    lock = replace(lock, servers=MappingProxyType({key: replace(each, era=era) for key, each in lock.servers.items()}))
    desired, problems = build(hub, lock, definitions)
    assert problems == ()
    return side_of_desired(desired, name=name, kind=kind, held=Held(lock=lock))


def shown(review: Review) -> tuple[str, str, str]:
    return render_text(review), render_markdown(review, whole="mcphub plan"), render_document(review)


def test_a_tool_whose_definitions_are_not_at_hand_is_taken_for_the_worse() -> None:
    other = {"name": "now", "description": "Another one."}
    text = render_text(compare(side("main"), side("here", tool=other), ({}, {})))
    assert "breaking: Its definition changed, and what changed in it is not at hand." in text
    assert "time has 1 tool that changed, at worst breaking." in text
    assert "What changed in tools whose readable definitions are not at hand: time." in text


def test_a_new_tool_whose_definition_is_not_at_hand_is_told_by_its_name() -> None:
    before, after = side("main"), side("here")
    more = replace(after, offered={"time": {**after.offered["time"], "more": "sha256:1"}})
    for text in shown(compare(before, more, ({}, {})))[:2]:
        assert "its name is all that is known: taken for one that may destroy and reaches the open world" in text


def test_what_was_not_understood_on_a_side_is_named() -> None:
    before = replace(side("main"), uncompared=frozenset({"time"}))
    text = render_text(compare(before, side("here", era="legacy"), ({}, {})))
    assert "main: not understood there, and so taken for new where they are on the other side: time." in text


def test_what_moved_in_the_lock_alone_is_told() -> None:
    for text in shown(compare(side("main"), side("here", era="legacy"), ({}, {}))):
        assert "era" in text


def test_of_two_plans_it_is_said_what_stands_there_as_digests() -> None:
    before, after = side("main", kind="plan"), side("here", kind="plan", era="legacy")
    text = render_text(compare(before, replace(after, standing={**after.standing, "lock": "sha256:1"}), ({}, {})))
    assert "How these differ, of which a saved plan has digests alone: the lock." in text


def test_what_has_no_place_is_told_without_one() -> None:
    review = replace(
        compare(side("main"), side("here", era="legacy"), ({}, {})),
        settings=(Setting(path="tags", before=None, after="[]", span=None),),
        unchanged=(),
    )
    text = render_text(review)
    assert "  + tags = []\n" in text
    assert "unchanged: " not in text


@pytest.mark.parametrize(
    ("settings", "has_pins", "is_same", "said"),
    [
        (True, False, True, "No server changes; what the hub says does: gateway, tags."),
        (
            True,
            True,
            False,
            "No server changes; what the hub says does: gateway, tags. The review digest is another one.",
        ),
        (False, True, True, "No server changes, the lock does."),
        (False, True, False, "No server changes, the lock does. The review digest is another one."),
        (False, False, True, "No server changes."),
        (False, False, False, "No server changes, the review digest does."),
    ],
)
def test_where_no_server_changes_the_headline_says_what_does(
    *, settings: bool, has_pins: bool, is_same: bool, said: str
) -> None:
    paths = ("tags", "gateway.listen", "gateway.publicUrl") if settings else ()
    found = [Setting(path=path, before=None, after="1", span=None) for path in paths]
    assert write_quiet_headline(found, has_pins=has_pins, is_same=is_same) == said


def test_two_plans_that_stand_for_the_same_differ_in_nothing_that_is_not_shown() -> None:
    review = compare(side("main", kind="plan"), side("here", kind="plan", tool="later"), ({}, {}))
    assert not any("digests alone" in line for line in review.unchecked)


def test_of_two_locks_a_server_with_other_pins_is_no_replacement() -> None:
    hubs = (hub_of(TIME_HUB), hub_of(TIME_HUB.replace("@1", "@2")))
    one, other = (side_of_lock(lock_of(hub, {"time": ("now",)})[0], name="it") for hub in hubs)
    (change,) = compare(one, other, ({}, {})).servers
    assert (change.action, change.cause) == (Action.UPDATE, "its pins changed")
