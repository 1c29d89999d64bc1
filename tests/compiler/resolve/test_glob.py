from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcphub_gitops.compiler.resolve.glob import Globs, matches_any

WORDS = st.text(alphabet="ab*?[]!-", max_size=5)


@given(st.lists(WORDS, max_size=4), WORDS)
def test_globs_mean_what_each_of_them_means(globs: list[str], name: str) -> None:
    found = Globs.of(globs)
    assert bool(found) is bool(globs)
    assert found.match(name) is any(fnmatchcase(name, glob) for glob in globs)


@example("[?]", ["[?]"])
@given(WORDS, st.lists(WORDS, max_size=4))
def test_a_glob_means_any_of_some_names(glob: str, names: list[str]) -> None:
    assert matches_any(glob, names) is any(fnmatchcase(name, glob) for name in names)


@pytest.mark.parametrize(("glob", "is_meant"), [("get_a", True), ("get_*", True), ("GET_*", False), ("get", False)])
def test_names_are_as_they_are_written(glob: str, *, is_meant: bool) -> None:
    assert Globs.of([glob]).match("get_a") is is_meant
