import pytest
from cel_expr_python import cel
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.policy.tree import MAX_DEPTH, Tree, read_tree

ENVIRONMENT = cel.NewEnv(variables={"a": cel.Type.DYN, "b.c": cel.Type.LIST})


def tree_of(text: str) -> Tree:
    return read_tree(ENVIRONMENT.compile(text).serialize())


def field(number: int, body: bytes) -> bytes:
    assert len(body) < 128 * 128
    size = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 | 128, len(body) // 128])
    return bytes([number << 3 | 2]) + size + body


def checked(expression: bytes) -> bytes:
    return field(2, field(4, expression) + field(5, b""))


def test_nodes_have_their_kinds_parts_and_places() -> None:
    tree = tree_of("'é😀' == a.x && size([1, 'y']) > 1")
    assert (tree.kind, tree.name, tree.offset) == ("call", "_&&_", 12)
    same, more = tree.parts
    assert [(part.kind, part.text, part.name, part.offset) for part in same.parts] == [
        ("constant", "é😀", "", 0),
        ("select", None, "x", 9),
    ]
    size = more.parts[0]
    assert (size.name, size.parts[0].kind, [part.text for part in size.parts[0].parts]) == ("size", "list", [None, "y"])
    assert more.overloads == {"greater_int64"}


def test_a_name_with_dots_is_one_name() -> None:
    tree = tree_of("b.c.exists(x, x == a[0])")
    assert (tree.kind, tree.name, len(tree.parts)) == ("comprehension", "x", 5)
    assert (tree.parts[0].kind, tree.parts[0].name) == ("name", "b.c")


def test_a_map_is_a_struct_and_a_target_is_the_first_part() -> None:
    assert tree_of("{'a': 1}").kind == "struct"
    assert [part.kind for part in tree_of("a.contains('x')").parts] == ["name", "constant"]


@given(st.binary(max_size=60))
def test_bytes_are_a_tree_or_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_tree(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x12\x05a", "a field has no end"),
        (b"\x13", "a field has no end"),
        (b"\x09\x01", "a field has no end"),
        (b"\x80", "a number has no end"),
        (checked(b""), "an expression is of one kind"),
        (checked(field(3, b"") + field(4, b"")), "an expression is of one kind"),
        (checked(field(4, b"")), "field 1 is not there once"),
        (checked(field(9, field(8, b"second"))), "a comprehension has one variable"),
    ],
)
def test_what_is_not_known_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_tree(data)


def test_depth_is_bounded() -> None:
    def nested(levels: int) -> bytes:
        expression = field(4, field(1, b"a"))
        for _ in range(levels):
            expression = field(5, field(1, expression) + field(2, b"f"))
        return checked(expression)

    assert read_tree(nested(MAX_DEPTH)).name == "f"
    with pytest.raises(ValueError, match="nested more than 100 levels"):
        read_tree(nested(MAX_DEPTH + 1))


def test_numbers_of_fixed_width_are_passed_over() -> None:
    constant = field(3, b"\x2d\x00\x00\x80\x3f") + b"\x51" + bytes(8)
    assert read_tree(checked(constant)) == Tree(kind="constant", offset=0)
