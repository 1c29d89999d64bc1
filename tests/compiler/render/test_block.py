from mcphub_gitops.compiler.read.syntax import parse, plain
from mcphub_gitops.compiler.render.block import write_block


def test_lists_in_lists_and_what_is_empty_come_back() -> None:
    document = {"a": [[1, [True, None]], {}, [], {"no": "no", "b c": ["x\u00a0y"]}], "1": {"k": {}}}
    root = parse("d", write_block(document).encode()).root
    assert root is not None
    assert plain(root) == document
