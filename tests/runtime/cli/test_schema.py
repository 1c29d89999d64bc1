"""The published schemas, and what `init` makes of them for editors."""

import json
import re
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator, meta

from mcphub_gitops.compiler.read.syntax import parse, plain
from mcphub_gitops.schemas import load_schema, read_schema, schema_names
from tests.support.projects import mcphub

ROOT = Path(__file__).parents[3]
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")


def schema_of(hub: Path) -> Path:
    """Return the schema that a YAML language server takes for `hub`: the first line names it, as seen from the hub."""
    match = MODELINE.fullmatch(hub.read_text("utf-8").splitlines()[0])
    assert match is not None
    return hub.parent / match[1]


@pytest.mark.parametrize("name", list(schema_names()))
def test_a_schema_is_printed_as_it_is_published(tmp_path: Path, name: str) -> None:
    done = mcphub(tmp_path, "schema", name)
    assert (done.returncode, done.stdout.encode()) == (0, read_schema(schema_names()[name]))
    meta.validate(json.loads(done.stdout))


def test_without_a_name_it_is_the_hubs(tmp_path: Path) -> None:
    assert json.loads(mcphub(tmp_path, "schema").stdout) == load_schema("hub.v1")


def test_each_document_has_a_schema() -> None:
    assert {"hub", "catalog", "lock", "plan"} <= schema_names().keys()
    assert all(read_schema(name) for name in schema_names().values())


def test_an_unknown_document_is_an_error(tmp_path: Path) -> None:
    assert mcphub(tmp_path, "schema", "nope").returncode == 1


def test_init_names_a_schema_that_an_editor_finds(tmp_path: Path) -> None:
    assert mcphub(tmp_path, "init", "--name", "acme").returncode == 0
    hub = tmp_path / "mcp-hub.yaml"
    validator = Draft202012Validator(json.loads(schema_of(hub).read_bytes()))
    for text, right in ((hub.read_text("utf-8"), True), (hub.read_text("utf-8") + "severs: {}\n", False)):
        root = parse("mcp-hub.yaml", text.encode()).root
        assert root is not None
        assert validator.is_valid(plain(root)) == right
    assert mcphub(tmp_path, "validate").returncode == 0


def test_the_schema_beside_a_hub_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "mcp-hub.schema.json"
    file.write_text("{}")
    assert "schema" not in mcphub(tmp_path, "init", "--name", "acme").stdout
    assert file.read_text() == "{}"
    done = mcphub(tmp_path, "schema", "hub", "-o", "mcp-hub.schema.json")
    assert (done.returncode, done.stdout) == (0, "Written: mcp-hub.schema.json\n")
    assert file.read_bytes() == read_schema("hub.v1")


def test_the_hub_of_this_repository_names_its_schema() -> None:
    assert schema_of(ROOT / "mcp-hub.yaml") == ROOT / "schemas" / "hub.v1.json"
