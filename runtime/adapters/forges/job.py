"""The job that mcphub runs in, as the forge's runner describes it in the environment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcphub_gitops.runtime.adapters.forges.github import GitHub
from mcphub_gitops.runtime.adapters.forges.gitlab import GitLab
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file

_LARGEST: Final = 16 * 1024 * 1024
_GITHUB_TOKEN, _GITLAB_TOKEN = "GITHUB_TOKEN", "MCPHUB_GITLAB_TOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Where a job runs: the `commit` that it is for, and the `number` of its pull or merge request, if it has one.

    `powerless` says why its token may not write, and is empty where it may.
    """

    forge: GitHub | GitLab
    commit: str
    number: int | None
    powerless: str


def find_job(environment: Mapping[str, str]) -> Job:
    """Return the job that `environment` describes; raises RuntimeFailure where it describes none, or has no token."""
    if environment.get("GITHUB_ACTIONS") == "true":
        return _github(environment)
    if environment.get("GITLAB_CI") == "true":
        return _gitlab(environment)
    raise RuntimeFailure(
        "this is no job of a forge",
        detail="neither GITHUB_ACTIONS nor GITLAB_CI is set to `true`",
        resolution="run it in a job of GitHub Actions or GitLab CI, as `mcphub init --ci` writes them",
    )


def _github(environment: Mapping[str, str]) -> Job:
    pull = _event(environment).get("pull_request")
    pull = pull if isinstance(pull, Mapping) else {}
    repository = _required(environment, "GITHUB_REPOSITORY")
    head = pull.get("head", {}).get("repo") or {}
    powerless = ""
    if pull and head.get("full_name") != repository:
        powerless = "the pull request comes from a fork, whose jobs may not write"
    elif environment.get("GITHUB_ACTOR") == "dependabot[bot]":
        powerless = "jobs that Dependabot starts may not write"
    return Job(
        forge=GitHub(
            api=_required(environment, "GITHUB_API_URL"),
            repository=repository,
            token=_token(environment, _GITHUB_TOKEN, "${{ github.token }}"),
        ),
        commit=_required(environment, "GITHUB_SHA"),
        number=pull.get("number"),
        powerless=powerless,
    )


def _gitlab(environment: Mapping[str, str]) -> Job:
    number = environment.get("CI_MERGE_REQUEST_IID", "")
    powerless = ""
    own, source = (environment.get(f"CI_MERGE_REQUEST_{name}PROJECT_ID", "") for name in ("", "SOURCE_"))
    if own != source and not environment.get(_GITLAB_TOKEN):
        powerless = "the merge request comes from a fork, whose jobs have no token"
    return Job(
        forge=GitLab(
            api=_required(environment, "CI_API_V4_URL"),
            project=_required(environment, "CI_PROJECT_ID"),
            token="" if powerless else _token(environment, _GITLAB_TOKEN, "a masked variable: a project access token"),
        ),
        commit=_required(environment, "CI_COMMIT_SHA"),
        number=int(number) if number.isdecimal() else None,
        powerless=powerless,
    )


def _event(environment: Mapping[str, str]) -> Mapping[str, Any]:
    data = read_file(Path(_required(environment, "GITHUB_EVENT_PATH")), limit=_LARGEST)
    try:
        found = json.loads(data or b"{}")
    except ValueError as error:
        raise RuntimeFailure("the event that GITHUB_EVENT_PATH names cannot be read", detail=str(error)) from None
    return found if isinstance(found, Mapping) else {}


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise RuntimeFailure(f"{name} is not in the environment", resolution="the forge's runner sets it in each job")
    return value


def _token(environment: Mapping[str, str], name: str, what: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise RuntimeFailure(f"{name} is not in the environment", resolution=f"set it for this step: {what}")
    return value
