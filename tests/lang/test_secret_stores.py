"""Functions that read Vault, Consul and AWS Secrets Manager, against servers on loopback."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from evaluating import problem_of, scope, value_of

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import evaluate
from hclimg.lang.parse import parse_expression
from servers.stores import TOKEN, Store, consul, secrets_manager, vault

__all__ = ["consul", "secrets_manager", "vault"]


def secret_of(text: str) -> str:
    value = value_of(text)
    assert value.is_sensitive
    return str(value.raw)


# -- Vault ----------------------------------------------------------------------


def test_vault_reads_both_versions_of_the_store(vault: Store) -> None:
    assert secret_of('vault("secret/data/app", "pw")') == "s3cr3t"
    assert secret_of('vault("kv1/app", "pw")') == "0ld"
    assert {headers["X-Vault-Token"] for _, headers in vault.asked} == {TOKEN}


def test_a_secret_is_read_once(vault: Store) -> None:
    diags, source = Diagnostics(), SourceText("x", '[for i in range(5): vault("kv1/app", "pw")]')
    assert len(evaluate(parse_expression(source, diags), scope(), diags).raw) == 5
    assert len(vault.asked) == 1


def test_vault_is_asked_again_when_it_stumbles(vault: Store) -> None:
    vault.failing = 2
    assert secret_of('vault("kv1/app", "pw")') == "0ld"
    assert len(vault.asked) == 3


def test_the_namespace_of_vault(vault: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_NAMESPACE", "team")
    assert secret_of('vault("kv1/app", "pw")') == "0ld"
    assert vault.asked[0][1]["X-Vault-Namespace"] == "team"


@pytest.mark.parametrize(
    ("call", "detail"),
    [
        ('vault("secret/data/app", "user")', 'the secret at secret/data/app has no key "user"; it has n, pw'),
        ('vault("secret/data/app", "n")', 'the value of "n" at secret/data/app is not a string'),
        ('vault("secret/app", "pw")', "Vault has no secret at secret/app; for version 2"),
        ('vault("secret/data/deleted", "pw")', "its newest version may have been deleted"),
    ],
)
def test_what_vault_does_not_have(vault: Store, call: str, detail: str) -> None:
    problem = problem_of(call)
    assert problem.summary == "Error in function call"
    assert detail in problem.detail


def test_vault_says_no(vault: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "wrong")
    problem = problem_of('vault("kv1/app", "pw")')
    assert "Vault denies reading kv1/app: the token in VAULT_TOKEN may not" in problem.detail
    monkeypatch.delenv("VAULT_TOKEN")
    assert "set the environment variable VAULT_TOKEN" in problem_of('vault("kv1/app", "pw")').detail


def test_vault_is_not_there(vault: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    detail = problem_of('vault("kv1/app", "pw")').detail
    assert "cannot reach Vault at http://127.0.0.1:1: connection refused; VAULT_ADDR says where it is" in detail
    monkeypatch.setenv("VAULT_ADDR", f"https://{vault.address}")
    assert f"cannot reach Vault at https://{vault.address}: " in problem_of('vault("kv1/app", "pw")').detail


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "x")
    monkeypatch.setitem(sys.modules, "hvac", None)
    assert 'it needs the Python package "hvac"' in problem_of('vault("kv1/app", "pw")').detail
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert 'it needs the Python package "boto3"' in problem_of('aws_secretsmanager_raw("x")').detail


# -- Consul ---------------------------------------------------------------------


def test_consul(consul: Store) -> None:
    assert secret_of('consul_key("app/color")') == "gr\u00fcn"
    assert secret_of('consul_key("/app/color")') == "gr\u00fcn"
    assert secret_of('consul_key("with space")') == "yes"


def test_where_consul_is(consul: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", f"http://{consul.address}/")
    monkeypatch.delenv("CONSUL_HTTP_TOKEN")
    (tmp_path / "token").write_text(TOKEN + "\n")
    monkeypatch.setenv("CONSUL_HTTP_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("CONSUL_NAMESPACE", "team")
    monkeypatch.setenv("CONSUL_HTTP_AUTH", "me:pw")
    assert secret_of('consul_key("app/color")') == "gr\u00fcn"
    path, headers = consul.asked[-1]
    assert path == "/v1/kv/app/color?ns=team"
    assert headers.get("Authorization", headers.get("authorization")) == "Basic bWU6cHc="


@pytest.mark.parametrize(
    ("key", "detail"),
    [("nope", "Consul has no key nope"), ("empty", "the value of empty in Consul is empty")],
)
def test_what_consul_does_not_have(consul: Store, key: str, detail: str) -> None:
    assert detail in problem_of(f'consul_key("{key}")').detail


@pytest.mark.parametrize(
    ("variable", "value", "detail"),
    [
        ("CONSUL_HTTP_TOKEN", "wrong", "Consul denies reading app/color"),
        ("CONSUL_HTTP_ADDR", "127.0.0.1:1", "cannot reach Consul at http://127.0.0.1:1: connection refused"),
        ("CONSUL_HTTP_ADDR", "unix:///run/consul", "only http:// and https:// addresses"),
        ("CONSUL_HTTP_SSL", "true", "cannot reach Consul at https://"),
    ],
)
def test_consul_says_no(consul: Store, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, detail: str) -> None:
    monkeypatch.setenv(variable, value)
    assert detail in problem_of('consul_key("app/color")').detail


# -- AWS ------------------------------------------------------------------------


def test_secrets_of_aws(secrets_manager: Any) -> None:
    def store(name: str, text: str) -> None:
        secrets_manager.create_secret(Name=name, SecretString=text)

    store("plain", "just a text")
    store("single", json.dumps({"pw": "s3cr3t"}))
    store("many", json.dumps({"port": 5432, "pw": "x", "list": [1]}))
    secrets_manager.create_secret(Name="binary", SecretBinary=b"\0")
    assert secret_of('aws_secretsmanager("plain", null)') == "just a text"
    assert secret_of('aws_secretsmanager("single")') == "s3cr3t"
    assert secret_of('aws_secretsmanager("single", "")') == "s3cr3t"
    assert secret_of('aws_secretsmanager("many", "port")') == "5432"
    assert json.loads(secret_of('aws_secretsmanager_raw("many")'))["pw"] == "x"
    for call, detail in (
        ('aws_secretsmanager("many", null)', "the secret many has 3 keys; say which one: list, port, pw"),
        ('aws_secretsmanager("many", "user")', 'the secret many has no key "user"; it has list, port, pw'),
        ('aws_secretsmanager("many", "list")', "is neither a string nor a number"),
        ('aws_secretsmanager_raw("nope")', "AWS refuses to read the secret nope: "),
        ('aws_secretsmanager_raw("binary")', "the secret binary is binary, not a text"),
        ('aws_secretsmanager("a", "b", "c")', "it takes the name of a secret and at most one key"),
    ):
        assert detail in problem_of(call).detail


def test_aws_without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "set the environment variable AWS_REGION" in problem_of('aws_secretsmanager_raw("x")').detail
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert "there are no credentials for AWS" in problem_of('aws_secretsmanager_raw("x")').detail
