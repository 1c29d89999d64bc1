"""The preset for Renovate: its expressions, as RE2 takes them, find what a parser of YAML finds, and nothing else."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import re2
import yaml

from mcphub_gitops.compiler.resolve.image import ImageReference, parse
from tests.support.cases import CASES
from tests.support.shared import SHARED, needs_shared_data

ROOT = Path(__file__).parents[1]
PRESET = json.loads((ROOT / "renovate" / "default.json").read_bytes())
DIGEST = "sha256:" + "0a" * 32
KEYS = {"image", "base", "python", "node"}
CATALOGS = ("catalog-2025-11-20.yaml", "catalog-2026-02-10.yaml", "docker-mcp-catalog.yaml")


def found_in(text: str) -> Iterator[dict[str, str]]:
    """Yield what Renovate would look up for each dependency of `text`: it reads JavaScript's names of groups."""
    for manager in PRESET["customManagers"]:
        templates = {
            name.removesuffix("Template"): value for name, value in manager.items() if name.endswith("Template")
        }
        for expression in manager["matchStrings"]:
            for match in re2.finditer(expression.replace("(?<", "(?P<"), text):
                yield {**templates, **{name: value for name, value in match.groupdict().items() if value is not None}}


def values_in(document: object, keys: Iterable[str]) -> Iterator[str]:
    """Yield every string below one of `keys`, at any depth."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key in keys and isinstance(value, str):
                yield value
            yield from values_in(value, keys)
    elif isinstance(document, list):
        for value in document:
            yield from values_in(value, keys)


def images_of(text: str) -> list[ImageReference]:
    written = values_in(yaml.load(text, Loader=yaml.CSafeLoader), KEYS)  # noqa: TID251  (what is compared with)
    images = [parse(each) for each in written if "@" in each or ":" in each.rpartition("/")[2]]
    return [each for each in images if isinstance(each, ImageReference)]


def compare(text: str) -> int:
    """Compare the images of `text` with those that the preset finds; return how many there are."""
    found = [each for each in found_in(text) if each["datasource"] == "docker"]
    assert all(each["depName"] and each["currentValue"] for each in found)
    rebuilt = [
        f"{each['depName']}:{each['currentValue']}" + (f"@{each['currentDigest']}" if "currentDigest" in each else "")
        for each in found
    ]
    expected = [f"{each.repository}:{each.tag or 'latest'}" for each in images_of(text)]
    digests = [each.digest for each in images_of(text)]
    assert sorted(str(parse(each)).partition("@")[0] for each in rebuilt) == sorted(expected)
    assert sorted(each.get("currentDigest", "") for each in found) == sorted(digests)
    return len(found)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            f"    image: acme/search:3@{DIGEST}",
            {"depName": "acme/search", "currentValue": "3", "currentDigest": DIGEST},
        ),
        (f'  s: {{image: "search:3@{DIGEST}", run: container}}', {"depName": "search", "currentDigest": DIGEST}),
        ("    image: search:3.1-slim # why", {"depName": "search", "currentValue": "3.1-slim"}),
        ("    image: registry.example:5000/search:3", {"depName": "registry.example:5000/search", "currentValue": "3"}),
        (f"    image: host:5000/a/b@{DIGEST}", {"depName": "host:5000/a/b", "currentValue": "latest"}),
        ("  base: {python: 'python:3.13-slim'}", {"depName": "python", "currentValue": "3.13-slim"}),
        ("  t: {package: pypi:mcp-server-time@2026.10.19}", {"depName": "mcp-server-time", "datasource": "pypi"}),
        ('    package: "npm:@acme/everything@1.2.3"', {"depName": "@acme/everything", "currentValue": "1.2.3"}),
        ("    package: npm:everything@1.2.3-rc.1", {"depName": "everything", "datasource": "npm"}),
    ],
)
def test_a_line_has_one_dependency_with_its_parts(line: str, found: dict[str, str]) -> None:
    (each,) = found_in(f"{line}\n")
    assert each.items() >= found.items()
    assert set(each) >= {"depName", "currentValue", "datasource"}


@pytest.mark.parametrize(
    "line",
    [
        "    image: search",
        "    image: registry.example:5000/search",
        '    package: "pypi:mcp-server-time"',
        "    image: {from: files/image, config: {folder: ./data}}",
        "    description: the image: of a search",
        "  reason: base: it is",
    ],
)
def test_what_has_no_version_is_no_dependency(line: str) -> None:
    assert list(found_in(f"{line}\n")) == []


def test_every_image_of_the_cases_is_found_and_nothing_else() -> None:
    topics = ("accounts", "plan", "render")
    texts = [path.read_text("utf-8") for topic in topics for path in CASES.glob(f"{topic}/*/mcp-hub.yaml")]
    assert sum(compare(text) for text in texts) > 5


@needs_shared_data
@pytest.mark.parametrize("name", CATALOGS)
def test_every_image_of_a_real_catalog_is_found_and_nothing_else(name: str) -> None:
    assert compare((SHARED / name).read_text("utf-8")) > 100


@pytest.mark.parametrize(
    ("name", "is_read"),
    [
        ("mcp-hub.yaml", True),
        ("hubs/acme/mcp-hub.yaml", True),
        ("mcp-hub.acme.yml", True),
        ("environments/prod.yaml", True),
        ("mcp-hub.lock", False),
        ("mcp-hub.tools/time.json", False),
        ("compose.yaml", False),
    ],
)
def test_hubs_are_read_and_what_is_generated_is_not(name: str, *, is_read: bool) -> None:
    for manager in PRESET["customManagers"]:
        patterns = [pattern.strip("/") for pattern in manager["managerFilePatterns"]]
        assert any(re2.search(pattern, name) for pattern in patterns) is is_read


def test_it_is_valid_by_the_schema_of_renovate() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.renovate"]
    done = subprocess.run(
        [*command, str(ROOT / "renovate" / "default.json")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_refuses_what_renovate_does(tmp_path: Path) -> None:
    wrong: dict[str, Any] = {**PRESET, "customManagers": [{"customType": "regexp"}]}
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.renovate"]
    done = subprocess.run([*command, str(tmp_path / "wrong.json")], capture_output=True, text=True, check=False)
    assert done.returncode == 1
