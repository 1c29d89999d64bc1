from typing import Any

from mcphub_gitops.compiler.review.tool import ToolAction, ToolClass, compare_tools

READ: dict[str, Any] = {"name": "read", "description": "Read a file", "inputSchema": {"type": "object"}}


def test_tools_are_new_gone_and_changed_in_the_order_of_their_names() -> None:
    changed = {**READ, "description": "Read a whole file"}
    before = {"read": READ, "same": {**READ, "name": "same"}, "x": {"name": "x"}}
    after = {"a": {"name": "a"}, "read": changed, "same": {**READ, "name": "same"}}

    changes = compare_tools("files", before, after, others={})

    assert [(each.action, each.tool, each.worst, each.names_only) for each in changes] == [
        (ToolAction.ADDED, "a", ToolClass.WIDENING, True),
        (ToolAction.CHANGED, "read", ToolClass.WORDING, False),
        (ToolAction.REMOVED, "x", ToolClass.BREAKING, True),
    ]
    assert changes[1].findings[0].where == "description"
