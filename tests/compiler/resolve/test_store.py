import pytest

from mcphub_gitops.compiler.resolve.store import Vault, why_no_address
from mcphub_gitops.compiler.sourcing import validate
from tests.support.hubs import hub_of

HEAD = "apiVersion: mcphub/v1\nname: acme\nvars: {host: vault.acme.example}\nservers: {}\nsecretStores:\n  corp: "


def facts_of(vault: str) -> dict[str, str]:
    return dict(hub_of(f"{HEAD}{{vault: {vault}}}").stores["corp"])


def test_a_store_has_the_settings_that_are_usual() -> None:
    assert facts_of('{address: "https://${vars.host}/", auth: {approle: {role: mcphub}}}') == {
        "address": "https://vault.acme.example",
        "credential": "env://VAULT_SECRET_ID",
        "login": "approle",
        "method": "approle",
        "mount": "secret",
        "role": "mcphub",
        "version": "2",
    }


def test_each_setting_is_kept() -> None:
    auth = '{jwt: {role: "env://ROLE", token: "file:///run/jwt", mount: ci}}'
    text = f'{{address: "http://[::1]:8200/v", namespace: a/b, mount: kv, version: 1, ca: ./ca.pem, auth: {auth}}}'
    assert facts_of(text) == {
        "address": "http://[::1]:8200/v",
        "ca": "ca.pem",
        "credential": "file:///run/jwt",
        "login": "ci",
        "method": "jwt",
        "mount": "kv",
        "namespace": "a/b",
        "role": "env://ROLE",
        "version": "1",
    }
    assert Vault(**facts_of(text)).facts() == facts_of(text)


def test_a_pod_has_its_token_where_kubernetes_puts_it() -> None:
    facts = facts_of('{address: "https://v", ca: /etc/ca.pem, auth: {kubernetes: {role: mcphub}}}')
    assert facts["credential"] == "file:///var/run/secrets/kubernetes.io/serviceaccount/token"
    assert (facts["login"], facts["ca"]) == ("kubernetes", "/etc/ca.pem")


def test_a_token_is_a_reference_to_a_program_as_well() -> None:
    assert facts_of('{address: "https://v", auth: {token: "exec://bao-token"}}')["credential"] == "exec://bao-token"


@pytest.mark.parametrize(
    "address",
    [
        *(
            "https://a",
            "https://a.example:8200",
            "https://[2001:db8::1]:8200",
            "https://a/b/c",
            "http://localhost:8200",
        ),
        *("http://127.0.0.1:8200", "http://[::1]:8200", "http://127.9.9.9"),
    ],
)
def test_an_address_over_tls_or_on_this_machine_is_asked(address: str) -> None:
    assert why_no_address(address) == ""


@pytest.mark.parametrize(
    "address",
    [
        *("", "a", "ftp://a", "https://", "https://u:p@a", "https://a?b", "https://a#b", "https://a b", "http://a"),
        *("http://127.0.0.1.example", "http://localhost.example", "http://10.0.0.1", "https://a\n"),
    ],
)
def test_any_other_is_not(address: str) -> None:
    assert why_no_address(address)


CATALOG = b"""\
version: 3
name: docker
registry:
  grafana:
    type: server
    image: registry.example/grafana:1
    secrets: [{name: grafana.api_key, env: GRAFANA_API_KEY}]
    tools: [{name: find}]
"""


def test_a_server_of_a_catalog_has_its_secrets_where_the_hub_says() -> None:
    text = """\
apiVersion: mcphub/v1
name: acme
catalogs: {docker: {path: catalog.yaml}}
secretStores: {corp: {vault: {address: "https://v", auth: {token: "env://T"}}}}
servers:
  a: {from: docker/grafana, secrets: {grafana.api_key: {store: corp, key: mcp/grafana, field: api_key, as: file}}}
  b: {from: docker/grafana, secrets: {grafana.api_key: {exec: [pass, show, grafana]}}}
"""
    validated = validate("mcp-hub.yaml", text.encode(), {"catalog.yaml": CATALOG})
    assert validated.hub is not None, validated.diagnostics
    first, second = validated.hub.servers
    assert [(str(each), each.variable, each.as_file) for each in first.secrets] == [
        ("store://corp/mcp/grafana#api_key", "GRAFANA_API_KEY", True)
    ]
    assert [(str(each), each.variable) for each in second.secrets] == [("exec://pass?show&grafana", "GRAFANA_API_KEY")]
    assert [each.code.name for each in validated.diagnostics] == ["MH335"]
