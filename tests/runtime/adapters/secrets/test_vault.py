import base64
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from time import time

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mcphub_gitops.compiler.resolve.store import Vault
from mcphub_gitops.runtime.adapters.secrets import vault as module
from mcphub_gitops.runtime.adapters.secrets.dotenv import parse_dotenv
from mcphub_gitops.runtime.adapters.secrets.sources import SecretSources
from mcphub_gitops.runtime.adapters.secrets.vault import read_vault
from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.support.openbao import ROOT_TOKEN, OpenBao, Recorder, needs_openbao, recording, running_openbao

POLICY = 'path "secret/data/mcp/*" { capabilities = ["read"] }'
CANARY = "canary-81f0aa7c"
TOKEN = {"method": "token", "credential": "env://VAULT_TOKEN"}
ENVIRON = {"VAULT_TOKEN": ROOT_TOKEN}


def fetch(
    facts: Mapping[str, str], *references: str, environ: Mapping[str, str] = ENVIRON, root: Path = Path("/")
) -> Mapping[str, str | RuntimeFailure]:
    sources = SecretSources(root, environ, parse_dotenv=parse_dotenv, read_vault=read_vault)
    stores = {"corp": Vault(**facts).facts()} if facts else {}
    return sources.fetch(references, stores=stores, programs={})


def at(bao: OpenBao, **facts: str) -> dict[str, str]:
    return {"address": bao.address, "ca": str(bao.ca), **TOKEN, **facts}


def failure(outcome: str | RuntimeFailure) -> RuntimeFailure:
    assert isinstance(outcome, RuntimeFailure)
    words = repr((outcome.brief, outcome.detail, outcome.resolution, outcome.args, outcome.__context__))
    assert CANARY not in words
    assert ROOT_TOKEN not in words
    return outcome


@needs_openbao
def test_both_versions_of_the_engine_are_read(openbao: OpenBao) -> None:
    openbao.put("mcp/grafana", {"api_key": CANARY, "port": 3000, "parts": ["a"], "empty": ""})
    openbao.ask("POST", "kv/mcp/grafana", {"api_key": "of version 1"})
    one, two = "store://corp/mcp/grafana#api_key", "store://corp/mcp/none#api_key"
    assert fetch(at(openbao), one) == {one: CANARY}
    assert fetch(at(openbao, mount="kv", version="1"), one) == {one: "of version 1"}
    assert "nothing at secret/mcp/none" in failure(fetch(at(openbao), two)[two]).detail
    number, parts = "store://corp/mcp/grafana#port", "store://corp/mcp/grafana#parts"
    assert "something else than text" in failure(fetch(at(openbao), number)[number]).detail
    assert "something else than text" in failure(fetch(at(openbao), parts)[parts]).detail
    absent = failure(fetch(at(openbao), "store://corp/mcp/grafana#key")["store://corp/mcp/grafana#key"])
    assert absent.detail == f"The key mcp/grafana of {openbao.address} has no field key."
    empty = "store://corp/mcp/grafana#empty"
    assert failure(fetch(at(openbao), empty)[empty]).brief == f"the secret {empty} is empty"


@needs_openbao
def test_an_engine_of_the_other_version_is_told(openbao: OpenBao) -> None:
    openbao.put("mcp/other", {"api_key": CANARY})
    openbao.ask("POST", "kv/mcp/other", {"api_key": CANARY})
    reference = "store://corp/mcp/other#api_key"
    for facts in ({"version": "1"}, {"mount": "kv"}):
        found = failure(fetch(at(openbao, **facts), reference)[reference])
        assert found.brief == f"the secret {reference} cannot be read"
        assert f"the engine is asked as version {facts.get('version', '2')}" in found.resolution


@needs_openbao
def test_keys_with_characters_that_urls_give_a_meaning_are_read(openbao: OpenBao) -> None:
    openbao.ask("POST", "secret/data/mcp/a%20b%3F%23%25", {"data": {"f#1": CANARY}})
    reference = "store://corp/mcp/a%20b%3F%23%25#f%231"
    assert fetch(at(openbao), reference) == {reference: CANARY}


