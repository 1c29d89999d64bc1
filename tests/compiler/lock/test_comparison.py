from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.comparison import compare_names, compare_tools

ADD = {"name": "add", "description": "Add."}
LOCKED = {"add": fingerprint(ADD), "list": fingerprint({"name": "list"})}


def test_equal_lists_have_no_differences_whatever_the_order() -> None:
    assert not compare_tools(LOCKED, [{"name": "list"}, {"description": "Add.", "name": "add"}])


def test_every_kind_of_difference_is_told() -> None:
    live = [{"name": "add", "description": "Add!"}, {"name": "drop"}, {"name": "drop"}]
    assert list(compare_tools(LOCKED, live).sentences()) == [
        "`drop` is new",
        "`list` is gone",
        "`add` has another definition",
        "`drop` is offered twice",
    ]


def test_names_alone_differ_only_where_one_comes_goes_or_is_there_twice() -> None:
    live = [{"name": "add", "description": "Add!"}, {"name": "add"}, {"name": "drop"}, {"name": "drop"}]
    told = list(compare_names(LOCKED, live).sentences())
    assert told == ["`drop` is new", "`list` is gone", "`add` is offered twice"]
    assert not compare_names(LOCKED, [{"name": "list", "title": "Other"}, {"name": "add"}])
