import os
from pathlib import Path

from tests.support.projects import mcphub

HUB = """\
apiVersion: mcphub/v1
name: acme
include: ["teams/*.yaml"]
defaults: {run: process}
servers: {}
"""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def test_a_file_that_is_a_link_or_has_another_name_is_not_included(tmp_path: Path) -> None:
    write(tmp_path, {"mcp-hub.yaml": HUB, "elsewhere/a.yaml": "servers: {}\n", "real/ok.yaml": "vars: {}\n"})
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams/link.yaml").symlink_to("../elsewhere/a.yaml")
    os.link(tmp_path / "elsewhere/a.yaml", tmp_path / "teams/hard.yaml")
    os.mkfifo(tmp_path / "teams/pipe.yaml")
    done = mcphub(tmp_path, "validate")
    assert done.returncode == 1
    assert "`teams/link.yaml` is a link, or is reached through one (teams/link.yaml)." in done.stderr
    assert "`teams/hard.yaml` has a second name elsewhere (a hard link)." in done.stderr
    assert "`teams/pipe.yaml` is no regular file." in done.stderr
    write(tmp_path, {"mcp-hub.yaml": HUB.replace("teams", "linked")})
    (tmp_path / "linked").symlink_to("real")
    assert "`linked/ok.yaml` is a link, or is reached through one (linked)." in mcphub(tmp_path, "validate").stderr


def test_an_environment_has_a_lock_of_its_own(tmp_path: Path) -> None:
    script = "examples/notes/server.py"
    hub = HUB.replace("servers: {}", f"servers: {{notes: {{command: [python3, {script}]}}}}").replace("include", "#")
    source = (Path(__file__).parents[3] / script).read_text("utf-8")
    write(tmp_path, {"mcp-hub.yaml": hub, script: source, "environments/prod.yaml": "servers: {notes: {prefix: p}}\n"})
    done = mcphub(tmp_path, "plan", "--offline", "--env", "prod")
    assert done.returncode == 1
    assert "run `mcphub lock --env prod`" in done.stderr
    assert mcphub(tmp_path, "lock", "--env", "prod").returncode == 0
    assert (tmp_path / "locks/prod.lock").is_file()
    assert (tmp_path / "locks/prod.tools/notes.json").is_file()
    assert not (tmp_path / "mcp-hub.lock").exists()
    assert "+ tool.p_" in mcphub(tmp_path, "plan", "--offline", "--env", "prod").stdout
    assert mcphub(tmp_path, "plan", "--offline").returncode == 1


def test_an_environment_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    write(tmp_path, {"mcp-hub.yaml": HUB, "environments/prod.yaml": "{}\n"})
    done = mcphub(tmp_path, "validate", "--env", "prd")
    assert (done.returncode, "did you mean `prod`?" in done.stderr) == (1, True)
    assert mcphub(tmp_path, "validate", "--env", "../x").returncode == 1


def test_config_shows_the_whole_and_where_a_part_comes_from(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "mcp-hub.yaml": HUB,
            "teams/a.yaml": "servers: {a: {image: x}}\n",
            "environments/prod.yaml": "servers: {a: {image: y}}\n",
        },
    )
    assert '  a:\n    image: "x"\n' in mcphub(tmp_path, "config").stdout
    told = mcphub(tmp_path, "config", "--env", "prod", "--explain", "servers.a.image").stdout
    assert "teams/a.yaml:1:22 is overridden" in told
    assert "environments/prod.yaml:1:22 counts" in told
    write(tmp_path, {"teams/a.yaml": "servers: {a: {image: x, secrets: {KEY: hunter2}}}\n"})
    assert '      KEY: "****"\n' in mcphub(tmp_path, "config").stdout
    missing = mcphub(tmp_path, "config", "--explain", "servers.b")
    assert (missing.returncode, "nothing sets `servers.b`" in missing.stderr) == (1, True)
    write(tmp_path, {"teams/a.yaml": "servers: [\n"})
    broken = mcphub(tmp_path, "config")
    assert (broken.returncode, "teams/a.yaml:" in broken.stderr) == (1, True)
