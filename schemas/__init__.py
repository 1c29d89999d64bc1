"""The contract: JSON Schemas (draft 2020-12) of every document that mcphub reads or writes."""

import json
from importlib.resources import files
from typing import Any


def load_schema(name: str) -> dict[str, Any]:
    """Return the schema `name` (for example ``hub.v1``) as decoded JSON.

    Raises FileNotFoundError when the distribution holds no such schema.
    """
    schema: dict[str, Any] = json.loads(files(__name__).joinpath(f"{name}.json").read_bytes())
    return schema
