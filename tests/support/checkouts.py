"""A repository of this project as others clone it: what stands in the working tree, in one commit."""

import shutil
from pathlib import Path

from tests.support.repositories import git

ROOT = Path(__file__).parents[2]
PRODUCT = ("compiler", "runtime", "schemas", "templates")
FILES = (".pre-commit-hooks.yaml", "README.md", "pyproject.toml")


def clone_product(folder: Path) -> str:
    """Write the product and how it is built to `folder`, and commit it there; return the commit's hash."""
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for name in PRODUCT:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "The product")
    return git(folder, "rev-parse", "HEAD")
