import base64
import json
import os
import stat
from pathlib import Path
from time import monotonic

import pytest

from mcphub_gitops.runtime.adapters.credentials import DockerLogins, Login
from mcphub_gitops.runtime.failure import RuntimeFailure

HOST = "registry.example:5000"
INDEX = "https://index.docker.io/v1/"


class Docker:
    """A home of Docker's command line: its file, and helpers on the search path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        self.environ = {"DOCKER_CONFIG": str(folder), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}

    def write(self, config: object) -> None:
        (self.folder / "config.json").write_text(json.dumps(config))

    def helper(self, name: str, script: str) -> None:
        path = self.folder / "bin" / f"docker-credential-{name}"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(stat.S_IRWXU)

    def find(self, host: str = HOST, *, timeout: float = 30) -> Login | None:
        return DockerLogins(self.environ, timeout=timeout).find(host)

    def failure(self, host: str = HOST, *, timeout: float = 30) -> RuntimeFailure:
        with pytest.raises(RuntimeFailure) as caught:
            self.find(host, timeout=timeout)
        error: BaseException | None = caught.value
        assert isinstance(error, RuntimeFailure)
        told = f"{error.brief}\n{error.detail}\n{error.resolution}"
        while error is not None:
            told += f"\n{error!r}\n{vars(error)!r}"
            error = error.__cause__
        assert "canary" not in told
        return caught.value


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    return Docker(tmp_path)


def packed(name: str, password: str) -> str:
    return base64.b64encode(f"{name}:{password}".encode()).decode()


def user(name: str, password: str) -> Login:
    return Login(username=name, password=password)


def token(value: str) -> Login:
    return Login(identity_token=value)


def test_without_a_file_nobody_is_logged_in(docker: Docker, tmp_path: Path) -> None:
    assert docker.find() is None
    docker.environ |= {"DOCKER_CONFIG": str(tmp_path / "none")}
    assert docker.find() is None
    assert DockerLogins({}).find(HOST) is None


def test_the_file_is_in_the_home_unless_a_variable_says_otherwise(docker: Docker, tmp_path: Path) -> None:
    home = tmp_path / "home" / ".docker"
    home.mkdir(parents=True)
    docker.write({"auths": {HOST: {"auth": packed("variable", "p")}}})
    (home / "config.json").write_text(json.dumps({"auths": {HOST: {"auth": packed("home", "p")}}}))
    docker.environ |= {"HOME": str(tmp_path / "home")}
    assert docker.find() == user("variable", "p")
    docker.environ["DOCKER_CONFIG"] = ""
    assert docker.find() == user("home", "p")


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        ({"auth": packed("u", "p:q ä")}, user("u", "p:q ä")),
        ({"auth": packed("u", "")}, user("u", "")),
        ({"auth": packed("u", "p\0\0")}, user("u", "p")),
        ({"auth": packed("u", "p")[:4] + "\r\n" + packed("u", "p")[4:] + "\n"}, user("u", "p")),
        ({"username": "u", "password": "p"}, user("u", "p")),
        ({"auth": packed("0-0", ""), "identitytoken": "t"}, token("t")),
        ({}, None),
        ({"email": "e"}, None),
        (None, None),
    ],
)
def test_an_entry_holds_a_password_or_an_identity_token(docker: Docker, entry: object, login: Login | None) -> None:
    docker.write({"auths": {HOST: entry}})
    assert docker.find() == login


def test_each_registry_has_its_own_login(docker: Docker) -> None:
    docker.write({"auths": {HOST: {"auth": packed("u", "p")}}})
    for other in ("registry.example", "registry.example:5001", "docker.io", "example"):
        assert docker.find(other) is None


def test_old_entries_are_filed_under_an_address(docker: Docker) -> None:
    docker.write({"auths": {f"https://{HOST}/v1/": {"auth": packed("old", "p")}}})
    assert docker.find() == user("old", "p")
    docker.write({"auths": {f"https://{HOST}/v1/": {"auth": packed("old", "p")}, HOST: {"auth": packed("new", "p")}}})
    assert docker.find() == user("new", "p")


@pytest.mark.parametrize("key", [INDEX, "index.docker.io", "docker.io", "https://index.docker.io/v2/"])
def test_dockers_own_registry_has_several_names(docker: Docker, key: str) -> None:
    docker.write({"auths": {key: {"auth": packed("u", "p")}}})
    assert docker.find("docker.io") == user("u", "p")


def test_a_helper_is_asked_for_the_registry_and_gets_mcphubs_environment(docker: Docker) -> None:
    docker.environ["CANARY"] = "yes"
    docker.helper("x", 'read -r url; echo "{\\"Username\\": \\"$1 $CANARY\\", \\"Secret\\": \\"$url\\"}"')
    docker.write({"credsStore": "x", "auths": {HOST: {"auth": packed("file", "p")}}})
    assert docker.find() == Login(username="get yes", password=HOST)
    assert docker.find("docker.io") == Login(username="get yes", password=INDEX)


def test_a_helper_of_one_registry_comes_before_the_one_of_all(docker: Docker) -> None:
    docker.helper("one", """echo '{"Username": "one", "Secret": "s"}'""")
    docker.helper("all", """echo '{"Username": "<token>", "Secret": "s"}'""")
    docker.write({"credsStore": "all", "credHelpers": {HOST: "one"}})
    assert docker.find() == user("one", "s")
    assert docker.find("other.example") == token("s")
    docker.write({"credsStore": "", "credHelpers": {HOST: ""}, "auths": {HOST: {"auth": packed("file", "p")}}})
    assert docker.find() == user("file", "p")


@pytest.mark.parametrize(
    "script",
    [
        "echo credentials not found in native keychain; exit 1",
        """echo '{"ServerURL": "", "Username": "", "Secret": ""}'""",
    ],
)
def test_a_helper_that_knows_nothing_means_nobody_is_logged_in(docker: Docker, script: str) -> None:
    docker.helper("x", script)
    docker.write({"credsStore": "x"})
    assert docker.find() is None


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo canary; echo canary >&2; exit 3", "docker-credential-x ended with status 3."),
        ("echo canary", "answered with something else"),
        ("echo '[\"canary\"]'", "answered with something else"),
        ("""echo '{"Username": "canary"}'""", "answered with something else"),
        ("""echo '{"Username": 1, "Secret": "canary"}'""", "answered with something else"),
        ("kill -9 $$", "ended with status -9."),
    ],
)
def test_a_helper_that_fails_is_told_without_its_words(docker: Docker, script: str, words: str) -> None:
    docker.helper("x", script)
    docker.write({"credsStore": "x"})
    failure = docker.failure()
    assert failure.brief == f"the login for {HOST} cannot be read"
    assert words in failure.detail
    assert f"docker login {HOST}" in failure.resolution


def test_a_helper_that_waits_is_ended_with_whatever_it_started_left_alone(docker: Docker) -> None:
    docker.helper("x", "echo canary; sleep 4 & exec sleep 60")
    docker.write({"credsStore": "x"})
    start = monotonic()
    assert docker.failure(timeout=0.2).detail == "docker-credential-x did not answer within 0.2 seconds."
    assert monotonic() - start < 3


def test_a_helper_that_cannot_be_started_is_told(docker: Docker) -> None:
    docker.write({"credsStore": "x"})
    failure = docker.failure()
    assert failure.detail == f"{docker.folder}/config.json names docker-credential-x, which is not found."
    docker.helper("x", "")
    (docker.folder / "bin" / "docker-credential-x").write_text("#!/nowhere\n")
    assert "docker-credential-x: No such file" in docker.failure().detail


@pytest.mark.parametrize("name", ["../x", "a/b", "", " ", "-x", "x\n", ["x"], 1])
def test_a_helper_is_a_word(docker: Docker, name: object) -> None:
    docker.write({"credHelpers": {HOST: name}})
    if name == "":
        assert docker.find() is None
    else:
        assert "is not named by a word" in docker.failure().detail


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("canary", "it is not a JSON object"),
        ('{"auths": "canary', "it is not a JSON object"),
        ('["canary"]', "it is not a JSON object"),
        ("[" * 100_000, "it is not a JSON object"),
        ('{"auths": ["canary"]}', "`auths` is not an object"),
        ('{"credHelpers": "canary"}', "`credHelpers` is not an object"),
        (f'{{"auths": {{"{HOST}": "canary"}}}}', "has the wrong shape"),
        (f'{{"auths": {{"{HOST}": {{"auth": 5, "password": "canary"}}}}}}', "has the wrong shape"),
        (f'{{"auths": {{"{HOST}": {{"auth": "canary!"}}}}}}', "is not base64"),
        (f'{{"auths": {{"{HOST}": {{"auth": "!{base64.b64encode(b"canary:canary").decode()}"}}}}}}', "is not base64"),
        (f'{{"auths": {{"{HOST}": {{"auth": "{base64.b64encode(b"canary").decode()}"}}}}}}', "is not base64"),
        (f'{{"auths": {{"{HOST}": {{"auth": "{base64.b64encode(b":canary").decode()}"}}}}}}', "is not base64"),
        (
            f'{{"auths": {{"{HOST}": {{"auth": "{base64.b64encode(b"canary:" + bytes([255])).decode()}"}}}}}}',
            "is not b",
        ),
        (" " * (4 * 1024 * 1024 + 1), "it is larger than 4 MiB"),
    ],
)
def test_a_file_that_is_damaged_is_told_by_its_place_and_without_its_content(
    docker: Docker, text: str, words: str
) -> None:
    (docker.folder / "config.json").write_text(text)
    failure = docker.failure()
    assert failure.brief == "Docker's logins cannot be read"
    assert failure.detail.startswith(f"{docker.folder}/config.json: ")
    assert words in failure.detail


def test_a_login_is_hidden_where_it_is_printed() -> None:
    assert repr(user("canary", "canary")) == "Login()"
    assert repr(token("canary")) == "Login()"


@pytest.mark.parametrize(
    ("host", "entry", "sent"),
    [
        (HOST, {"auth": packed("u", "p?>ä")}, {"username": "u", "password": "p?>ä", "serveraddress": HOST}),
        (HOST, {"identitytoken": "t"}, {"identitytoken": "t", "serveraddress": HOST}),
        ("docker.io", {"auth": packed("u", "p")}, {"username": "u", "password": "p", "serveraddress": INDEX}),
    ],
)
def test_an_engine_gets_the_login_in_its_own_form(docker: Docker, host: str, entry: object, sent: object) -> None:
    docker.write({"auths": {INDEX if host == "docker.io" else host: entry}})
    header = DockerLogins(docker.environ).registry_auth(host)
    assert json.loads(base64.urlsafe_b64decode(header)) == sent
    assert not {"+", "/"} & set(header)
    assert DockerLogins(docker.environ).registry_auth("other.example") == ""
