"""Images by digest from their registries: what a name leads to, for which platforms, and as whom it runs."""

import ssl
from collections.abc import Collection, Iterable
from functools import cached_property

import httpx2

from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion
from mcphub_gitops.compiler.resolve.image import ImageReference, parse
from mcphub_gitops.runtime.adapters.credentials import DockerLogins
from mcphub_gitops.runtime.adapters.manifests import (
    Configuration,
    Index,
    MalformedError,
    Manifest,
    NoImage,
    read_configuration,
    read_files,
    read_manifest,
)
from mcphub_gitops.runtime.adapters.registry_connection import Absence, Content, RegistryConnection
from mcphub_gitops.runtime.failure import RuntimeFailure

_LINUX = "linux/"


class ImageRegistries:
    """Asks registries over HTTP, without an engine and without fetching layers; implements `ports.Registries`.

    `logins` are shown to a registry that asks for one. `insecure` are the registries ``HOST[:PORT]``, beside this
    machine, that are asked over plain HTTP. `timeout` bounds each question, in seconds.
    """

    def __init__(self, logins: DockerLogins, *, insecure: Collection[str] = (), timeout: float = 120.0) -> None:
        self._logins = logins
        self._insecure = frozenset(insecure)
        self._timeout = timeout

    def resolve(self, question: ImageQuestion) -> ImageAnswer:
        """Find an image, and prove each manifest and configuration by its digest. Blocking.

        Besides the manifest that is named, the manifest and configuration of each Linux platform are fetched: 1 + 2n
        requests, of which Docker's registry counts 1 + n against its limit. Platforms are what the index says, also
        where the registry does not hold all of them; what it does not hold has no say in the user.

        Raises RuntimeFailure when the registry cannot be reached, refuses, or sends what is not an answer.
        """
        reference = parse(question.reference)
        if isinstance(reference, str):
            return ImageAnswer(problem=reference)
        with self._connect(reference) as connection:
            found = connection.manifest(reference.digest or reference.tag)
            if isinstance(found, Absence):
                return ImageAnswer(problem=_explain(reference, found))
            try:
                return _Image(reference, connection).describe(found)
            except MalformedError as error:
                raise _malformed(reference, str(error)) from error

    def head(self, question: ImageQuestion) -> str:
        """Return the digest that a name leads to now, empty where `resolve` has a problem to tell. Blocking.

        One request that no registry counts as a pull, where it tells the digest in a header. That is good enough to
        see that a tag has moved, and never for a lock: nothing is proven. Raises RuntimeFailure like `resolve`.
        """
        reference = parse(question.reference)
        if isinstance(reference, str):
            return ""
        name = reference.digest or reference.tag
        with self._connect(reference) as connection:
            told = connection.head(name)
            if told:
                return told
            found = connection.manifest(name)
            return "" if isinstance(found, Absence) else found.digest

    def fetch_files(self, reference: ImageReference) -> dict[str, bytes]:
        """Return the files of the artifact that `reference` names by its digest, by their titles. Blocking.

        Each is proven by its digest. Raises RuntimeFailure like `resolve`, and when there is no such artifact.
        """
        with self._connect(reference) as connection:
            found = connection.manifest(reference.digest)
            if isinstance(found, Absence):
                raise RuntimeFailure(
                    f"the artifact {reference} cannot be fetched",
                    detail=_explain(reference, found),
                    resolution="correct the reference, or log in to the registry",
                )
            try:
                return {title: self._layer(connection, digest) for title, digest in read_files(found.data).items()}
            except MalformedError as error:
                raise _malformed(reference, str(error)) from error

    @staticmethod
    def _layer(connection: RegistryConnection, digest: str) -> bytes:
        found = connection.blob(digest)
        if isinstance(found, Absence):
            raise MalformedError(f"names {digest}, which the registry does not hold")
        return found.data

    def _connect(self, reference: ImageReference) -> RegistryConnection:
        return RegistryConnection(
            reference, self._logins, context=self._context, insecure=self._insecure, timeout=self._timeout
        )

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """What decides whom to trust: 50 ms to make, so once."""
        try:
            return httpx2.create_ssl_context()
        except OSError as error:
            raise RuntimeFailure(
                "the certificates of authorities cannot be read",
                detail=f"{error.strerror}.",
                resolution="set SSL_CERT_FILE to a file of certificates, or SSL_CERT_DIR to a folder, or unset them",
            ) from error


