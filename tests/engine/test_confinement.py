"""What a container of ours can do, tried from inside."""

import json
from pathlib import Path

import pytest
import uvloop

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ContainerSpec, Mount
from tests.engine.conftest import Hub, started
from tests.runtime.engines.children import Record
from tests.runtime.engines.conftest import Run
from tests.support.engine import Engine, busybox_layer

pytestmark = pytest.mark.parametrize("run", [uvloop.new_event_loop], indirect=True, ids=["uvloop"])

TMP = {"/tmp": "rw,noexec,nosuid,nodev,size=1m,mode=1777"}  # noqa: S108  (in the container)


def said(run: Run, hub: Hub, spec: ContainerSpec) -> str:
    async def listen() -> str:
        record = Record()
        await hub.engine().create(spec)
        child = await hub.engine().spawn(spec, record)
        await record.end()
        return b"\n".join([*record.lines, b""]).decode() + child.stderr_tail()

    return run(listen())


def test_a_process_has_no_privileges_and_its_filter(run: Run, hub: Hub) -> None:
    text = said(run, hub, hub.spec("cat /proc/self/status"))
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    assert status["Uid"].split() == status["Gid"].split() == ["65532"] * 4
    assert status["Groups"].split() in ([], ["65532"])
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0


def test_a_granted_capability_is_all_that_root_has(run: Run, hub: Hub) -> None:
    text = said(run, hub, hub.spec("cat /proc/self/status", user="0:0", capabilities=("CAP_NET_BIND_SERVICE",)))
    assert f"CapEff:\t{1 << 10:016x}" in text


ATTEMPTS = (
    "touch /bin/new",
    "touch /etc/new",
    "cat /bin/busybox >/tmp/true; chmod 755 /tmp/true; /tmp/true",
    "mount -t tmpfs none /tmp",
    "mount -t proc none /proc",
    "echo 1 >/proc/sys/kernel/domainname",
    "echo b >/proc/sysrq-trigger",
    "cat /proc/kcore",
    "nc -w 1 127.0.0.1 1",
    "nc -w 1 172.17.0.1 22",
    "nc -w 1 1.1.1.1 53",
    "cat /var/run/docker.sock",
    "head -c 9000000 /dev/zero >/tmp/full",
)


def test_attempts_to_get_out_fail(run: Run, hub: Hub) -> None:
    script = "\n".join(f"({each}) </dev/null >/dev/null 2>&1 && echo {n}" for n, each in enumerate(ATTEMPTS))
    tmpfs = {"/tmp": TMP["/tmp"].replace("1m", "4m")}  # noqa: S108  (in the container)
    text = said(run, hub, hub.spec(f"{script}\necho over", tmpfs=tmpfs))
    assert text.split() == ["over"], [ATTEMPTS[int(number)] for number in text.split()[:-1]]


def test_the_same_attempts_succeed_where_nothing_holds_them(run: Run, hub: Hub) -> None:
    """What cannot succeed proves nothing."""
    able = [each for each in ATTEMPTS if each.startswith(("touch", "cat /bin", "mount", "head"))]
    script = "\n".join(f"({each}) </dev/null >/dev/null 2>&1 && echo {n}" for n, each in enumerate(able))
    text = said(run, hub, hub.spec(script, user="0:0", read_only=False, capabilities=("SYS_ADMIN",)))
    assert text.split() == [str(number) for number in range(len(able))]


def test_processes_files_and_core_dumps_are_bounded(run: Run, hub: Hub) -> None:
    text = said(run, hub, hub.spec("cat /proc/self/limits", pids=10))
    rows = {line[:26].strip(): line[26:].split()[:2] for line in text.splitlines()}
    assert rows["Max open files"] == ["1024", "1024"]
    assert rows["Max core file size"] == ["0", "0"]
    hub.clear()
    text = said(run, hub, hub.spec("for i in $(seq 1 30); do sleep 1 & done; echo DONE", pids=10))
    assert "can't fork" in text


def test_mounts_are_what_they_are_granted_as(run: Run, hub: Hub, tmp_path: Path) -> None:
    for name in ("read", "write"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    tmp_path.chmod(0o755)
    mounts = (
        Mount(kind="bind", source=str(tmp_path / "read"), target="/read"),
        Mount(kind="bind", source=str(tmp_path / "write"), target="/write", read_only=False),
        Mount(kind="bind", source=str(tmp_path / "write"), target="/tmp/below", read_only=False),  # noqa: S108
    )
    script = "touch /write/yes; touch /tmp/below/too; touch /tmp/private; touch /read/no; echo over"
    text = said(run, hub, hub.spec(script, mounts=mounts))
    assert "Read-only file system" in text
    assert sorted(path.name for path in (tmp_path / "write").iterdir()) == ["too", "yes"]
    assert (tmp_path / "write/yes").exists()
    assert not (tmp_path / "read/no").exists()


def test_secrets_reach_the_server_and_only_it(run: Run, hub: Hub) -> None:
    spec = hub.spec("echo ${#KEY}", env={"KEY": "kept-to-itself"}, secrets=("KEY",))
    assert said(run, hub, spec) == "14\n"
    assert "kept-to-itself" not in repr(spec)
    assert "kept-to-itself" not in json.dumps(hub.inspect()["Config"]["Labels"])


def test_a_health_check_of_the_image_is_not_run(run: Run, hub: Hub) -> None:
    entry, check = 'ENTRYPOINT ["/bin/cat"]', "HEALTHCHECK --interval=1s CMD /bin/false"
    image = hub.raw.push(f"healthy-{hub.lineage[:8]}", busybox_layer(), entry, check)
    run(hub.engine().create(hub.spec(image=image, command=())))
    assert hub.inspect()["Config"]["Healthcheck"]["Test"] == ["NONE"]


def test_the_network_that_is_granted_is_there(run: Run, hub: Hub) -> None:
    assert said(run, hub, hub.spec("cat /proc/net/dev", network="none")).count(":") == 1
    hub.clear()
    assert "eth0" in said(run, hub, hub.spec("cat /proc/net/dev", network="bridge"))


def test_a_user_whose_name_means_root_in_the_image_is_ended(engine: Engine, hub: Hub, run: Run) -> None:
    passwd = b"toor:x:0:0::/:/bin/sh\nnoone:x:1234:1234::/:/bin/sh\n"
    image = engine.push("toor", busybox_layer({"etc/passwd": passwd}), 'ENTRYPOINT ["/bin/sh", "-c"]')

    async def start(user: str) -> None:
        child, _ = await started(hub, hub.spec(image=image, user=user))
        await child.stop(grace=0.1)

    with pytest.raises(RuntimeFailure, match="would run as root"):
        run(start("toor"))
    assert hub.state()["Running"] is False
    run(start("noone"))


def test_a_source_that_became_a_link_is_not_followed_at_a_restart(hub: Hub, run: Run, tmp_path: Path) -> None:
    source = tmp_path.resolve() / "data"
    source.mkdir(mode=0o755)
    spec = hub.spec(mounts=(Mount(kind="bind", source=str(source), target="/data"),))

    async def start() -> None:
        child, _ = await started(hub, spec)
        await child.stop(grace=0.1)
        source.rmdir()
        source.symlink_to("/")
        with pytest.raises(RuntimeFailure, match="leads elsewhere now"):
            await hub.engine().spawn(spec, Record())

    run(start())
    assert hub.state()["Running"] is False
