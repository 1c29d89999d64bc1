"""With the real npm: against one registry on loopback, and once against the one that npm is set to."""

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.runtime.adapters.environments import Environments
from mcphub_gitops.runtime.adapters.npm import NpmPackages
from mcphub_gitops.runtime.adapters.npm_pins import parse_pin
from mcphub_gitops.runtime.adapters.packages import UvPackages
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway.prober import StdioProber
from mcphub_gitops.runtime.ports import ChildSpec, Packages, Probe, Program
from tests.runtime.adapters.conftest import install_together, wait_for
from tests.support.node import needs_node
from tests.support.npm_registry import TELL, Registry, serve_registry

pytestmark = needs_node

Make = Callable[..., NpmPackages]


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Serve a registry that is empty at first."""
    with serve_registry() as served:
        yield served


@pytest.fixture
def make(tmp_path: Path, registry: Registry) -> Make:
    """Use the registry on loopback, with a cache of its own and more of an environment."""

    def with_environ(environ: Mapping[str, str] | None = None) -> NpmPackages:
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "npm_config_globalconfig": str(tmp_path / "none"),
            "npm_config_registry": registry.url,
            "npm_config_fetch_retries": "0",
        }
        return NpmPackages(tmp_path / "packages", tmp_path / "cache", environ={**own, **(environ or {})})

    return with_environ


@pytest.fixture
def local(make: Make) -> NpmPackages:
    return make()


def publish_demo(registry: Registry, version: str = "1.0.0") -> None:
    """Publish `demo`, which has a program of its name and needs `helper`."""
    files = {"bin/demo.js": TELL}
    registry.publish("demo", version, files=files, bin={"demo": "bin/demo.js"}, dependencies={"helper": "^2.0.0"})
    if "helper" not in registry.packages:
        registry.publish("helper", "2.0.0", files={"index.js": "exports.x = 1;\n"})


def ask(packages: Packages, requirement: str, preferred: tuple[str, ...] = ()) -> PackageAnswer:
    return packages.resolve(PackageQuestion(requirement=requirement, preferred=preferred))


def environment_of(packages: Packages, requirement: str) -> Environment:
    answer = ask(packages, requirement)
    assert not answer.problem
    return Environment.of(answer.package, answer.requirements)


def install_of(packages: Packages, requirement: str) -> Environment:
    environment = environment_of(packages, requirement)
    packages.install(environment)
    return environment


def failure_of(call: Callable[[], object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        call()
    return caught.value


def home_of(tmp_path: Path, environment: Environment) -> Path:
    return tmp_path / "packages" / environment.digest.removeprefix("sha256:")


def names_of(answer: PackageAnswer) -> list[str]:
    return [line.partition(" ")[0].removeprefix("npm:") for line in answer.requirements]


def output_of(program: Program) -> str:
    done = subprocess.run([program.path, *program.arguments], env={}, capture_output=True, text=True, check=True)
    return done.stdout


# Resolving


def test_a_server_is_pinned_with_all_it_needs_on_every_platform(local: NpmPackages, registry: Registry) -> None:
    natives = {"native-linux": "1.0.0", "native-win32": "1.0.0"}
    registry.publish(
        "@acme/demo", "1.0.0", bin="cli.js", dependencies={"helper": "^2.0.0"}, optionalDependencies=natives
    )
    registry.publish("helper", "2.0.0", scripts={"install": "false"}, said={"hasInstallScript": True})
    registry.publish("native-linux", "1.0.0", os=["linux"], cpu=["x64", "arm64"])
    registry.publish("native-win32", "1.0.0", os=["win32"])
    answer = ask(local, "npm:@acme/demo")
    assert answer.package == "npm:@acme/demo@1.0.0"
    assert names_of(answer) == ["@acme/demo@1.0.0", "helper@2.0.0", "native-linux@1.0.0", "native-win32@1.0.0"]
    demo, helper, linux, _ = answer.requirements
    assert demo.endswith(
        " dependencies=helper@^2.0.0 optionalDependencies=" + ("native-linux@1.0.0,native-win32@1.0.0 bin=demo@cli.js")
    )
    assert helper.endswith("== hasInstallScript")
    assert linux.endswith("== os=linux cpu=x64,arm64 optional")
    assert all(parse_pin(line) for line in answer.requirements)
    assert "://" not in "".join(answer.requirements)


def test_what_is_preferred_is_kept_while_it_satisfies(local: NpmPackages, registry: Registry) -> None:
    publish_demo(registry)
    before = ask(local, "npm:demo")
    publish_demo(registry, "1.1.0")
    registry.publish("helper", "2.1.0")
    registry.asked.clear()
    assert ask(local, "npm:demo", before.requirements) == before
    assert ask(local, "npm:demo@1.0.0", before.requirements) == before
    assert registry.asked == []
    newer = ask(local, "npm:demo@1.1.0", before.requirements)
    assert names_of(newer) == ["demo@1.1.0", "helper@2.0.0"]
    assert newer.requirements[1] == before.requirements[1]
    # What the cache was told a moment ago is not what is answered.
    assert names_of(ask(local, "npm:demo")) == ["demo@1.1.0", "helper@2.1.0"]


def test_where_a_tag_leads_is_locked(local: NpmPackages, registry: Registry) -> None:
    registry.publish("helper", "1.0.0")
    registry.publish("demo", "1.0.0", bin="cli.js", files={"cli.js": TELL}, dependencies={"helper": "latest"})
    before = ask(local, "npm:demo")
    registry.publish("helper", "2.0.0")
    assert ask(local, "npm:demo", before.requirements) == before
    environment = Environment.of(before.package, before.requirements)
    local.install(environment)
    assert local.installed(deep=True) == {environment.digest}


def test_what_another_ecosystem_locked_is_passed_over_and_what_nobody_wrote_is_told(
    local: NpmPackages, registry: Registry
) -> None:
    publish_demo(registry)
    pypi = f"demo==1.0 --hash=sha256:{'0' * 64}"
    assert ask(local, "npm:demo", (pypi,)) == ask(local, "npm:demo")
    failure = failure_of(lambda: ask(local, "npm:demo", ("npm:demo@1.0.0 node_modules/demo",)))
    assert failure.brief == "the lock holds a requirement that mcphub did not write"


def test_of_the_users_configuration_only_the_way_to_the_registry_counts(
    make: Make, registry: Registry, tmp_path: Path
) -> None:
    publish_demo(registry)
    expected = ask(make(), "npm:demo")
    (tmp_path / ".npmrc").write_text(
        f"registry={registry.url}\n//{registry.url.partition('//')[2]}/:_authToken=${{CORP}}\n"
        "tag=beta\nomit[]=prod\nomit[]=optional\nos=win32\nlegacy-peer-deps=true\ninstall-strategy=nested\nforce=true\n"
        "package-lock=false\ndry-run=true\nignore-scripts=false\nglobal=true\njson=false\nloglevel=silly\n"
    )
    packages = make({"npm_config_registry": registry.url, "CORP": "t0ken"})
    assert ask(packages, "npm:demo") == expected
    install_of(packages, "npm:demo")
    assert registry.tokens == {"", "Bearer t0ken"}


def test_a_delay_against_new_releases_counts_when_choosing_only(make: Make, registry: Registry, tmp_path: Path) -> None:
    publish_demo(registry)
    environment = environment_of(make(), "npm:demo")
    registry.times["demo"] = {"1.0.0": "2026-01-01T00:00:00Z"}
    late = make({"npm_config_before": "2025-01-01"})
    assert "has no version" in ask(late, "npm:demo").problem
    shutil.rmtree(tmp_path / "cache")
    late.install(environment)
    assert late.installed(deep=True) == {environment.digest}


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [
        ("npm:no-such-package", "The package registry has no package called `no-such-package`."),
        ("npm:demo@9.0.0", "`demo` has no version 9.0.0; the newest version is 1.0.0."),
        ("npm:demo@^1", "`npm:demo@^1` is neither npm:NAME nor npm:NAME@VERSION, with a whole version."),
        ("npm:old", "`old` cannot be locked. It needs `old` 1.0.0, which the registry gives no sha512 hash for."),
        (
            "npm:bundle",
            (
                "`bundle` cannot be locked. It needs `inner` 1.0.0, which comes inside of another package, "
                "so that it has no hash of its own."
            ),
        ),
        ("npm:remote", "`remote` cannot be locked. It needs `a` 1.0.0, which does not come from a package registry."),
        ("npm:git", "`git` needs something that does not come from a package registry."),
        ("npm:folder", "`folder` needs something that does not come from a package registry."),
        ("npm:broken", "`broken` cannot be locked. No matching version found for demo@^7."),
        ("npm:orphan", "`orphan` needs `gone`, which the package registry does not have."),
    ],
)
def test_what_cannot_be_locked_is_a_problem_of_the_hub(
    local: NpmPackages, registry: Registry, requirement: str, problem: str
) -> None:
    publish_demo(registry)
    registry.publish("old", "1.0.0", hashes="sha1")
    inner = {"node_modules/inner/package.json": '{"name": "inner", "version": "1.0.0"}'}
    registry.publish("bundle", "1.0.0", files=inner, dependencies={"inner": "1.0.0"}, bundleDependencies=["inner"])
    registry.publish("a", "1.0.0")
    registry.publish("remote", "1.0.0", dependencies={"a": f"{registry.url}/a/-/a-1.0.0.tgz"})
    registry.publish("git", "1.0.0", dependencies={"a": "git+ssh://git@host.invalid/a.git"})
    registry.publish("folder", "1.0.0", dependencies={"a": "file:../a"})
    registry.publish("broken", "1.0.0", dependencies={"demo": "^7"})
    registry.publish("orphan", "1.0.0", dependencies={"gone": "1.0.0"})
    answer = ask(local, requirement)
    assert answer.problem.startswith(problem)
    assert answer == PackageAnswer(problem=answer.problem)
    assert registry.url not in answer.problem


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_registry_that_is_not_there_is_a_failure_to_try_again(make: Make) -> None:
    url = f"http://bob:hunter2@127.0.0.1:{closed_port()}/t0ken/?key=s3cret"
    failure = failure_of(lambda: ask(make({"npm_config_registry": url}), "npm:demo"))
    assert failure.brief == "npm:demo cannot be resolved: the package registry does not answer as it should"
    assert failure.retryable
    assert not [word for word in ("hunter2", "t0ken", "s3cret", "bob") if word in repr(vars(failure))]


@pytest.mark.parametrize(
    ("status", "reason", "retryable"),
    [
        (401, "refuses the credentials", False),
        (500, "does not answer as it should", True),
    ],
)
def test_a_registry_that_refuses_is_never_taken_for_an_empty_one(
    local: NpmPackages,
    registry: Registry,
    status: int,
    reason: str,
    retryable: bool,  # noqa: FBT001  (a table's column)
) -> None:
    registry.replies["*"] = status
    failure = failure_of(lambda: ask(local, "npm:demo"))
    assert reason in failure.brief
    assert failure.retryable == retryable
    assert failure.resolution


def test_offline_nothing_is_said_about_the_registry(make: Make, registry: Registry) -> None:
    publish_demo(registry)
    offline = make({"npm_config_offline": "true"})
    assert "stay offline" in failure_of(lambda: ask(offline, "npm:demo")).brief
    online = ask(make(), "npm:demo")
    assert ask(offline, "npm:demo", online.requirements) == online


# Installing


def test_what_was_locked_runs_and_everyone_can_read_it(local: NpmPackages, registry: Registry, tmp_path: Path) -> None:
    publish_demo(registry)
    before = os.umask(0o077)
    try:
        environment = install_of(local, "npm:demo")
    finally:
        os.umask(before)
    home = home_of(tmp_path, environment)
    program = local.program(environment)
    assert program == local.place(environment)
    assert output_of(program) == "demo 1.0.0\n"
    assert program.arguments == (f"{home}/node_modules/demo/bin/demo.js",)
    assert program.readable[0] == str(home)
    assert local.installed() == local.installed(deep=True) == {environment.digest}
    found = [home, *home.rglob("*")]
    assert [path for path in found if path.is_symlink() or path.stat().st_mode & 0o044 != 0o044] == []
    assert not list(home.rglob(".bin"))
    assert registry.url not in "".join(path.read_text() for path in found if path.is_file())


def test_no_script_of_a_package_is_run(local: NpmPackages, registry: Registry, tmp_path: Path) -> None:
    scripts = dict.fromkeys(["preinstall", "install", "postinstall", "prepare"], f"touch {tmp_path}/ran")
    registry.publish("demo", "1.0.0", bin="bin/x.js", files={"bin/x.js": TELL, "binding.gyp": "{}"}, scripts=scripts)
    assert "demo 1.0.0" in output_of(local.program(install_of(local, "npm:demo")))
    assert not (tmp_path / "ran").exists()


def test_what_the_cache_holds_is_installed_without_the_registry(
    local: NpmPackages, make: Make, registry: Registry, tmp_path: Path
) -> None:
    publish_demo(registry)
    environment = install_of(local, "npm:demo")
    local.remove(environment.digest)
    registry.asked.clear()
    local.install(environment)
    assert registry.asked == []
    local.remove(environment.digest)
    registry.replies["*"] = 500
    make({"npm_config_offline": "true"}).install(environment)
    assert local.installed(deep=True) == {environment.digest}
    shutil.rmtree(tmp_path / "cache")
    local.remove(environment.digest)
    assert failure_of(lambda: local.install(environment)).retryable
    assert list((tmp_path / "packages").iterdir()) == []


def test_a_version_that_the_cache_has_not_heard_of_is_fetched(
    local: NpmPackages, make: Make, registry: Registry, tmp_path: Path
) -> None:
    publish_demo(registry)
    install_of(local, "npm:demo")
    publish_demo(registry, "1.1.0")
    other = NpmPackages(tmp_path / "other", tmp_path / "other-cache", environ=make()._npm.environ)  # noqa: SLF001
    environment = environment_of(other, "npm:demo@1.1.0")
    local.install(environment)
    assert output_of(local.program(environment)) == "demo 1.1.0\n"


def test_a_file_that_is_not_the_locked_one_is_refused(local: NpmPackages, registry: Registry, tmp_path: Path) -> None:
    publish_demo(registry)
    environment = environment_of(local, "npm:demo")
    del registry.packages["helper"]
    registry.publish("helper", "2.0.0", files={"evil.js": ""})
    shutil.rmtree(tmp_path / "cache")
    failure = failure_of(lambda: local.install(environment))
    assert failure.brief == "npm:demo@1.0.0 cannot be installed: a file is not the one that was locked"
    assert not failure.retryable
    assert list((tmp_path / "packages").iterdir()) == []


def test_a_damaged_cache_does_not_reach_an_environment(local: NpmPackages, registry: Registry, tmp_path: Path) -> None:
    publish_demo(registry)
    environment = install_of(local, "npm:demo")
    local.remove(environment.digest)
    for path in (tmp_path / "cache").glob("_cacache/content-v2/sha512/*/*/*"):
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    local.install(environment)
    assert output_of(local.program(environment)) == "demo 1.0.0\n"


def test_an_optional_package_for_this_machine_is_not_forgone(
    local: NpmPackages, registry: Registry, tmp_path: Path
) -> None:
    natives = {"native-here": "1.0.0", "native-there": "1.0.0"}
    registry.publish("demo", "1.0.0", bin="x.js", files={"x.js": TELL}, optionalDependencies=natives)
    registry.publish("native-here", "1.0.0", os=[sys.platform])
    registry.publish("native-there", "1.0.0", os=["win32"], dependencies={"glue": "1.0.0"})
    registry.publish("glue", "1.0.0")
    environment = environment_of(local, "npm:demo")
    registry.replies["/native-here/-/native-here-1.0.0.tgz"] = 500
    failure = failure_of(lambda: local.install(environment))
    assert "optional package for this machine could not be fetched" in failure.brief
    assert failure.detail == "node_modules/native-here"
    assert failure.retryable
    registry.replies.clear()
    local.install(environment)
    modules = home_of(tmp_path, environment) / "node_modules"
    assert sorted(path.name for path in modules.iterdir() if path.is_dir()) == ["demo", "native-here"]


def test_what_does_not_run_here_is_told_and_leaves_nothing(
    local: NpmPackages, registry: Registry, tmp_path: Path
) -> None:
    publish_demo(registry)
    answer = ask(local, "npm:demo")
    lines = tuple(
        line.replace(" bin=", " bin=") + (" os=win32" if "npm:demo@" in line else "") for line in answer.requirements
    )
    environment = Environment.of(answer.package, lines)
    failure = failure_of(lambda: local.install(environment))
    assert failure.brief == "npm:demo@1.0.0 cannot be installed: it is not for this machine"
    assert list((tmp_path / "packages").iterdir()) == []


def test_lines_that_do_not_make_a_whole_lock_are_told(local: NpmPackages, registry: Registry, tmp_path: Path) -> None:
    publish_demo(registry)
    answer = ask(local, "npm:demo")
    demo, helper = answer.requirements
    other = helper.replace("@2.0.0 ", "@2.0.1 ")
    for package, lines in [
        (answer.package, (demo,)),
        (answer.package, (helper,)),
        (answer.package, (demo, helper, other)),
        ("npm:demo@2.0.0", (demo, helper)),
        (answer.package, (demo, helper.replace("@2.0.0 ", "@1.0.0 "))),
    ]:
        failure = failure_of(lambda package=package, lines=lines: local.install(Environment.of(package, lines)))  # type: ignore[misc]
        assert "the locked lines do not fit together" in failure.brief
        assert failure.resolution == "lock the server again"
    assert list((tmp_path / "packages").iterdir()) == []


def test_a_program_that_only_the_registry_knows_of_is_told(local: NpmPackages, registry: Registry) -> None:
    registry.publish("demo", "1.0.0", files={"x.js": TELL}, said={"bin": {"demo": "y.js"}})
    failure = failure_of(lambda: install_of(local, "npm:demo"))
    assert failure.brief == "npm:demo@1.0.0 does not hold its program demo"


def test_settings_in_the_hubs_folder_do_not_count(make: Make, registry: Registry, tmp_path: Path) -> None:
    publish_demo(registry)
    (tmp_path / ".npmrc").write_text("registry=http://127.0.0.1:9/\nomit[]=optional\n")
    (tmp_path / "package.json").write_text('{"name": "above", "workspaces": ["packages/*"]}')
    user = tmp_path / "user"
    user.mkdir()
    (user / ".npmrc").write_text(f"registry={registry.url}\n")
    packages = make({"HOME": str(user), "npm_config_registry": ""})
    environment = environment_of(packages, "npm:demo")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".npmrc", "cache", "package.json", "user"]
    packages.install(environment)
    assert packages.installed(deep=True) == {environment.digest}


def test_environments_are_installed_at_once_from_several_threads(local: NpmPackages, registry: Registry) -> None:
    publish_demo(registry)
    publish_demo(registry, "1.1.0")
    wanted = [environment_of(local, "npm:demo@1.0.0"), environment_of(local, "npm:demo@1.1.0")] * 2
    install_together(local, wanted)
    assert local.installed(deep=True) == {environment.digest for environment in wanted}


KILLED = """
import sys
from pathlib import Path
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.runtime.adapters.npm import NpmPackages