@needs_openbao
def test_the_short_form_takes_address_and_token_from_the_environment(openbao: OpenBao) -> None:
    openbao.put("mcp/short", {"key": CANARY})
    reference = "vault://secret/mcp/short#key"
    environ = {**ENVIRON, "VAULT_ADDR": f"{openbao.address}/", "VAULT_CACERT": str(openbao.ca)}
    assert fetch({}, reference, environ=environ) == {reference: CANARY}
    environ = {"BAO_TOKEN": ROOT_TOKEN, "BAO_ADDR": openbao.address, "VAULT_CACERT": str(openbao.ca)}
    assert fetch({}, reference, environ=environ) == {reference: CANARY}
    assert failure(fetch({}, reference, environ={})[reference]).detail == "VAULT_ADDR is not set."
    plain = {**ENVIRON, "VAULT_ADDR": "http://vault.acme.example"}
    assert "over https" in failure(fetch({}, reference, environ=plain)[reference]).detail


@needs_openbao
def test_a_namespace_is_entered(openbao: OpenBao) -> None:
    openbao.ask("POST", "sys/namespaces/team", {})
    openbao.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}, namespace="team")
    openbao.put("mcp/spaced", {"key": CANARY}, namespace="team")
    reference = "store://corp/mcp/spaced#key"
    assert fetch(at(openbao, namespace="team"), reference) == {reference: CANARY}
    assert "nothing at" in failure(fetch(at(openbao), reference)[reference]).detail


@needs_openbao
def test_many_keys_take_one_login_and_one_request_each(openbao: OpenBao) -> None:
    role, secret = openbao.approle("many", POLICY)
    for number in range(12):
        openbao.put(f"mcp/many/{number}", {"a": f"a{number}", "b": f"b{number}"})
    references = [f"store://corp/mcp/many/{number}#{field}" for number in range(12) for field in "ab"]
    before = openbao.tokens()
    with recording(Recorder(openbao)) as recorder:
        facts = {"address": recorder.address, "method": "approle", "login": "approle", "role": role}
        facts["credential"] = "env://SECRET"
        found = fetch(facts, *references, environ={"SECRET": secret})
    assert found == {each: f"{each[-1]}{each.rpartition('/')[2].partition('#')[0]}" for each in references}
    assert recorder.asked[0] == "POST /v1/auth/approle/login"
    assert recorder.asked[-1] == "POST /v1/auth/token/revoke-self"
    assert sorted(recorder.asked[1:-1]) == sorted(f"GET /v1/secret/data/mcp/many/{number}" for number in range(12))
    assert openbao.tokens() == before


@needs_openbao
def test_an_approle_reads_what_its_policy_lets_it(openbao: OpenBao, tmp_path: Path) -> None:
    role, secret = openbao.approle("reader", POLICY)
    openbao.put("mcp/mine", {"key": CANARY})
    openbao.put("other/mine", {"key": CANARY})
    (tmp_path / "role").write_text(role)
    facts = at(openbao, method="approle", login="approle", role="file://role", credential="env://SECRET")
    mine, other = "store://corp/mcp/mine#key", "store://corp/other/mine#key"
    found = fetch(facts, mine, other, environ={"SECRET": secret}, root=tmp_path)
    assert found[mine] == CANARY
    assert "does not let mcphub read secret/other/mine" in failure(found[other]).detail
    wrong = failure(fetch(facts, mine, environ={"SECRET": CANARY}, root=tmp_path)[mine])
    assert "It refuses the login by approle at auth/approle" in wrong.detail
    unset = failure(fetch(facts, mine, environ={}, root=tmp_path)[mine])
    assert unset.brief == "the secret env://SECRET is not set"


