from mcphub_gitops.compiler.read.syntax import Node, parse
from mcphub_gitops.compiler.resolve.nodes import child, entries, text, texts, value

NODE = "a: {b: 1, c: [x, 2, y]}\nd: [1]\n"


def node() -> Node:
    root = parse("t", NODE.encode()).root
    assert root is not None
    return root


def test_what_is_there_is_found() -> None:
    assert value(node(), "a", "b") == 1
    assert [entry.key for entry in entries(node())] == ["a", "d"]
    assert [each.value for each in texts(node(), "a", "c")] == ["x", "y"]


def test_what_is_not_there_is_none() -> None:
    assert child(node(), "x", "y") is None
    assert child(node(), "d", "y") is None
    assert child(None, "a") is None
    assert value(node(), "a") is None
    assert entries(node(), "d") == ()
    assert text(child(node(), "a", "b")) is None
    assert text(None) is None
    assert list(texts(node(), "a")) == []
