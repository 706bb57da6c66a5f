"""Post-processor ``manifest``: keeps a JSON file with a record of every artifact, in Packer's format."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from hclimg.config.fields import config, setting
from hclimg.errors import BuildError
from hclimg.sdk.components import PostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact


@config
class ManifestConfig:
    """Adds a record of the artifact to a JSON file: its name, files, sizes and time, and your own data."""

    output: str = setting("The file that the record goes to.", default="packer-manifest.json", template=True)
    strip_path: bool = setting("Write only the names of the files, without their directories.", default=False)
    strip_time: bool = setting("Leave out the time of the build, so that the file can be reproduced.", default=False)
    custom_data: dict[str, str] = setting("Data of your own to add to the record.", factory=dict, template=True)


class ManifestPostProcessor(PostProcessor[ManifestConfig]):
    Config: ClassVar[type] = ManifestConfig
    keeps_input: ClassVar[bool] = True
    forces_input: ClassVar[bool] = True

    def summary(self) -> str:
        return f"record in {self.config.output}"

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.postprocessors.files import locked, write_text

        path = Path(ctx.render(self.config.output))
        with locked(ctx, path):
            manifest = _read(path)
            if ctx.run.force and manifest["last_run_uuid"] != ctx.run.id:
                manifest["builds"] = []
            manifest["builds"].append(self._record(ctx, artifact))
            manifest["last_run_uuid"] = ctx.run.id
            write_text(ctx, path, _dump(manifest))
        return artifact

    def _record(self, ctx: Context, artifact: Artifact) -> dict[str, Any]:
        import time

        files = [self._file(Path(name)) for name in artifact.files]
        custom = {name: ctx.render(text) for name, text in self.config.custom_data.items()}
        return {
            "name": ctx.build_name,
            "builder_type": ctx.build_type,
            **({} if self.config.strip_time else {"build_time": int(time.time())}),
            "files": files or None,
            "artifact_id": artifact.id,
            "packer_run_uuid": ctx.run.id,
            "custom_data": custom or None,
        }

    def _file(self, path: Path) -> dict[str, Any]:
        size = path.stat().st_size if path.is_file() else 0
        return {"name": path.name if self.config.strip_path else str(path), "size": size}


def _read(path: Path) -> dict[str, Any]:
    import json

    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"builds": [], "last_run_uuid": ""}
    except (OSError, ValueError) as error:
        hint = "Remove the file, or let the manifest go to another one."
        raise BuildError(f"The manifest {path} cannot be read: {error}", hint=hint) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("builds"), list | None):
        hint = "Remove the file, or let the manifest go to another one."
        raise BuildError(f"{path} is not a manifest: it has no list of builds.", hint=hint)
    return {"builds": manifest.get("builds") or [], "last_run_uuid": manifest.get("last_run_uuid", "")}


def _dump(manifest: dict[str, Any]) -> str:
    import json

    return json.dumps(manifest, indent=2, ensure_ascii=False)
