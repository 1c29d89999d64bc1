import pytest

from mcphub_gitops.compiler.approval import Judgement, MergedChange, Opinion, Verdict, judge

HEAD, OLD = "1" * 40, "2" * 40


def opinion(who: str, verdict: Verdict = "approved", commit: str = HEAD) -> Opinion:
    return Opinion(who=who, verdict=verdict, commit=commit)


def judged(*opinions: Opinion) -> Judgement:
    writers = frozenset({"ada", "bob", "eve"})
    return judge(MergedChange(number=7, author="eve", head=HEAD, opinions=opinions, writers=writers))


def test_who_approved_the_last_commit_counts() -> None:
    assert judged(opinion("ada"), opinion("bob")) == Judgement(
        approvers=("ada", "bob"), objections=(), is_refused=False
    )


@pytest.mark.parametrize(
    ("last", "objection"),
    [
        (opinion("ada", commit=OLD), "ada approved an older commit; a push voids an approval."),
        (opinion("ada", "withdrawn"), "The review of ada was dismissed."),
        (opinion("eve"), "eve is its author, whose own approval does not count."),
        (opinion("mal"), "mal may not write to the repository, so their review does not count."),
        (opinion("mal", "refused"), "mal may not write to the repository, so their review does not count."),
        (opinion("a\u202eb"), "a<U+202E>b may not write to the repository, so their review does not count."),
    ],
)
def test_what_does_not_count_is_told(last: Opinion, objection: str) -> None:
    assert judged(last) == Judgement(approvers=(), objections=(objection,), is_refused=False)


def test_whoever_asks_for_changes_stands_against_approvals() -> None:
    assert judged(opinion("ada"), opinion("bob", "refused")) == Judgement(
        approvers=("ada",), objections=("bob asks for changes.",), is_refused=True
    )


def test_of_each_person_the_last_word_counts() -> None:
    assert judged(opinion("ada", "refused", OLD), opinion("ada")).approvers == ("ada",)
    assert judged(opinion("ada"), opinion("ada", "refused")).is_refused
    assert judged(opinion("ada"), opinion("ada", commit=OLD)).approvers == ()


def test_nobody_said_anything() -> None:
    assert judged() == Judgement(approvers=(), objections=(), is_refused=False)
