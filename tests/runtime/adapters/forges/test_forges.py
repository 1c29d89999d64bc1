"""Both forges, asked over HTTP: the one comment, and what was said of a change before it was merged."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcphub_gitops.compiler.approval import MergedChange, Opinion, judge
from mcphub_gitops.runtime.adapters.forges.connection import ForgeConnection
from mcphub_gitops.runtime.adapters.forges.github import GitHub
from mcphub_gitops.runtime.adapters.forges.gitlab import GitLab
from mcphub_gitops.runtime.adapters.forges.job import find_job
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import PutComment
from tests.support.forge import LOGIN, REPOSITORY, TOKEN, Change, Forge, github, gitlab, running_forge

HEAD, OLD, MERGE = "a" * 40, "b" * 40, "c" * 40
MARKER = "<!-- mcphub:review:acme -->"
TEXT = f"{MARKER}\nOne change.\n"


@pytest.fixture
def hub() -> Iterator[Forge]:
    with running_forge(github) as forge:
        forge.changes[7] = Change(number=7, author="eve", head=HEAD)
        forge.writers = {"ada", "eve"}
        yield forge


@pytest.fixture
def lab() -> Iterator[Forge]:
    with running_forge(gitlab) as forge:
        forge.changes[7] = Change(number=7, author="eve", head=HEAD)
        forge.writers = {"ada", "eve"}
        yield forge


def client(forge: Forge, token: str = TOKEN) -> GitHub:
    return GitHub(api=forge.url, repository=REPOSITORY, token=token)


def lab_client(forge: Forge) -> GitLab:
    return GitLab(api=forge.url, project="42", token=TOKEN)


@pytest.mark.parametrize("is_app", [True, False])
def test_the_one_comment_is_written_then_updated_then_left(hub: Forge, *, is_app: bool) -> None:
    hub.is_app, hub.page = is_app, 2
    for number in range(5):
        hub.comment(hub.changes[7], f"Comment {number}", "ada", "User")
    actions = [
        client(hub).put_comment(7, MARKER, text, is_news=True).action
        for text in (TEXT, TEXT + "More.\n", TEXT + "More.\n")
    ]
    assert actions == ["written", "updated", "unchanged"]
    assert [each["body"] for each in hub.changes[7].comments][5:] == [TEXT + "More.\n"]


def test_a_comment_of_someone_else_with_our_marker_is_left_alone(hub: Forge, lab: Forge) -> None:
    for forge in (hub, lab):
        forge.comment(forge.changes[7], f"{MARKER}\nAll is well.", "mal", "User")
    assert client(hub).put_comment(7, MARKER, TEXT, is_news=True).action == "written"
    assert lab_client(lab).put_comment(7, MARKER, TEXT, is_news=True).action == "written"
    for forge in (hub, lab):
        assert [each["body"] for each in forge.changes[7].comments] == [f"{MARKER}\nAll is well.", TEXT]


def test_what_is_no_news_updates_a_comment_and_writes_none(hub: Forge, lab: Forge) -> None:
    for forge, asked in ((hub, client(hub)), (lab, lab_client(lab))):
        assert asked.put_comment(7, MARKER, TEXT, is_news=False) == PutComment(address="", action="none")
        assert forge.changes[7].comments == []
        asked.put_comment(7, MARKER, TEXT, is_news=True)
        assert asked.put_comment(7, MARKER, f"{MARKER}\nNothing.\n", is_news=False).action == "updated"


def test_each_hub_has_a_comment_of_its_own(hub: Forge) -> None:
    other = TEXT.replace("acme", "other")
    client(hub).put_comment(7, MARKER, TEXT, is_news=True)
    assert client(hub).put_comment(7, MARKER.replace("acme", "other"), other, is_news=True).action == "written"
    assert len(hub.changes[7].comments) == 2


def test_the_one_note_is_written_then_updated_then_left(lab: Forge) -> None:
    lab.page = 2
    for number in range(5):
        lab.comment(lab.changes[7], f"Note {number}", "ada", "User")
    puts = [
        lab_client(lab).put_comment(7, MARKER, text, is_news=True)
        for text in (TEXT, TEXT + "More.\n", TEXT + "More.\n")
    ]
    assert puts == [
        PutComment(address="note 6 of merge request 7", action=action) for action in ("written", "updated", "unchanged")
    ]
    assert [each["author"]["username"] for each in lab.changes[7].comments][5:] == [LOGIN]


def test_what_was_said_of_a_pull_request_is_known_by_the_commit_that_its_merge_made(hub: Forge) -> None:
    change = hub.changes[7]
    change.merge, hub.page = MERGE, 1
    change.reviews = [
        ("ada", "APPROVED", OLD),
        ("mal", "APPROVED", HEAD),
        ("ada", "CHANGES_REQUESTED", OLD),
        ("ada", "COMMENTED", HEAD),
        ("ada", "APPROVED", HEAD),
    ]
    found = client(hub).find_merged(MERGE)
    assert found is not None
    assert [(each.who, each.verdict, each.commit) for each in found.opinions] == [
        ("ada", "approved", OLD),
        ("mal", "approved", HEAD),
        ("ada", "refused", OLD),
        ("ada", "approved", HEAD),
    ]
    assert (found.number, found.author, found.head, found.writers) == (7, "eve", HEAD, frozenset({"ada"}))
    assert judge(found).approvers == ("ada",)


def test_a_comment_does_not_take_an_approval_back_and_a_dismissal_does(hub: Forge) -> None:
    change = hub.changes[7]
    change.merge = MERGE
    for state, approvers in (("COMMENTED", ("ada",)), ("DISMISSED", ())):
        change.reviews = [("ada", "APPROVED", HEAD), ("ada", state, HEAD)]
        found = client(hub).find_merged(MERGE)
        assert found is not None
        assert judge(found).approvers == approvers


def test_a_commit_that_is_no_merge_has_no_change(hub: Forge, lab: Forge) -> None:
    assert client(hub).find_merged(HEAD) is None
    assert lab_client(lab).find_merged(HEAD) is None
    assert client(hub).find_merged(MERGE) is None


def test_an_approval_of_a_merge_request_holds_for_the_pushes_before_it(lab: Forge) -> None:
    change = lab.changes[7]
    change.merge = MERGE
    change.versions = [(OLD, "2026-11-02T10:00:00.000Z"), (HEAD, "2026-11-02T12:00:00.000+01:00")]
    change.reviews = [("ada", "2026-11-02T11:30:00.000Z", ""), ("eve", "2026-11-02T10:30:00.000Z", "")]
    assert lab_client(lab).find_merged(MERGE) == MergedChange(
        number=7,
        author="eve",
        head=HEAD,
        opinions=(
            Opinion(who="ada", verdict="approved", commit=HEAD),
            Opinion(who="eve", verdict="approved", commit=""),
        ),
        writers=frozenset({"ada", "eve"}),
    )
    change.reviews = [("mal", "2026-11-02T11:30:00.000Z", "")]
    found = lab_client(lab).find_merged(MERGE)
    assert found is not None
    assert found.writers == frozenset()


@pytest.mark.parametrize(
    ("when", "versions", "told"),
    [("", 1, "does not say when"), ("yesterday", 1, "where a time is"), ("2026-11-02T11:30:00Z", 0, "no version")],
)
def test_a_gitlab_that_does_not_say_enough_is_told(lab: Forge, when: str, versions: int, told: str) -> None:
    change = lab.changes[7]
    change.merge, change.reviews = MERGE, [("ada", when, "")]
    change.versions = [(HEAD, "2026-11-02T10:00:00.000Z")] * versions
    with pytest.raises(RuntimeFailure) as raised:
        lab_client(lab).find_merged(MERGE)
    assert told in f"{raised.value.brief} {raised.value.detail}"


def test_a_refusal_is_told_without_the_token(hub: Forge) -> None:
    hub.may_write = False
    with pytest.raises(RuntimeFailure) as raised:
        client(hub).put_comment(7, MARKER, TEXT, is_news=True)
    assert (
        raised.value.detail
        == f"POST /repos/{REPOSITORY}/issues/7/comments: 403, Resource not accessible by integration"
    )
    assert "permission" in raised.value.resolution
    with pytest.raises(RuntimeFailure) as raised:
        client(hub, "wrong-token").find_merged(MERGE)
    assert "401, Bad credentials" in raised.value.detail
    assert "wrong-token" not in f"{raised.value.brief}{raised.value.detail}{raised.value.resolution}"


def test_a_forge_that_is_away_is_told() -> None:
    with pytest.raises(RuntimeFailure) as raised:
        GitHub(api="http://127.0.0.1:9", repository=REPOSITORY, token=TOKEN).find_merged(MERGE)
    assert raised.value.retryable


@pytest.mark.parametrize("base", ["http://forge.example/api", "ftp://127.0.0.1", "http://127.0.0.1.example", ""])
def test_the_token_leaves_over_https_alone(base: str) -> None:
    with pytest.raises(RuntimeFailure, match="not reached over https"):
        ForgeConnection(base, {}, name="GitHub")


def test_a_report_is_handed_on(hub: Forge) -> None:
    assert client(hub).upload_sarif(b'{"version": "2.1.0"}', commit=HEAD, ref="refs/pull/7/head") == "upload-1"
    assert hub.uploads == [
        {"commit_sha": HEAD, "ref": "refs/pull/7/head", "sarif": {"version": "2.1.0"}, "tool_name": "mcphub"}
    ]


def github_job(folder: Path, hub: Forge, event: object, **more: str) -> dict[str, str]:
    (folder / "event.json").write_text(json.dumps(event))
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": hub.url,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_SHA": MERGE,
        "GITHUB_TOKEN": TOKEN,
        **more,
    }


def test_a_job_of_github_knows_its_pull_request_and_what_it_may(hub: Forge, tmp_path: Path) -> None:
    pull = {"number": 7, "head": {"repo": {"full_name": REPOSITORY}}}
    job = find_job(github_job(tmp_path, hub, {"pull_request": pull}))
    assert (job.commit, job.number, job.powerless) == (MERGE, 7, "")
    assert find_job(github_job(tmp_path, hub, {"after": MERGE})).number is None
    fork = {"number": 7, "head": {"repo": {"full_name": "mal/hub"}}}
    gone = {"number": 7, "head": {"repo": None}}
    for each in (fork, gone):
        assert "fork" in find_job(github_job(tmp_path, hub, {"pull_request": each})).powerless
    bot = github_job(tmp_path, hub, {"pull_request": pull}, GITHUB_ACTOR="dependabot[bot]")
    assert "Dependabot" in find_job(bot).powerless


def test_a_job_of_gitlab_knows_its_merge_request_and_what_it_may(lab: Forge) -> None:
    environment = {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": lab.url,
        "CI_PROJECT_ID": "42",
        "CI_COMMIT_SHA": MERGE,
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42",
    }
    job = find_job({**environment, "MCPHUB_GITLAB_TOKEN": TOKEN})
    assert (job.commit, job.number, job.powerless) == (MERGE, 7, "")
    assert "fork" in find_job({**environment, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "43"}).powerless
    with pytest.raises(RuntimeFailure, match="MCPHUB_GITLAB_TOKEN"):
        find_job(environment)


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GITHUB_API_URL", "GITHUB_SHA", "GITHUB_EVENT_PATH"])
def test_what_a_job_lacks_is_named(hub: Forge, tmp_path: Path, name: str) -> None:
    environment = github_job(tmp_path, hub, {})
    del environment[name]
    with pytest.raises(RuntimeFailure, match=f"{name} is not in the environment"):
        find_job(environment)


def test_elsewhere_is_no_job(hub: Forge, tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="no job of a forge"):
        find_job({})
    environment = github_job(tmp_path, hub, {})
    (tmp_path / "event.json").write_text("{")
    with pytest.raises(RuntimeFailure, match="event"):
        find_job(environment)
