"""Whatever is written in a hub is told by a review when it changes; what changes nothing is not."""

import json
from functools import cache

import pytest

from mcphub_gitops.compiler.review.comparison import compare
from mcphub_gitops.compiler.review.document import render_document
from mcphub_gitops.compiler.review.markdown import render_markdown
from mcphub_gitops.compiler.review.model import Review
from mcphub_gitops.compiler.review.side import Held, Side, side_of_desired
from mcphub_gitops.compiler.review.text import render_text
from mcphub_gitops.schemas import load_schema
from tests.support.rich import EDITS, HUB, compiled, edited, leaves_of

SCHEMA = load_schema("hub.v1")
FIXED = {"apiVersion", "gateway.auth.tokens.*.value.as"}
"""What can have one value alone, and what is always refused."""


def side(text: str, name: str) -> Side:
    desired, written, lock = compiled(text)
    return side_of_desired(desired, name=name, kind="hub", held=Held(lock=lock), written=written)


@cache
def before() -> Side:
    return side(HUB, "main")


def reviewed(text: str) -> Review:
    return compare(before(), side(text, "topic"), ({}, {}))


def test_the_sweep_has_every_key_of_the_language() -> None:
    leaves = leaves_of(SCHEMA, lambda reference: SCHEMA["$defs"][reference.rpartition("/")[2]])
    assert len(leaves) > 100
    assert {*leaves} - FIXED == EDITS.keys()


@pytest.mark.parametrize("leaf", EDITS)
def test_no_change_of_a_key_is_untold(leaf: str) -> None:
    review = reviewed(edited(*EDITS[leaf]))
    assert not review.is_empty
    told: list[object] = [
        *review.connections.moved,
        *review.permissions,
        *review.servers,
        *review.gateway,
        *review.settings,
        *review.reach,
        *review.exposures,
    ]
    assert told, "the review digest alone tells of it"
    assert not render_text(review).startswith("No changes")
    assert "No changes" not in render_markdown(review, whole="mcphub diff")
    assert json.loads(render_document(review))["changes"] is True


def test_the_hub_itself_is_no_change() -> None:
    assert reviewed(HUB).is_empty
