"""Container engines of their own: a dockerd, and podman's storage, with a registry on loopback to push to.

Images are made from a rootfs that is busybox alone, so nothing is downloaded. Neither engine touches the host's
network: containers use the host's or none.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import frozen

from servers.ports import held_ports

BUSYBOX = Path("/bin/busybox")
IMAGE = "localhost/base:1"
USER, PASSWORD = "ann", "opensesame-of-the-tests"
HASHED = "$2b$05$IldDespAQA3opeJwjf2tNeXrmpsRqbyefKcbqlRCnH9W2/Tan1Swa"
"""The password as a registry's file of users has it (bcrypt)."""
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n",
    "etc/group": "root:x:0:\n",
}


@frozen
class Containers:
    """``env`` leads to the engine; ``image`` is there at first, and nothing else."""

    program: str
    env: dict[str, str]
    image: str = IMAGE

    def call(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.program, *arguments], env={**os.environ, **self.env}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def run(self, image: str, *command: str) -> str:
        """What a command prints in a container of the image."""
        return self.call("run", "--rm", "--network", "none", "--entrypoint", command[0], image, *command[1:])

    def containers(self) -> set[str]:
        return set(self.call("ps", "-a", "--format", "{{.Names}}").split())

    def images(self) -> set[str]:
        """The ids of all images but the first one."""
        return set(self._newest_first())

    def _newest_first(self) -> list[str]:
        found = [line.removeprefix("sha256:") for line in self.call("images", "-q", "--no-trunc").split()]
        first = self.call("image", "inspect", "--format", "{{.Id}}", self.image).removeprefix("sha256:")
        return [image for image in dict.fromkeys(found) if image != first]

    def quiet(self) -> None:
        """Wait until no command of the engine is under way that a run started, not even one whose run has died."""
        (marker,) = (f"{name}={value}".encode() for name, value in list(self.env.items())[:1])
        while any(_is_command(path, self.program, marker) for path in Path("/proc").glob("[0-9]*")):
            time.sleep(0.02)

    def clear(self) -> None:
        for name in self.containers():
            self.call("rm", "-f", *(["--time", "0"] if self.program == "podman" else []), name)
        for image in self._newest_first():  # none of them stands on a newer one
            self.call("rmi", "-f", image)


def _is_command(process: Path, program: str, marker: bytes) -> bool:
    try:
        return (process / "comm").read_text().strip() == program and marker in (process / "environ").read_bytes()
    except OSError:
        return False


def rootfs(path: Path, texts: Mapping[str, str] = FILES, programs: Iterable[str] = ()) -> Path:
    """A tar archive with a system of busybox, and programs of this host with the libraries that they need."""
    names = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    with tarfile.open(path, "w") as tar:
        for name in ("bin", "etc", "root", "tmp", "home", "home/app"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(directory)
        tar.add(BUSYBOX, "bin/busybox")
        for name in names:
            if name != "busybox":
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        for needed in sorted({needed for program in programs for needed in (program, *_libraries(program))}):
            tar.add(Path(needed).resolve(), needed.lstrip("/"))
        for name, text in texts.items():
            file = tarfile.TarInfo(name)
            file.size = len(text)
            tar.addfile(file, io.BytesIO(text.encode()))
    return path


def _libraries(program: str) -> list[str]:
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [word for line in said.splitlines() for word in line.split() if word.startswith("/")]


@pytest.fixture(scope="session")
def busybox_rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rootfs(tmp_path_factory.mktemp("rootfs") / "rootfs.tar")


def import_base(engine: Containers, archive: Path) -> None:
    engine.call("import", "--change", 'CMD ["/bin/sh"]', str(archive), IMAGE)


@contextmanager
def running_dockerd(inside: Sequence[str] = (), **more: object) -> Iterator[Containers]:
    """A daemon whose files and socket are in a directory of its own, with no image yet. ``inside`` is the command that
    runs another where the daemon is to be; ``more`` are settings of it."""
    folder = Path(tempfile.mkdtemp(prefix="hclimg-dockerd-"))
    socket = f"unix://{folder}/d.sock"
    settings = {
        "data-root": f"{folder}/root", "exec-root": f"{folder}/exec", "pidfile": f"{folder}/d.pid",
        "hosts": [socket], "iptables": False, "bridge": "none", "storage-driver": "overlay2",
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 4096, "Hard": 4096}}, **more,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        command = [*inside, "dockerd", "--config-file", str(folder / "config.json")]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    found = Containers("docker", {"DOCKER_HOST": socket})
    while subprocess.run(["docker", "info"], env={**os.environ, **found.env}, capture_output=True).returncode:
        assert server.poll() is None, (folder / "log").read_text()
        time.sleep(0.05)
    try:
        yield found
        found.clear()
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def dockerd(busybox_rootfs: Path) -> Iterator[Containers]:
    with running_dockerd() as found:
        import_base(found, busybox_rootfs)
        yield found


@pytest.fixture(scope="session")
def podman_storage(busybox_rootfs: Path) -> Iterator[Containers]:
    """podman with storage of its own."""
    folder = Path(tempfile.mkdtemp(prefix="hclimg-podman-"))
    (folder / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\nnetns = "host"\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        f'tmp_dir = "{folder}/tmp"\n'
    )
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
    )
    env = {
        "CONTAINERS_CONF": str(folder / "containers.conf"), "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
    }  # fmt: skip
    (folder / "registries.conf").write_text('[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
    found = Containers("podman", env)
    try:
        import_base(found, busybox_rootfs)
        yield found
        found.clear()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def docker(dockerd: Containers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Containers]:
    yield from _ready(dockerd, monkeypatch)


@pytest.fixture
def podman(podman_storage: Containers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Containers]:
    yield from _ready(podman_storage, monkeypatch)


@pytest.fixture(params=["dockerd", "podman_storage"], ids=["docker", "podman"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Containers]:
    """Each engine in turn."""
    yield from _ready(request.getfixturevalue(request.param), monkeypatch)


def _ready(found: Containers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Containers]:
    """The environment leads to it; there is nothing in it but the first image."""
    for name, value in found.env.items():
        monkeypatch.setenv(name, value)
    found.clear()
    yield found


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/"):
            return True
    except OSError:
        return False


@contextmanager
def running_registry(folder: Path, users: str = "") -> Iterator[str]:
    """``127.0.0.1:PORT``. ``users`` are lines of a file of users and their hashed passwords; empty: everybody may."""
    more = f"auth:\n  htpasswd:\n    realm: tests\n    path: {folder}/users\n" if users else ""
    (folder / "users").write_text(users)
    with held_ports() as hold, (folder / "log").open("wb") as log:
        port = hold()
        text = (
            f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder}/data\n"
            f"http:\n  addr: 127.0.0.1:{port}\n{more}"
        )
        (folder / "config.yml").write_text(text)
        server = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.yml")], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        while not _answers(port):
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


@pytest.fixture(scope="session")
def image_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``127.0.0.1:PORT`` of a registry that takes everything from everybody."""
    with running_registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(scope="session")
def locked_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """A registry that wants a login: ``127.0.0.1:PORT``, user and password."""
    with running_registry(tmp_path_factory.mktemp("locked"), f"{USER}:{HASHED}\n") as found:
        yield found, USER, PASSWORD
