"""The settings of the docker builder: all of Packer's keys with its rules and defaults."""

from __future__ import annotations

from pathlib import Path

from hclimg.communicators.config import CommunicatorConfig
from hclimg.config.fields import Checker, block, config, embed, setting
from hclimg.containers.login import LoginConfig

RUN_COMMAND = ("-d", "-i", "-t", "--entrypoint=/bin/sh", "--", "{{.Image}}")
FATES = ("commit", "export_path", "discard")


@config
class ContainerCommunicatorConfig(CommunicatorConfig):
    """How to reach the container."""

    communicator: str = setting('How to talk to the container: "docker", "ssh" or "none".', default="docker")


@config
class BuildConfig:
    """Builds the image to start from."""

    path: str = setting("The Dockerfile.")
    build_dir: str = setting("The directory that the Dockerfile can copy from.", default="", default_doc="`.`")
    arguments: dict[str, str] = setting("Build arguments.", factory=dict)
    pull: bool = setting("Whether to look for newer images in the registry.", default=True)
    compress: bool = setting("Whether to compress what the engine is sent.", default=False)

    @property
    def context(self) -> Path:
        return Path(self.build_dir or ".").expanduser()

    def check(self, problems: Checker) -> None:
        problems.file_exists("path", self.path)
        if self.build_dir and problems.is_known("build_dir") and not self.context.is_dir():
            problems.error("Missing directory", f'"{self.build_dir}" is no directory.', "build_dir")


@config
class SourceConfig:
    """The image that the container starts from."""

    image: str = setting("The image to start from.", default="", example='"debian:12"')
    build: BuildConfig | None = block("Builds the image to start from.", default=None)
    pull: bool = setting("Whether to pull the image first; a built one is not.", default=True)
    platform: str = setting(
        "The platform of the image and of the container.", default="", example='"linux/arm64"'
    )

    def check(self, problems: Checker) -> None:
        problems.exactly_one("image", "build")
        if problems.is_set("image") and problems.is_known("image") and not self.image:
            problems.error("Missing required argument", '"image" must not be empty.', "image")
        if self.build and problems.is_set("pull") and self.pull:
            detail = "What was just built is not pulled; build.pull is about the images of the Dockerfile."
            problems.warn("Argument without effect", detail, "pull", "build")


@config
class RunConfig:
    """The container."""

    run_command: tuple[str, ...] = setting(
        "What follows the options of `run`, with `{{.Image}}`.", default=RUN_COMMAND, template=True
    )
    container_dir: str = setting("Where a directory of the host is mounted.", default="/packer-files")
    volumes: dict[str, str] = setting("Directories of the host, and where they are mounted.", factory=dict)
    tmpfs: tuple[str, ...] = setting("Where file systems in memory are mounted.", default=())
    device: tuple[str, ...] = setting("Devices of the host that the container has.", default=())
    cap_add: tuple[str, ...] = setting("Capabilities that it has besides.", default=(), example='["NET_ADMIN"]')
    cap_drop: tuple[str, ...] = setting("Capabilities that it does not have.", default=())
    privileged: bool = setting("Whether it may do everything that the host's root may.", default=False)
    runtime: str = setting("The OCI runtime that runs it.", default="", default_doc="the engine's")
    exec_user: str = setting("The user that runs commands.", default="", default_doc="the image's")
    pty: bool = setting("Whether commands run on a terminal.", default=False)
    fix_upload_owner: bool = setting("Whether uploaded files belong to the user that runs commands.", default=True)
    windows_container: bool = setting("Whether it is a container of Windows.", default=False)

    def check(self, problems: Checker) -> None:
        if self.windows_container:
            detail = "Containers of Windows run on Windows only, and hclimg does not; use Packer there."
            problems.error("Unsupported argument", detail, "windows_container")
        if not self.container_dir.startswith("/") and problems.is_known("container_dir"):
            problems.error("Invalid path", f'"{self.container_dir}" is no absolute path.', "container_dir")
        if not self.run_command and problems.is_known("run_command"):
            problems.error("Missing required argument", '"run_command" must name the image.', "run_command")
        for name in ("tmpfs", "volumes"):
            if "" in (getattr(self, name) or ()):
                problems.error("Invalid path", f'"{name}" has an empty path.', name)


@config
class ResultConfig:
    """What becomes of the container."""

    commit: bool = setting("Whether it becomes an image.", default=False)
    export_path: str = setting("The tar archive that its file system is written to.", default="")
    discard: bool = setting("Whether nothing is made of it.", default=False)
    author: str = setting("The author of the image.", default="")
    changes: tuple[str, ...] = setting(
        "Instructions of a Dockerfile that change the image's settings. Entrypoint and command are those of the "
        "source image otherwise.",
        default=(), example='["USER www-data", "ENV A=b"]',
    )  # fmt: skip
    message: str = setting("The message of the commit.", default="")

    def check(self, problems: Checker) -> None:
        if not problems.is_known(*FATES):
            return
        chosen = [name for name in FATES if getattr(self, name)]
        if not chosen:
            detail = 'Set one of "commit", "export_path" and "discard": what becomes of the container?'
            problems.error("Missing required argument", detail, *FATES)
        elif len(chosen) > 1:
            detail = f"Only one of {', '.join(chosen)} can be set."
            problems.error("Conflicting arguments", detail, *reversed(chosen))
        if self.commit:
            return
        for name in ("author", "changes", "message"):
            if getattr(self, name):
                problems.error("Conflicting arguments", f'"{name}" is about an image: it needs commit = true.', name)


@config
class DockerConfig:
    """Starts a container with docker or podman and makes an image, or an archive, of it."""

    docker_path: str = setting(
        'The engine\'s program: "docker", "podman", or a path.', default="docker", aliases=("executable",)
    )
    source: SourceConfig = embed(SourceConfig)
    running: RunConfig = embed(RunConfig)
    result: ResultConfig = embed(ResultConfig)
    login: LoginConfig = embed(LoginConfig)
    communicator: ContainerCommunicatorConfig = embed(ContainerCommunicatorConfig)

    def check(self, problems: Checker) -> None:
        self.communicator.allow(problems, "docker", "ssh", "none")
        if not self.docker_path and problems.is_known("docker_path"):
            problems.error("Missing required argument", '"docker_path" must name a program.', "docker_path")
