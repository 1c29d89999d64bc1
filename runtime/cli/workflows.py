"""The jobs that a forge runs for a hub: loaded when `init` writes them."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import write_file
from mcphub_gitops.runtime.project import HUB_FILE, Project
from mcphub_gitops.templates import fill_jobs

_FOLDERS: Final = {"github": ".github/workflows", "gitlab": ".gitlab"}
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
_PIPELINE: Final = ".gitlab-ci.yml"
_RESERVED: Final = "relock"
_ONCE: Final = f"mcphub-{_RESERVED}.yml"
"""The file whose jobs are about all environments at once: two that push to one branch would meet."""


def write_jobs(project: Project, forge: str, environments: tuple[str, ...] = ()) -> None:
    """Write the jobs of `forge` to the root of the project's repository, and say what to do next.

    Each of `environments` has files of its own; without any, the jobs are for the hub as it is.
    """
    if _RESERVED in environments:
        raise RuntimeFailure(
            f"jobs cannot be told apart for an environment that is called {_RESERVED}",
            resolution="give it another name",
        )
    root = _repository(project.root)
    folder = _folder(project, root)
    pins = f".{forge}/mcphub-requirements"
    jobs = sorted(_jobs(forge, folder, environments))
    contents = {f"{_FOLDERS[forge]}/{name}": text for name, text in jobs}
    contents[f"{pins}.in"] = f"mcphub-gitops=={version('mcphub-gitops')}\n"
    if forge == "gitlab":
        contents[_PIPELINE] = "".join(["include:\n", *(f"  - local: .gitlab/{name}\n" for name, _ in jobs)])
    left = [name for name, text in contents.items() if not _write(root / name, text, name)]
    unlisted = [f".gitlab/{name}" for name, _ in jobs] if _PIPELINE in left else []
    _tell_steps(forge, pins, unlisted, environments)


def _folder(project: Project, root: Path) -> str:
    """Return the hub's folder as jobs name it; raises RuntimeFailure where they cannot."""
    if project.hub_file != HUB_FILE:
        raise RuntimeFailure(
            f"jobs are written for a hub in {HUB_FILE}",
            detail=f"this one is in {project.hub_file}",
            resolution=f"move it to {HUB_FILE} of a folder of its own",
        )
    folder = project.root.relative_to(root).as_posix()
    if not _PLAIN.fullmatch(folder):
        raise RuntimeFailure(
            f"jobs cannot name the folder `{folder}`",
            resolution="take letters, digits, dots, hyphens and underscores for the names of folders",
        )
    return folder


def _tell_steps(forge: str, pins: str, unlisted: list[str], environments: tuple[str, ...]) -> None:
    click.echo("Before the jobs can run:")
    click.echo(
        f"- Pin mcphub itself: `uv pip compile --universal --generate-hashes --no-emit-index-url {pins}.in"
        f" --output-file {pins}.txt`"
    )
    if unlisted:
        click.echo(f"- Include {', '.join(unlisted)} in {_PIPELINE}, where they are not.")
    for label in [f"mcphub-{name}" for name in environments] or ["mcphub"]:
        click.echo(f"- Give the machine where the hub runs {_RUNNERS[forge]} `{label}`.")
    for step in (*_STEPS[forge], "Commit all of it."):
        click.echo(f"- {step}")


def _jobs(forge: str, folder: str, environments: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield name and content of each file of jobs."""
    options = [f" --env {name}" for name in environments] or [""]
    # What stands alone in its line keeps that line's indentation, or its mark of a list.
    lead = {"github": "\n          ", "gitlab": "\n    - "}[forge]
    locks = lead.join(f"mcphub lock{option}" for option in options)
    for environment, option in zip(environments or ("",), options, strict=True):
        suffix = f"-{environment}" if environment else ""
        holes = {
            "folder": folder,
            "locks": locks,
            "option": option,
            "scanned": environment or "true",
            "suffix": suffix,
            "title": f" {environment}" if environment else "",
        }
        for name, text in fill_jobs(forge, holes).items():
            if name != _ONCE or option == options[0]:
                yield name if name == _ONCE else name.replace(".yml", f"{suffix}.yml"), text


_RUNNERS: Final = {
    "github": "a self-hosted runner with the label",
    "gitlab": "a runner with the tag",
}
_STEPS: Final = {
    "github": (
        "Protect the default branch: an approval, voided by a push, and branches up to date before they are merged.",
    ),
    "gitlab": (
        "Give the project the masked variable MCPHUB_GITLAB_TOKEN: a project access token (api, Developer).",
        "Protect the default branch, and let merge requests be merged only by fast-forward.",
    ),
}


def _repository(folder: Path) -> Path:
    """Return the root of the repository that `folder` lies in, itself outside of one."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def _write(path: Path, text: str, name: str) -> bool:
    """Write a file that is not there yet, and tell; return whether it has `text` now."""
    if path.exists() or path.is_symlink():
        same = path.is_file() and path.read_text("utf-8", "replace") == text
        click.echo(f"Left as it is: {name}" + ("" if same else ", which is not what mcphub would write now"))
        return same
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, text.encode())
    click.echo(f"Written: {name}")
    return True
