"""Two JSON Schemas: what changed for whoever sends, or receives, what they describe.

Keywords are those of JSON Schema 2020-12 and what is left of draft-04 to 2019-09. Nothing is followed but references
within the schema itself, and those to a bound.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from mcphub_gitops.compiler.review.constraint import (
    MEANS_THE_SAME,
    Effect,
    Verdict,
    compared,
    is_judged,
    judge,
    judge_values,
    said_values,
    told,
)
from mcphub_gitops.compiler.review.course import Course, Direction
from mcphub_gitops.compiler.review.finding import MISSING, Finding, Json, ToolClass, below, is_order, is_same, quoted
from mcphub_gitops.compiler.review.reference import resolve, targets_in
from mcphub_gitops.compiler.review.union import NOTES, UNIONS, alternatives, pair_branches
from mcphub_gitops.compiler.review.wording import compare_plain

DEEPEST = 48
"""Levels of schemas that are compared part by part."""

_MOST_FOLLOWED = 64
"""References whose targets are compared, in one schema; the others count as the worse."""


_Comparison = Callable[[Course, str, Json, Json], None]


def compare_schemas(where: str, before: Json, after: Json, direction: Direction) -> Iterable[Finding]:
    """Return what changed between two schemas, which may be anything, or MISSING; nothing for another order alone."""
    if before is MISSING or after is MISSING:
        return _presence(where, before, after, direction)
    course = Course(direction=direction, before=before, after=after, where=where)
    _compare(course, before, after)
    return course.found


def _presence(where: str, before: object, after: object, direction: Direction) -> Iterable[Finding]:
    is_new = before is MISSING
    is_promise = is_new and direction is Direction.OUTPUT and _mapped(after) is not None
    cls = ToolClass.WIDENING if is_promise else ToolClass.BREAKING
    what = "results" if direction is Direction.OUTPUT else "arguments"
    said = f"Its {what} are described now." if is_new else f"Its {what} are not described any more."
    yield Finding(cls=cls, where=where, said=said)


def _compare(course: Course, before: Json, after: Json) -> None:
    if is_same(before, after):
        return
    old, new = _mapped(before), _mapped(after)
    verdict = _judge_whole(old, new)
    if course.depth >= DEEPEST:
        course.tell(Verdict(Effect.UNCLEAR, f"It differs, more than {DEEPEST} levels deep."))
    elif verdict is not None:
        course.tell(verdict)
    elif not _compare_unions(course, old, new) and not _compare_references(course, old, new):
        _compare_keywords(course, old, new, {*old, *new})


def _judge_whole(before: Json, after: Json) -> Verdict | None:
    """Return what a change does where a side is no schema, or has no keyword; None where both have some."""
    if before is None or after is None:
        return Verdict(Effect.UNCLEAR, "It is no schema." if after is None else "It was no schema before.")
    if before is False:
        return Verdict(Effect.WIDENED, "It accepted nothing before.")
    if after is False:
        return Verdict(Effect.NARROWED, "It accepts nothing now.")
    return None if before or after else Verdict(Effect.NONE, MEANS_THE_SAME)


def _mapped(schema: object) -> Json:
    if schema is True or schema is MISSING:
        return {}
    return schema if schema is False or isinstance(schema, Mapping) else None


def _compare_unions(course: Course, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Compare a schema with alternatives that are more or fewer than itself: tell whether they are."""
    if any(key in before for key in UNIONS) == any(key in after for key in UNIONS):
        return False
    old, new = alternatives(before), alternatives(after)
    effect = compared(frozenset(old), frozenset(new))
    if effect is Effect.UNCLEAR:
        return False
    course.tell(Verdict(effect, MEANS_THE_SAME if effect is Effect.NONE else said_values(old, new)))
    _compare_keywords(course, before, after, NOTES | {"default"})
    return True


