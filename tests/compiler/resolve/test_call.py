from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.resolve.call import (
    Prepared,
    Templates,
    mount_faults,
    prepare,
    why_not_callable,
    word_faults,
)
from mcphub_gitops.compiler.resolve.confinement import Mount
from tests.support.values import JSON

TEXT = {"type": "string"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "args": {"type": "array", "items": TEXT},
        "line": TEXT,
        "dir": TEXT,
        "out": TEXT,
        "level": {"type": "integer", "minimum": 1, "default": 3},
        "word": {"type": "string", "pattern": "^[a-z]+$"},
        "more": {"type": "object", "properties": {"deep": TEXT}},
    },
}


def called(
    command: tuple[str, ...] = (), volumes: tuple[str, ...] = (), schema: dict[str, Any] = SCHEMA, **arguments: object
) -> Prepared:
    return prepare(Templates(command=command, volumes=volumes, schema=schema), arguments)


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        (("-v",), {}, ("-v",)),
        (
            ("{{args|into}}",),
            {"args": ["-a", "b c", "$(id)", "`id`", "{{line}}", "", "*"]},
            ("-a", "b c", "$(id)", "`id`", "{{line}}", "", "*"),
        ),
        (("{{args}}",), {"args": ["a", "b"]}, ("a", "b")),
        (("{{args|into}}",), {}, ()),
        # A text is one word, whatever is in it; nothing splits it.
        (("{{line|into}}",), {"line": "a 'b c'; d"}, ("a 'b c'; d",)),
        (("--x={{line}}", "{{line}}"), {"line": "a b"}, ("--x=a b", "a b")),
        (("--x={{line}}",), {"line": "--y"}, ("--x=--y",)),
        (("{{line|into}}",), {"line": "--y"}, ("--y",)),
        (("{{level}}",), {}, ("3",)),
        (("{{level}}",), {"level": 7}, ("7",)),
        (("{{more.deep}}",), {"more": {"deep": "x"}}, ("x",)),
        (("{{line|or:none}}",), {}, ("none",)),
        # A dollar means nothing.
        (("echo $HOME ${X}",), {}, ("echo $HOME ${X}",)),
        # What the schema does not know does no harm.
        (("{{line}}",), {"line": "a", "other": 1}, ("a",)),
    ],
)
def test_a_command_is_made_of_the_arguments_word_by_word(
    command: tuple[str, ...], arguments: dict[str, Any], words: tuple[str, ...]
) -> None:
    assert called(command, **arguments) == Prepared(words=words)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"args": "a"}, "`arguments.args` is `a`; expected a list."),
        ({"args": [1]}, "`arguments.args[0]` is the number 1; expected a string."),
        ({"level": 0}, "`arguments.level` breaks the rule minimum: 1."),
        ({"word": "A1"}, "`arguments.word` does not match ^[a-z]+$."),
        ({"line": "a\0b"}, "No program can be told a text with U+0000 in it."),
        ({"line": "\ud800"}, "The arguments hold half of a character, which no program can be told."),
        ({"\udfff": 1}, "The arguments hold half of a character, which no program can be told."),
        ({"line": "x" * 4_000_000}, "The arguments are too many, or too long, to be held against the tool's schema."),
        ({"line": "--help"}, "What stands for `{{line}}` begins with a hyphen, as an option does."),
    ],
)
def test_wrong_arguments_are_told_and_nothing_is_prepared(arguments: dict[str, Any], problem: str) -> None:
    assert called(("{{line}}",), **arguments) == Prepared(problems=(problem,))


def test_arguments_that_are_nested_too_deeply_are_not_looked_at() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    assert called(more=nested).problems == ("The arguments are nested deeper than 64 levels.",)


def test_what_only_a_value_shows_is_told_in_the_call() -> None:
    schema = {"type": "object", "properties": {"any": {}}}
    found = called(("--x={{any}}",), ("{{any}}:/x",), schema, any=["a"])
    assert found.problems == ("A list cannot stand in a text.", "A list cannot stand in a text.")


@pytest.mark.parametrize(
    ("volumes", "arguments", "mounts", "locked"),
    [
        (("{{dir}}:{{dir}}",), {"dir": "/srv/a"}, [("/srv/a", "/srv/a", True)], set()),
        (
            ("{{dir}}:/in:ro", "{{out}}:/out:rw"),
            {"dir": "/a", "out": "/b"},
            [("/a", "/in", True), ("/b", "/out", False)],
            {"/in"},
        ),
        (("{{args|volume|into}}",), {"args": ["/a", "/b"]}, [("/a", "/a", True), ("/b", "/b", True)], set()),
        (("{{dir|mount_as:/in:ro}}",), {"dir": "/a"}, [("/a", "/in", True)], {"/in"}),
        (("{{dir|mount_as:/in}}",), {}, [], set()),
        (("/srv/{{dir}}:/in",), {"dir": "../../etc"}, [("/etc", "/in", True)], set()),
    ],
)
def test_mounts_are_made_of_the_arguments(
    volumes: tuple[str, ...], arguments: dict[str, Any], mounts: list[tuple[str, str, bool]], locked: set[str]
) -> None:
    found = called((), volumes, **arguments)
    assert found.problems == ()
    made = tuple(Mount(kind="bind", source=source, target=target, read_only=ro) for source, target, ro in mounts)
    assert (found.mounts, set(found.locked)) == (made, locked)