class _Image:
    """What stands behind one manifest or index of a repository."""

    def __init__(self, reference: ImageReference, connection: RegistryConnection) -> None:
        self._reference = reference
        self._connection = connection

    def describe(self, found: Content) -> ImageAnswer:
        """Return the answer for what a name led to; raises RuntimeFailure and MalformedError."""
        document = read_manifest(found.data, found.media)
        if isinstance(document, NoImage):
            return ImageAnswer(problem=f"`{self._reference}` {document.why}.")
        if isinstance(document, Index):
            return self._describe_index(found, document)
        configuration = self._configuration(document)
        if configuration is None:
            raise self._incomplete(document.config)
        return self._answer(found, {configuration.platform: found.digest}, [configuration])

    def _describe_index(self, found: Content, index: Index) -> ImageAnswer:
        platforms: dict[str, str] = {}
        configurations = []
        asked = ""
        for entry in index.entries:
            platform = entry.platform
            if not platform or platform.startswith(_LINUX):
                asked = asked or entry.digest
                configuration = self._child(entry.digest)
                if configuration is not None:
                    configurations.append(configuration)
                    platform = platform or configuration.platform
            if platform:
                platforms.setdefault(platform, entry.digest)
        if asked and not configurations:
            raise self._incomplete(asked)
        if not platforms:
            return ImageAnswer(problem=f"`{self._reference}` is an index that lists no image.")
        return self._answer(found, platforms, configurations)

    def _child(self, digest: str) -> Configuration | None:
        found = self._connection.manifest(digest)
        if isinstance(found, Absence):
            return None
        document = read_manifest(found.data, found.media)
        return self._configuration(document) if isinstance(document, Manifest) else None

    def _configuration(self, manifest: Manifest) -> Configuration | None:
        found = self._connection.blob(manifest.config)
        return None if isinstance(found, Absence) else read_configuration(found.data)

    def _answer(
        self, found: Content, platforms: dict[str, str], configurations: Iterable[Configuration]
    ) -> ImageAnswer:
        found_for_linux = [each for each in configurations if each.platform.startswith(_LINUX)]
        users = {each.user for each in found_for_linux}
        moments = [each.created for each in found_for_linux]
        known = [each for each in moments if each is not None]
        return ImageAnswer(
            repository=self._reference.repository,
            digest=found.digest,
            platforms=dict(sorted(platforms.items())),
            user=users.pop() if len(users) == 1 else "",
            created=max(known) if known and len(known) == len(moments) else None,
        )

    def _incomplete(self, digest: str) -> RuntimeFailure:
        return RuntimeFailure(
            f"the image {self._reference} cannot be looked up: the registry does not hold all of it",
            detail=f"{self._reference.repository} has no {digest}, which the image names.",
            resolution="push the image again, or name another one",
        )


def _explain(reference: ImageReference, absence: Absence) -> str:
    if absence is Absence.REPOSITORY:
        return f"{reference.host} has no repository `{reference.path}`."
    if absence is Absence.DENIED:
        return (
            f"{reference.host} has no repository `{reference.path}`, or shows it only to those who log in "
            f"(`docker login {reference.host}`)."
        )
    wanted = f"image {reference.digest}" if reference.digest else f"tag `{reference.tag}`"
    return f"`{reference.repository}` has no {wanted}."


def _malformed(reference: ImageReference, why: str) -> RuntimeFailure:
    return RuntimeFailure(
        f"the image {reference} cannot be understood",
        detail=f"What {reference.host} sent {why}.",
        resolution="see that it is an image, and that nothing on the way changes it; push it again with a current tool",
    )
