import json
from pathlib import Path

from tests.support.projects import mcphub

GOOD = 'apiVersion: mcphub/v1\nname: acme\nservers:\n  time: {package: "pypi:mcp-server-time@1", run: process}\n'


def test_a_right_hub(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(GOOD)
    done = mcphub(tmp_path, "validate")
    assert (done.returncode, done.stdout) == (0, "mcp-hub.yaml is valid: 1 server\n")
    assert done.stderr.startswith("mcp-hub.yaml:1:1: note[MH403]: not locked yet\n")


def test_a_mistake_is_shown_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(GOOD.replace("servers", "severs"))
    done = mcphub(tmp_path, "validate")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "mcp-hub.yaml:3:1: error[MH201]: the key is unknown" in done.stderr
    assert "help: did you mean `servers`?" in done.stderr


def test_json(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(GOOD + "x: 1\n")
    done = mcphub(tmp_path, "validate", "--output", "json")
    assert done.returncode == 1
    assert [each["code"] for each in json.loads(done.stdout)["diagnostics"]] == ["MH201"]


def test_a_missing_file(tmp_path: Path) -> None:
    done = mcphub(tmp_path, "validate")
    assert done.returncode == 1
    assert done.stderr.startswith("error: mcp-hub.yaml cannot be read")


def test_a_lock_that_does_not_fit_is_told_by_its_exit_code_beside_warnings(tmp_path: Path) -> None:
    server = '{command: [python3, server.py], env: {DB: "https://me:pw@db.example"}}'
    (tmp_path / "server.py").write_text("", "utf-8")
    (tmp_path / "mcp-hub.yaml").write_text(
        f"apiVersion: mcphub/v1\nname: acme\ndefaults: {{run: process}}\nservers:\n  db: {server}\n", "utf-8"
    )
    done = mcphub(tmp_path, "lock", "--check")
    assert ("error[MH402]" in done.stderr, "warning[MH317]" in done.stderr) == (True, True)
    assert done.returncode == 2
