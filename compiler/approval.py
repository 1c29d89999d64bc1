"""Whether a change was approved as it was merged: an approval holds for one commit, and for what may approve."""

from dataclasses import dataclass
from typing import Literal

from mcphub_gitops.compiler.source import printable

Verdict = Literal["approved", "refused", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What someone said of a change; `commit` is the one that they looked at, empty for an older one than the last."""

    who: str
    verdict: Verdict
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedChange:
    """A pull or merge request that was merged: `head` is the last commit of its branch.

    `opinions` stand in the order in which they were given; `writers` are those of their authors who may write to the
    repository.
    """

    number: int
    author: str
    head: str
    opinions: tuple[Opinion, ...]
    writers: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Who approved exactly what was merged, and in sentences why others do not count or what stands against it."""

    approvers: tuple[str, ...]
    objections: tuple[str, ...]
    is_refused: bool


def judge(change: MergedChange) -> Judgement:
    """Weigh the opinions on `change`: of each person the last one, of authors and of those who may not write none."""
    approvers, objections, is_refused = [], [], False
    for opinion in _last_opinions(change):
        name = printable(opinion.who)
        if opinion.verdict == "withdrawn":
            objections.append(f"The review of {name} was dismissed.")
        elif opinion.who == change.author:
            objections.append(f"{name} is its author, whose own approval does not count.")
        elif opinion.who not in change.writers:
            objections.append(f"{name} may not write to the repository, so their review does not count.")
        elif opinion.verdict == "refused":
            is_refused = True
            objections.append(f"{name} asks for changes.")
        elif opinion.commit != change.head:
            objections.append(f"{name} approved an older commit; a push voids an approval.")
        else:
            approvers.append(name)
    return Judgement(approvers=tuple(approvers), objections=tuple(objections), is_refused=is_refused)


def _last_opinions(change: MergedChange) -> tuple[Opinion, ...]:
    return tuple({opinion.who: opinion for opinion in change.opinions}.values())