def _compare_references(course: Course, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Compare what different references lead to; tell whether all of both schemas is compared with that."""
    old, new = before.get("$ref", MISSING), after.get("$ref", MISSING)
    if is_same(old, new):
        return False
    if old is not MISSING and new is not MISSING:
        course.tell_class(_follow(course, old, new), told("$ref", old, new), "$ref")
        return False
    first, second = _expanded(course.before, before), _expanded(course.after, after)
    if first is None or second is None or len(course.followed) >= _MOST_FOLLOWED:
        course.tell(Verdict(Effect.UNCLEAR, told("$ref", old, new)), "$ref")
        return False
    course.followed[course.where, str(new)] = ToolClass.WORDING
    start = len(course.found)
    _compare(replace(course, depth=course.depth + 1), first, second)
    if len(course.found) == start:
        course.tell(Verdict(Effect.NONE, MEANS_THE_SAME))
    return True


def _follow(course: Course, before: object, after: object) -> ToolClass:
    """Return how bad it is to refer to `after` instead of `before`; each such pair is looked at once."""
    key = (str(before), str(after))
    if key not in course.followed:
        old, new = resolve(course.before, before), resolve(course.after, after)
        if old is MISSING or new is MISSING or len(course.followed) >= _MOST_FOLLOWED:
            return ToolClass.BREAKING
        course.followed[key] = ToolClass.WORDING
        inner = replace(course, depth=course.depth + 1, found=[])
        _compare(inner, old, new)
        course.found.extend(inner.found)
        course.followed[key] = min(
            (each.cls for each in inner.found), key=lambda cls: cls.rank, default=ToolClass.WORDING
        )
    return course.followed[key]


def _expanded(root: object, schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return `schema` with what it refers to in it; None where that is not in `root`, or is no mapping."""
    if "$ref" not in schema:
        return schema
    target = resolve(root, schema["$ref"])
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**target, **rest} if isinstance(target, Mapping) else None


def _compare_keywords(
    course: Course, before: Mapping[str, Any], after: Mapping[str, Any], keywords: Iterable[str]
) -> None:
    changed = {key for key in keywords if not is_same(before.get(key, MISSING), after.get(key, MISSING))}
    if changed & {"properties", "required"}:
        _properties(course, before, after)
    if changed & {"const", "enum"}:
        course.tell(judge_values(before, after), *sorted(changed & {"const", "enum"})[:1])
    for key in sorted(changed - {"const", "enum", "properties", "required", "$ref"}):
        _keyword(course, key, before.get(key, MISSING), after.get(key, MISSING))


def _keyword(course: Course, key: str, before: Json, after: Json) -> None:
    if is_judged(key):
        course.tell(judge(key, before, after), key)
    elif key in _COMPARISONS:
        _COMPARISONS[key](course, key, before, after)
    elif key != "examples" or not is_order(before, after):
        course.found.extend(compare_plain(below(course.where, key), before, after))


def _demand(course: Course, key: str, before: Json, after: Json) -> None:
    """Compare a schema that demands something by being there."""
    if before is MISSING or after is MISSING:
        effect = Effect.NARROWED if before is MISSING else Effect.WIDENED
        course.tell(Verdict(effect, told(key, before, after)), key)
    else:
        _inner(course, key, before, after)


def _inner(course: Course, key: str, before: Json, after: Json) -> None:
    """Compare a schema without which everything is accepted there."""
    _compare(course.at(key), before, after)


def _items(course: Course, key: str, before: Json, after: Json) -> None:
    course = course.at(key)
    if not isinstance(before, list) or not isinstance(after, list):
        if isinstance(before, list) or isinstance(after, list):
            course.tell(Verdict(Effect.UNCLEAR, "Its items are described one by one on one side alone."))
        else:
            _compare(course, before, after)
        return
    if len(before) != len(after):
        course.tell(Verdict(Effect.UNCLEAR, f"It describes {len(after):,} items now, {len(before):,} before."))
    for place, (old, new) in enumerate(zip(before, after, strict=False)):
        _compare(course.at(str(place)), old, new)


