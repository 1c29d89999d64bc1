"""Access tokens of remotes that let people in by OAuth: handed in by reference, under the name that the catalog has.

mcphub logs in nowhere. Docker's gateway keeps the tokens of such remotes itself and sends the one of a server as
``Authorization: Bearer TOKEN``; here a hub says where the token is, and it is sent the same way.
"""

from dataclasses import replace

from mcphub_gitops.compiler.resolve.catalog import CatalogRemote, CatalogSecret, CatalogServer, Refusal
from mcphub_gitops.compiler.resolve.model import Text

_HEADER = "Authorization"
_VARIABLE = "ACCESS_TOKEN"
"""What the token is called in the header's template where the catalog has no variable for it."""


def with_token(entry: CatalogServer) -> CatalogServer:
    """Return `entry` with the secret that opens it, where it is a remote that says nothing but that OAuth does.

    One that takes secrets, or says itself what stands in the header, is left as it is.
    """
    remote = entry.remote
    if remote is None or not entry.oauth or entry.secrets or _says_who_asks(remote):
        return entry
    span = entry.place("oauth")
    if len(entry.oauth) > 1:
        names = " and ".join(f"`{each.provider}`" for each in entry.oauth)
        refusal = Refusal(detail=f"It takes tokens of {names}, and does not say which.", span=span)
        return replace(entry, refusals=(*entry.refusals, refusal))
    (provider,) = entry.oauth
    variable = provider.variable or _VARIABLE
    secret = CatalogSecret(name=provider.secret or provider.provider, variable=variable, is_token=True, span=span)
    header = (_HEADER, Text(value=f"Bearer ${{{variable}}}", span=span))
    return replace(entry, secrets=(secret,), remote=replace(remote, headers=(*remote.headers, header)))


def _says_who_asks(remote: CatalogRemote) -> bool:
    return any(name.lower() == _HEADER.lower() for name, _ in remote.headers)
