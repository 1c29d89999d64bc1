"""Files behind https: from judged addresses alone, within bounds, wherever redirects lead."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.network.connection import Resolve
from mcphub_gitops.runtime.network.download import Downloader
from tests.support.https import serve_folder
from tests.support.remote_raw import Asked, Raw, answer, begin, chunk, raw
from tests.support.remote_sdk import certify

HOST = "catalogs.example"


async def here(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


class Site:
    """A server with a certificate for HOST, which answers each target as `pages` says."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key, self.trusting = certify(folder, HOST)
        self.server = Raw(0)

    @asynccontextmanager
    async def run(self, pages: dict[str, dict[str, Any]]) -> AsyncIterator[int]:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate, self.key)

        async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
            answer(writer, **pages[asked.target])

        async with raw(behave, tls=tls) as self.server:
            yield self.server.port

    def fetch(
        self,
        pages: dict[str, dict[str, Any]],
        *,
        limit: int = 100,
        seconds: float = 5,
        private: bool = True,
        resolve: Resolve = here,
    ) -> bytes:
        async def scenario() -> bytes:
            async with self.run(pages) as port:
                way = Downloader(limit=limit, seconds=seconds, private=private, tls=self.trusting, resolve=resolve)
                return await asyncio.to_thread(way.fetch, f"https://{HOST}:{port}/a", whose="catalog 'ours'")

        return asyncio.run(scenario())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_file_of_a_real_server_is_fetched_byte_for_byte(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    folder.mkdir()
    data = bytes(range(256)) * 1000
    (folder / "a").write_bytes(data)
    with serve_folder(folder, site.certificate, site.key) as port:
        way = Downloader(limit=len(data), private=True, tls=site.trusting, resolve=here)
        assert way.fetch(f"https://{HOST}:{port}/a", whose="it") == data
        with pytest.raises(RuntimeFailure) as raised:
            way.fetch(f"https://{HOST}:{port}/b", whose="catalog 'ours'")
        assert raised.value.brief == "The URL of catalog 'ours' cannot be fetched"
        assert raised.value.detail == f"https://{HOST}:{port} answers with status 404."
        assert not raised.value.retryable


def test_what_is_sent_holds_nothing_of_this_machine(site: Site) -> None:
    assert site.fetch({"/a": {"body": b"x"}}) == b"x"
    (asked,) = site.server.asked
    assert asked.method == "GET"
    assert asked.headers == {
        "host": f"{HOST}:{site.server.port}",
        "accept-encoding": "identity",
        "user-agent": "mcphub",
    }


def test_redirects_are_followed(site: Site) -> None:
    pages: dict[str, dict[str, Any]] = {
        "/a": {"status": "302 Found", "headers": {"Location": "/b?x=1"}},
        "/b?x=1": {"status": "308 Permanent Redirect", "headers": {"Location": "c"}},
        "/c": {"body": b"x"},
    }
    assert site.fetch(pages) == b"x"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://catalogs.example/a", "not reached over https all the way"),
        ("file:///etc/passwd", "not reached over https all the way"),
        ("https://user:pass@catalogs.example/", "user name or password"),
        ("/a", "redirected more than 5 times"),
    ],
)
def test_where_redirects_must_not_lead(site: Site, location: str, words: str) -> None:
    with pytest.raises(RuntimeFailure) as raised:
        site.fetch({"/a": {"status": "301 Moved", "headers": {"Location": location}}})
    assert words in raised.value.detail
    assert "pass@" not in raised.value.detail


def test_no_address_that_is_not_public_is_connected_to(site: Site) -> None:
    with pytest.raises(RuntimeFailure, match="cannot be fetched") as raised:
        site.fetch({"/a": {"body": b"x"}}, private=False)
    assert "127.0.0.1 is not a public address" in raised.value.detail
    assert site.server.connections == 0


def test_a_redirect_is_judged_as_the_first_place_is(site: Site) -> None:
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if host == HOST else []

    pages: dict[str, dict[str, Any]] = {
        "/a": {"status": "307 Temporary Redirect", "headers": {"Location": "https://inside.example/"}}
    }
    with pytest.raises(RuntimeFailure) as raised:
        site.fetch(pages, resolve=resolve)
    assert asked == [HOST, "inside.example"]
    assert raised.value.detail == "https://inside.example is not connected to: it has no address."


def test_more_than_is_allowed_is_not_read(site: Site) -> None:
    assert len(site.fetch({"/a": {"body": b"x" * 100}})) == 100
    with pytest.raises(RuntimeFailure, match="cannot be fetched") as raised:
        site.fetch({"/a": {"body": b"x" * 101}})
    assert "more than the 100 bytes" in raised.value.detail


def test_a_body_without_a_length_is_counted(site: Site) -> None:
    async def scenario() -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(site.certificate, site.key)

        async def unending(asked: Asked, writer: asyncio.StreamWriter) -> None:
            begin(writer)
            for _ in range(10):
                chunk(writer, b"x" * 4096)
            await asked.left()

        async with raw(unending, tls=tls) as server:
            way = Downloader(limit=10_000, private=True, tls=site.trusting, resolve=here)
            with pytest.raises(RuntimeFailure) as raised:
                await asyncio.to_thread(way.fetch, f"https://{HOST}:{server.port}/", whose="it")
            assert "more than the 10,000 bytes" in raised.value.detail

    asyncio.run(scenario())


def test_who_says_nothing_is_not_waited_for(site: Site) -> None:
    async def scenario() -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(site.certificate, site.key)

        async def silent(asked: Asked, _writer: asyncio.StreamWriter) -> None:
            await asked.left()

        async with raw(silent, tls=tls) as server:
            way = Downloader(limit=10, seconds=0.3, private=True, tls=site.trusting, resolve=here)
            with pytest.raises(RuntimeFailure) as raised:
                await asyncio.to_thread(way.fetch, f"https://{HOST}:{server.port}/", whose="it")
            assert raised.value.detail == "It takes longer than 0.3 s."
            assert raised.value.retryable

    asyncio.run(scenario())


def test_an_answer_that_breaks_off_or_is_compressed_is_told(site: Site) -> None:
    with pytest.raises(RuntimeFailure) as raised:
        site.fetch({"/a": {"body": b"x", "headers": {"Content-Encoding": "gzip"}}})
    assert "compressed" in raised.value.detail
    with pytest.raises(RuntimeFailure) as raised:
        site.fetch({"/a": {"status": "503 Busy"}})
    assert raised.value.retryable

    async def scenario() -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(site.certificate, site.key)

        async def rude(_asked: Asked, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx")
            writer.close()

        async with raw(rude, tls=tls) as server:
            way = Downloader(limit=10, private=True, tls=site.trusting, resolve=here)
            with pytest.raises(RuntimeFailure, match="cannot be fetched") as raised:
                await asyncio.to_thread(way.fetch, f"https://{HOST}:{server.port}/", whose="it")
            assert raised.value.detail == "The answer breaks off, or is no HTTP/1.1."

    asyncio.run(scenario())


def test_a_certificate_for_another_name_is_refused(site: Site, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other")
    other.trusting = site.trusting
    with pytest.raises(RuntimeFailure) as raised:
        other.fetch({"/a": {"body": b"x"}})
    assert "its certificate is refused" in raised.value.detail
