"""All fixes, in the order in which they are applied. The order matters: some work on what others leave."""

from __future__ import annotations

import copy
from typing import Final

from attrs import frozen

from hclimg.template.fixes import of_builders as builder
from hclimg.template.fixes import of_steps as step
from hclimg.template.fixes.model import Block, Fix

FIXES: Final = (
    Fix("iso-md5", 'iso_md5 is "iso_checksum" now', builder.iso_md5),
    Fix("createtime", "{{.CreateTime}} is {{timestamp}} now", builder.create_time),
    Fix("virtualbox-gaattach", 'guest_additions_attach is "guest_additions_mode" now', builder.guest_additions),
    Fix("pp-vagrant-override", 'what is for one provider stands in "override" now', step.vagrant_override),
    Fix("virtualbox-rename", 'the builder virtualbox is "virtualbox-iso" now', builder.virtualbox_rename),
    Fix("vmware-rename", 'the builder vmware is "vmware-iso" now', builder.vmware_rename),
    Fix("parallels-headless", "headless has no effect on Parallels", builder.parallels_headless),
    Fix("parallels-deprecations", 'guest_os_distribution is "guest_os_type" now', builder.parallels_deprecations),
    Fix("sshkeypath", 'ssh_key_path is "ssh_private_key_file" now', builder.ssh_key_path),
    Fix("sshdisableagent", 'ssh_disable_agent is "ssh_disable_agent_forwarding" now', builder.ssh_agent),
    Fix("scaleway-access-key", 'access_key is "organization_id" now', builder.scaleway_access_key),
    Fix("manifest-filename", 'filename is "output" now', step.manifest_filename),
    Fix("amazon-shutdown_behavior", 'shutdown_behaviour is "shutdown_behavior" now', builder.shutdown_behavior),
    Fix("amazon-enhanced-networking", 'enhanced_networking is "ena_support" now', builder.enhanced_networking),
    Fix("amazon-private-ip", 'ssh_private_ip is "ssh_interface" now', builder.amazon_private_ip),
    Fix("amazon-temp-sec-cidrs", "temporary_security_group_source_cidrs is a list", builder.amazon_source_cidrs),
    Fix("docker-email", "login_email has no effect any more", step.docker_email),
    Fix("docker-tag-tags", 'tag is "tags" now', step.docker_tags),
    Fix("powershell-escapes", "backticks are not needed any more", step.powershell_escapes),
    Fix("vmware-compaction", "disks of ESXi are not compacted", builder.vmware_compaction),
    Fix("hyperv-deprecations", "vhd_temp_path has no effect any more", builder.hyperv_deprecations),
    Fix("hyperv-vmxc-typo", 'clone_from_vmxc_path is "clone_from_vmcx_path" now', builder.hyperv_typo),
    Fix("hyperv-cpu-and-ram", 'cpu and ram_size are "cpus" and "memory" now', builder.hyperv_memory),
    Fix("clean-image-name", "clean_image_name is clean_resource_name now", builder.clean_image_name),
    Fix("spot-price-auto-product", "spot_price_auto_product is not needed", builder.spot_price_auto_product),
    Fix("qemu-disk-size", "disk_size has a unit", builder.qemu_disk_size),
    Fix("galaxy-command", 'galaxycommand is "galaxy_command" now', step.galaxy_command),
    Fix("comm-config", 'ssh_host_port_min is "host_port_min" now, and so on', builder.forwarded_ports),
    Fix("ssh-wait-timeout", 'ssh_wait_timeout is "ssh_timeout" now', builder.ssh_timeout),
    Fix("vsphere-iso-net-disk", "networks and disks are lists", builder.vsphere_devices),
    Fix("iso-checksum-type-and-url", 'type and URL are a part of "iso_checksum"', builder.iso_checksum),
    Fix("qemu-host-port", 'ssh_host_port_min is "host_port_min" now', builder.qemu_host_port),
    Fix("azure-exclude_from_latest", 'exlude_from_latest is "exclude_from_latest"', builder.azure_exclude),
    Fix("proxmox-type", 'the builder proxmox is "proxmox-iso" now', builder.proxmox_type),
)


@frozen
class Fixed:
    """A template after all fixes, and the fixes that changed something."""

    template: Block
    applied: tuple[Fix, ...]


def fix_template(template: Block) -> Fixed:
    """A repaired copy of a legacy template."""
    found, before = copy.deepcopy(template), template
    applied = []
    for fix in FIXES:
        fix.apply(found)
        if found != before:
            applied.append(fix)
            before = copy.deepcopy(found)
    return Fixed(found, tuple(applied))
