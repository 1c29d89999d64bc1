"""A plan of a hub with every key of the language: the same bytes however that is ordered, and in order itself."""

import json
from functools import cache
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.file import write_plan
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.plan import OpType, Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.read.syntax import parse, plain
from tests.support.cases import as_observed
from tests.support.rich import EDITS, HUB, compiled, edited

BEFORE = edited(*EDITS["servers.*.resources.pids"])


def shuffled(value: object, random: Random) -> object:
    """Return `value` with the keys of each mapping in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(each, random)) for key, each in value.items()]
        random.shuffle(items)
        return dict(items)
    return [shuffled(each, random) for each in value] if isinstance(value, list) else value


@cache
def document() -> object:
    root = parse("mcp-hub.yaml", HUB.encode()).root
    assert root is not None
    return plain(root)


def plans(desired: Desired) -> tuple[Plan, Plan]:
    """Return the plan of a first apply, and the one from another hub that is applied."""
    before = as_observed(compiled(BEFORE)[0])
    return reconcile(desired, Observed(), Options()), reconcile(desired, before, Options())


@cache
def expected() -> tuple[bytes, bytes]:
    first, second = plans(compiled(HUB)[0])
    return write_plan(first), write_plan(second)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_changes_no_byte_of_a_plan(random: Random) -> None:
    text = json.dumps(shuffled(document(), random), ensure_ascii=False)
    first, second = plans(compiled(text)[0])
    assert (write_plan(first), write_plan(second)) == expected()


def test_operations_are_in_the_order_in_which_they_can_be_done() -> None:
    order = list(OpType)
    for plan in plans(compiled(HUB)[0]):
        stages = [order.index(each.type) for each in plan.operations]
        assert plan.operations
        assert stages == sorted(stages)
        for stage in set(stages):
            targets = [each.target for each in plan.operations if order.index(each.type) == stage]
            assert targets == sorted(targets)
