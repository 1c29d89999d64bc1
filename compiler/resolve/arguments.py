"""What a catalog tells of a tool's arguments, which it lists for readers, as the JSON Schema that a tool would send.

Source: the `arguments` of Docker's catalogs, a list of ``{name, type, items: {type}, desc, optional}``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mcphub_gitops.compiler.read.syntax import ListNode, Node, ScalarNode, plain
from mcphub_gitops.compiler.resolve.nodes import child

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
"""The types of JSON Schema; another word says nothing that could be held to."""


def schema_of_arguments(node: Node | None) -> Mapping[str, Any]:
    """Return the schema of what `node` lists, empty where it lists nothing: null says that nothing is known.

    An empty list says that there are none. Arguments that are not listed are not excluded.
    """
    if not isinstance(node, ListNode):
        return {}
    listed: Any = plain(node)
    schema: dict[str, Any] = {"type": "object", "properties": {each["name"]: _property(each) for each in listed}}
    required = list(dict.fromkeys(each["name"] for each in listed if each.get("optional") is not True))
    return {**schema, "required": required} if required else schema


def _property(argument: Mapping[str, Any]) -> dict[str, Any]:
    found = _typed(argument)
    items = argument.get("items")
    if items is not None and (typed := _typed(items)):
        found["items"] = typed
    if argument.get("desc"):
        found["description"] = argument["desc"]
    return found


def _typed(argument: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": argument["type"]} if argument.get("type") in _TYPES else {}


def repeated_arguments(node: Node | None) -> Iterator[ScalarNode]:
    """Yield the name of each argument that stands in the list `node` before."""
    items = node.items if isinstance(node, ListNode) else ()
    seen: set[object] = set()
    for name in [name for item in items if isinstance(name := child(item, "name"), ScalarNode)]:
        if name.value in seen:
            yield name
        seen.add(name.value)
