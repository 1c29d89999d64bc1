"""Policies and what they say, made from their text."""

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.policy.condition import Condition, Scope, Undecided, compile_condition
from mcphub_gitops.compiler.policy.document import read_policy
from mcphub_gitops.compiler.policy.model import PolicyFile
from mcphub_gitops.compiler.policy.vocabulary import Kind, flatten, seen_by
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.source import Source

HEAD = "apiVersion: mcphub/policy/v1\n"


def policy_of(text: str) -> PolicyFile:
    """Return the policy of `text`, which must be right; the head is put before it."""
    policy, problems = read_policy("policies/base.yaml", (HEAD + text).encode())
    assert problems == ()
    return policy


def compiled(text: str, kind: Kind = "server") -> tuple[Condition | None, tuple[Diagnostic, ...]]:
    """Return the condition `text`, or what is wrong with it."""
    source = Source("policy.yaml", text)
    return compile_condition(Text(value=text, span=source.span(0, len(text))), source, kind)


def decided(text: str, kind: Kind = "server", **facts: object) -> bool | Undecided:
    """Return what the condition `text` says to things with `facts`, by whole names with ``_`` for a dot."""
    condition, problems = compiled(text, kind)
    assert problems == ()
    assert condition is not None
    seen = {name: value for thing in seen_by(kind) for name, value in flatten(thing, {})}
    given = {name.replace("_", ".", 1): value for name, value in facts.items()}
    assert given.keys() <= seen.keys()
    return Scope(kind, {**seen, **given}).decide(condition)
