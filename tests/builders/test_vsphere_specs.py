"""What is sent to a vCenter for features that govmomi's simulator lacks: the data objects, as the SDK writes them.

The golden files were looked at, element by element, beside the API's reference; no vCenter has answered to them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from xml.dom import minidom

import pytest

from hclimg.builders.vsphere.clone import Source, changes_of, properties_of
from hclimg.builders.vsphere.clone_config import CustomizeConfig, VsphereCloneConfig
from hclimg.builders.vsphere.customization import customization
from hclimg.builders.vsphere.devices import Keys, change
from hclimg.builders.vsphere.hardware import HardwareConfig
from hclimg.builders.vsphere.iso import machine_spec
from hclimg.builders.vsphere.iso_config import VsphereIsoConfig
from hclimg.builders.vsphere.launch import special_devices
from hclimg.clouds.vsphere.client import new
from hclimg.errors import BuildError
from hclimg.sdk.testing import decoded

Golden = Callable[[str, str], None]
T = TypeVar("T")
ACCESS = 'vcenter_server = "vc"\nusername = "u"\npassword = "p"\ncommunicator = "none"\nhost = "h"\nvm_name = "web"\n'


def settings(cls: type[T], text: str) -> T:
    config, problems = decoded(cls, text)
    assert config is not None, problems
    assert problems == []
    return config


def written(thing: Any) -> str:
    """As the SDK writes it for the newest version of the API."""
    from pyVmomi import SoapAdapter
    from pyVmomi.VmomiSupport import newestVersions

    text = SoapAdapter.SerializeToStr(thing, version=newestVersions.Get("vim"))
    text = text if isinstance(text, str) else text.decode()
    document = minidom.parseString(text)
    if document.documentElement:
        document.documentElement.removeAttribute("versionId")  # the SDK's newest
    return document.toprettyxml(indent=" ").partition("\n")[2]


def network(name: str) -> Any:
    return new("vm.device.VirtualEthernetCard.NetworkBackingInfo", deviceName=name)


ISO = (
    ACCESS
    + """
  guest_os_type        = "windows2019srv_64Guest"
  vm_version           = 19
  iso_paths            = ["[ds] a.iso"]
  datastore            = "fast"
  CPUs                 = 4
  cpu_cores            = 2
  CPU_reservation      = 500
  CPU_limit            = -1
  CPU_hot_plug         = true
  RAM                  = 4096
  RAM_reservation      = 1024
  RAM_hot_plug         = true
  NestedHV             = true
  firmware             = "efi-secure"
  force_bios_setup     = true
  vbs_enabled          = true
  vvtd_enabled         = true
  tools_sync_time      = true
  tools_sync_time_periodically = true
  tools_upgrade_policy = true
  notes                = "made by <hclimg>"
  configuration_parameters = { "disk.EnableUUID" = "TRUE" }
  usb_controller       = ["usb", "xhci"]
  disk_controller_type = ["pvscsi", "lsilogic-sas", "nvme", "sata", "ide"]
  storage {
    disk_size             = 100
    disk_thin_provisioned = true
  }
  storage {
    disk_size          = 200
    disk_eagerly_scrub = true
  }
  storage {
    disk_size             = 300
    disk_controller_index = 2
  }
  storage {
    disk_size             = 400
    disk_controller_index = 3
  }
  network_adapters {
    network_card = "vmxnet3"
    network      = "a"
    mac_address  = "00:50:56:00:00:0a"
  }
  network_adapters {
    network_card = "sriov"
    network      = "b"
    passthrough  = true
  }
