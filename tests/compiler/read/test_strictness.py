import pytest

from mcphub_gitops.compiler.read.syntax import parse, plain


def places_of(text: str) -> list[str]:
    return [
        f"{each.code.name} {each.span.start.line}:{each.span.start.column}"
        for each in parse("t", text.encode()).diagnostics
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('a: "b"# c\n', "MH104 1:7"),
        ("a: 'b'#\n", "MH104 1:7"),
        ('"a"#b: c\n', "MH104 1:4"),
        ("a: [b]# c\n", "MH104 1:7"),
        ("a: [b]  # c\n", None),
        ("a: {b: c}#\n", "MH104 1:10"),
        ("a: [b,# c\n  d]\n", "MH104 1:7"),
        ("a: [b, # c,#d\n  e]\n", None),
        ("a: [b,\n  # c#d\n  e]\n", None),
        ("a: [\n  'b', '#']\n", None),
        ("a: {b: c,\n# d\n  e: '#'}\n", None),
        ("a: {b: {c: d},# e\n  f: g}\n", "MH104 1:15"),
        ("a: [b: c,#d\n  e]\n", "MH104 1:10"),
        ("a: [# b\n  c]\n", "MH104 1:5"),
        ("a: [b#c, d]\n", None),
        ("a: |# b\n  c\n", "MH104 1:5"),
        ("a: >-# b\n  c\n", "MH104 1:6"),
        ("a: | # b\n  c\n", None),
        ("a: |", None),
    ],
)
def test_a_comment_begins_after_a_space(text: str, place: str | None) -> None:
    assert places_of(text)[:1] == ([place] if place else [])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [b,\nc]\n", "MH104 2:1"),
        ("a: [b,\n c]\n", None),
        ("a: [\n  b\n]\n", None),
        ("a: {\n  b: c\n}\n", None),
        ("a: [b,\n# c\n d]\n", None),
        ("a: [b,\n\n d]\n", None),
        ("a: [b,\n\tc]\n", "MH104 2:1"),
        ("a: [b,\n \tc]\n", None),
        ("a:\n  b: [c,\n  d]\n", "MH104 3:3"),
        ("a:\n  b: [c,\n  ]\n", None),
        ("a:\n  b: [c,\n ]\n", "MH104 3:2"),
        ("- [a,\nb]\n", "MH104 2:1"),
        ("a:\n- [b,\n c]\n", None),
        ("- a: [b,\n  c]\n", "MH104 2:3"),
        ('a: "b\nc"\n', "MH104 2:1"),
        ("a: 'b\n\tc'\n", "MH104 2:1"),
        ('a: "b\n\n c"\n', None),
        ('a: "b\n]"\n', "MH104 2:1"),
        ("[a,\nb]\n", None),
        ('"a\nb"\n', None),
        ("a: [[b,\n  c]]\n", None),
        ("a: {b: 'c\n d'}\n", None),
    ],
)
def test_a_value_of_several_lines_is_indented(text: str, place: str | None) -> None:
    assert places_of(text) == ([place] if place else [])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [-]\n", "MH104 1:5"),
        ("a: [b, -, c]\n", "MH104 1:8"),
        ("a: {b: -}\n", "MH104 1:8"),
        ("a: {-: b}\n", "MH104 1:5"),
        ("a: ['-', -b, -1]\n", None),
        ("a: -\n", "MH104 1:4"),
        ("a: {?b: c}\n", "MH104 1:5"),
        ("a: [?b]\n", "MH104 1:5"),
        ("a: {? b : c}\n", None),
        ("? b\n: c\n", None),
        ("a: [b?, c]\n", None),
    ],
)
def test_what_readers_take_for_different_things(text: str, place: str | None) -> None:
    assert places_of(text) == ([place] if place else [])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: |\n    \n  b\n", "MH104 3:3"),
        ("a: >\n  \n   \n # b\n", "MH104 4:2"),
        ("a: |\n  \n  b\n", None),
        ("a: |2\n    \n  b\n", None),
        ("a: |\n    \nb: c\n", None),
        ("a: |\n    \n", None),
        ("a: |\r\n   \r\n  b\r\n", "MH104 3:3"),
    ],
)
def test_empty_lines_before_a_text_have_no_more_spaces_than_it(text: str, place: str | None) -> None:
    assert places_of(text) == ([place] if place else [])


@pytest.mark.parametrize(("text", "value"), [("a: |+\n   ", "\n"), ("a: |\n  x\n   ", "x\n \n"), ("a: |\n  x", "x")])
def test_spaces_at_the_very_end_are_a_line(text: str, value: str) -> None:
    root = parse("t", text.encode()).root
    assert root is not None
    assert plain(root) == {"a": value}