def _properties(course: Course, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    start = len(course.found)
    old, new = (_table(course, "properties", each.get("properties", MISSING)) for each in (before, after))
    needed, needs = (_names(course, each.get("required", MISSING)) for each in (before, after))
    _members(course, old, new, needs)
    for name in sorted((needs - needed) - (new.keys() - old.keys())):
        course.tell(Verdict(Effect.NARROWED, f"{quoted(name)} is required now."), "properties", name)
    for name in sorted((needed - needs) - (old.keys() - new.keys())):
        course.tell(Verdict(Effect.WIDENED, f"{quoted(name)} is not required any more."), "properties", name)
    if len(course.found) == start:
        _respelt(course, before, after)


def _members(course: Course, before: Mapping[str, Any], after: Mapping[str, Any], needs: frozenset[str]) -> None:
    for name in sorted(before.keys() & after.keys()):
        _compare(course.at("properties", name), before[name], after[name])
    for name in sorted(before.keys() - after.keys()):
        course.tell_class(ToolClass.BREAKING, f"{quoted(name)} is gone.", "properties", name)
    for name in sorted(after.keys() - before.keys()):
        effect = Effect.NARROWED if name in needs or course.direction is Direction.OUTPUT else Effect.WIDENED
        said = f"{quoted(name)} is new, and {'required' if name in needs else 'optional'}."
        course.tell(Verdict(effect, said), "properties", name)


def _respelt(course: Course, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Tell of what has another form and the same meaning, unless its order is all that differs."""
    for key in ("properties", "required"):
        old, new = before.get(key, MISSING), after.get(key, MISSING)
        is_spelling = old is MISSING or new is MISSING or key == "required"
        if is_spelling and not is_same(old, new) and not is_order(old, new):
            course.tell(Verdict(Effect.NONE, MEANS_THE_SAME), key)


def _table(course: Course, key: str, value: Json) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if value is not MISSING:
        course.tell(Verdict(Effect.UNCLEAR, f"{quoted(key)} is no mapping."), key)
    return {}


def _names(course: Course, value: Json) -> frozenset[str]:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return frozenset(value)
    if value is not MISSING:
        course.tell(Verdict(Effect.UNCLEAR, "`required` is no list of names."), "required")
    return frozenset()


def _definitions(course: Course, key: str, before: Json, after: Json) -> None:
    course = course.at(key)
    old, new = (_table(course, "definitions", each) for each in (before, after))
    start = len(course.found)
    for name in sorted(old.keys() & new.keys()):
        _compare(course.at(name), old[name], new[name])
    for name in sorted(new.keys() - old.keys()):
        course.tell(Verdict(Effect.NONE, f"{quoted(name)} is new; what refers to it is told where it does."), name)
    if gone := old.keys() - new.keys():
        _undefined(course, sorted(gone))
    if len(course.found) == start and (before is MISSING or after is MISSING):
        course.tell(Verdict(Effect.NONE, MEANS_THE_SAME))


def _undefined(course: Course, names: Iterable[str]) -> None:
    wanted = {each.rpartition("/")[2] for each in targets_in(course.after)}
    for name in names:
        is_missed = name.replace("~", "~0").replace("/", "~1") in wanted
        effect, said = (Effect.UNCLEAR, "and still referred to") if is_missed else (Effect.NONE, "and not needed")
        course.tell(Verdict(effect, f"{quoted(name)} is gone, {said}."), name)


def _named(course: Course, key: str, before: Json, after: Json) -> None:
    """Compare what is said by name of those properties that are there, or match a pattern."""
    course = course.at(key)
    old, new = (_table(course, key, each) for each in (before, after))
    start = len(course.found)
    for name in sorted({*old, *new}):
        first, second = old.get(name, MISSING), new.get(name, MISSING)
        if isinstance(first, list) or isinstance(second, list):
            _dependency(course, name, first, second)
        elif first is MISSING or second is MISSING:
            course.tell(Verdict(Effect.UNCLEAR, told(name, first, second)), name)
        else:
            _compare(course.at(name), first, second)
    if len(course.found) == start and (before is MISSING or after is MISSING):
        course.tell(Verdict(Effect.NONE, MEANS_THE_SAME))


def _dependency(course: Course, name: str, before: Json, after: Json) -> None:
    if is_same(before, after) or is_order(before, after):
        return
    lists = [each if each is not MISSING else [] for each in (before, after)]
    if all(isinstance(each, list) and all(isinstance(item, str) for item in each) for each in lists):
        # The more there must be beside it, the less is accepted.
        effect = compared(frozenset(lists[1]), frozenset(lists[0]))
    else:
        effect = Effect.UNCLEAR
    course.tell(Verdict(effect, told(name, before, after)), name)


def _branches(course: Course, key: str, before: Json, after: Json) -> None:
    """Compare alternatives (or, of `allOf`, conditions): each with its like on the other side, in whatever order."""
    if not isinstance(before, list) or not isinstance(after, list):
        effect = Effect.NARROWED if before is MISSING else Effect.WIDENED if after is MISSING else Effect.UNCLEAR
        course.tell(Verdict(effect, told(key, before, after)), key)
        return
    paired = pair_branches(before, after)
    for place, old, new in paired.alike:
        _compare(course.at(key, str(place)), old, new)
    more, fewer = (Effect.NARROWED, Effect.WIDENED) if key == "allOf" else (Effect.WIDENED, Effect.NARROWED)
    for place, branch in paired.added:
        course.tell(Verdict(more, told(key, MISSING, branch)), key, str(place))
    for branch in paired.gone:
        course.tell(Verdict(fewer, told(key, branch, MISSING)), key)


_COMPARISONS: Final[Mapping[str, _Comparison]] = {
    **dict.fromkeys(("contains", "contentSchema"), _demand),
    **dict.fromkeys(("additionalItems", "additionalProperties", "propertyNames"), _inner),
    **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), _inner),
    **dict.fromkeys(("items", "prefixItems"), _items),
    **dict.fromkeys((*UNIONS, "allOf"), _branches),
    **dict.fromkeys(("$defs", "definitions"), _definitions),
    **dict.fromkeys(("dependencies", "dependentRequired", "dependentSchemas", "patternProperties"), _named),
}
