"""The commands that change the hub document, as their users meet them."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest

from mcphub_gitops.runtime.cli.naming import read_address, read_pairs, read_path, read_value
from tests.support.projects import mcphub, write_project

HUB = """\
# Ours.
apiVersion: mcphub/v1
name: acme
defaults:   {run: process}   # all of them
catalogs: {docker: {path: catalog.yaml}}

servers:
  notes: {command: [python3, srv/notes.py]}   # one line

  time:
    package: 'pypi:mcp-server-time@1'
    tools: {deny: [convert]}
    # the end
"""
CATALOG = """\
version: 3
name: docker
registry:
  github:
    title: GitHub
    description: It keeps code.
    type: server
    image: mcp/github@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    secrets:
      - {name: github.token, env: GITHUB_TOKEN}
    config:
      - name: github
        type: object
        properties:
          owner: {type: string, description: Whose.}
          limits: {type: object, properties: {depth: {type: integer, default: 3}}, required: [depth]}
          mode: {type: string, enum: [a, b]}
        required: [owner]
"""

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    write_project(tmp_path, HUB, {"notes": ("add",), "time": ("now", "convert")})
    return lambda *arguments: mcphub(tmp_path, *arguments)


def hub(folder: Path) -> str:
    return (folder / "mcp-hub.yaml").read_bytes().decode()


def test_disable_and_enable(tmp_path: Path, run: Run) -> None:
    done = run("server", "disable", "time")
    assert (done.returncode, done.stdout) == (0, "Written: mcp-hub.yaml\n")
    assert "\n+    enabled: false\n" in done.stderr
    assert hub(tmp_path) == HUB.replace("[convert]}\n", "[convert]}\n    enabled: false\n")
    assert run("server", "disable", "time").stdout == "mcp-hub.yaml says so already.\n"
    assert run("server", "enable", "time").returncode == 0
    assert hub(tmp_path) == HUB
    assert run("server", "disable", "notes").returncode == 0
    assert "notes: {command: [python3, srv/notes.py], enabled: false}   # one line\n" in hub(tmp_path)


def test_the_tools_of_a_server(tmp_path: Path, run: Run) -> None:
    done = run("tool", "allow", "time", "now")
    assert "only what is named there is served now" in done.stderr
    assert hub(tmp_path) == HUB.replace("[convert]}", "[convert], allow: [now]}")
    done = run("tool", "rm", "time", "now")
    assert "all is served that `deny` does not name" in done.stderr
    assert hub(tmp_path) == HUB
    done = run("tool", "deny", "time", "nwo")
    assert (done.returncode, hub(tmp_path)) == (1, HUB)
    assert "error[MH306]" in done.stderr
    assert "Not written: 1 error would come of it. --force writes it." in done.stderr
    assert run("tool", "deny", "time", "nwo", "convert", "--force").returncode == 0
    assert hub(tmp_path) == HUB.replace("[convert]", "[convert, nwo]")
    done = run("tool", "allow", "time", "convert")
    assert (done.returncode, "`convert` stands in `deny`" in done.stderr) == (1, True)
    done = run("tool", "rm", "time", "convrt")
    assert (done.returncode, "did you mean `convert`?" in done.stderr) == (1, True)


def test_remove(tmp_path: Path, run: Run) -> None:
    done = run("server", "rm", "tiem")
    assert (done.returncode, "help: did you mean `time`?" in done.stderr) == (1, True)
    assert run("server", "rm", "time", "--dry-run").stdout == "Not written.\n"
    assert hub(tmp_path) == HUB
    assert run("server", "rm", "time").returncode == 0
    assert hub(tmp_path) == HUB.partition("\n  time:")[0]
    assert run("server", "rm", "notes").returncode == 0
    assert hub(tmp_path).endswith("servers: {}\n")
    done = run("server", "enable", "time")
    assert (done.returncode, "`mcphub server add` adds one" in done.stderr) == (1, True)


def test_add_from_a_catalog_tells_what_the_entry_needs(tmp_path: Path, run: Run) -> None:
    done = run("server", "add", "gh", "--from", "docker/github")
    assert (done.returncode, hub(tmp_path)) == (1, HUB)
    assert done.stderr.partition("--force writes it.\n")[2] == (
        "docker/github needs:\n"
        "  --secret github.token=env://GITHUB_TOKEN  a secret\n"
        "  --config owner=VALUE                      string; Whose.\n"
        "docker/github also takes:\n"
        "  --config limits.depth=VALUE  integer; 3 by default\n"
        "  --config mode=VALUE          string; one of a, b\n"
    )
    given = ("--secret", "github.token=env://T", "--config", "owner=no", "--config", "limits.depth=16")
    done = run("server", "add", "gh", "--from", "docker/github", *given)
    assert done.returncode == 0
    assert hub(tmp_path) == HUB + (
        "\n  gh:\n    from: docker/github\n    secrets:\n      github.token: env://T\n"
        "    config:\n      owner: no\n      limits:\n        depth: 16\n"
    )
    assert "needs" not in done.stderr
    assert run("config", "set", "gh.mode", "c").returncode == 1
    assert run("config", "set", "servers.gh.config.mode", "b").returncode == 0
    assert "        depth: 16\n      mode: b\n" in hub(tmp_path)


def test_add_what_comes_from_no_catalog(tmp_path: Path, run: Run) -> None:
    done = run("server", "add", "x", "--command", "python3 'a b.py'", "--env", "A=1", "--env", "B=c=d")
    assert done.returncode == 0
    assert "  x:\n    command: [python3, a b.py]\n    env:\n      A: '1'\n      B: c=d\n" in hub(tmp_path)
    done = run("server", "add", "x", "--image", "y")
    assert (done.returncode, "has a server `x` already" in done.stderr) == (1, True)
    for wrong in ((), ("--image", "y", "--package", "pypi:y"), ("--command", "'"), ("--image", "y", "--env", "A")):
        assert run("server", "add", "y", *wrong).returncode == 1
    assert run("server", "add", "far", "--remote", "https://far.example/mcp").returncode == 0
    assert run("server", "add", "boxed", "--package", "npm:left-pad", "--run", "process").returncode == 0
    done = run("server", "list", "--output", "json")
    rows = {row["name"]: row for row in json.loads(done.stdout)["servers"]}
    assert {name: row["kind"] for name, row in rows.items()} == {
        "boxed": "package",
        "far": "remote",
        "notes": "command",
        "time": "package",
        "x": "command",
    }
    assert rows["x"]["from"] == "python3 'a b.py'"


def test_a_remote_that_speaks_the_older_transport_is_added(tmp_path: Path, run: Run) -> None:
    done = run("server", "add", "old", "--remote", "https://old.example/sse", "--transport", "sse")
    assert done.returncode == 0
    assert "transport: sse" in hub(tmp_path)
    wrong = run("server", "add", "mute", "--package", "pypi:a", "--transport", "sse")
    assert wrong.returncode == 1
    assert "--transport is about a --remote." in wrong.stderr


def test_no_output_shows_a_secret(tmp_path: Path, run: Run) -> None:
    token = "ghp_" + "0123456789" * 4
    done = run("server", "add", "x", "--image", "y", "--secret", f"A={token}", "--force")
    assert done.returncode == 0
    assert token in hub(tmp_path)
    shown = done.stdout + done.stderr
    for arguments in (("server", "list"), ("server", "disable", "x"), ("config", "set", "servers.x.prefix", "p")):
        done = run(*arguments)
        shown += done.stdout + done.stderr
    assert "A: ****" in shown
    assert token not in shown


def test_list(tmp_path: Path, run: Run) -> None:
    assert run("server", "disable", "time").returncode == 0
    assert run("server", "list").stdout == (
        "NAME   KIND     FROM                    ENABLED\n"
        "notes  command  python3 srv/notes.py    yes\n"
        "time   package  pypi:mcp-server-time@1  no\n"
    )
    (tmp_path / "mcp-hub.yaml").write_text("a: [\n")
    assert run("server", "list").returncode == 1


@pytest.mark.parametrize("text", ["servers: {time: 1\n", HUB + "name: b\n", HUB.replace("[convert]", "&a [convert]")])
@pytest.mark.parametrize("arguments", [("server", "rm", "time"), ("config", "set", "time.a", "1"), ("fmt",)])
def test_a_wrong_document_is_not_touched(tmp_path: Path, text: str, arguments: tuple[str, ...]) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(text)
    done = mcphub(tmp_path, *arguments)
    assert (done.returncode, hub(tmp_path)) == (1, text)
    assert "error[MH10" in done.stderr
    assert "Nothing was changed." in done.stderr


def test_what_cannot_be_changed_in_place_is_refused(tmp_path: Path, run: Run) -> None:
    text = HUB.replace("name: acme", "name: acme\t")
    (tmp_path / "mcp-hub.yaml").write_text(text)
    done = run("server", "disable", "time")
    assert (done.returncode, hub(tmp_path)) == (1, text)
    assert "Not all readers of YAML take it as it is (line 3: " in done.stderr
    (tmp_path / "mcp-hub.yaml").write_text("[a]\n")
    assert "is not a mapping" in run("server", "disable", "time").stderr


def test_layout(tmp_path: Path, run: Run) -> None:
    laid_out = HUB.replace("}   #", "} #")
    done = run("fmt", "--check", "--diff")
    assert (done.returncode, done.stdout) == (2, "mcp-hub.yaml is not laid out: run `mcphub fmt`.\n")
    assert "-defaults:   {run: process}   # all of them\n+defaults:   {run: process} # all of them\n" in done.stderr
    assert run("fmt", "--diff").stdout == "Not written.\n"
    assert hub(tmp_path) == HUB
    assert run("fmt").stdout == "Written: mcp-hub.yaml\n"
    assert hub(tmp_path) == laid_out
    assert run("fmt", "--check").returncode == 0
    (tmp_path / "mcp-hub.yaml").write_bytes(laid_out.replace("\n", "\r\n").encode())
    done = run("fmt", "--diff")
    assert done.stderr == "mcp-hub.yaml: its line breaks change.\n"


def test_a_change_keeps_breaks_mode_and_link(tmp_path: Path, run: Run) -> None:
    real = tmp_path / "real.yaml"
    real.write_bytes(HUB.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    (tmp_path / "mcp-hub.yaml").unlink()
    (tmp_path / "mcp-hub.yaml").symlink_to(real)
    assert run("config", "set", "gateway.listen", "127.0.0.1:1").returncode == 0
    assert (tmp_path / "mcp-hub.yaml").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert hub(tmp_path) == (HUB + "\ngateway:\n  listen: 127.0.0.1:1\n").replace("\n", "\r\n")


def test_add_of_what_oauth_opens_tells_which_token_it_needs(tmp_path: Path, run: Run) -> None:
    provider = "{provider: board, secret: board.token, env: BOARD_TOKEN}"
    board = f"  board:\n    remote: {{url: 'https://b.example/mcp'}}\n    oauth: {{providers: [{provider}]}}\n"
    (tmp_path / "catalog.yaml").write_text(CATALOG + board)
    done = run("server", "add", "board", "--from", "docker/board")
    assert done.returncode == 1
    needs = "docker/board needs:\n  --secret board.token=env://BOARD_TOKEN  an access token, as OAuth gives it\n"
    assert needs in done.stderr
    assert run("server", "add", "board", "--from", "docker/board", "--secret", "board.token=env://T").returncode == 0


def test_the_commands_of_the_page_on_editing(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "editing.md").read_text("utf-8")
    commands = page.partition("```sh\n")[2].partition("```")[0].splitlines()
    assert len(commands) == 8
    catalog = CATALOG.replace("  github:\n", "  github-official:\n").replace(
        "github.token", "github.personal_access_token"
    )
    fs = "  fs:\n    title: Files\n    description: d\n    type: server\n    image: mcp/fs\n    config:\n"
    fs += "      - {name: fs, type: object, properties: {paths: {type: array, items: {type: string}}}}\n"
    (tmp_path / "catalog.yaml").write_text(
        catalog.replace("- name: github\n", "- name: github-official\n").replace("        required: [owner]\n", "") + fs
    )
    text = HUB.partition("  time:")[0] + "  fs: {from: docker/fs, config: {paths: [/]}}\n"
    (tmp_path / "mcp-hub.yaml").write_text(text)
    for line in commands:
        done = mcphub(tmp_path, *shlex.split(line, comments=True)[1:])
        assert done.returncode == 0, f"{line}: {done.stderr}"
    assert "time:" not in hub(tmp_path)
    assert "paths: [/srv/a]}}" in hub(tmp_path)


def test_addresses_and_values() -> None:
    assert read_path('a."b.c".d') == ("a", "b.c", "d")
    assert read_address("gh.owner") == ("servers", "gh", "config", "owner")
    assert read_address("servers.gh.prefix") == ("servers", "gh", "prefix")
    assert read_address("name") == ("name",)
    for wrong in ("", ".a", "a.", "a..b", 'a"b"', "gh"):
        with pytest.raises(click.UsageError):
            read_address(wrong)
    found = [read_value(text) for text in ("no", "true", "3", "null", "", "[1, a]", '"1"', "a: b", "1.10")]
    assert found == ["no", True, 3, None, None, [1, "a"], "1", "a: b", 1.1]
    with pytest.raises(click.UsageError):
        read_value("[a")
    assert read_pairs("--env", ["A=b=c", "B="]) == {"A": "b=c", "B": ""}
    for pairs in (["A"], ["=b"], ["A=1", "A=2"]):
        with pytest.raises(click.UsageError):
            read_pairs("--env", pairs)


TEAM = """\
# The team's.
servers:
  other: {image: x}   # theirs
  split: {package: 'pypi:a'}
