"""Asking the running gateway how its servers fare."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from mcphub_gitops.runtime.apply.layout import Layout, read_token
from mcphub_gitops.runtime.apply.presence import find_gateway
from mcphub_gitops.runtime.failure import RuntimeFailure

_PATIENCE = 10.0


def ask_gateway(layout: Layout, path: str) -> dict[str, Any] | None:
    """Return what the running gateway answers at `path`, None where none listens; raises RuntimeFailure."""
    presence = find_gateway(layout)
    if presence is None or not presence.url:
        return None
    place = urlsplit(presence.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_PATIENCE)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {read_token(layout.token)}"})
        response = connection.getresponse()
        found = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise RuntimeFailure(
            "the running gateway does not answer",
            detail=f"{presence.url}: {error}",
            resolution=f"look at its log, {layout.gateway_log}",
        ) from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise RuntimeFailure(
            "the running gateway refuses to tell", detail=f"it answers with {response.status}: {found.get('error', '')}"
        )
    return dict(found)
