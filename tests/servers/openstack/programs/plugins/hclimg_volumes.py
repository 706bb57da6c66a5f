"""A driver of cinder whose volumes are files; attaching one does nothing, as the hypervisor is a fake, too."""

import shutil
from pathlib import Path

from cinder import interface
from cinder.volume import driver
from oslo_config import cfg

OPTIONS = [cfg.StrOpt("hclimg_folder", help="Where the volumes are.")]


@interface.volumedriver
class FileDriver(driver.VolumeDriver):
    VERSION = "1.0"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTIONS)

    def _path(self, thing):
        return Path(self.configuration.hclimg_folder) / thing.id

    def check_for_setup_error(self):
        Path(self.configuration.hclimg_folder).mkdir(exist_ok=True)

    def do_setup(self, context):
        """There is nothing to set up."""

    def get_volume_stats(self, refresh=False):
        return {
            "volume_backend_name": "files", "vendor_name": "hclimg", "driver_version": self.VERSION,
            "storage_protocol": "fake", "total_capacity_gb": 1000, "free_capacity_gb": 1000,
        }  # fmt: skip

    def create_volume(self, volume):
        self._path(volume).write_bytes(b"")

    def delete_volume(self, volume):
        self._path(volume).unlink(missing_ok=True)

    def create_snapshot(self, snapshot):
        shutil.copyfile(self._path(snapshot.volume), self._path(snapshot))

    def delete_snapshot(self, snapshot):
        self._path(snapshot).unlink(missing_ok=True)

    def create_volume_from_snapshot(self, volume, snapshot):
        shutil.copyfile(self._path(snapshot), self._path(volume))

    def create_cloned_volume(self, volume, src_vref):
        shutil.copyfile(self._path(src_vref), self._path(volume))

    def copy_image_to_volume(self, context, volume, image_service, image_id, **_):
        with self._path(volume).open("wb") as file:
            image_service.download(context, image_id, file)

    def copy_volume_to_image(self, context, volume, image_service, image_meta):
        with self._path(volume).open("rb") as file:
            image_service.update(context, image_meta["id"], {}, file)

    def ensure_export(self, context, volume):
        """Nobody reads it from elsewhere."""

    def create_export(self, context, volume, connector):
        """Nobody reads it from elsewhere."""

    def remove_export(self, context, volume):
        """Nobody reads it from elsewhere."""

    def initialize_connection(self, volume, connector):
        return {"driver_volume_type": "fake", "data": {"volume_id": volume.id}}

    def terminate_connection(self, volume, connector, **_):
        """Nobody reads it from elsewhere."""

    def extend_volume(self, volume, new_size):
        """A file grows by itself."""