WHOLE = "What is mounted is named by its whole path, which begins with a slash."


@pytest.mark.parametrize(
    ("volumes", "arguments", "problem"),
    [
        # No part of a mount comes from within an argument.
        (("{{dir}}:{{dir}}",), {"dir": "/a:/b"}, "`dir` is part of a mount, and has a colon in it."),
        (("{{dir}}:{{out}}",), {"dir": "/a", "out": "/x:rw"}, "`out` is part of a mount, and has a colon in it."),
        (("{{args|volume|into}}",), {"args": ["/a", "b:/c"]}, "`args` is part of a mount, and has a colon in it."),
        (("{{more.deep}}:/x",), {"more": {"deep": "a:b"}}, "`more` is part of a mount, and has a colon in it."),
        (("{{dir}}:/x",), {"dir": "cache"}, WHOLE),
        (("{{dir}}:/x",), {"dir": "../up"}, WHOLE),
        (("{{dir}}:/x",), {"dir": ""}, WHOLE),
        (("{{dir}}:/x",), {"dir": "~/a"}, WHOLE),
        (("{{dir}}:{{out}}",), {"dir": "/a", "out": "x"}, WHOLE),
        (("{{dir}}:{{out}}",), {"dir": "/a", "out": "/"}, "Nothing can be mounted at `/`."),
        (("{{dir}}:{{out}}",), {"dir": "/a", "out": "/x/../proc/1"}, "Nothing can be mounted at `/proc/1`."),
        (("{{dir}}:/x", "{{out}}:/x"), {"dir": "/a", "out": "/b"}, "Two mounts of the call are at `/x`."),
    ],
)
def test_mounts_that_cannot_be_are_told(volumes: tuple[str, ...], arguments: dict[str, Any], problem: str) -> None:
    assert called((), volumes, **arguments) == Prepared(problems=(problem,))


def test_what_a_schema_cannot_hold_a_call_against_is_told_beforehand() -> None:
    assert why_not_callable(SCHEMA) == ""
    large = {"properties": {f"n{number}": {"type": "string"} for number in range(1000)}}
    assert why_not_callable(large) == "The schema of the arguments is too large."
    assert "no regular expression" in why_not_callable({"properties": {"a": {"type": "string", "pattern": "("}}})


@pytest.mark.parametrize(
    ("template", "details"),
    [
        ("{{args|into}}", []),
        ("--all={{args}}", ["A list cannot stand in a text."]),
        ("{{more}}", ["A mapping cannot stand in a text."]),
        ("{{level}}{{more.deep}}", []),
        ("{{lime}}", ["`lime` is no argument of the tool."]),
        ("{{}}", ["The braces name no argument."]),
        ("$HOME ${X}", []),
    ],
)
def test_what_no_call_could_fill_in_is_told_beforehand(template: str, details: list[str]) -> None:
    assert [fault.detail for fault in word_faults(template, SCHEMA)] == details


@pytest.mark.parametrize(
    ("template", "is_right"),
    [
        ("{{dir}}:{{dir}}", True),
        ("{{dir}}:/in:ro", True),
        ("/srv/{{dir}}:/in", True),
        ("{{args|volume|into}}", True),
        ("cache:{{dir}}", False),
        ("/srv:{{dir}}", False),
        ("{{dir}}", False),
        ("{{level}}:/x", False),
        ("{{dri}}:/x", False),
    ],
)
def test_a_mount_that_is_not_named_by_the_call_is_told_beforehand(template: str, *, is_right: bool) -> None:
    assert (mount_faults(template, SCHEMA) == ()) is is_right


NAMES = st.sampled_from(sorted(SCHEMA["properties"])) | st.text(max_size=5)


@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_any_arguments_come_to_words_and_mounts_or_to_problems(arguments: dict[str, Any]) -> None:
    found = called(
        ("{{args|into}}", "{{line}}", "--x={{level}}"), ("{{dir}}:/in", "{{out|mount_as:/out}}"), **arguments
    )
    if found.problems:
        assert (found.words, found.mounts) == ((), ())
    else:
        assert not any("\0" in word for word in found.words)
        assert all(mount.source.startswith("/") and mount.target in {"/in", "/out"} for mount in found.mounts)


def test_a_call_takes_no_longer_than_its_arguments_are_long() -> None:
    words = ["a" * 40] * 3_000
    began = process_time()
    assert len(called(("{{args|into}}",), args=words).words) in {0, len(words)}
    assert process_time() - began < 1