@needs_openbao
def test_a_jwt_opens_it(openbao: OpenBao) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    openbao.ask("POST", "sys/auth/ci", {"type": "jwt"})
    openbao.ask("POST", "auth/ci/config", {"jwt_validation_pubkeys": [public.decode()]})
    openbao.ask("PUT", "sys/policies/acl/ci", {"policy": POLICY})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_subject": "pipeline", "token_policies": "ci"}
    openbao.ask("POST", "auth/ci/role/mcphub", {**role, "bound_audiences": ["bao"]})
    openbao.put("mcp/jwt", {"key": CANARY})
    parts = [{"alg": "RS256"}, {"sub": "pipeline", "aud": "bao", "exp": int(time()) + 60}]
    body = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(key.sign(body, padding.PKCS1v15(), hashes.SHA256())).rstrip(b"=")
    environ = {"JWT": (body + b"." + signature).decode(), "BAD": (body + b"." + b"AAAA").decode()}
    facts = at(openbao, method="jwt", login="ci", role="mcphub", credential="env://JWT")
    reference = "store://corp/mcp/jwt#key"
    assert fetch(facts, reference, environ=environ) == {reference: CANARY}
    refused = failure(fetch({**facts, "credential": "env://BAD"}, reference, environ=environ)[reference])
    assert "refuses the login by jwt at auth/ci" in refused.detail


@needs_openbao
def test_the_account_of_a_pod_opens_it(openbao: OpenBao) -> None:
    user = {"username": "system:serviceaccount:tools:mcphub", "uid": "1", "groups": []}
    review = json.dumps({"status": {"authenticated": True, "user": user}}).encode()
    place = "/apis/authentication.k8s.io/v1/tokenreviews"
    claims = {"sub": user["username"], "iss": "kubernetes/serviceaccount"}
    for part, value in (("namespace", "tools"), ("service-account.name", "mcphub"), ("service-account.uid", "1")):
        claims[f"kubernetes.io/serviceaccount/{part}"] = value
    account = ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode()
        for part in (b'{"alg":"RS256"}', json.dumps(claims).encode(), b"sig")
    )
    openbao.put("mcp/pod", {"key": CANARY})
    openbao.ask("PUT", "sys/policies/acl/pod", {"policy": POLICY})
    openbao.ask("POST", "sys/auth/kubernetes", {"type": "kubernetes"})
    reply = (201, {"content-type": "application/json"}, review)
    with recording(Recorder(None, replies={place: reply})) as cluster:
        config = {"kubernetes_host": cluster.address, "kubernetes_ca_cert": openbao.ca.read_text("utf-8")}
        openbao.ask("POST", "auth/kubernetes/config", config)
        role = {"bound_service_account_names": "mcphub", "bound_service_account_namespaces": "tools"}
        openbao.ask("POST", "auth/kubernetes/role/mcphub", {**role, "token_policies": "pod"})
        facts = at(openbao, method="kubernetes", login="kubernetes", role="mcphub", credential="env://POD")
        reference = "store://corp/mcp/pod#key"
        assert fetch(facts, reference, environ={"POD": account}) == {reference: CANARY}
    assert cluster.asked == [f"POST {place}"]


@needs_openbao
def test_a_sealed_store_is_told_and_read_again_when_it_is_open() -> None:
    reference = "store://corp/mcp/sealed#key"
    with running_openbao() as bao:
        bao.put("mcp/sealed", {"key": CANARY})
        bao.ask("PUT", "sys/seal", {})
        found = failure(fetch(at(bao), reference)[reference])
        assert (found.detail, found.retryable) == ("It is sealed, or not ready.", True)
        other = "store://corp/mcp/other#key"
        both = fetch(at(bao), reference, other)
        assert both[reference] is both[other]
        bao.ask("PUT", "sys/unseal", {"key": bao.unseal_key})
        assert fetch(at(bao), reference) == {reference: CANARY}
    gone = failure(fetch(at(bao, ca=""), reference)[reference])
    assert gone.brief == f"the secret store at {bao.address} cannot be used"
    assert gone.detail == "It cannot be reached: the connection fails."


@needs_openbao
def test_a_certificate_that_is_not_trusted_ends_it_before_the_token_is_sent(openbao: OpenBao) -> None:
    reference = "store://corp/mcp/tls#key"
    found = failure(fetch(at(openbao, ca=""), reference)[reference])
    assert "its certificate is not trusted" in found.detail
    missing = failure(fetch(at(openbao, ca="/nowhere.pem"), reference)[reference])
    assert missing.detail == "Its certificates cannot be read: /nowhere.pem: No such file or directory"
    empty = failure(fetch(at(openbao, ca="/dev/null"), reference)[reference])
    assert "Its certificates cannot be read" in empty.detail


