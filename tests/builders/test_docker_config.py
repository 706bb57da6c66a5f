"""The settings of the docker builder: Packer's keys, defaults and rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from hclimg.builders.docker.builder import DockerBuilder
from hclimg.builders.docker.config import DockerConfig
from hclimg.builders.docker.launch import defaults, plain_entrypoint
from hclimg.config.schema import schema_of
from hclimg.containers.engine import refusal
from hclimg.containers.login import region_of
from hclimg.sdk.testing import check_component, component, decoded

PACKER = {
    "build", "author", "changes", "commit", "container_dir", "device", "discard", "cap_add", "cap_drop", "docker_path",
    "exec_user", "export_path", "image", "message", "privileged", "pty", "runtime", "pull", "run_command", "tmpfs",
    "volumes", "fix_upload_owner", "windows_container", "platform", "login", "login_password", "login_server",
    "login_username", "ecr_login", "aws_access_key", "aws_secret_key", "aws_token", "aws_profile",
    "aws_force_use_public_ecr",
}  # fmt: skip
LEAST = 'image = "debian:12"\ncommit = true\n'


def problems(text: str, base: str = LEAST) -> list[str]:
    return decoded(DockerConfig, base + text)[1]


def test_every_key_of_packer_is_known() -> None:
    assert len(PACKER) == 34
    schema = schema_of(DockerConfig)
    assert PACKER - set(schema.names) == set()
    inner = schema_of(schema.settings["build"].element)
    assert set(inner.names) == {"path", "build_dir", "arguments", "pull", "compress"}


def test_defaults_are_packers() -> None:
    check_component(DockerBuilder, LEAST)
    config = component(DockerBuilder, LEAST).config
    assert config.running.run_command == ("-d", "-i", "-t", "--entrypoint=/bin/sh", "--", "{{.Image}}")
    assert config.running.container_dir == "/packer-files"
    assert config.running.fix_upload_owner
    assert config.source.pull
    assert config.communicator.communicator == "docker"


@pytest.mark.parametrize(
    ("text", "base", "problem"),
    [
        ("", 'image = "a"\n', "Missing required argument"),
        ("discard = true", LEAST, "Only one of commit, discard can be set."),
        ("", "commit = true\n", "image"),
        (f'build {{\n path = "{__file__}"\n}}', LEAST, "image"),
        ('build {\n path = "/none"\n}', "commit = true\n", "/none"),
        ("windows_container = true", LEAST, "Containers of Windows run on Windows only"),
        ('communicator = "dockerWindowsContainer"', LEAST, "This builder cannot use"),
        ('communicator = "dokcer"', LEAST, "There is no communicator"),
        ('container_dir = "files"', LEAST, "no absolute path"),
        ('author = "me"', 'image = "a"\ndiscard = true\n', "needs commit = true"),
        ("login = true", LEAST, "login_username"),
        ('login_username = "me"', LEAST, "needs login = true"),
        ("ecr_login = true", LEAST, "registry"),
        ('ecr_login = true\nlogin_server = "example.org"', LEAST, "no registry of ECR"),
        ("run_command = []", LEAST, "must name the image"),
    ],
)
def test_rules(text: str, base: str, problem: str) -> None:
    found = problems(text, base)
    assert any(problem in line for line in found), found


def test_a_whole_one_has_no_problems(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    text = f'discard = true\nbuild {{\n path = "{tmp_path}/Dockerfile"\n build_dir = "{tmp_path}"\n}}'
    assert problems(text, "") == []


def test_regions_of_registries() -> None:
    assert region_of("123456789012.dkr.ecr.eu-central-1.amazonaws.com") == "eu-central-1"
    assert region_of("https://public.ecr.aws/team") == "us-east-1"
    assert region_of("registry.example.org") == ""


def test_the_sources_entrypoint_and_command_come_back() -> None:
    source = {"Entrypoint": ["/entry"], "Cmd": ["run"]}
    assert defaults(source, ()) == ['ENTRYPOINT ["/entry"]', 'CMD ["run"]']
    assert defaults(source, ("cmd x", "ENV A=b")) == ['ENTRYPOINT ["/entry"]']
    assert defaults({"Cmd": ["run"]}, ()) == ['CMD ["run"]']
    assert defaults({}, ()) == ['ENTRYPOINT [""]', "CMD []"]


def test_an_entrypoint_in_place_of_none_becomes_a_command() -> None:
    command = ["-d", "--entrypoint=/bin/sh", "--", "a"]
    assert plain_entrypoint(command, "a", {"Cmd": ["run"]}) == ["-d", "--", "a", "/bin/sh"]
    assert plain_entrypoint(command, "a", {"Cmd": ["run"], "Entrypoint": ["/e"]}) == command


def test_reasons_of_the_engine() -> None:
    error = refusal("docker pull", 1, ("Error response from daemon: unauthorized: incorrect username or password",))
    assert error.message == "docker pull failed: unauthorized: incorrect username or password."
    assert "login" in error.hint