"""
PROD = "# What differs.\nservers: {time: {tools: {deny: [now]}}}   # there\n"


@pytest.fixture
def several(tmp_path: Path, run: Run) -> Run:
    (tmp_path / "team.yaml").write_text(TEAM, "utf-8")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text(PROD, "utf-8")
    text = HUB.replace("servers:", "include: [team.yaml]\nservers:\n  split: {prefix: sp}")
    (tmp_path / "mcp-hub.yaml").write_text(text, "utf-8")
    return run


def texts(folder: Path) -> tuple[str, str, str]:
    """Return the hub's own text, the included one and the environment's."""
    return (
        hub(folder),
        (folder / "team.yaml").read_text("utf-8"),
        (folder / "environments/prod.yaml").read_text("utf-8"),
    )


def test_a_server_is_changed_in_the_file_that_declares_it(tmp_path: Path, several: Run) -> None:
    own, team, prod = texts(tmp_path)
    done = several("server", "disable", "other")
    assert (done.returncode, done.stdout) == (0, "Written: team.yaml\n")
    assert texts(tmp_path) == (own, team.replace("{image: x}", "{image: x, enabled: false}"), prod)
    assert several("server", "disable", "other").stdout == "The hub says so already.\n"
    assert several("server", "enable", "other").stdout == "Written: team.yaml\n"
    assert several("config", "set", "servers.other.image", "y").stdout == "Written: team.yaml\n"
    assert texts(tmp_path)[1] == team.replace("image: x", "image: y")
    assert several("server", "rm", "other").stdout == "Written: team.yaml\n"
    assert texts(tmp_path)[1] == team.replace("  other: {image: x}   # theirs\n", "")
    assert several("server", "add", "new", "--image", "z").stdout == "Written: mcp-hub.yaml\n"


def test_what_two_files_say_of_one_server_is_changed_where_each_says_it(tmp_path: Path, several: Run) -> None:
    own, team, _ = texts(tmp_path)
    assert several("config", "set", "servers.split.prefix", "other").stdout == "Written: mcp-hub.yaml\n"
    assert several("config", "set", "servers.split.package", "pypi:b").stdout == "Written: team.yaml\n"
    assert texts(tmp_path)[:2] == (own.replace("prefix: sp", "prefix: other"), team.replace("'pypi:a'", "'pypi:b'"))
    done = several("server", "rm", "split")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Other files than `mcp-hub.yaml` say something of `servers.split` as well." in done.stderr


def test_for_an_environment_its_own_file_is_changed(tmp_path: Path, several: Run) -> None:
    own, team, _ = texts(tmp_path)
    done = several("server", "disable", "notes", "--env", "prod")
    assert (done.returncode, done.stdout) == (0, "Written: environments/prod.yaml\n")
    assert several("tool", "deny", "time", "convert", "--env", "prod").returncode == 0
    assert texts(tmp_path) == (
        own,
        team,
        "# What differs.\nservers: {time: {tools: {deny: [now, convert]}}, notes: {enabled: false}}   # there\n",
    )
    assert several("tool", "rm", "time", "now", "convert", "--env", "prod").returncode == 0
    assert several("server", "enable", "notes", "--env", "prod").returncode == 0
    assert several("config", "set", "gateway.listen", "127.0.0.1:9", "--env", "prod").returncode == 0
    assert several("server", "rm", "other", "--env", "prod").returncode == 0
    assert texts(tmp_path)[:2] == (own, team)
    whole = several("config", "--env", "prod").stdout
    assert "other" not in whole
    assert "127.0.0.1:9" in whole
    assert "deny" not in whole
    assert several("server", "rm", "other", "--env", "prd").returncode == 1


def test_files_that_contradict_one_another_are_not_changed(tmp_path: Path, several: Run) -> None:
    own, _, prod = texts(tmp_path)
    (tmp_path / "team.yaml").write_text("owner: a\nservers: {time: {package: 'pypi:b'}}\n", "utf-8")
    done = several("server", "disable", "time")
    assert (done.returncode, "Its files contradict one another." in done.stderr) == (1, True)
    (tmp_path / "team.yaml").write_text("servers: [a\n", "utf-8")
    done = several("server", "disable", "time")
    assert (done.returncode, "team.yaml:2:1: error[MH104]" in done.stderr) == (1, True)
    assert (hub(tmp_path), texts(tmp_path)[2]) == (own, prod)