@needs_openbao
def test_a_token_that_is_refused_or_none_is_told(openbao: OpenBao) -> None:
    reference = "store://corp/mcp/tls#key"
    found = failure(fetch(at(openbao), reference, environ={"VAULT_TOKEN": CANARY})[reference])
    assert "does not let mcphub read secret/mcp/tls" in found.detail
    found = failure(fetch(at(openbao), reference, environ={"VAULT_TOKEN": f"{CANARY}\nX: y"})[reference])
    assert found.detail == "What env://VAULT_TOKEN holds is no token."


REPLIES = {
    "redirect": ((307, {"location": "http://127.0.0.1:1/"}, b""), "It redirects, which is not followed."),
    "standby": ((429, {}, b"{}"), "It stands by for another one, or was asked too often."),
    "fault": ((500, {}, CANARY.encode()), "It answers with the status 500."),
    "text": ((200, {}, CANARY.encode()), "answers otherwise than a key-value engine does."),
    "list": ((200, {}, b"[]"), "answers otherwise than a key-value engine does."),
    "deep": ((200, {}, b"[" * 100_000), "answers otherwise than a key-value engine does."),
    "other": ((200, {}, json.dumps({"data": {"data": [CANARY]}}).encode()), "than a key-value engine does."),
    "endless": ((200, {}, b" " * 5_000_000), "It answers without an end."),
    "cut": ((200, {"content-length": "9999"}, b"{}"), "It cannot be reached: it breaks off."),
    "none": ((404, {}, b"{}"), "has nothing at secret/k."),
}


@pytest.mark.parametrize("name", REPLIES)
def test_what_is_no_answer_of_a_store_is_told(name: str) -> None:
    reply, detail = REPLIES[name]
    reference = "store://corp/k#f"
    with recording(Recorder(None, replies={"/v1/secret/data/k": reply})) as store:
        found = failure(fetch({"address": store.address, **TOKEN}, reference)[reference])
    assert detail in found.detail


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        ((200, {}, b'{"auth": {}}'), "It answers a login without a token."),
        ((200, {}, b'{"auth": {"client_token": "a b"}}'), "What env://VAULT_TOKEN holds is no token."),
        ((503, {}, b""), "It is sealed, or not ready."),
    ],
)
def test_what_is_no_login_is_told(reply: tuple[int, Mapping[str, str], bytes], detail: str) -> None:
    reference = "store://corp/k#f"
    replies = {"/v1/auth/approle/login": reply}
    with recording(Recorder(None, replies=replies)) as store:
        facts = {"address": store.address, **TOKEN, "method": "approle", "login": "approle", "role": "r"}
        found = failure(fetch(facts, reference)[reference])
    assert found.detail == detail


def test_a_store_that_does_not_answer_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        raise httpx2.ReadTimeout(CANARY)

    monkeypatch.setattr(httpx2.Client, "stream", late)
    reference = "store://corp/k#f"
    found = failure(fetch({"address": "http://127.0.0.1:9", **TOKEN}, reference)[reference])
    assert found.detail == "It cannot be reached: no answer within 10 s."
    assert found.retryable


def test_a_proxy_that_is_none_is_told_without_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"nonsense://user:{CANARY}@proxy")
    reference = "store://corp/k#f"
    found = failure(fetch({"address": "https://vault.acme.example", **TOKEN}, reference)[reference])
    assert "HTTPS_PROXY" in found.detail


def test_a_store_that_is_not_declared_is_told() -> None:
    reference = "store://other/k#f"
    found = failure(fetch({"address": "https://vault.acme.example", **TOKEN}, reference)[reference])
    assert found.detail == "No secret store is called other."


def test_certificates_are_verified() -> None:
    context = module._trusted(Vault(address="https://x", **TOKEN), Path("/"))  # noqa: SLF001  (its very setting)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
