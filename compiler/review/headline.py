"""The worst thing of a review in one sentence."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcphub_gitops.compiler.enumeration import count, listed
from mcphub_gitops.compiler.plan.plan import Action, Change
from mcphub_gitops.compiler.review.guard import describe_weakening
from mcphub_gitops.compiler.review.model import Exposure, GuardChange, Permission, ReviewedTool, Setting
from mcphub_gitops.compiler.review.offer import ReviewedOffer
from mcphub_gitops.compiler.review.permission import KINDS, is_gain
from mcphub_gitops.compiler.review.tool import ToolAction, ToolChange, ToolClass

_NAMED = 3
_GATEWAY = "the gateway"
_PARTS = frozenset(word for kind in ("user", "image source", "program") for word in KINDS[kind])
_WEIGHTS = {kind: len(KINDS) - number for number, kind in enumerate(KINDS)}


_MILDER: Mapping[Action | None, str] = {
    Action.CREATE: "gets nothing",
    Action.RENAME: "has another name, and gets nothing",
}


def write_headline(
    permissions: Iterable[Permission],
    tools: Iterable[ReviewedTool],
    exposures: Iterable[Exposure],
    changes: Iterable[Change],
    guards: Collection[GuardChange],
    *,
    offers: Iterable[ReviewedOffer] = (),
) -> str:
    """Return what the worst change is: that policies let more pass, then that of the server that gets most.

    Empty where neither policies nor servers change. Names of servers are as the hub has them; nothing else in it is a
    user's.
    """
    weakening = describe_weakening(guards)
    changed = _of_servers(permissions, tools, exposures, changes, offers)
    if weakening:
        return f"{weakening}; {changed}" if changed else f"{weakening}."
    return changed or (f"No server changes, policies do ({count(len(guards), 'change')})." if guards else "")


def write_quiet_headline(settings: Collection[Setting], *, has_pins: bool, is_same: bool) -> str:
    """Return what to say where neither a server nor a policy changes; `is_same` is whether the review digest is."""
    kept = "" if is_same else " The review digest is another one."
    if settings:
        keys = sorted({each.path.partition(".")[0] for each in settings})
        return f"No server changes; what the hub says does: {', '.join(keys)}.{kept}"
    if has_pins:
        return f"No server changes, the lock does.{kept}"
    return "No server changes." if is_same else "No server changes, the review digest does."


def _of_servers(
    permissions: Iterable[Permission],
    tools: Iterable[ReviewedTool],
    exposures: Iterable[Exposure],
    changes: Iterable[Change],
    offers: Iterable[ReviewedOffer],
) -> str:
    """Return what the worst is, of the server that gets most, and who else changes; empty where none does."""
    found = _by_server(permissions, tools, exposures, changes, offers)
    if not found:
        return ""
    worst = max(sorted(found), key=lambda name: found[name].score)
    sentence = found[worst].sentence
    others = sorted(name for name in found if name != worst)
    if not others:
        return f"{sentence}."
    gaining = [name for name in others if found[name].gains]
    said = gaining or others
    verb = ("gets something", "get something") if gaining else ("changes", "change")
    return f"{sentence}; {listed(said, _NAMED)} {verb[len(said) > 1]} as well."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    """What changes of one server."""

    name: str
    permissions: tuple[Permission, ...]
    tools: tuple[ToolChange, ...]
    offers: tuple[ReviewedOffer, ...]
    gained: int
    change: Change | None

    @property
    def action(self) -> Action | None:
        return self.change.action if self.change is not None else None

    @property
    def gains(self) -> list[str]:
        tools = [count(self.gained, "tool")] if self.gained else []
        return _things([each for each in self.permissions if is_gain(each)]) + tools + self._offered("+")

    @property
    def losses(self) -> list[str]:
        return _things([each for each in self.permissions if each.after is None]) + self._offered("-")

    def _offered(self, mark: str) -> list[str]:
        """Return how many prompts and resources come (``+``) or go (``-``)."""
        kinds = Counter("prompt" if each.kind == "prompts" else "resource" for each in self.offers if each.mark == mark)
        return [count(number, kind) for kind, number in sorted(kinds.items())]

    @property
    def suspicious(self) -> int:
        return sum(each.worst is ToolClass.SUSPICIOUS for each in self.tools)

    @property
    def doubtful(self) -> int:
        """How many prompts and resources have suspicious words."""
        return sum(each.worst is ToolClass.SUSPICIOUS for each in self.offers)

    @property
    def score(self) -> tuple[int, int, int, int]:
        """How bad it is: the worst permission that it gets, what its tools say, how many it gets, and all else."""
        weights = [_WEIGHTS[each.kind] for each in self.permissions if is_gain(each)]
        classes = [
            *(each.worst for each in self.tools if each.worst is not None),
            *(each.worst for each in self.offers),
        ]
        said = [len(ToolClass) - each.rank for each in classes]
        worst = max([*weights, len(KINDS) if self.suspicious or self.doubtful else 0], default=0)
        return worst, max(said, default=0), self.gained, len(self.permissions)

    @property
    def sentence(self) -> str:
        if self.action is Action.DESTROY:
            return f"{self.name} is removed"
        head = f"{self.name} is new: it" if self.action is Action.CREATE else self.name
        return f"{head} {_joined([*self._deeds()] or [self._milder()])}"

    def _deeds(self) -> Iterator[str]:
        gains = self.gains
        if self.action is Action.CREATE:
            # What it is made of is new with it.
            gains = [each for each in gains if each not in _PARTS]
        if gains:
            yield f"gets {_joined(gains)}"
        elif self.losses:
            yield f"loses {_joined(self.losses)}"
        if self.suspicious:
            yield f"has {count(self.suspicious, 'tool')} with suspicious words"
        if self.doubtful:
            yield f"has suspicious words in {self.doubtful} of its prompts and resources"

    def _milder(self) -> str:
        """Return what happens to a server that gets and loses nothing."""
        classes = [each.worst for each in self.tools if each.worst is not None]
        if classes:
            worst = min(classes, key=lambda each: each.rank).value
            return f"has {count(len(self.tools), 'tool')} that changed, at worst {worst}"
        if self.offers:
            worst = min((each.worst for each in self.offers), key=lambda each: each.rank).value
            return f"has prompts or resources that changed, at worst {worst}"
        return _MILDER.get(self.action, "changes, and gets nothing")


def _by_server(
    permissions: Iterable[Permission],
    tools: Iterable[ReviewedTool],
    exposures: Iterable[Exposure],
    changes: Iterable[Change],
    offers: Iterable[ReviewedOffer],
) -> dict[str, _Changed]:
    given: dict[str, list[Permission]] = {}
    changed: dict[str, list[ToolChange]] = {}
    gained: Counter[str] = Counter()
    for permission in permissions:
        given.setdefault(permission.server or _GATEWAY, []).append(permission)
    for tool in tools:
        changed.setdefault(tool.change.server, []).append(tool.change)
        gained[tool.change.server] += tool.change.action is ToolAction.ADDED and bool(tool.name)
    for exposure in exposures:
        gained[exposure.server] += not exposure.before
    offered: dict[str, list[ReviewedOffer]] = {}
    for offer in offers:
        offered.setdefault(offer.server, []).append(offer)
    acted = {change.name: change for change in changes}
    return {
        name: _Changed(
            name=name,
            permissions=tuple(given.get(name, ())),
            tools=tuple(changed.get(name, ())),
            offers=tuple(offered.get(name, ())),
            gained=gained[name],
            change=acted.get(name),
        )
        for name in {**given, **changed, **gained, **offered, **acted}
    }


def _things(permissions: Sequence[Permission]) -> list[str]:
    found: list[str] = []
    for kind, (one, several) in KINDS.items():
        own = [each for each in permissions if each.kind == kind]
        # The facts of a store come with the secrets that are in it.
        number = sum(not each.fact.startswith("store.") for each in own) or len(own)
        if number:
            found.append(one if number == 1 else several.replace("{}", str(number)))
    return list(dict.fromkeys(found))


def _joined(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
