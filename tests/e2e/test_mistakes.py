import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcphub_gitops.compiler.canonical import encode, fingerprint
from mcphub_gitops.runtime.apply.lease import hold, wait_until_free
from tests.support.projects import MCPHUB, mcphub

ROOT = Path(__file__).parents[2]
HEAD = 'apiVersion: mcphub/v1\nname: acme\ndefaults: {run: process}\ngateway: {listen: "127.0.0.1:0"}\nservers:\n'
NOTES = "  notes: {command: [python3, server.py]}\n"
PACKAGE = '  time: {package: "pypi:mcp-server-time@%s"}\n'


def project(folder: Path, servers: str) -> Path:
    (folder / "mcp-hub.yaml").write_text(HEAD + servers, "utf-8")
    shutil.copy(ROOT / "examples" / "notes" / "server.py", folder)
    return folder


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_package_that_does_not_exist_is_told_at_its_line_and_nothing_is_written(tmp_path: Path) -> None:
    folder = project(tmp_path, PACKAGE.replace("mcp-server-time@%s", "mcphub-no-such-package-anywhere") + NOTES)
    done = mcphub(folder, "lock")
    assert done.returncode == 1
    assert "mcp-hub.yaml:6:19: error[MH401]: the package does not exist" in done.stderr
    assert sorted(each.name for each in folder.iterdir()) == [".mcphub", "mcp-hub.yaml", "server.py"]


def test_a_version_that_does_not_exist_is_told_with_the_newest(tmp_path: Path) -> None:
    done = mcphub(project(tmp_path, PACKAGE % "1.2.3.4"), "lock")
    assert done.returncode == 1
    assert "mcp-hub.yaml:6:19: error[MH401]" in done.stderr
    assert "1.2.3.4" in done.stderr


def test_an_index_that_cannot_be_reached_is_not_a_mistake_of_the_document(tmp_path: Path) -> None:
    environment = {**os.environ, "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    environment |= {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_NO_CONFIG": "1"}
    done = mcphub(project(tmp_path, PACKAGE % "2026.10.19"), "lock", env=environment)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-4:][0] or done.stderr
    assert "MH401" not in done.stderr
    assert "error: " in done.stderr
    assert not (tmp_path / "mcp-hub.lock").exists()


def test_a_filter_that_matches_nothing_stops_the_lock(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES.replace("server.py]", 'server.py], tools: {deny: [drop_note, "add_*"]}'))
    done = mcphub(folder, "lock")
    assert done.returncode == 1
    assert "error[MH306]: a tool filter matches nothing" in done.stderr
    assert "help: did you mean `add_note`?" in done.stderr
    assert not (folder / "mcp-hub.lock").exists()


def test_two_servers_with_one_tool_name_stop_the_lock(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES + NOTES.replace("notes:", "memos:"))
    done = mcphub(folder, "lock")
    assert done.returncode == 1
    assert done.stderr.count("error[MH307]") == 3
    assert not (folder / "mcp-hub.lock").exists()


