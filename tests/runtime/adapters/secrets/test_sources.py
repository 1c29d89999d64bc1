import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from mcphub_gitops.runtime.adapters.secrets.dotenv import parse_dotenv
from mcphub_gitops.runtime.adapters.secrets.sources import SecretSources
from mcphub_gitops.runtime.adapters.secrets.value import LONGEST
from mcphub_gitops.runtime.adapters.secrets.vault import read_vault
from mcphub_gitops.runtime.failure import RuntimeFailure


def sources_of(root: Path, environ: Mapping[str, str]) -> SecretSources:
    return SecretSources(root, environ, parse_dotenv=parse_dotenv, read_vault=read_vault)


def outcome_of(sources: SecretSources, reference: str) -> str | RuntimeFailure:
    return sources.fetch([reference], stores={}, programs={})[reference]


def failure_of(sources: SecretSources, reference: str) -> RuntimeFailure:
    outcome = outcome_of(sources, reference)
    assert isinstance(outcome, RuntimeFailure)
    return outcome


def test_a_variable_is_read_as_it_is(tmp_path: Path) -> None:
    sources = sources_of(tmp_path, {"TOKEN": " päss\n"})
    assert outcome_of(sources, "env://TOKEN") == " päss\n"


def test_the_environment_is_looked_at_when_the_value_is_needed(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    sources = sources_of(tmp_path, environ)
    environ |= {"TOKEN": "later"}
    assert outcome_of(sources, "env://TOKEN") == "later"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"abc", "abc"),
        (b"abc\n", "abc"),
        (b"abc\r\n", "abc"),
        (b"abc\n\n", "abc\n"),
        (b"a\nb\n", "a\nb"),
        (b"a\r", "a\r"),
    ],
)
def test_a_file_is_read_without_its_last_line_break(tmp_path: Path, content: bytes, value: str) -> None:
    (tmp_path / "key").write_bytes(content)
    assert outcome_of(sources_of(tmp_path, {}), "file://key") == value


def test_a_path_is_absolute_or_starts_at_the_project(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "key").write_text("abc")
    sources = sources_of(tmp_path, {})
    assert outcome_of(sources, "file://sub/key") == "abc"
    assert outcome_of(sources_of(Path("/"), {}), f"file://{tmp_path}/sub/key") == "abc"


def test_a_mounted_secret_is_a_link_that_everyone_may_read(tmp_path: Path) -> None:
    (tmp_path / "..data").write_text("abc")
    (tmp_path / "..data").chmod(0o444)
    (tmp_path / "key").symlink_to("..data")
    assert outcome_of(sources_of(tmp_path, {}), "file://key") == "abc"


def test_the_longest_file_is_64_kib(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"x" * LONGEST)
    assert outcome_of(sources_of(tmp_path, {}), "file://key") == "x" * LONGEST
    (tmp_path / "key").write_bytes(b"x" * (LONGEST + 1))
    assert "larger than 64 KiB" in failure_of(sources_of(tmp_path, {}), "file://key").detail


def test_a_missing_value_names_the_reference_and_what_to_do(tmp_path: Path) -> None:
    sources = sources_of(tmp_path, {})
    missing = failure_of(sources, "env://TOKEN")
    assert missing.brief == "the secret env://TOKEN is not set"
    assert missing.resolution == "set TOKEN where mcphub runs"
    absent = failure_of(sources, "file://key")
    assert absent.brief == "the secret file://key cannot be read"
    assert "No such file" in absent.detail
    assert absent.resolution


def test_an_empty_value_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    sources = sources_of(tmp_path, {"TOKEN": ""})
    assert failure_of(sources, "env://TOKEN").brief == "the secret env://TOKEN is empty"
    assert failure_of(sources, "file://key").brief == "the secret file://key is empty"


