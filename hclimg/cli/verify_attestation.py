"""``hclimg verify-attestation``: whether a statement was signed with a key, and says what it should."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hclimg.cli.options import Command, F, switch
from hclimg.errors import BuildError

PREDICATE = "https://slsa.dev/provenance/v1"
ENDING = "provenance.intoto.jsonl"
BLOCK = 1 << 20
SERVICE = "hclimg checks signatures with a public key and asks no service: use -verifier."


def _service(name: str, *, flag: bool = False) -> Callable[[F], F]:
    """An option of Packer's that cannot be fulfilled: to leave it out silently would be less than what was asked."""

    def refuse(_ctx: click.Context, _option: click.Parameter, value: Any) -> None:
        if value:
            raise click.UsageError(f"{name} is not possible: {SERVICE}")

    kind = click.BOOL if flag else click.STRING
    return click.option(name, type=kind, metavar="", hidden=True, expose_value=False, callback=refuse)


@click.command(cls=Command)
@click.option("-verifier", "-key", "verifier", metavar="PATH", default="", help="The public key, a PEM file.")
@click.option("-artifact", metavar="PATH", default="", help="The file that it must be about.")
@click.option("-bundle", metavar="PATH", default="", help=f"The statement; without it, ARTIFACT.{ENDING}.")
@click.option("-predicate-type", metavar="URI", default=PREDICATE, help=f"What it says. Default: {PREDICATE}.")
@click.option("-builder-id", metavar="URI", default="", help="What must have built it.")
@click.option("-source-uri", metavar="URI", default="", help="The source_uri that it must have.")
@click.option("-signing-mode", metavar="key", default="key", help="How it was signed; here only with a key.")
@switch("-json", "Print the statement.")
@_service("-trusted-root-path")
@_service("-keyless-identity")
@_service("-keyless-oidc-issuer")
@_service("-require-rekor", flag=True)
@_service("-require-timestamp", flag=True)
def command(
    *, verifier: str, artifact: str, bundle: str, predicate_type: str, builder_id: str, source_uri: str,
    signing_mode: str, json: bool,
) -> None:  # fmt: skip
    """Check a statement that the post-processor provenance has signed.

    The signature must be of the key, and the artifact, when one is given, what the statement is about.
    """
    if signing_mode != "key":
        raise click.UsageError(f'-signing-mode "{signing_mode}" is not possible: {SERVICE}')
    if not verifier:
        raise click.UsageError("-verifier is missing: the public key.")
    if not bundle and not artifact:
        raise click.UsageError("Give -bundle, the statement, or -artifact, or both.")
    from hclimg.sdk.dsse import opened

    path = Path(bundle or f"{artifact}.{ENDING}")
    statement = _statement(path, opened(path, Path(verifier)))
    _compare("The predicate's type", statement.get("predicateType"), predicate_type)
    _compare("The builder's id", _at(statement, "runDetails", "builder", "id"), builder_id)
    _compare("The source", _at(statement, "buildDefinition", "externalParameters", "source"), source_uri)
    if artifact:
        _find(Path(artifact), statement)
    _show(path, artifact, statement, as_json=json)


def _statement(path: Path, payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload)
    except ValueError as error:
        raise BuildError(f"{path} has no statement in it: {error}.") from error
    if not isinstance(found, dict) or found.get("_type") != "https://in-toto.io/Statement/v1":
        raise BuildError(f"{path} has no statement of in-toto (version 1) in it.")
    return found


def _at(statement: dict[str, Any], *names: str) -> Any:
    found = statement.get("predicate")
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _compare(what: str, have: Any, want: str) -> None:
    if want and have != want:
        raise BuildError(f'{what} is "{have}", not "{want}".')


def _find(artifact: Path, statement: dict[str, Any]) -> None:
    import hashlib

    digest = hashlib.sha256()
    try:
        with artifact.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except OSError as error:
        raise BuildError(f"{artifact} cannot be read: {error.strerror}.") from error
    subjects = [one for one in statement.get("subject", []) if isinstance(one, dict)]
    if not any(one.get("digest", {}).get("sha256") == digest.hexdigest() for one in subjects):
        names = ", ".join(str(one.get("name")) for one in subjects)
        raise BuildError(
            f"The statement is not about {artifact}: no subject has its SHA-256.", hint=f"It is about: {names}."
        )


def _show(path: Path, artifact: str, statement: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(statement, indent=2, ensure_ascii=False))
        return
    print(f"{path}: the signature is right{f', and it is about {artifact}' if artifact else ''}.")
    names = {
        "builder": ("runDetails", "builder", "id"), "run": ("runDetails", "metadata", "invocationId"),
        "finished": ("runDetails", "metadata", "finishedOn"),
        "source": ("buildDefinition", "externalParameters", "source"),
    }  # fmt: skip
    for name, place in names.items():
        if value := _at(statement, *place):
            print(f"  {name}: {value}")