def test_a_server_that_does_not_answer_is_told_with_what_it_said(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    (folder / "server.py").write_text("import sys\nsys.exit('no database here')\n", "utf-8")
    done = mcphub(folder, "lock")
    assert done.returncode == 1
    assert "no database here" in done.stderr
    assert "help: " in done.stderr


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    done = mcphub(project(tmp_path, NOTES.replace("python3", "no-such-program")), "lock")
    assert done.returncode == 1
    assert "no-such-program" in done.stderr


def test_a_port_that_is_taken_is_told_and_stands_in_the_journal(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    assert mcphub(folder, "lock").returncode == 0
    with taken_port() as port:
        hub = folder / "mcp-hub.yaml"
        hub.write_text(hub.read_text("utf-8").replace("127.0.0.1:0", f"127.0.0.1:{port}"), "utf-8")
        for arguments in (["up"], ["up", "--detach"], ["gateway", "run"]):
            done = mcphub(folder, *arguments)
            assert done.returncode == 1
            assert f"127.0.0.1:{port}" in done.stderr
            assert "another program listens there" in done.stderr
    journal = (folder / ".mcphub" / "journal.jsonl").read_text("utf-8")
    assert journal.count('"event": "gateway failed"') == 3


def test_a_file_edited_after_the_lock_stops_the_plan(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    assert mcphub(folder, "lock").returncode == 0
    with (folder / "server.py").open("a") as file:
        file.write("# edited\n")
    for arguments in (["plan"], ["apply", "--auto-approve"], ["up"]):
        done = mcphub(folder, *arguments)
        assert done.returncode == 1
        assert "error[MH402]" in done.stderr
    assert mcphub(folder, "lock", "--check").returncode == 2
    assert mcphub(folder, "validate").returncode == 0


def test_what_is_not_applied_is_not_served(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    for arguments in (["gateway", "run"], ["drift"]):
        done = mcphub(folder, *arguments)
        assert done.returncode == 1
        assert "nothing is applied" in done.stderr
    assert mcphub(folder, "down").returncode == 0


@pytest.mark.parametrize("arguments", [["plan", "-o", "nowhere/plan.json"], ["apply", "nowhere.json"], ["lokc"]])
def test_arguments_that_lead_nowhere(tmp_path: Path, arguments: list[str]) -> None:
    folder = project(tmp_path, NOTES)
    assert mcphub(folder, "lock").returncode == 0
    done = mcphub(folder, *arguments)
    assert done.returncode == 1
    assert done.stderr.lower().startswith(("error: ", "usage: "))


def test_init_begins_a_hub_and_never_overwrites_one(tmp_path: Path) -> None:
    folder = tmp_path / "My Team"
    folder.mkdir()
    done = mcphub(folder, "init")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "Written: mcp-hub.yaml",
        "Written: mcp-hub.schema.json",
        "Written: .gitignore",
        "Next: `mcphub lock`, then `mcphub up`.",
    ]
    assert "name: my-team\n" in (folder / "mcp-hub.yaml").read_text("utf-8")
    assert (folder / ".gitignore").read_text("utf-8") == "/.mcphub/\n"
    assert mcphub(folder, "validate").returncode == 0
    again = mcphub(folder, "init")
    assert again.returncode == 1
    assert "mcp-hub.yaml is already there" in again.stderr


def test_a_saved_plan_with_other_operations_is_refused(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    assert mcphub(folder, "lock").returncode == 0
    assert mcphub(folder, "plan", "-o", "plan.json").returncode == 0
    document = json.loads((folder / "plan.json").read_bytes())
    del document["digest"]
    document["operations"] = [each for each in document["operations"] if each["type"] != "probe"]
    (folder / "plan.json").write_bytes(encode({**document, "digest": fingerprint(document)}) + b"\n")
    done = mcphub(folder, "apply", "plan.json", "--expect", document["review"])
    assert done.returncode == 5
    assert "its operations are not those that its own hub needs" in done.stderr


def test_a_plan_that_promises_more_than_this_machine_gives_is_refused(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    assert mcphub(folder, "lock").returncode == 0
    assert mcphub(folder, "plan", "-o", "plan.json").returncode == 0
    document = json.loads((folder / "plan.json").read_bytes())
    del document["digest"]
    document["isolation"]["notes"]["measures"].append("a moat")
    (folder / "plan.json").write_bytes(encode({**document, "digest": fingerprint(document)}) + b"\n")
    done = mcphub(folder, "apply", "plan.json")
    assert done.returncode == 5
    assert "server.notes: a moat" in done.stderr


def test_a_script_that_was_edited_after_the_apply_is_not_started(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    for arguments in (["lock"], ["apply", "--auto-approve"]):
        assert mcphub(folder, *arguments).returncode == 0
    (folder / "server.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n", "utf-8")
    with subprocess.Popen([MCPHUB, "gateway", "run"], cwd=folder, stderr=subprocess.PIPE, text=True) as gateway:
        assert gateway.stderr is not None
        line = next(line for line in gateway.stderr if "server notes is down" in line)
        gateway.terminate()
    assert "server.py is not what was locked" in line
    assert not (tmp_path / "ran").exists()


def test_a_file_of_the_hub_does_not_stand_in_for_a_module(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    for name in ("uvloop", "secrets", "json"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n", "utf-8")
    assert mcphub(folder, "lock").returncode == 0
    assert mcphub(folder, "up", "--detach").returncode == 0
    assert mcphub(folder, "down").returncode == 0
    assert not (tmp_path / "ran").exists()


def test_a_gateway_that_was_killed_leaves_nothing_that_looks_like_one(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    assert mcphub(folder, "lock").returncode == 0
    assert mcphub(folder, "up", "--detach").returncode == 0
    pid = int((folder / ".mcphub" / "gateway.lock").read_text("utf-8").split()[0])
    os.kill(pid, signal.SIGKILL)
    assert wait_until_free(folder / ".mcphub" / "gateway.lock", 10.0)
    assert (folder / ".mcphub" / "serving.json").exists()
    assert mcphub(folder, "down").stdout == "No gateway was running.\n"
    assert mcphub(folder, "up", "--detach").returncode == 0
    assert mcphub(folder, "down").stdout == "The gateway is stopped.\n"


def test_a_down_without_the_engine_says_what_was_done_and_is_finished_by_the_next(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    for arguments in (["lock"], ["up", "--detach"]):
        assert mcphub(folder, *arguments).returncode == 0
    made = folder / ".mcphub" / "containers" / "mcphub-acme-notes-0.lock"
    made.touch()
    away = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path / 'away.sock'}"}
    done = mcphub(folder, "down", env=away)
    assert done.returncode == 4, done.stderr
    assert str(tmp_path / "away.sock") in done.stderr
    assert "The gateway is stopped, but the containers of the hub are still there." in done.stderr
    again = mcphub(folder, "down", env=away)
    assert (again.returncode, again.stdout) == (1, "")
    made.unlink()
    assert mcphub(folder, "down", env=away).stdout == "No gateway was running.\n"


def test_a_down_beside_a_change_of_the_hub_stops_nothing(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    for arguments in (["lock"], ["up", "--detach"]):
        assert mcphub(folder, *arguments).returncode == 0
    with hold(folder / ".mcphub" / "writer.lock", "mcphub apply"):
        done = mcphub(folder, "down")
    assert (done.returncode, done.stdout) == (6, "")
    assert mcphub(folder, "down").stdout == "The gateway is stopped.\n"


def test_an_address_that_changed_under_a_running_gateway_is_told(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    assert mcphub(folder, "lock").returncode == 0
    assert mcphub(folder, "up", "--detach").returncode == 0
    try:
        hub = folder / "mcp-hub.yaml"
        hub.write_text(hub.read_text("utf-8").replace("127.0.0.1:0", "localhost:0"), "utf-8")
        done = mcphub(folder, "apply", "--auto-approve")
        drifted = mcphub(folder, "drift")
    finally:
        mcphub(folder, "down")
    assert "The running gateway still listens on 127.0.0.1:0" in done.stdout
    assert drifted.returncode == 2
    assert "gateway: it listens on 127.0.0.1:0, the hub says localhost:0" in drifted.stdout


def test_another_hub_does_not_take_over_a_folder(tmp_path: Path) -> None:
    folder = project(tmp_path, NOTES)
    for arguments in (["lock"], ["apply", "--auto-approve"]):
        assert mcphub(folder, *arguments).returncode == 0
    (folder / "other.yaml").write_text((HEAD + NOTES).replace("name: acme", "name: other"), "utf-8")
    assert mcphub(folder, "lock", "--file", "other.yaml").returncode == 0
    done = mcphub(folder, "apply", "--auto-approve", "--file", "other.yaml")
    assert done.returncode == 1
    assert "the hub acme is applied here, not other" in done.stderr
