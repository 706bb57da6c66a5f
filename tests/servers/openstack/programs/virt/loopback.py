"""nova's own fake hypervisor, whose guests are SSH servers on loopback and whose snapshots are uploaded.

A guest listens on the fixed addresses of its server, which must be loopback's, and lets its key pair in; it goes down
with the server. What a server's metadata asks for with ``fail`` fails: ``spawn``, ``snapshot``.
"""

import base64
import io
import os
import subprocess
from pathlib import Path

from nova import exception
from nova.compute import task_states
from nova.image import glance
from nova.virt import fake

GUESTS = Path(os.environ.get("HCLIMG_GUESTS", "/nonexistent"))
PORT = os.environ.get("HCLIMG_SSH_PORT", "0")
SSHD = """\
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
UseDNS no
SetEnv HOME={folder}/home
Subsystem sftp internal-sftp
"""


class LoopbackDriver(fake.SmallFakeDriver):
    def __init__(self, virtapi, read_only=False):
        super().__init__(virtapi, read_only)
        self.guests = {}

    def spawn(self, context, instance, image_meta, injected_files, admin_password, allocations, network_info=None,
              block_device_info=None, power_on=True, accel_info=None):  # fmt: skip
        if instance.metadata.get("fail") == "spawn":
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason="the test asked for it")
        super().spawn(context, instance, image_meta, injected_files, admin_password, allocations, network_info,
                      block_device_info, power_on, accel_info)  # fmt: skip
        self._boot(instance, network_info or [])

    def power_off(self, instance, timeout=0, retry_interval=0):
        super().power_off(instance, timeout, retry_interval)
        self._halt(instance)

    def power_on(self, context, instance, network_info, block_device_info=None, accel_info=None):
        super().power_on(context, instance, network_info, block_device_info, accel_info)
        self._boot(instance, network_info or [])

    def destroy(self, context, instance, *args, **kwargs):
        self._halt(instance)
        super().destroy(context, instance, *args, **kwargs)

    def get_console_output(self, context, instance):
        log = GUESTS / instance.uuid / "log"
        return log.read_text() if log.exists() else "no guest"

    def snapshot(self, context, instance, image_id, update_task_state):
        if instance.metadata.get("fail") == "snapshot":
            raise exception.NovaException("the test asked for it")
        update_task_state(task_state=task_states.IMAGE_PENDING_UPLOAD)
        images = glance.API()
        meta = {
            "name": images.get(context, image_id)["name"], "disk_format": "qcow2", "container_format": "bare",
            "status": "active", "is_public": False,
            "properties": {"image_state": "available", "owner_id": instance.project_id, "kernel_id": "",
                           "ramdisk_id": ""},
        }  # fmt: skip
        update_task_state(task_state=task_states.IMAGE_UPLOADING, expected_state=task_states.IMAGE_PENDING_UPLOAD)
        disk = io.BytesIO()
        images.download(context, instance.image_ref, data=disk)
        disk.seek(0)
        images.update(context, image_id, meta, disk, purge_props=False)

    def _boot(self, instance, network_info):
        addresses = [ip["address"] for vif in network_info for ip in vif.fixed_ips()]
        addresses = [address for address in addresses if address.startswith("127.")]
        if not addresses or not instance.key_data:
            return
        folder = GUESTS / instance.uuid
        (folder / "home").mkdir(parents=True, exist_ok=True)
        if not (folder / "host_key").exists():
            subprocess.check_call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host_key")])
        (folder / "authorized_keys").write_text(instance.key_data + "\n")
        (folder / "user_data").write_bytes(base64.b64decode(instance.user_data or ""))
        listen = "".join(f"ListenAddress {address}\n" for address in addresses)
        (folder / "config").write_text(listen + SSHD.format(port=PORT, folder=folder))
        Path("/run/sshd").mkdir(exist_ok=True)
        with (folder / "log").open("ab") as log:
            self.guests[instance.uuid] = subprocess.Popen(
                ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "config")], stdout=log, stderr=log
            )

    def _halt(self, instance):
        guest = self.guests.pop(instance.uuid, None)
        if guest is not None:
            guest.kill()
            guest.wait()
