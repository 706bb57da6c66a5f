"""Settings of the docker builder that say how a container is reached and run, with real engines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
from attrs import evolve
from docker_kit import COMMIT, ROOT, SHELL, SOURCE, Yard, yard

from hclimg.builders.docker.builder import DockerBuilder
from hclimg.sdk.ssh_keys import generate_key_pair, write_private_file
from hclimg.sdk.testing import component
from servers.containers import Containers, import_base, rootfs, running_dockerd, running_registry
from servers.moto import running_moto
from servers.namespace import Namespace, namespace
from servers.ports import HeldPort
from servers.relay import Relay

__all__ = ["yard"]
ACCOUNT = "123456789012"
ECR = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com"


# -- what a Dockerfile copies from ----------------------------------------------------


def test_the_whole_context_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what .dockerignore leaves out, nor what hclimg itself writes there."""
    monkeypatch.chdir(tmp_path)
    kept, left_out = ("Dockerfile", "app/run", "app/deep/keep.log"), ("app/deep/x.log", "out/big", "notes.md")
    for name in (*kept, *left_out, ".hclimg/runs/1/log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text("# none of these\n/out/\n**/*.log\n!**/keep.log\n*.md\n")
    for more in ("", 'build_dir = "."\n'):
        builder = component(DockerBuilder, f'build {{\n path = "Dockerfile"\n{more}}}\ncommit = true\n')
        found = [str(path) for path in builder.inputs()]
        assert found == ["Dockerfile", ".dockerignore", "app/deep/keep.log", "app/run"]


# -- how the container is reached -----------------------------------------------------


@pytest.fixture(scope="session")
def ssh_rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """busybox and this host's OpenSSH server with the libraries that it needs."""
    users = "root:x:0:0:root:/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/bin/false\n"
    texts = {"etc/passwd": users, "etc/shadow": "root:*:1::::::\n", "run/sshd/none": ""}
    return rootfs(tmp_path_factory.mktemp("ssh") / "rootfs.tar", texts, ["/usr/sbin/sshd"])


@pytest.mark.slow
def test_over_ssh(yard: Yard, ssh_rootfs: Path, held_port: HeldPort) -> None:
    """An SSH server in the container, on a port of this host: run, upload, commit."""
    yard.engine.call("import", str(ssh_rootfs), "localhost/ssh:1")
    keys = yard.folder / "keys"
    keys.mkdir(mode=0o700)
    for name in ("host", "user"):
        pair = generate_key_pair(name, key_type="ed25519")
        write_private_file(keys / name, pair.private.reveal())
        (keys / f"{name}.pub").write_text(pair.public + "\n")
    port = held_port()
    (yard.folder / "given").write_text("by ssh\n")
    serve = (
        f'"-D", "-e", "-f", "/dev/null", "-p", "{port}", "-o", "ListenAddress=127.0.0.1", "-h", "/keys/host", '
        '"-o", "UsePAM=no", "-o", "StrictModes=no", "-o", "AuthorizedKeysFile=/keys/user.pub"'
    )
    said = yard.apply(
        f"""
        image = "localhost/ssh:1"
        pull = false
        commit = true
        changes = ["CMD [\\"/bin/sh\\"]", "ENTRYPOINT []"]
        run_command = ["-d", "--network", "host", "--entrypoint=/usr/sbin/sshd", "--", "{{{{.Image}}}}", {serve}]
        volumes = {{ "{keys}" = "/keys" }}
        communicator = "ssh"
        ssh_host = "127.0.0.1"
        ssh_port = {port}
        ssh_username = "root"
        ssh_private_key_file = "{keys}/user"
        """,
        'provisioner "file" {\nsource = "given"\ndestination = "/etc/given"\n}\n'
        + SHELL.format("cat /etc/given; echo $SSH_CONNECTION > /etc/mark; echo ${build.Port}"),
    )
    assert f"Connected to root@127.0.0.1:{port}" in said or f"127.0.0.1:{port} as root" in said
    assert "by ssh" in said
    (made,) = yard.engine.images() - {_id(yard.engine, "localhost/ssh:1")}
    assert yard.engine.run(made, "/bin/sh", "-c", "cut -d' ' -f3,4 /etc/mark; cat /etc/given").split("\n") == [
        f"127.0.0.1 {port}", "by ssh",
    ]  # fmt: skip


def _id(engine: Containers, name: str) -> str:
    return engine.call("image", "inspect", "--format", "{{.Id}}", name).removeprefix("sha256:")


@pytest.mark.slow
def test_ssh_without_an_address(yard: Yard) -> None:
    said = yard.refused(f'{COMMIT}communicator = "ssh"\nssh_username = "root"\nssh_password = "x"')
    assert "has no address to connect to" in said
    assert "ssh_host" in said


# -- how it is run --------------------------------------------------------------------


@pytest.mark.slow
def test_commands_on_a_terminal(yard: Yard) -> None:
    command = SHELL.format("if [ -t 1 ]; then echo a-terminal; else echo no-terminal; fi")
    assert "a-terminal" in yard.apply(f"{SOURCE}discard = true\npty = true", command)
    assert "no-terminal" in yard.apply(f"{SOURCE}discard = true", command)


@pytest.mark.slow
def test_platform(yard: Yard) -> None:
    yard.apply(f'{COMMIT}platform = "linux/amd64"', SHELL.format("echo 1 > /etc/mark"))
    assert yard.engine.run(yard.image(), "/bin/cat", "/etc/mark") == "1"
    said = yard.refused(f'{COMMIT}platform = "linux/s390x"', SHELL.format("true"))
    assert "s390x" in said or "platform" in said


@pytest.mark.slow
def test_privileged(docker: Containers, podman: Containers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """dockerd wants capabilities that this host may not have itself: then it says so, and nothing is left."""
    monkeypatch.setenv("HCLIMG_HOME", str(tmp_path / "home"))
    settings, build = f"{SOURCE}discard = true\nprivileged = true", SHELL.format("mount -t tmpfs none /tmp && echo may")
    assert "may" in Yard(podman, tmp_path).apply(settings, build)
    yard = Yard(docker, tmp_path)
    done = yard.hclimg("apply", yard.template(settings, build))
    said = done.stdout + done.stderr
    assert "may" in said if done.returncode == 0 else "docker run failed: " in said
    assert "Traceback" not in said
    assert docker.containers() == set()


# -- what templates are told ----------------------------------------------------------


@pytest.mark.slow
def test_the_images_digest_is_known_afterwards(yard: Yard) -> None:
    after = """
        post-processor "shell-local" {
          inline              = ["echo hcl=${build.ImageSha256}", "echo go={{ build `ImageSha256` }}"]
          keep_input_artifact = true
        }
    """
    said = yard.apply(COMMIT, after)
    assert f"hcl=sha256:{yard.image()}" in said
    assert f"go=sha256:{yard.image()}" in said


# -- podman under docker's name -------------------------------------------------------


@pytest.mark.slow
def test_podman_installed_as_docker(podman: Containers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian's package podman-docker does it."""
    shim = tmp_path / "bin" / "docker"
    shim.parent.mkdir()
    shim.write_text('#!/bin/sh\necho "Emulate Docker CLI using podman." >&2\nexec /usr/bin/podman "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HCLIMG_HOME", str(tmp_path / "home"))
    yard = Yard(evolve(podman, program="docker"), tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM localhost/base:1\nRUN echo built > /etc/built\n")
    yard.apply(
        'build {\n path = "Dockerfile"\n build_dir = "bin"\n pull = false\n compress = true\n}\n'
        'commit = true\nmessage = "made"',
        SHELL.format("ln -s /etc/built /etc/link")
        + '\nprovisioner "file" {\nsource = "/etc/link"\ndestination = "back"\ndirection = "download"\n}',
    )
    assert (tmp_path / "back").read_text() == "built\n"
    assert "hclimg-" not in podman.call("images", "--format", "{{.Repository}}")
    comments = {podman.call("image", "inspect", "--format", "{{.Comment}}", image) for image in podman.images()}
    assert "made" in comments


# -- Amazon's registry ----------------------------------------------------------------


@pytest.fixture(params=["docker", "podman"])
def near_ecr(request: pytest.FixtureRequest, tmp_path: Path, busybox_rootfs: Path) -> Iterator[tuple[Yard, Namespace]]:
    """An engine where ECR's name leads to a registry on loopback, which knows the password that moto's AWS tells."""
    password = bcrypt.hashpw(f"{ACCOUNT}-auth-token".encode(), bcrypt.gensalt(4)).decode()
    place_ = namespace(tmp_path, [ECR])
    with place_ as place, running_registry(tmp_path, f"AWS:{password}\n") as registry, running_moto(tmp_path) as aws:
        relays = [
            Relay(int(url.rpartition(":")[2]), listener=place.bound(port))
            for url, port in ((registry, 80), (aws.url, 5555))
        ]
        for relay in relays:
            relay._listener.listen()
            relay.start()
        for name, value in {**aws.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:5555"}.items():
            request.getfixturevalue("monkeypatch").setenv(name, value)
        if request.param == "docker":
            with running_dockerd(place.command(), **{"insecure-registries": [ECR]}) as engine:
                import_base(engine, busybox_rootfs)
                yield Yard(engine, tmp_path), place
        else:
            engine = request.getfixturevalue("podman")
            (tmp_path / "registries.conf").write_text(f'[[registry]]\nlocation = "{ECR}"\ninsecure = true\n')
            env = {**engine.env, "CONTAINERS_REGISTRIES_CONF": str(tmp_path / "registries.conf")}
            yield Yard(evolve(engine, env=env), tmp_path), place
        for relay in relays:
            relay.stop()


@pytest.mark.slow
def test_amazons_registry(near_ecr: tuple[Yard, Namespace]) -> None:
    """Pushed with a login of docker-push's own; pulled by the builder with one of its own."""
    yard, place = near_ecr
    after = (
        f'post-processors {{\n post-processor "docker-tag" {{\n repository = "{ECR}/web"\n tags = ["1"]\n }}\n'
        f' post-processor "docker-push" {{\n ecr_login = true\n login_server = "https://{ECR}/"\n }}\n}}\n'
    )
    said = _inside(yard, place, COMMIT, SHELL.format("echo pushed > /etc/mark") + "\n" + after)
    assert f"Pushed Docker image: {ECR}/web:1" in said
    yard.engine.clear()
    again = f'image = "{ECR}/web:1"\ndiscard = true\necr_login = true\nlogin_server = "{ECR}"\n'
    said += _inside(yard, place, again, SHELL.format("cat /etc/mark; echo ${build.SourceImageDigest}"))
    assert "pushed" in said
    assert f"{ECR}/web@sha256:" in said
    assert f"{ACCOUNT}-auth-token" not in said


def _inside(yard: Yard, place: Namespace, settings: str, build: str) -> str:
    template = yard.template(settings, build)
    command = place.command("env", f"--chdir={yard.folder}", sys.executable, "-m", "hclimg", "apply", str(template))
    env = {**os.environ, **yard.engine.env, "PYTHONPATH": str(ROOT), "HCLIMG_HOME": str(yard.folder / "home")}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert yard.engine.containers() == set()
    return done.stdout + done.stderr
