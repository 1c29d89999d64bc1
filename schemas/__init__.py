"""The contract: JSON Schemas (draft 2020-12) of every document that mcphub reads or writes."""

import json
from pathlib import Path
from typing import Any


def load_schema(name: str) -> dict[str, Any]:
    """Return the schema `name` (for example ``hub.v1``) as decoded JSON.

    Read from beside this file: `importlib.resources` would also read it from an archive, and takes 10 ms to load.
    Raises FileNotFoundError when the distribution holds no such schema.
    """
    schema: dict[str, Any] = json.loads(read_schema(name))
    return schema


def read_schema(name: str) -> bytes:
    """Return the schema `name` as it is published; raises FileNotFoundError as `load_schema` does."""
    return Path(__file__).with_name(f"{name}.json").read_bytes()


def schema_names() -> dict[str, str]:
    """Return the names of all schemas, of each document the newest, by the document's: ``hub`` is ``hub.v1``."""
    return {path.stem.partition(".")[0]: path.stem for path in sorted(Path(__file__).parent.glob("*.v?.json"))}
