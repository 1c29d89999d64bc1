"""Who may reach what of a hub, as facts that rules look at."""

from collections.abc import Iterable, Sequence
from typing import Any

from mcphub_gitops.compiler.plan.admission import bind_admission
from mcphub_gitops.compiler.resolve.model import Hub, Profile, Text, Token


def facts_of_admission(hub: Hub) -> dict[str, Any]:
    """Return the facts of the hub's tokens and profiles, with who reaches which."""
    admission = bind_admission(hub.gateway, hub.stores)
    reaching = {
        profile.name: admission.reaching(_values(profile.groups)) if admission.tokens else ()
        for profile in hub.profiles
    }
    whole = admission.reaching(admission.groups) if admission.tokens else ()
    return {
        "groups": list(admission.groups),
        "principals": [
            {
                **_principal(token),
                "whole": token.name in whole,
                "profiles": [name for name, names in reaching.items() if token.name in names],
            }
            for token in hub.gateway.tokens
        ],
        "profiles": [_profile(profile, reaching[profile.name]) for profile in hub.profiles],
    }


def _principal(token: Token) -> dict[str, Any]:
    value = token.value
    return {
        "name": token.name,
        "groups": _values(token.groups),
        "store": value.location.partition("/")[0] if value.scheme == "store" else value.scheme,
        "reference": str(value),
    }


def _profile(profile: Profile, principals: Sequence[str]) -> dict[str, Any]:
    return {
        "name": profile.name,
        "path": profile.path,
        "groups": _values(profile.groups),
        "servers": [server.value for server in profile.servers],
        "principals": list(principals),
    }


def _values(texts: Iterable[Text]) -> list[str]:
    return [text.value for text in texts]
