"""What someone who connects a client needs: the address, where the token is, and a configuration to paste."""

import json
from collections.abc import Sequence

_PLACEHOLDER = "${MCPHUB_TOKEN}"


def welcome(hub: str, url: str, token_file: str, *, token: str | None) -> str:
    """Return the words for people; `token` is shown where it is given, which is for a terminal alone."""
    headers = {"Authorization": f"Bearer {token or _PLACEHOLDER}"}
    snippet = {"mcpServers": {hub: {"type": "http", "url": url, "headers": headers}}}
    lines = [
        f"Serving {hub} at {url}",
        f"Token: {token} (kept in {token_file})" if token else f"Token: in {token_file}",
        "For a client:",
        json.dumps(snippet, indent=2),
    ]
    if token is None:
        lines.append(f'with MCPHUB_TOKEN="$(cat {token_file})" in its environment.')
    return "\n".join(lines)


def welcome_holders(hub: str, url: str, tokens: Sequence[str]) -> str:
    """Return the words for people where the hub has `tokens`, the names of which it gives."""
    return "\n".join(
        [
            f"Serving {hub} at {url}",
            f"Tokens: {', '.join(tokens)}, as the hub says; none is shown here",
            "For a client: run `mcphub clients`",
        ]
    )
