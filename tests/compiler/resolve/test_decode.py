import pytest

from mcphub_gitops.compiler.diagnostic import render, sort
from mcphub_gitops.compiler.read.redaction import hide_secrets
from mcphub_gitops.compiler.read.syntax import parse
from mcphub_gitops.compiler.resolve.decode import decode
from mcphub_gitops.compiler.resolve.model import Command, Hub, Package

HEAD = "apiVersion: mcphub/v1\nname: acme\ndefaults: {run: process}\nvars: {zone: UTC}\nservers:\n  s:\n"


def decoded(body: str) -> tuple[Hub, list[tuple[str, str]]]:
    parsed = parse("mcp-hub.yaml", (HEAD + body).encode())
    assert parsed.root is not None
    hub, problems = decode(parsed.root)
    source = hide_secrets(parsed.source, parsed.root)
    shown = "".join(render(each, {"mcp-hub.yaml": source}) for each in problems)
    assert "hunter2" not in shown
    return hub, [(each.code.name, str(each.span).removeprefix("mcp-hub.yaml:")) for each in sort(problems)]


def test_a_package_with_a_variable() -> None:
    hub, problems = decoded('    package: "pypi:MCP_Server.Time@1.2"\n    args: ["${vars.zone}", "$$x"]\n')
    assert problems == []
    (server,) = hub.servers
    assert isinstance(server.origin, Package)
    assert server.origin.requirement == "mcp-server-time==1.2"
    assert [text.value for text in server.origin.args] == ["UTC", "$x"]


def test_a_command_with_a_secret() -> None:
    hub, problems = decoded('    command: [python3, a.py]\n    secrets: {KEY: "env://NOTES_KEY"}\n')
    assert problems == []
    (server,) = hub.servers
    assert isinstance(server.origin, Command)
    assert [str(secret) for secret in server.secrets] == ["env://NOTES_KEY"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("    env: {A: '${vars.zon}'}\n", ("MH302", "8:14")),
        ("    env: {A: 'a$b'}\n", ("MH301", "8:14")),
        ("    env: {A: '${env.X}'}\n", ("MH301", "8:14")),
        ("    secrets: {A: hunter2}\n", ("MH303", "8:18")),
        ("    secrets: {A: 'http://hunter2'}\n", ("MH304", "8:18")),
        ("    env: {A: ghp_hunter2abcdefghijklmnopqrstuvwxyz0123}\n", ("MH303", "8:14")),
        ("    env: {A: x}\n    secrets: {A: 'env://A'}\n", ("MH305", "9:15")),
        ("    args: [x]\n", ("MH201", "8:11")),
        ("    secrets: {A: 'env://A B'}\n", ("MH204", "8:18")),
        ("    secrets: {A: 'file://.mcphub/token'}\n", ("MH204", "8:18")),
        ("    secrets: {A: 'env://${vars.zone}'}\n", ("MH301", "8:18")),
        ("    paths: {write: [mcp-hub.lock]}\n", ("MH308", "8:21")),
        ("    paths: {write: [a.py]}\n", ("MH308", "7:24")),
    ],
)
def test_mistakes_beyond_the_shape(line: str, expected: tuple[str, str]) -> None:
    _, problems = decoded("    command: [python3, a.py]\n" + line)
    assert problems == [expected]


def test_where_a_server_runs_is_declared() -> None:
    parsed = parse("h", b"servers: {s: {command: [x]}}")
    assert parsed.root is not None
    _, problems = decode(parsed.root)
    assert [problem.code.name for problem in problems] == ["MH203"]


@pytest.mark.parametrize(("word", "count"), [(".mcphub/x.py", 1), ("../x.py", 1), ("..", 1), ("sh -c cd a/../../b", 0)])
def test_the_words_of_a_command_stay_in_the_hub(word: str, count: int) -> None:
    _, problems = decoded(f'    command: [python3, "{word}"]\n')
    assert [code for code, _ in problems] == ["MH308"] * count


@pytest.mark.parametrize(
    ("gateway", "count"),
    [
        ("listen: 127.0.0.1:0", 0),
        ("listen: 'localhost:80'", 0),
        ("listen: '[::1]:80'", 0),
        ("listen: 127.0.0.1:65536", 1),
        ("listen: 999.1.1.1:80", 1),
        ("listen: '[::::]:80'", 1),
        ("listen: 'a..b:80'", 1),
        ("listen: '-:80'", 1),
        ("publicUrl: 'https://mcp.example'", 0),
        ("publicUrl: 'https://mcp.example:99999'", 1),
        ("publicUrl: 'https://mcp.example:0'", 1),
    ],
)
def test_addresses_that_cannot_be(gateway: str, count: int) -> None:
    _, problems = decoded(f"    command: [x]\ngateway: {{{gateway}}}\n")
    assert [code for code, _ in problems] == ["MH204"] * count


@pytest.mark.parametrize("value", ["ghp_0123456789abcdefghijklmnopqrstuvwxyz", "a$b", "${vars.zone}"])
def test_variables_hold_neither_secrets_nor_templates(value: str) -> None:
    parsed = parse("h", f"vars: {{a: '{value}'}}\nservers: {{}}".encode())
    assert parsed.root is not None
    _, problems = decode(parsed.root)
    assert len(problems) == 1


def test_a_token_that_is_put_together_from_parts_is_found() -> None:
    _, problems = decoded("    command: [x]\n    env: {A: 'ghp_${vars.zone}aaaaaaaaaabbbbbbbbbbccccccccccdddd'}\n")
    assert problems == [("MH303", "8:14")]