def test_what_is_not_a_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    sources = sources_of(tmp_path, {})
    assert "is not a file" in failure_of(sources, "file://pipe").detail
    assert failure_of(sources, "file://.").detail
    assert failure_of(sources, "file:///dev/null").detail == "/dev/null is not a file"
    assert failure_of(sources, "file://a\0b").detail


@pytest.mark.parametrize("reference", ["", "TOKEN", "env://", "file://", "vault://x", "env:TOKEN"])
def test_a_reference_of_another_kind_is_refused(tmp_path: Path, reference: str) -> None:
    failure = failure_of(sources_of(tmp_path, {"": "x"}), reference)
    assert repr(reference) in failure.brief
    assert "env://NAME" in failure.resolution


@pytest.mark.parametrize("content", [b"canary\xff", b"canary\0", b"\xed\xa0\x80canary", b"canary" * 20000])
def test_no_failure_holds_any_of_the_value(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    environ = {"TOKEN": os.fsdecode(content)}
    sources = sources_of(tmp_path, environ)
    references = ["file://key"] if len(content) > LONGEST else ["file://key", "env://TOKEN"]
    for reference in references:
        failure = failure_of(sources, reference)
        assert failure.__cause__ is None
        assert failure.__context__ is None
        assert "canary" not in repr(vars(failure)) + repr(failure.args)
        assert reference in failure.brief
    assert "canary" not in repr(sources)


DOTENV = """\
# a comment
PLAIN=abc
export EXPORTED = "with spaces"
QUOTED='single $NOT {filled}'
LINES="a
b"
REF=${PLAIN}
EMPTY=
NAKED
TWICE=1
TWICE=2
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLAIN", "abc"),
        ("EXPORTED", "with spaces"),
        ("QUOTED", "single $NOT {filled}"),
        ("LINES", "a\nb"),
        ("REF", "${PLAIN}"),
        ("TWICE", "2"),
    ],
)
def test_a_dotenv_file_is_read_as_it_stands(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / ".env").write_text(DOTENV)
    sources = sources_of(tmp_path, {"PLAIN": "of the environment"})
    assert outcome_of(sources, f"dotenv://.env#{name}") == value
    assert outcome_of(sources, f"dotenv://{tmp_path}/.env#{name}") == value


def test_what_a_dotenv_file_lacks_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(DOTENV)
    (tmp_path / "bad.env").write_text("A=canary\n'B")
    sources = sources_of(tmp_path, {"OTHER": "x"})
    for name in ("OTHER", "NAKED"):
        found = failure_of(sources, f"dotenv://.env#{name}")
        assert found.brief == f"the secret dotenv://.env#{name} is not set"
        assert f"add a line {name}=value" in found.resolution
    assert failure_of(sources, "dotenv://.env#EMPTY").brief == "the secret dotenv://.env#EMPTY is empty"
    assert "No such file" in failure_of(sources, "dotenv://none.env#A").detail
    found = failure_of(sources, "dotenv://bad.env#A")
    assert found.detail == f"{tmp_path}/bad.env has a line that is not NAME=value"
    assert found.__context__ is None


def test_what_a_program_writes_loses_its_last_line_break(tmp_path: Path) -> None:
    sources = sources_of(tmp_path, os.environ)
    assert outcome_of(sources, "exec://printf?%25s%0A&a%20b") == "a b"
    assert failure_of(sources, "exec://true").brief == "the secret exec://true is empty"


def test_each_reference_has_its_own_outcome(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file")
    sources = sources_of(tmp_path, {**os.environ, "KEY": "from a variable"})
    references = ["env://KEY", "file://key", "env://NONE", "exec://echo?from%20a%20program", "store://corp/a#b"]
    found = sources.fetch(references, stores={}, programs={})
    assert [found[each] for each in (references[0], references[1], references[3])] == [
        "from a variable",
        "from a file",
        "from a program",
    ]
    assert isinstance(found[references[2]], RuntimeFailure)
    assert isinstance(found[references[4]], RuntimeFailure)
    assert sources.fetch([], stores={}, programs={}) == {}
