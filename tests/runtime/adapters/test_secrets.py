import os
from pathlib import Path

import pytest

from mcphub_gitops.runtime.adapters.secrets import LONGEST, SecretSources
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Secrets


def failure_of(sources: Secrets, reference: str) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        sources.resolve(reference)
    return caught.value


def test_a_variable_is_read_as_it_is(tmp_path: Path) -> None:
    sources = SecretSources(tmp_path, {"TOKEN": " päss\n"})
    assert sources.resolve("env://TOKEN") == " päss\n"


def test_the_environment_is_looked_at_when_the_value_is_needed(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    sources = SecretSources(tmp_path, environ)
    environ |= {"TOKEN": "later"}
    assert sources.resolve("env://TOKEN") == "later"


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
    assert SecretSources(tmp_path, {}).resolve("file://key") == value


def test_a_path_is_absolute_or_starts_at_the_project(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "key").write_text("abc")
    sources = SecretSources(tmp_path, {})
    assert sources.resolve("file://sub/key") == "abc"
    assert SecretSources(Path("/"), {}).resolve(f"file://{tmp_path}/sub/key") == "abc"


def test_a_mounted_secret_is_a_link_that_everyone_may_read(tmp_path: Path) -> None:
    (tmp_path / "..data").write_text("abc")
    (tmp_path / "..data").chmod(0o444)
    (tmp_path / "key").symlink_to("..data")
    assert SecretSources(tmp_path, {}).resolve("file://key") == "abc"


def test_the_longest_file_is_64_kib(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"x" * LONGEST)
    assert len(SecretSources(tmp_path, {}).resolve("file://key")) == LONGEST
    (tmp_path / "key").write_bytes(b"x" * (LONGEST + 1))
    assert "larger than 64 KiB" in failure_of(SecretSources(tmp_path, {}), "file://key").detail


def test_a_missing_value_names_the_reference_and_what_to_do(tmp_path: Path) -> None:
    sources = SecretSources(tmp_path, {})
    missing = failure_of(sources, "env://TOKEN")
    assert missing.brief == "the secret env://TOKEN is not set"
    assert missing.resolution == "set TOKEN where mcphub runs"
    absent = failure_of(sources, "file://key")
    assert absent.brief == "the secret file://key cannot be read"
    assert "No such file" in absent.detail
    assert absent.resolution


def test_an_empty_value_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    sources = SecretSources(tmp_path, {"TOKEN": ""})
    assert failure_of(sources, "env://TOKEN").brief == "the secret env://TOKEN is empty"
    assert failure_of(sources, "file://key").brief == "the secret file://key is empty"


def test_what_is_not_a_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    sources = SecretSources(tmp_path, {})
    assert "is not a file" in failure_of(sources, "file://pipe").detail
    assert failure_of(sources, "file://.").detail
    assert failure_of(sources, "file:///dev/null").detail == "/dev/null is not a file"
    assert failure_of(sources, "file://a\0b").detail


@pytest.mark.parametrize("reference", ["", "TOKEN", "env://", "file://", "vault://x", "env:TOKEN"])
def test_a_reference_of_another_kind_is_refused(tmp_path: Path, reference: str) -> None:
    failure = failure_of(SecretSources(tmp_path, {"": "x"}), reference)
    assert repr(reference) in failure.brief
    assert "env://NAME" in failure.resolution


@pytest.mark.parametrize("content", [b"canary\xff", b"canary\0", b"\xed\xa0\x80canary", b"canary" * 20000])
def test_no_failure_holds_any_of_the_value(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    environ = {"TOKEN": os.fsdecode(content)}
    sources = SecretSources(tmp_path, environ)
    references = ["file://key"] if len(content) > LONGEST else ["file://key", "env://TOKEN"]
    for reference in references:
        failure = failure_of(sources, reference)
        assert failure.__cause__ is None
        assert failure.__context__ is None
        assert "canary" not in repr(vars(failure)) + repr(failure.args)
        assert reference in failure.brief
    assert "canary" not in repr(sources)