folder, cache, package, *requirements = sys.argv[1:]
NpmPackages(Path(folder), Path(cache)).install(Environment.of(package, tuple(requirements)))
"""


def test_an_installation_that_was_killed_does_not_count_and_is_made_good(
    make: Make, registry: Registry, tmp_path: Path
) -> None:
    publish_demo(registry)
    packages = make()
    environment = environment_of(packages, "npm:demo")
    path = "/helper/-/helper-2.0.0.tgz"
    registry.held[path] = threading.Event()
    arguments = [str(tmp_path / "packages"), str(tmp_path / "cache"), environment.package, *environment.requirements]
    environ = dict(packages._npm.environ)  # noqa: SLF001  (what the fixture made)
    child = subprocess.Popen([sys.executable, "-c", KILLED, *arguments], env=environ)
    wait_for(lambda: child.poll() is not None or path in registry.asked)
    child.send_signal(signal.SIGKILL)
    assert child.wait(timeout=30) == -signal.SIGKILL
    assert packages.installed() == frozenset()
    assert "is not installed" in failure_of(lambda: packages.program(environment)).brief
    # npm itself waits on, and keeps the place locked until it is done.
    with Environments(root=tmp_path / "packages").locked(environment.digest, wait=False) as held:
        assert held is None
    registry.held[path].set()
    packages.install(environment)
    assert packages.installed(deep=True) == {environment.digest}
    assert list((tmp_path / "packages").iterdir()) == [home_of(tmp_path, environment)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")
def test_a_full_disk_is_told_and_leaves_nothing(make: Make, registry: Registry, tmp_path: Path) -> None:
    registry.publish("demo", "1.0.0", bin="x.js", files={"x.js": TELL, "big.txt": "x" * 2_000_000})
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this container may not mount")
    try:
        packages = NpmPackages(folder, tmp_path / "cache", environ=make()._npm.environ)  # noqa: SLF001
        environment = environment_of(packages, "npm:demo")
        failure = failure_of(lambda: packages.install(environment))
        left = list(folder.iterdir())
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert failure.brief == "npm:demo@1.0.0 cannot be installed: the disk is full"
    assert failure.retryable
    assert left == []


# What is installed


def test_a_deep_look_sees_what_was_done_to_the_files(local: NpmPackages, registry: Registry, tmp_path: Path) -> None:
    publish_demo(registry)
    environment = install_of(local, "npm:demo")
    home = home_of(tmp_path, environment)
    changes: list[Callable[[Path], object]] = [
        lambda modules: (modules / "demo" / "bin" / "demo.js").write_text("evil()\n"),
        lambda modules: (modules / "helper" / "index.js").unlink(),
        lambda modules: (modules / "helper" / "evil.js").write_text("evil()\n"),
        lambda modules: (modules / "evil").symlink_to(tmp_path),
        lambda modules: (modules / "helper" / "package.json").write_text('{"main": "evil.js"}'),
    ]
    for change in changes:
        before = shutil.copytree(home, tmp_path / "before")
        change(home / "node_modules")
        assert local.installed() == {environment.digest}
        assert local.installed(deep=True) == frozenset()
        if change is not changes[-1]:
            shutil.rmtree(home)
            before.rename(home)
            assert local.installed(deep=True) == {environment.digest}
    local.install(environment)
    assert local.installed(deep=True) == {environment.digest}
    assert output_of(local.program(environment)) == "demo 1.0.0\n"


def test_both_ecosystems_share_a_folder_and_leave_each_other_alone(
    local: NpmPackages, registry: Registry, tmp_path: Path
) -> None:
    publish_demo(registry)
    environment = install_of(local, "npm:demo")
    pypi = UvPackages(tmp_path / "packages", Program(path=sys.executable), environ={"PATH": os.environ["PATH"]})
    empty = Environment.of("demo==1.0", ())
    with pytest.raises(RuntimeFailure, match="not among what was installed"):
        # It gets as far as to look for leftovers, and to build.
        pypi.install(empty)
    assert pypi.installed() == frozenset()
    assert local.installed(deep=True) == {environment.digest}
    foreign = tmp_path / "packages" / ("f" * 64)
    foreign.mkdir()
    (foreign / ".mcphub-environment.json").write_text('{\n  "format": "mcphub.environment/v1"\n}\n')
    local.remove(f"sha256:{'f' * 64}")
    local.remove(f"sha256:{'0' * 64}")
    assert local.installed() == {environment.digest}
    local.remove(environment.digest)
    local.install(environment)
    assert foreign.is_dir()
    local.remove(environment.digest)
    local.remove(environment.digest)
    assert list((tmp_path / "packages").iterdir()) == [foreign]


# Programs


def with_programs(name: str, programs: str) -> Environment:
    line = f"npm:{name}@1.0.0 node_modules/{name} sha512-{'A' * 86}== {programs}".strip()
    return Environment.of(f"npm:{name}@1.0.0", (line,))


@pytest.mark.parametrize(
    ("name", "programs", "chosen"),
    [
        ("@acme/server", "bin=mcp-acme-server@a.js", "a.js"),
        ("@acme/server", "bin=other@a.js,server@dist/b.js", "dist/b.js"),
        ("server", "bin=one@a.js,two@a.js", "a.js"),
    ],
)
def test_the_program_is_called_like_the_package_or_is_its_only_one(
    local: NpmPackages, name: str, programs: str, chosen: str
) -> None:
    environment = with_programs(name, programs)
    assert local.place(environment).arguments[0].endswith(f"/node_modules/{name}/{chosen}")
    assert "is not installed" in failure_of(lambda: local.program(environment)).brief


def test_a_package_with_several_programs_or_none_is_told(local: NpmPackages) -> None:
    several, none = with_programs("demo", "bin=one@a.js,two@b.js"), with_programs("library", "")
    assert failure_of(lambda: local.program(several)).detail == "one, two"
    assert failure_of(lambda: local.program(none)).brief == "npm:library@1.0.0 brings no program"
    assert local.place(none).arguments[0].endswith("/node_modules")


def test_a_place_is_told_even_where_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = NpmPackages(tmp_path, tmp_path / "cache", environ={})
    monkeypatch.setattr("mcphub_gitops.runtime.adapters.npm_program._SYSTEM_FOLDERS", ())
    environment = Environment.of("npm:demo@1.0.0", ("nonsense",))
    assert packages.place(environment).path == "/usr/bin/node"
    with pytest.raises(RuntimeFailure, match="did not write"):
        packages.install(replace(environment, package="npm:demo@1.0.0"))


# The whole way


def spec_of(program: Program, root: Path) -> ChildSpec:
    """Return how a server is started with a private folder, as an apply would."""
    scratch = root / "scratch"
    scratch.mkdir(exist_ok=True)
    return ChildSpec(
        server="browser",
        argv=(program.path, *program.arguments),
        cwd=str(root),
        env={"PATH": "/usr/bin:/bin", "HOME": str(scratch), "TMPDIR": str(scratch), "LANG": "C.UTF-8"},
        readable=program.readable,
        writable=(str(scratch),),
        hidden=(str(root / "cache"),),
    )


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that other users can enter; pytest's own are closed to them."""
    folder = Path("/var/tmp") / f"mcphub-npm-{os.getpid()}-{tmp_path.name}"  # noqa: S108  (made here)
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_real_server_is_locked_installed_and_asked_in_its_sandbox(open_folder: Path) -> None:
    packages = NpmPackages(open_folder / "packages", open_folder / "cache")
    answer = ask(packages, "npm:@playwright/mcp")
    assert not answer.problem
    assert len(answer.requirements) > 2
    environment = Environment.of(answer.package, answer.requirements)
    packages.install(environment)
    engine = ProcessEngine(realm="test")
    spec = spec_of(packages.program(environment), open_folder)
    client = json.dumps({"name": "test", "version": "1"}).encode()

    async def probe() -> Probe:
        return await StdioProber(engine, client=client).probe(spec, timeout=60)

    probed = asyncio.run(probe())
    assert "browser_click" in {tool["name"] for tool in probed.tools}
    if os.geteuid() == 0:
        assert "user of its own" in engine.assess(spec).measures
        assert stat.S_IMODE((open_folder / "cache").stat().st_mode) == 0o700
    assert packages.installed(deep=True) == {environment.digest}
    offline = {**os.environ, "npm_config_offline": "true"}
    packages.remove(environment.digest)
    NpmPackages(open_folder / "packages", open_folder / "cache", environ=offline).install(environment)
    assert packages.installed(deep=True) == {environment.digest}