"""
)


def test_a_new_machine(golden: Golden) -> None:
    spec = machine_spec(settings(VsphereIsoConfig, ISO), "fast", [network("a"), network("b")])
    golden("vsphere-new-machine.xml", written(spec))


def existing() -> list[Any]:
    """The devices of a template: a SCSI controller with a disk, a card, a screen."""
    return [
        new("vm.device.VirtualLsiLogicController", key=1000, busNumber=0, sharedBus="noSharing"),
        new("vm.device.VirtualDisk", key=2000, controllerKey=1000, unitNumber=0, capacityInKB=1024),
        new("vm.device.VirtualVmxnet3", key=4000, backing=network("old"), macAddress="00:50:56:00:00:01"),
        new("vm.device.VirtualVideoCard", key=500, videoRamSizeInKB=4096, useAutoDetect=True),
    ]


def test_changes_of_a_clone(golden: Golden) -> None:
    text = ACCESS + """
      template        = "base"
      disk_size       = 50
      network         = "new"
      mac_address     = "00:50:56:00:00:0b"
      RAM             = 2048
      RAM_reserve_all = true
      video_ram       = 16384
      displays        = 2
      vTPM            = true
      firmware        = "efi"
      precision_clock = "ptp"
      disk_controller_type = ["pvscsi"]
      storage { disk_size = 10 }
    """  # fmt: skip
    spec = changes_of(settings(VsphereCloneConfig, text), existing(), network("new"), "")
    golden("vsphere-clone-changes.xml", written(spec))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vgpu", 'vgpu_profile = "grid_m10-8q"'),
        ("passthrough", """
          pci_passthrough_allowed_device {
            vendor_id = "8086"
            device_id = "100e"
          }
          pci_passthrough_allowed_device {
            vendor_id     = "15ad"
            device_id     = "07b0"
            sub_vendor_id = "15ad"
            sub_device_id = "0001"
          }
        """),
    ],
)  # fmt: skip
def test_devices_of_the_host(name: str, text: str, golden: Golden) -> None:
    changes = special_devices(settings(HardwareConfig, text), [], Keys())
    golden(f"vsphere-{name}.xml", written(new("vm.ConfigSpec", deviceChange=changes)))


def test_a_machine_that_has_a_tpm_gets_no_second_one() -> None:
    have = [new("vm.device.VirtualTPM", key=11000)]
    assert special_devices(settings(HardwareConfig, "vTPM = true"), have, Keys()) == []
    assert change(have[0]).operation == "add"


def template(*properties: str) -> Source:
    """One that declares properties."""
    found = [new("vApp.PropertyInfo", key=n, id=name, value="old") for n, name in enumerate(properties)]
    return Source(ref=None, name="base", devices=[], snapshot=None, properties=found)


def test_properties_of_the_ovf_environment(golden: Golden) -> None:
    """What cloud-init reads; the key of the build goes to "public-keys", which cloud-init's templates declare."""
    text = ACCESS + """
      template = "base"
      vapp {
        properties = { hostname = "web", "user-data" = "a & b" }
      }
    """  # fmt: skip
    config = settings(VsphereCloneConfig, text)
    source = template("hostname", "user-data", "public-keys", "other")
    spec = new("vm.ConfigSpec", vAppConfig=new("vApp.VmConfigSpec"))
    spec.vAppConfig.property = properties_of(config, source, "ssh-ed25519 AAAA")
    golden("vsphere-vapp.xml", written(spec))
    with pytest.raises(BuildError, match='declares no vApp property "user-data"') as caught:
        properties_of(config, template("hostname", "userdata"), "")
    assert caught.value.hint == 'Did you mean "userdata"?'


LINUX = """
  linux_options {
    host_name    = "web"
    domain       = "example.org"
    time_zone    = "Europe/Paris"
    hw_clock_utc = false
  }
  network_interface {
    ipv4_address = "10.0.0.5"
    ipv4_netmask = 24
    ipv6_address = "2001:db8::5"
    ipv6_netmask = 64
  }
  ipv4_gateway    = "10.0.0.1"
  ipv6_gateway    = "2001:db8::1"
  dns_server_list = ["10.0.0.2", "10.0.0.3"]
  dns_suffix_list = ["example.org"]
"""
WINDOWS = """
  windows_options {
    computer_name         = "WEB"
    workgroup             = "LAB"
    full_name             = "A. User"
    organization_name     = "Us & Them"
    product_key           = "AAAAA-BBBBB"
    admin_password        = "secret"
    auto_logon            = true
    auto_logon_count      = 3
    time_zone             = 110
    run_once_command_list = ["cmd /c echo one", "cmd /c echo two"]
  }
  network_interface {
    dns_server_list = ["10.0.0.2"]
    dns_domain      = "example.org"
  }
"""


@pytest.mark.parametrize(
    ("name", "text", "cards"),
    [
        ("linux", LINUX, 2),
        ("windows", WINDOWS, 1),
        ("sysprep", 'windows_sysprep_text = "<unattend/>"', 1),
    ],
)
def test_customization(name: str, text: str, cards: int, golden: Golden) -> None:
    """Of two cards with one block, the second uses DHCP."""
    spec = customization(settings(CustomizeConfig, text), "web-01", cards)
    golden(f"vsphere-customize-{name}.xml", written(spec))


def test_a_sysprep_file_is_the_same_as_its_text(tmp_path: Path) -> None:
    (tmp_path / "unattend.xml").write_text("<unattend/>")
    file = settings(CustomizeConfig, f'windows_sysprep_file = "{tmp_path}/unattend.xml"')
    text = settings(CustomizeConfig, 'windows_sysprep_text = "<unattend/>"')
    assert written(customization(file, "web", 1)) == written(customization(text, "web", 1))
