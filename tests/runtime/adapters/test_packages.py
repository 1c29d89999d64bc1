"""With the real uv: against the index that it is set to, and against one on loopback for what no index shall do."""

import os
import platform
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.container import PACKAGE_FOLDER, Contained
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.runtime.adapters.environments import MARKER, Environments
from mcphub_gitops.runtime.adapters.inventory import take_inventory
from mcphub_gitops.runtime.adapters.packages import UvPackages
from mcphub_gitops.runtime.adapters.pins import parse_pin
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Packages, Program
from tests.runtime.adapters.conftest import Index, Reply, install_together, make_wheel, wait_for

SCRIPT = {"demo": "demo:main"}

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
TARGET = f"python{HERE}-gnu"
"""A container's Python that bytecode can be made for here."""

Make = Callable[..., UvPackages]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give one cache of uv's to all tests against the real index."""
    return str(tmp_path_factory.mktemp("uv-cache"))


@pytest.fixture
def real(tmp_path: Path, python: Program, cache: str) -> UvPackages:
    """Use the index that uv is set to on this machine."""
    return UvPackages(tmp_path / "packages", python, environ={**os.environ, "UV_CACHE_DIR": cache})


@pytest.fixture
def make(tmp_path: Path, python: Program, index: Index) -> Make:
    """Use the index on loopback, with a cache of its own and more of an environment."""

    def with_environ(environ: Mapping[str, str] | None = None, *, python: Program = python) -> UvPackages:
        own = {
            "HOME": str(tmp_path),
            "UV_CACHE_DIR": str(tmp_path / "cache"),
            "UV_DEFAULT_INDEX": index.url,
            "UV_HTTP_RETRIES": "0",
        }
        return UvPackages(tmp_path / "packages", python, environ={**own, **(environ or {})})

    return with_environ


@pytest.fixture
def local(make: Make) -> UvPackages:
    return make()


def publish_demo(index: Index, version: str = "1.0") -> None:
    """Publish `demo`, which has a script of its name and needs `helper`, which has none."""
    index.publish_wheel("demo", version, make_wheel("demo", version, scripts=SCRIPT, needs=("helper",)))
    index.publish_wheel("helper", "2.0", make_wheel("helper", "2.0"))


def ask(packages: Packages, requirement: str, preferred: tuple[str, ...] = ()) -> PackageAnswer:
    return packages.resolve(PackageQuestion(requirement=requirement, preferred=preferred))


def environment_of(packages: Packages, requirement: str, target: str = "") -> Environment:
    answer = ask(packages, requirement)
    assert not answer.problem
    return Environment.of(answer.package, answer.requirements, target)


def install_of(packages: Packages, requirement: str, target: str = "") -> Environment:
    environment = environment_of(packages, requirement, target)
    packages.install(environment)
    return environment


