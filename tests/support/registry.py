"""Debian's image registry on a free port of loopback, and images pushed to it without an engine."""

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import ssl
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

PROGRAM = "docker-registry"
REQUIRED = "MCPHUB_REQUIRE_ENGINE" in os.environ

needs_registry = pytest.mark.skipif(shutil.which(PROGRAM) is None and not REQUIRED, reason=f"{PROGRAM} is absent")

USER, PASSWORD = "tester", "opensesame"
_HTPASSWD = f"{USER}:$2b$04$aMTP5Wh6b37F1Oyhh.v.b.mbDg9o1zIDi8DSf7FrKCYcUGE2Agdyi\n"


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """The media types of one family."""

    index: str
    manifest: str
    config: str
    layer: str


OCI = Kinds(
    index="application/vnd.oci.image.index.v1+json",
    manifest="application/vnd.oci.image.manifest.v1+json",
    config="application/vnd.oci.image.config.v1+json",
    layer="application/vnd.oci.image.layer.v1.tar+gzip",
)
DOCKER = Kinds(
    index="application/vnd.docker.distribution.manifest.list.v2+json",
    manifest="application/vnd.docker.distribution.manifest.v2+json",
    config="application/vnd.docker.container.image.v1+json",
    layer="application/vnd.docker.image.rootfs.diff.tar.gzip",
)


@contextmanager
def running_registry(
    folder: Path,
    *,
    password: bool = False,
    settings: Mapping[str, Any] | None = None,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[str]:
    """Run a registry that stores below `folder`; give its ``HOST:PORT``.

    With `password` only USER with PASSWORD may use it. `settings` are added to its configuration as they are, `tls` are
    the files of a certificate and its key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    http: dict[str, Any] = {"addr": "127.0.0.1:0", "secret": "any"}
    if tls:
        http["tls"] = {"certificate": str(tls[0]), "key": str(tls[1])}
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "http": http,
        **(settings or {}),
    }
    if password:
        (folder / "htpasswd").write_text(_HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    # What is JSON is YAML.
    (folder / "config.yml").write_text(json.dumps(config))
    command = [PROGRAM, "serve", str(folder / "config.yml")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        port = ""
        for line in process.stderr:
            said.append(line)
            if "listening on 127.0.0.1:" in line:
                port = line.partition("listening on 127.0.0.1:")[2].partition('"')[0].partition(",")[0]
                break
        rest = threading.Thread(target=process.stderr.read)
        rest.start()
        try:
            assert port, "".join(said)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            rest.join()


def tar_layer(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of `files` by path, all of them programs; the same bytes each time."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """Return the value of the header that shows a login."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def push_image(
    host: str,
    name: str,
    tag: str = "latest",
    *,
    user: str | Mapping[str, str] = "",
    platforms: Sequence[str] = ("linux/amd64",),
    layers: Sequence[bytes] = (),
    config: Mapping[str, Any] | None = None,
    kinds: Kinds = OCI,
    index: bool | None = None,
    attested: bool = False,
    authorization: str = "",
    created: str = "2026-01-01T00:00:00Z",
) -> str:
    """Push an image and return the digest that `tag` leads to then.

    `user` is that of every platform, or by platform. `layers` are uncompressed archives, bottom first (one without
    files where there are none), and `config` is added to the image's settings (``Entrypoint``, ``Cmd``, ``Env``, …).
    An index is pushed for several platforms, or where `index` says so; `attested` adds to it what BuildKit does. The
    same arguments give the same digest.
    """
    pusher = Pusher(host, name, authorization=authorization, created=created)
    archives = layers or (tar_layer({}),)
    entries = []
    for platform in platforms:
        settings = {**(config or {}), "User": user if isinstance(user, str) else user.get(platform, "")}
        manifest = pusher.manifest(platform, settings, archives, kinds)
        if not (len(platforms) > 1 if index is None else index):
            return pusher.put_manifest(tag, manifest, kinds.manifest)
        digest = pusher.put_manifest(digest_of(encode(manifest)), manifest, kinds.manifest)
        entries.append(describe(encode(manifest), kinds.manifest) | {"platform": split_platform(platform)})
        if attested:
            about = pusher.attestation(kinds)
            annotations = {"vnd.docker.reference.digest": digest, "vnd.docker.reference.type": "attestation-manifest"}
            unknown = {"os": "unknown", "architecture": "unknown"}
            entries.append(describe(encode(about), kinds.manifest) | {"annotations": annotations, "platform": unknown})
    return pusher.put_manifest(tag, {"schemaVersion": 2, "mediaType": kinds.index, "manifests": entries}, kinds.index)


def encode(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def describe(data: bytes, kind: str) -> dict[str, Any]:
    """Return a descriptor (OCI image specification)."""
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


def split_platform(platform: str) -> dict[str, str]:
    return dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))


class Pusher:
    """Puts the parts of an image into one repository."""

    def __init__(self, host: str, name: str, *, authorization: str = "", created: str = "2026-01-01T00:00:00Z") -> None:
        self._created = created
        self._base = f"http://{host}/v2/{name}"
        self._headers = {"Authorization": authorization} if authorization else {}

    def manifest(
        self, platform: str, settings: Mapping[str, Any], layers: Sequence[bytes], kinds: Kinds
    ) -> dict[str, Any]:
        """Push the blobs of an image for one platform; return its manifest, which is not pushed."""
        packed = [gzip.compress(layer, mtime=0) for layer in layers]
        content = {
            **split_platform(platform),
            "created": self._created,
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
            "history": [{"created": "2026-01-01T00:00:00Z"} for _ in layers],
        }
        return {
            "schemaVersion": 2,
            "mediaType": kinds.manifest,
            "config": self.put_blob(encode(content), kinds.config),
            "layers": [self.put_blob(layer, kinds.layer) for layer in packed],
        }

    def attestation(self, kinds: Kinds) -> dict[str, Any]:
        """Push a manifest as BuildKit adds one, which is about an image and is none."""
        config = encode({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"type": "layers"}})
        manifest = {
            "schemaVersion": 2,
            "mediaType": kinds.manifest,
            "config": self.put_blob(config, kinds.config),
            "layers": [self.put_blob(b"{}", "application/vnd.in-toto+json")],
        }
        self.put_manifest(digest_of(encode(manifest)), manifest, kinds.manifest)
        return manifest

    def put_blob(self, data: bytes, kind: str) -> dict[str, Any]:
        """Push a blob and return its descriptor."""
        with self._client() as client:
            started = client.post(f"{self._base}/blobs/uploads/")
            assert started.status_code == 202, started.text
            place = httpx2.URL(started.headers["location"]).copy_merge_params({"digest": digest_of(data)})
            ended = client.put(place, content=data, headers={"Content-Type": "application/octet-stream"})
            assert ended.status_code == 201, ended.text
        return describe(data, kind)

    def put_manifest(self, reference: str, manifest: Mapping[str, Any], kind: str) -> str:
        """Push a manifest under a tag or its digest, and return its digest."""
        with self._client() as client:
            answer = client.put(
                f"{self._base}/manifests/{reference}", content=encode(manifest), headers={"Content-Type": kind}
            )
            assert answer.status_code == 201, answer.text
        return digest_of(encode(manifest))

    def delete_manifest(self, digest: str) -> None:
        with self._client() as client:
            assert client.delete(f"{self._base}/manifests/{digest}").status_code == 202

    def _client(self) -> httpx2.Client:
        # An empty context: the one that is made otherwise reads all authorities of the system, which takes 50 ms.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return httpx2.Client(headers=self._headers, trust_env=False, timeout=30, verify=context)
