import pytest

from mcphub_gitops.compiler.plan.container import PACKAGE_FOLDER
from mcphub_gitops.runtime.adapters.targets import PYTHON_SCRIPT, VARIABLES, Target, is_program
from mcphub_gitops.runtime.failure import RuntimeFailure


def test_a_target_is_a_version_of_python_and_a_c_library() -> None:
    target = Target.of("python3.12-musl")
    assert (target.version, target.libc) == ("3.12", "musl")
    assert Target.of("python3.11-gnu") == Target(version="3.11", libc="gnu")
    # Below PYTHONUSERBASE, this is where every Python of that version looks.
    assert target.site == "lib/python3.12/site-packages"


@pytest.mark.parametrize(
    "text",
    [
        *("", "python3.12", "python3.12-", "python3.12-uclibc", "python3.10-gnu", "python2.7-gnu", "python3.012-gnu"),
        *("node-musl", " python3.12-gnu", "python3.12-gnu\n", "python3.12-gnu/../..", "Python3.12-GNU"),
    ],
)
def test_what_is_no_target_is_told(text: str) -> None:
    with pytest.raises(RuntimeFailure) as raised:
        Target.of(text)
    assert f"`{text}`" in raised.value.brief
    assert "3.11 or later" in raised.value.detail
    assert raised.value.resolution


@pytest.mark.parametrize(
    ("machine", "target", "platform"),
    [
        ("x86_64", "python3.12-gnu", "x86_64-manylinux_2_28"),
        ("x86_64", "python3.12-musl", "x86_64-unknown-linux-musl"),
        ("aarch64", "python3.12-gnu", "aarch64-manylinux_2_28"),
        ("AMD64", "python3.12-gnu", "x86_64-manylinux_2_28"),
        ("arm64", "python3.12-musl", "aarch64-unknown-linux-musl"),
    ],
)
def test_the_platform_has_the_containers_c_library_and_the_hosts_architecture(
    machine: str, target: str, platform: str
) -> None:
    assert Target.of(target).platform(machine) == platform


def test_another_architecture_is_told() -> None:
    with pytest.raises(RuntimeFailure, match="on this machine") as raised:
        Target.of("python3.12-gnu").platform("riscv64")
    assert "riscv64" in raised.value.detail


def test_a_python_script_is_run_by_the_images_python_and_anything_else_by_itself() -> None:
    target = Target.of("python3.12-gnu")
    path = f"{PACKAGE_FOLDER}/lib/python3.12/site-packages/bin/serve"
    assert target.entrypoint("serve", PYTHON_SCRIPT + b"import demo\n") == ("python3", "-P", path)
    assert target.entrypoint("serve", b"#!/bin/sh\nexec true\n") == (path,)
    assert target.entrypoint("serve", b"\x7fELF\x02\x01") == (path,)


def test_only_what_a_kernel_starts_is_a_program() -> None:
    assert is_program(PYTHON_SCRIPT)
    assert is_program(b"\x7fELF\x02")
    assert not is_program(b"import os\n")
    assert not is_program(b"")


def test_no_variable_of_an_image_comes_before_what_is_locked() -> None:
    assert VARIABLES["PYTHONUSERBASE"] == PACKAGE_FOLDER
    assert VARIABLES["PYTHONPATH"] == VARIABLES["PYTHONNOUSERSITE"] == ""