def failure_of(call: Callable[[], object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        call()
    return caught.value


def home_of(tmp_path: Path, environment: Environment) -> Path:
    return tmp_path / "packages" / environment.digest.removeprefix("sha256:")


def site_of(home: Path) -> Path:
    (found,) = home.glob("lib/python3*/site-packages")
    return found


def unpacked(tmp_path: Path, name: str) -> Path:
    (found,) = (tmp_path / "cache").glob(f"archive-v*/*/{name}")
    return found


def output_of(program: Program, *arguments: str) -> str:
    done = subprocess.run([program.path, *arguments], env={}, capture_output=True, text=True, check=True)
    return done.stdout


# Resolving


def test_a_server_is_pinned_with_all_it_needs_on_every_platform(real: UvPackages) -> None:
    answer = ask(real, "mcp-server-time")
    pins = [parse_pin(line) for line in answer.requirements]
    found = [pin for pin in pins if pin is not None]
    names = [pin.name for pin in found]
    assert not answer.problem
    assert answer.package.startswith("mcp-server-time==")
    assert len(found) == len(pins) > 10
    assert names == sorted(set(names))
    assert any(pin.marker == "sys_platform == 'win32'" for pin in found)
    assert not any("://" in line for line in answer.requirements)


def test_an_answer_is_the_same_with_every_python(real: UvPackages, tmp_path: Path, python: Program, cache: str) -> None:
    others = [Path("/usr/bin/python3"), *sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3"))]
    usable = [path for path in others if path.exists() and str(path) != python.path][-2:]
    if not usable:
        pytest.skip("there is one Python here")
    answer = ask(real, "mcp-server-time")
    for path in usable:
        other = UvPackages(tmp_path, Program(path=str(path)), environ={**os.environ, "UV_CACHE_DIR": cache})
        assert ask(other, "mcp-server-time", answer.requirements) == answer


def test_a_name_is_normalised_and_hashes_are_sorted(local: UvPackages, index: Index) -> None:
    index.publish_wheel("my-demo", "1.0", make_wheel("my-demo", "1.0"))
    index.publish("my_demo-1.0.tar.gz", b"source")
    answer = ask(local, "My_Demo")
    assert answer.package == "my-demo==1.0"
    pin = parse_pin(answer.requirements[0])
    assert pin is not None
    assert len(pin.hashes) == 2
    assert list(pin.hashes) == sorted(pin.hashes)


def test_what_is_preferred_is_kept_with_its_hashes_while_it_satisfies(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    before = ask(local, "demo")
    publish_demo(index, "1.1")
    index.publish_wheel("helper", "2.1", make_wheel("helper", "2.1"))
    index.publish("demo-1.0.tar.gz", b"another file of the locked version")
    assert ask(local, "demo", before.requirements) == before
    assert ask(local, "demo==1.0", before.requirements) == before
    newer = ask(local, "demo==1.1", before.requirements)
    assert newer.package == "demo==1.1"
    assert newer.requirements[1] == before.requirements[1]
    assert ask(local, "demo").requirements[1].startswith("helper==2.1 ")


def test_a_version_that_was_just_published_is_seen(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    assert ask(local, "demo").package == "demo==1.0"
    publish_demo(index, "1.1")
    assert ask(local, "demo").package == "demo==1.1"


def test_every_distribution_has_one_version_on_every_python(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    index.publish_wheel("helper", "3.0", make_wheel("helper", "3.0", python=">=3.12"))
    assert [line.partition(" ")[0] for line in ask(local, "demo").requirements] == ["demo==1.0", "helper==2.0"]


def test_a_prerelease_is_not_chosen_where_there_is_a_release(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    publish_demo(index, "2.0rc1")
    assert ask(local, "demo").package == "demo==1.0"
    assert ask(local, "demo==2.0rc1").package == "demo==2.0rc1"


def test_a_cutoff_for_new_releases_counts_when_choosing(make: Make, index: Index) -> None:
    publish_demo(index)
    # This index says of no file when it was published.
    assert ask(make({"UV_EXCLUDE_NEWER": "2020-01-01T00:00:00Z"}), "demo").problem
    environment = environment_of(make(), "demo")
    make({"UV_EXCLUDE_NEWER": "2020-01-01T00:00:00Z"}).install(environment)


def test_what_is_younger_than_a_question_allows_does_not_count(local: UvPackages, index: Index) -> None:
    for version, day in (("1.0", 1), ("1.1", 10), ("2.0", 20)):
        for name, needs in (("demo", ("helper",)), ("helper", ())):
            index.publish_wheel(name, version, make_wheel(name, version, needs=needs))
            index.times[f"{name}-{version}-py3-none-any.whl"] = f"2026-03-{day:02}T12:00:00.000000Z"

    def pinned(before: str) -> list[str]:
        answer = local.resolve(PackageQuestion(requirement="demo", published_before=before))
        assert bool(answer.requirements) is not bool(answer.problem)
        return [each.partition(" ")[0] for each in answer.requirements]

    assert pinned("") == ["demo==2.0", "helper==2.0"]
    assert pinned("2026-03-15T00:00:00Z") == ["demo==1.1", "helper==1.1"]
    assert pinned("2026-03-01T00:00:00Z") == []


def test_of_the_users_configuration_only_the_way_to_the_index_counts(make: Make, index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    publish_demo(index, "1.1rc1")
    folder = tmp_path / "settings" / "uv"
    folder.mkdir(parents=True)
    (folder / "uv.toml").write_text(
        f'prerelease = "allow"\n[[index]]\nurl = "{index.url}"\ndefault = true\n[pip]\nno-deps = true\n'
        'emit-index-url = true\ngenerate-hashes = false\nannotation-style = "line"\nno-strip-markers = true\n'
    )
    packages = make({"XDG_CONFIG_HOME": str(folder.parent), "UV_DEFAULT_INDEX": ""})
    answer = ask(packages, "demo")
    assert answer == ask(make(), "demo")
    assert [line.partition(" ")[0] for line in answer.requirements] == ["demo==1.0", "helper==2.0"]


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [
        ("no-such-package", "The package index has no package called `no-such-package`."),
        ("demo==9", "`demo` has no version 9; the newest version that can be used is 1.0."),
        ("source", "`source` is published as source only, and building it would run code that nobody locked."),
        ("newer", "`newer` needs Python >=3.12, and a lock holds for 3.11 and later."),
        (
            "newer==2",
            (
                "`newer` 2 needs Python >=3.12, and a lock holds for 3.11 and later; "
                "the newest version that can be used is 1."
            ),
        ),
        ("-r /etc/passwd", "`-r /etc/passwd` is neither a package's name nor name==version."),
    ],
)
def test_what_the_index_does_not_have_is_a_problem_of_the_hub(
    local: UvPackages, index: Index, requirement: str, problem: str
) -> None:
    publish_demo(index)
    index.publish("source-1.tar.gz", b"source")
    index.publish_wheel("newer", "2", make_wheel("newer", "2", python=">=3.12"))
    if requirement == "newer==2":
        index.publish_wheel("newer", "1", make_wheel("newer", "1"))
    assert ask(local, requirement) == PackageAnswer(problem=problem)


def test_an_unresolvable_dependency_is_told_in_the_words_of_uv(local: UvPackages, index: Index) -> None:
    index.publish_wheel("demo", "1", make_wheel("demo", "1", needs=("gone>1",)))
    problem = ask(local, "demo").problem
    assert problem.startswith("`demo` cannot be resolved. Because gone was not found in the package registry")
    assert "\n" not in problem


def test_the_real_index_tells_what_it_does_not_have(real: UvPackages) -> None:
    assert ask(real, "six==99").problem.startswith("`six` has no version 99; the newest version that can be used is 1.")


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_an_index_that_is_not_there_is_a_failure_to_try_again(make: Make) -> None:
    url = f"http://bob:hunter2@127.0.0.1:{closed_port()}/t0ken/simple?key=s3cret"
    failure = failure_of(lambda: ask(make({"UV_DEFAULT_INDEX": url}), "demo"))
    assert failure.brief == "demo cannot be resolved: the package index does not answer as it should"
    assert "Connection refused" in failure.detail
    assert failure.retryable
    assert not [word for word in ("hunter2", "t0ken", "s3cret", "bob") if word in repr(vars(failure))]


@pytest.mark.parametrize(
    ("status", "reason", "retryable"),
    [
        (401, "refuses the credentials", False),
        (403, "refuses the credentials", False),
        (407, "refuses the credentials", False),
        (429, "does not answer as it should", True),
        (500, "does not answer as it should", True),
        (503, "does not answer as it should", True),
    ],
)
def test_an_index_that_refuses_is_never_taken_for_an_empty_one(
    make: Make,
    index: Index,
    status: int,
    reason: str,
    retryable: bool,  # noqa: FBT001  (a table's column)
) -> None:
    index.replies["*"] = Reply(status=status)
    url = index.url.replace("://", "://bob:hunter2@") + "?key=s3cret"
    failure = failure_of(lambda: ask(make({"UV_DEFAULT_INDEX": url}), "demo"))
    assert reason in failure.brief
    assert failure.retryable == retryable
    assert failure.resolution
    assert not [word for word in ("hunter2", "s3cret", "bob") if word in repr(vars(failure))]


def test_an_index_that_lacks_a_file_it_lists_is_a_failure(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    index.replies["/files/helper-2.0-py3-none-any.whl"] = Reply(status=404)
    assert failure_of(lambda: ask(local, "demo")).retryable


def test_an_answer_in_another_language_is_a_failure(local: UvPackages, index: Index) -> None:
    index.replies["*"] = Reply(kind="application/json", body=b"{}")
    assert "cannot be resolved" in failure_of(lambda: ask(local, "demo")).brief


def test_offline_nothing_is_said_about_the_index(make: Make, index: Index) -> None:
    publish_demo(index)
    offline = make({"UV_OFFLINE": "1"})
    assert "stay offline" in failure_of(lambda: ask(offline, "demo")).brief
    online = ask(make(), "demo")
    assert ask(offline, "demo") == online
    # Its cache knows 1.0 alone, and that may be out of date.
    assert "cannot be resolved" in failure_of(lambda: ask(offline, "demo==1.1")).brief


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[str]:
    """Serve TLS with a certificate that nobody signed; gives the address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)  # noqa: TID251  (a certificate is valid for a while from now)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")

    def serve() -> None:
        try:
            while True:
                connection, _ = listener.accept()
                with connection:
                    try:
                        context.wrap_socket(connection, server_side=True).close()
                    except OSError:
                        continue
        except OSError:
            return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/simple"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_certificate_that_is_not_trusted_is_told_as_such(make: Make, untrusted: str) -> None:
    failure = failure_of(lambda: ask(make({"UV_DEFAULT_INDEX": untrusted}), "demo"))
    assert "no secure connection" in failure.brief
    assert "SSL_CERT_FILE" in failure.resolution
    assert not failure.retryable


def test_a_python_that_is_not_there_is_told_as_such(make: Make) -> None:
    packages = make(python=Program(path="/nonexistent/python"))
    assert "base Python" in failure_of(lambda: ask(packages, "demo")).brief


def test_a_lock_cannot_bring_in_options(local: UvPackages) -> None:
    lines = ("--index-url http://127.0.0.1/simple",)
    for call in (
        lambda: ask(local, "demo", lines),
        lambda: local.install(Environment.of("demo==1", lines)),
    ):
        failure = failure_of(call)
        assert failure.brief == "the lock holds a requirement that mcphub did not write"
        assert lines[0] in failure.detail


# Installing


def test_a_real_server_is_installed_and_starts(real: UvPackages, tmp_path: Path, python: Program) -> None:
    environment = install_of(real, "mcp-server-time")
    program = real.program(environment)
    home = str(home_of(tmp_path, environment))
    assert program == Program(path=f"{home}/bin/mcp-server-time", readable=(home, *python.readable))
    assert program == real.place(environment)
    assert "--local-timezone" in output_of(program, "--help")
    assert real.installed() == real.installed(deep=True) == {environment.digest}


def test_the_second_installation_changes_nothing(local: UvPackages, index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    environment = install_of(local, "demo")
    before = (home_of(tmp_path, environment) / MARKER).stat()
    asked = len(index.asked)
    local.install(environment)
    assert (home_of(tmp_path, environment) / MARKER).stat() == before
    assert len(index.asked) == asked


def test_an_environment_is_compiled_and_readable_whatever_the_umask(
    local: UvPackages, index: Index, tmp_path: Path
) -> None:
    publish_demo(index)
    before = os.umask(0o077)
    try:
        environment = install_of(local, "demo")
    finally:
        os.umask(before)
    home = home_of(tmp_path, environment)
    assert [path for path in (home, *home.rglob("*")) if path.stat().st_mode & 0o444 != 0o444] == []
    assert [path for path in (home, *home.rglob("*")) if path.is_dir() and path.stat().st_mode & 0o777 != 0o755] == []
    assert list(site_of(home).glob("__pycache__/demo.cpython-*.pyc"))
    assert f"{home}/bin/python" in "".join((home / "bin" / "demo").read_text().splitlines()[:2])


def test_what_a_cache_holds_for_one_user_is_installed_for_all(local: UvPackages, index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    environment = install_of(local, "demo")
    local.remove(environment.digest)
    unpacked(tmp_path, "demo.py").chmod(0o600)
    local.install(environment)
    assert (site_of(home_of(tmp_path, environment)) / "demo.py").stat().st_mode & 0o777 == 0o644


def test_nothing_is_linked_to_the_cache(local: UvPackages, index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    environment = install_of(local, "demo")
    files = [path for path in home_of(tmp_path, environment).rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if path.stat().st_nlink != 1] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="needs a Python that everyone can reach")
def test_another_user_can_run_what_was_installed(index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    # pytest's own folders are closed to others.
    folder = Path("/var/tmp") / f"mcphub-test-{os.getpid()}"  # noqa: S108  (made here, and by root)
    folder.mkdir(mode=0o755)
    try:
        environ = {"UV_DEFAULT_INDEX": index.url, "UV_CACHE_DIR": str(tmp_path / "cache")}
        packages = UvPackages(folder, Program(path="/usr/bin/python3"), environ=environ)
        program = packages.program(install_of(packages, "demo"))
        done = subprocess.run([program.path], user=65534, group=65534, capture_output=True, text=True, check=True)
    finally:
        shutil.rmtree(folder)
    assert done.stdout == "demo 1.0\n"


@pytest.mark.parametrize("folder", ["with a space", "long-" * 30])
def test_the_place_may_have_any_name(index: Index, tmp_path: Path, python: Program, folder: str) -> None:
    publish_demo(index)
    environ = {"UV_DEFAULT_INDEX": index.url, "UV_CACHE_DIR": str(tmp_path / "cache")}
    packages = UvPackages(tmp_path / folder, python, environ=environ)
    assert output_of(packages.program(install_of(packages, "demo"))) == "demo 1.0\n"


def test_environments_are_installed_at_once_from_several_threads(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    publish_demo(index, "1.1")
    wanted = [environment_of(local, "demo==1.0"), environment_of(local, "demo==1.1")] * 2
    install_together(local, wanted)
    assert local.installed(deep=True) == {environment.digest for environment in wanted}


KILLED = """
import sys
from pathlib import Path
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.runtime.adapters.packages import UvPackages
from mcphub_gitops.runtime.ports import Program

folder, python, package, *requirements = sys.argv[1:]
environment = Environment.of(package, tuple(requirements))
UvPackages(Path(folder), Program(path=python)).install(environment)
"""


@pytest.mark.parametrize(
    "last", ["pyvenv.cfg", "lib/python3*/site-packages/*.dist-info", "lib/python3*/*/big/**/*.pyc"]
)
def test_an_installation_that_was_killed_does_not_count_and_is_made_good(
    local: UvPackages, index: Index, tmp_path: Path, python: Program, last: str
) -> None:
    # Large enough that there is time to kill it before it is done.
    modules = {f"big/m{number}.py": "x = [0]\n" * 200 for number in range(1500)}
    index.publish_wheel("demo", "1.0", make_wheel("demo", "1.0", scripts=SCRIPT, files=modules))
    environment = environment_of(local, "demo")
    home = home_of(tmp_path, environment)
    arguments = [str(tmp_path / "packages"), python.path, environment.package, *environment.requirements]
    environ = {"UV_DEFAULT_INDEX": index.url, "UV_CACHE_DIR": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    child = subprocess.Popen([sys.executable, "-c", KILLED, *arguments], env=environ)
    wait_for(lambda: child.poll() is not None or any(home.glob(last)))
    child.send_signal(signal.SIGKILL)
    assert child.wait(timeout=30) == -signal.SIGKILL
    assert local.installed() == frozenset()
    assert "is not installed" in failure_of(lambda: local.program(environment)).brief
    if last != "pyvenv.cfg":
        # uv itself goes on with most of its work, and keeps the place locked until it is done.
        with Environments(root=tmp_path / "packages").locked(environment.digest, wait=False) as held:
            assert held is None
    local.install(environment)
    assert local.installed(deep=True) == {environment.digest}
    assert output_of(local.program(environment)) == "demo 1.0\n"
    assert list((tmp_path / "packages").iterdir()) == [home]


def test_leftovers_of_other_environments_are_removed_on_the_way(
    local: UvPackages, index: Index, tmp_path: Path
) -> None:
    publish_demo(index)
    leftover = tmp_path / "packages" / ("f" * 64)
    leftover.mkdir(parents=True)
    environment = install_of(local, "demo")
    assert list((tmp_path / "packages").iterdir()) == [home_of(tmp_path, environment)]


def test_a_file_that_is_not_the_locked_one_is_refused(local: UvPackages, index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    environment = environment_of(local, "demo")
    index.publish_wheel("helper", "2.0", make_wheel("helper", "2.0", files={"evil.py": ""}))
    shutil.rmtree(tmp_path / "cache")
    failure = failure_of(lambda: local.install(environment))
    assert failure.brief == "demo==1.0 cannot be installed: a file is not the one that was locked"
    assert "helper==2.0" in failure.detail
    assert not failure.retryable
    assert failure.resolution
    assert list((tmp_path / "packages").iterdir()) == []


def test_what_does_not_run_here_is_told_and_leaves_nothing(local: UvPackages, index: Index, tmp_path: Path) -> None:
    index.publish_wheel("demo", "1", make_wheel("demo", "1"), tag="cp311-cp311-win_amd64")
    environment = environment_of(local, "demo")
    failure = failure_of(lambda: local.install(environment))
    assert failure.brief == "demo==1 cannot be installed: there is no wheel of it for this machine"
    assert "win_amd64" in failure.detail
    assert list((tmp_path / "packages").iterdir()) == []


def test_a_withdrawn_version_is_told(local: UvPackages, index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    environment = environment_of(local, "demo")
    index.files.clear()
    shutil.rmtree(tmp_path / "cache")
    assert "does not have what was locked" in failure_of(lambda: local.install(environment)).brief


def test_an_index_that_is_gone_fails_the_installation_for_now(make: Make, index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    environment = environment_of(make(), "demo")
    dead = make({"UV_DEFAULT_INDEX": f"http://127.0.0.1:{closed_port()}/simple", "UV_CACHE_DIR": str(tmp_path / "new")})
    assert failure_of(lambda: dead.install(environment)).retryable


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")
def test_a_full_disk_is_told_and_leaves_nothing(index: Index, tmp_path: Path, python: Program) -> None:
    index.publish_wheel("demo", "1", make_wheel("demo", "1", files={"big.txt": "x" * 2_000_000}))
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this container may not mount")
    try:
        environ = {"UV_DEFAULT_INDEX": index.url, "UV_CACHE_DIR": str(tmp_path / "cache")}
        packages = UvPackages(folder, python, environ=environ)
        environment = environment_of(packages, "demo")
        failure = failure_of(lambda: packages.install(environment))
        left = list(folder.iterdir())
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert failure.brief == "demo==1 cannot be installed: the disk is full"
    assert failure.retryable
    assert left == []


def test_a_lock_that_lacks_its_package_is_told(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    environment = environment_of(local, "helper")
    failure = failure_of(lambda: local.install(replace(environment, package="demo==1.0")))
    assert failure.brief == "demo==1.0 is not among what was installed"
    assert "helper" in failure.detail


def test_a_damaged_cache_does_not_reach_an_environment(local: UvPackages, index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    environment = install_of(local, "demo")
    local.remove(environment.digest)
    unpacked(tmp_path, "helper.py").write_text("evil = True\n")
    local.install(environment)
    assert "evil" not in (site_of(home_of(tmp_path, environment)) / "helper.py").read_text()
    local.remove(environment.digest)
    (unpacked(tmp_path, "demo.py").parent / "evil.pth").write_text("import evil\n")
    local.install(environment)
    assert not (site_of(home_of(tmp_path, environment)) / "evil.pth").exists()
    assert local.installed(deep=True) == {environment.digest}


def test_a_locked_wheel_may_hold_more_than_it_lists(local: UvPackages, index: Index) -> None:
    index.publish_wheel("demo", "1", make_wheel("demo", "1", scripts=SCRIPT, unlisted={"extra.py": ""}))
    environment = install_of(local, "demo")
    assert local.installed(deep=True) == {environment.digest}


# What is installed


def test_nothing_is_installed_at_first(local: UvPackages) -> None:
    assert local.installed() == local.installed(deep=True) == frozenset()


@pytest.mark.parametrize("change", ["edited", "removed", "path file", "module", "bytecode", "script", "record"])
def test_a_deep_look_sees_what_was_done_to_the_files(
    local: UvPackages, index: Index, tmp_path: Path, change: str
) -> None:
    publish_demo(index)
    environment = install_of(local, "demo")
    home = home_of(tmp_path, environment)
    site = site_of(home)
    (bytecode,) = site.glob("__pycache__/demo.*.pyc")
    (record,) = site.glob("demo-*.dist-info/RECORD")
    match change:
        case "edited":
            (site / "demo.py").write_text("def main(): print('evil')\n")
        case "removed":
            (site / "helper.py").unlink()
        case "path file":
            (site / "evil.pth").write_text("import evil\n")
        case "module":
            (site / "sitecustomize.py").write_text("")
        case "bytecode":
            bytecode.write_bytes(bytecode.read_bytes().replace(b"demo", b"evil"))
        case "script":
            (home / "bin" / "git").write_text("#!/bin/sh\n")
        case _:
            # Someone who edits a file can edit the list of hashes beside it.
            (site / "demo.py").write_text("evil = 1\n")
            record.write_text("\n".join(row for row in record.read_text().splitlines() if "demo.py" not in row) + "\n")
    assert local.installed() == {environment.digest}
    assert local.installed(deep=True) == frozenset()
    local.install(environment)
    assert local.installed(deep=True) == {environment.digest}
    assert output_of(local.program(environment)) == "demo 1.0\n"


def test_running_a_server_leaves_its_environment_as_it_was(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    environment = install_of(local, "demo")
    assert output_of(local.program(environment)) == "demo 1.0\n"
    assert local.installed(deep=True) == {environment.digest}


def test_an_environment_that_was_moved_is_not_installed(
    local: UvPackages, index: Index, tmp_path: Path, python: Program
) -> None:
    publish_demo(index)
    environment = install_of(local, "demo")
    (tmp_path / "packages").rename(tmp_path / "moved")
    assert UvPackages(tmp_path / "moved", python, environ={}).installed() == frozenset()
    (tmp_path / "link").symlink_to(tmp_path / "packages")
    (tmp_path / "moved").rename(tmp_path / "packages")
    assert UvPackages(tmp_path / "link", python, environ={}).installed() == {environment.digest}


def test_removing_leaves_nothing_and_asks_for_nothing(local: UvPackages, index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    environment = install_of(local, "demo")
    local.remove(environment.digest)
    local.remove(environment.digest)
    assert local.installed() == frozenset()
    assert list((tmp_path / "packages").iterdir()) == []


# Programs


@pytest.mark.parametrize(
    ("scripts", "chosen"),
    [
        ({"my_Demo": "my_demo:main", "other": "my_demo:main"}, "my_Demo"),
        ({"serve": "my_demo:main"}, "serve"),
    ],
)
def test_the_program_is_called_like_the_package_or_is_its_only_one(
    local: UvPackages, index: Index, scripts: Mapping[str, str], chosen: str
) -> None:
    index.publish_wheel("my-demo", "1", make_wheel("my-demo", "1", scripts=scripts, needs=("helper",)))
    index.publish_wheel("helper", "2", make_wheel("helper", "2", scripts={"helper": "helper:main"}))
    program = local.program(install_of(local, "my-demo"))
    assert Path(program.path).name == chosen
    assert output_of(program) == "my-demo 1\n"


def test_a_package_with_several_programs_or_none_is_told(local: UvPackages, index: Index) -> None:
    scripts = {"one": "demo:main", "two": "demo:main"}
    index.publish_wheel("demo", "1", make_wheel("demo", "1", scripts=scripts, needs=("helper",)))
    index.publish_wheel("helper", "2", make_wheel("helper", "2"))
    several, none = install_of(local, "demo"), install_of(local, "helper")
    assert failure_of(lambda: local.program(several)).detail == "one, two"
    assert failure_of(lambda: local.program(none)).brief == "helper==2 brings no program"


def test_the_place_of_a_program_is_known_before_it_is_installed(
    local: UvPackages, index: Index, tmp_path: Path, python: Program
) -> None:
    publish_demo(index)
    environment = environment_of(local, "demo")
    home = str(home_of(tmp_path, environment))
    before = local.place(environment)
    assert before == Program(path=f"{home}/bin/demo", readable=(home, *python.readable))
    local.install(environment)
    assert local.place(environment) == local.program(environment) == before


# For the interpreter of a container


def run_contained(contained: Contained, python: Program, environ: Mapping[str, str] | None = None) -> str:
    """Return the output of the program as a container starts it, the place of its folder aside."""

    def here(text: str) -> str:
        return text.replace(PACKAGE_FOLDER, contained.folder)

    first, *rest = map(here, contained.entrypoint)
    command = [python.path if first == "python3" else first, *rest]
    env = {**(environ or {}), **{name: here(value) for name, value in contained.env.items()}}
    return subprocess.run(command, cwd="/", env=env, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("target", "tag"), [("python3.12-gnu", "312"), ("python3.13-musl", "313")])
def test_a_real_server_is_installed_for_a_containers_python(
    real: UvPackages, tmp_path: Path, target: str, tag: str
) -> None:
    environment = install_of(real, "mcp-server-time", target)
    version, _, libc = target.removeprefix("python").partition("-")
    site = home_of(tmp_path, environment) / "lib" / f"python{version}" / "site-packages"
    (core,) = (site / "pydantic_core").glob("*.so")
    assert core.name == f"_pydantic_core.cpython-{tag}-{platform.machine()}-linux-{libc}.so"
    assert not (site / "win32").exists()
    assert real.contained(environment) == Contained(
        folder=str(home_of(tmp_path, environment)),
        entrypoint=("python3", "-P", f"{PACKAGE_FOLDER}/lib/python{version}/site-packages/bin/mcp-server-time"),
        env={
            "PYTHONUSERBASE": PACKAGE_FOLDER,
            "PYTHONNOUSERSITE": "",
            "PYTHONPATH": "",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert real.installed() == real.installed(deep=True) == {environment.digest}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("python3.11-gnu", {"older", "manylinux_2_28"}),
        ("python3.14-musl", {"newer", "musllinux_1_2"}),
    ],
)
def test_markers_and_wheels_are_chosen_for_the_target(
    local: UvPackages, index: Index, tmp_path: Path, target: str, expected: set[str]
) -> None:
    needs = (
        'older; python_version < "3.12"',
        'newer; python_full_version >= "3.14"',
        'elsewhere; sys_platform == "win32"',
        'here; sys_platform == "linux" and os_name == "posix" and implementation_name == "cpython"',
        f'machine; platform_machine == "{platform.machine()}"',
    )
    index.publish_wheel("demo", "1", make_wheel("demo", "1", scripts=SCRIPT, needs=needs))
    for name in ("older", "newer", "elsewhere", "here"):
        index.publish_wheel(name, "1", make_wheel(name, "1"))
    for system in ("manylinux_2_28", "manylinux_2_39", "musllinux_1_2", "macosx_11_0"):
        wheel = make_wheel("machine", "1", files={f"{system}.py": ""})
        index.publish_wheel("machine", "1", wheel, tag=f"py3-none-{system}_{platform.machine()}")
    home = home_of(tmp_path, install_of(local, "demo", target))
    site = home / "lib" / target.partition("-")[0] / "site-packages"
    assert {path.stem for path in site.glob("*.py")} == {"demo", "here", "machine", *expected}


def test_it_starts_as_a_container_starts_it(local: UvPackages, index: Index, tmp_path: Path, python: Program) -> None:
    main = (
        "import colorsys, sys, added, helper\ndef main(): print(added.VALUE, helper.__name__, sys.argv, sys.path[:1])\n"
    )
    # The folder of scripts is no place for modules, nor is a module of the standard library replaced.
    files = {
        "demo.py": main,
        "colorsys.py": "raise SystemExit('not the one of the standard library')\n",
        "demo.pth": "added-later\n",
        "added-later/added.py": "VALUE = 7\n",
        "bin/helper.py": "raise SystemExit('not a module')\n",
    }
    index.publish_wheel("demo", "1", make_wheel("demo", "1", scripts=SCRIPT, files=files, needs=("helper",)))
    index.publish_wheel("helper", "2", make_wheel("helper", "2"))
    (tmp_path / "own" / "helper").mkdir(parents=True)
    (tmp_path / "own" / "helper" / "__init__.py").write_text("raise SystemExit('the one of the image')\n")
    contained = local.contained(install_of(local, "demo", TARGET))
    script = f"{contained.folder}/lib/python{HERE}/site-packages/bin/demo"
    of_image = {"PYTHONPATH": str(tmp_path / "own"), "PYTHONNOUSERSITE": "1"}
    told = run_contained(contained, python, of_image)
    assert told.startswith(f"7 helper ['{script}'] ")
    assert "site-packages/bin'" not in told


def test_no_byte_depends_on_the_place_or_on_the_python_at_hand(index: Index, tmp_path: Path, python: Program) -> None:
    files = {"demo-1.data/scripts/other": "#!python\nprint('other')\n"}
    index.publish_wheel("demo", "1", make_wheel("demo", "1", scripts=SCRIPT, files=files))
    subprocess.run([python.path, "-m", "venv", "--without-pip", tmp_path / "a b"], check=True)
    environ = {"UV_DEFAULT_INDEX": index.url, "UV_CACHE_DIR": str(tmp_path / "cache")}
    found = []
    for name, path in {"one": python.path, "the other": str(tmp_path / "a b" / "bin" / "python")}.items():
        packages = UvPackages(tmp_path / name, Program(path=path), environ=environ)
        home = tmp_path / name / install_of(packages, "demo", TARGET).digest.removeprefix("sha256:")
        site = home / "lib" / f"python{HERE}" / "site-packages"
        assert {script.read_text().splitlines()[0] for script in (site / "bin").iterdir()} == {"#!/usr/bin/env python3"}
        # Bytecode names no place either, but what is shared in it differs from run to run.
        found.append({each: hash_ for each, hash_ in take_inventory(home).items() if not each.endswith(".pyc")})
        files_of = [each for each in home.rglob("*") if each.is_file()]
        assert [each for each in files_of if str(tmp_path).encode() in each.read_bytes()] == []
        assert site.joinpath("__pycache__", f"demo.{sys.implementation.cache_tag}.pyc") in files_of
    # The marker, which also holds the digest of the bytecode.
    assert {each for each in found[0] if found[0][each] != found[1][each]} <= {MARKER}
    assert found[0].keys() == found[1].keys()


def test_a_containers_environment_is_readable_whatever_the_umask(
    local: UvPackages, index: Index, tmp_path: Path
) -> None:
    publish_demo(index)
    before = os.umask(0o077)
    try:
        environment = install_of(local, "demo", TARGET)
    finally:
        os.umask(before)
    home = home_of(tmp_path, environment)
    modes = {path.stat().st_mode & 0o777 for path in (home, *home.rglob("*"))}
    assert modes <= {0o755, 0o644}
    assert not list(home.rglob(".lock"))


def test_without_a_python_of_its_version_there_is_no_bytecode(make: Make, index: Index, tmp_path: Path) -> None:
    publish_demo(index)
    packages = make({"PATH": str(tmp_path)})
    environment = install_of(packages, "demo", "python3.99-gnu")
    assert list(home_of(tmp_path, environment).rglob("*.pyc")) == []
    assert packages.installed(deep=True) == {environment.digest}


def test_a_python_on_the_path_makes_the_bytecode(make: Make, index: Index, tmp_path: Path) -> None:
    versions = (f"3.{minor}" for minor in range(11, 20) if f"3.{minor}" != HERE)
    places = [folder / "bin" for folder in sorted((Path.home() / ".pyenv" / "versions").glob("3.*"))]
    found = [
        (each, place)
        for each in versions
        for place in (*places, Path("/usr/bin"))
        if (place / f"python{each}").exists()
    ]
    if not found:
        pytest.skip("there is one Python here")
    version, place = found[0]
    publish_demo(index)
    packages = make({"PATH": str(place)})
    home = home_of(tmp_path, install_of(packages, "demo", f"python{version}-gnu"))
    assert {path.name for path in home.rglob("demo.*.pyc")} == {f"demo.cpython-{version.replace('.', '')}.pyc"}


def test_a_containers_environment_may_be_moved(
    local: UvPackages, index: Index, tmp_path: Path, python: Program
) -> None:
    publish_demo(index)
    environment = install_of(local, "demo", TARGET)
    (tmp_path / "packages").rename(tmp_path / "moved")
    moved = UvPackages(tmp_path / "moved", python, environ={})
    assert moved.installed(deep=True) == {environment.digest}
    assert run_contained(moved.contained(environment), python) == "demo 1.0\n"


def test_the_same_lock_is_installed_for_several_interpreters_side_by_side(
    local: UvPackages, index: Index, tmp_path: Path
) -> None:
    publish_demo(index)
    wanted = [install_of(local, "demo", target) for target in ("", "python3.12-gnu", "python3.12-musl")]
    assert local.installed(deep=True) == {environment.digest for environment in wanted}
    assert len({environment.digest for environment in wanted}) == 3
    local.remove(wanted[1].digest)
    assert local.installed(deep=True) == {wanted[0].digest, wanted[2].digest}
    assert not home_of(tmp_path, wanted[1]).exists()


@pytest.mark.parametrize("change", ["edited", "bytecode", "script"])
def test_what_was_done_to_a_containers_environment_is_seen_and_made_good(
    local: UvPackages, index: Index, tmp_path: Path, python: Program, change: str
) -> None:
    publish_demo(index)
    environment = install_of(local, "demo", TARGET)
    site = site_of(home_of(tmp_path, environment))
    match change:
        case "edited":
            (site / "demo.py").write_text("def main(): print('evil')\n")
        case "bytecode":
            (bytecode,) = site.glob("__pycache__/demo.*.pyc")
            bytecode.write_bytes(bytecode.read_bytes().replace(b"demo", b"evil"))
        case _:
            (site / "bin" / "demo").write_text("#!/bin/sh\n")
    assert local.installed() == {environment.digest}
    assert local.installed(deep=True) == frozenset()
    local.install(environment)
    assert local.installed(deep=True) == {environment.digest}
    assert run_contained(local.contained(environment), python) == "demo 1.0\n"


def test_a_damaged_cache_does_not_reach_a_containers_environment(
    local: UvPackages, index: Index, tmp_path: Path
) -> None:
    publish_demo(index)
    environment = install_of(local, "demo", TARGET)
    local.remove(environment.digest)
    unpacked(tmp_path, "helper.py").write_text("evil = True\n")
    (unpacked(tmp_path, "demo.py").parent / "evil.pth").write_text("import evil\n")
    local.install(environment)
    site = site_of(home_of(tmp_path, environment))
    assert "evil" not in (site / "helper.py").read_text()
    assert not (site / "evil.pth").exists()


def test_what_the_cache_holds_is_not_downloaded_again_for_a_container(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    environment = install_of(local, "demo", TARGET)
    local.remove(environment.digest)
    asked = len(index.asked)
    local.install(environment)
    assert len(index.asked) == asked


def test_what_has_no_wheel_for_a_container_is_told_and_leaves_nothing(
    local: UvPackages, index: Index, tmp_path: Path
) -> None:
    index.publish_wheel("demo", "1", make_wheel("demo", "1"), tag=f"cp312-cp312-manylinux_2_28_{platform.machine()}")
    environment = environment_of(local, "demo", "python3.12-musl")
    failure = failure_of(lambda: local.install(environment))
    assert failure.brief == (
        "demo==1 cannot be installed: there is no wheel of it for python3.12-musl on this machine's architecture"
    )
    assert "base image" in failure.resolution
    assert list((tmp_path / "packages").iterdir()) == []
    local.install(environment_of(local, "demo", "python3.12-gnu"))


@pytest.mark.parametrize("target", ["", "node-musl", "python3.10-gnu", "python3.12"])
def test_a_target_that_is_not_understood_is_told(local: UvPackages, index: Index, tmp_path: Path, target: str) -> None:
    publish_demo(index)
    environment = environment_of(local, "demo", target)
    assert "Python" in failure_of(lambda: local.contained(environment)).brief
    if target:
        assert f"`{target}`" in failure_of(lambda: local.install(environment)).brief
        assert not (tmp_path / "packages").exists()


def test_what_is_not_installed_for_a_container_is_told(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    environment = environment_of(local, "demo", TARGET)
    install_of(local, "demo")
    failure = failure_of(lambda: local.contained(environment))
    assert failure.brief == "demo==1.0 is not installed"
    assert failure.resolution == "run `mcphub apply`"


def test_a_container_has_no_program_of_this_machine(local: UvPackages, index: Index) -> None:
    publish_demo(index)
    environment = install_of(local, "demo", TARGET)
    with pytest.raises(ValueError, match=TARGET):
        local.program(environment)


@pytest.mark.parametrize(
    ("scripts", "chosen"),
    [
        ({"my_Demo": "my_demo:main", "other": "my_demo:main"}, "my_Demo"),
        ({"serve": "my_demo:main"}, "serve"),
    ],
)
def test_a_containers_program_is_chosen_by_the_same_rule(
    local: UvPackages, index: Index, python: Program, scripts: Mapping[str, str], chosen: str
) -> None:
    # Of a package that is called like the folder of scripts, nothing is a program.
    files = {"bin/__init__.py": "", "bin/my_demo.py": "import os\n"}
    index.publish_wheel("my-demo", "1", make_wheel("my-demo", "1", scripts=scripts, files=files))
    contained = local.contained(install_of(local, "my-demo", TARGET))
    assert contained.entrypoint[-1].endswith(f"/bin/{chosen}")
    assert run_contained(contained, python) == "my-demo 1\n"


def test_a_containers_package_with_several_programs_or_none_is_told(local: UvPackages, index: Index) -> None:
    scripts = {"one": "demo:main", "two": "demo:main"}
    index.publish_wheel("demo", "1", make_wheel("demo", "1", scripts=scripts, needs=("helper",)))
    index.publish_wheel("helper", "2", make_wheel("helper", "2"))
    several, none = install_of(local, "demo", TARGET), install_of(local, "helper", TARGET)
    assert failure_of(lambda: local.contained(several)).detail == "one, two"
    assert failure_of(lambda: local.contained(none)).brief == "helper==2 brings no program"


@pytest.mark.parametrize(
    ("text", "starts"),
    [("#!python\nprint('hello')\n", ("python3", "-P")), ("#!/bin/sh\necho hello\n", ())],
)
def test_a_program_that_is_no_console_script_is_started_as_what_it_is(
    local: UvPackages, index: Index, python: Program, text: str, starts: tuple[str, ...]
) -> None:
    index.publish_wheel("demo", "1", make_wheel("demo", "1", files={"demo-1.data/scripts/demo": text}))
    contained = local.contained(install_of(local, "demo", TARGET))
    assert contained.entrypoint[:-1] == starts
    assert run_contained(contained, python) == "hello\n"
