"""Names that templates use and what the API calls them."""

from __future__ import annotations

CONTROLLERS = {
    "lsilogic": "VirtualLsiLogicController",
    "lsilogic-sas": "VirtualLsiLogicSASController",
    "pvscsi": "ParaVirtualSCSIController",
    "buslogic": "VirtualBusLogicController",
    "scsi": "VirtualLsiLogicController",
    "ide": "VirtualIDEController",
    "sata": "VirtualAHCIController",
    "nvme": "VirtualNVMEController",
}

CARDS = {
    "e1000": "VirtualE1000",
    "e1000e": "VirtualE1000e",
    "vmxnet": "VirtualVmxnet",
    "vmxnet2": "VirtualVmxnet2",
    "vmxnet3": "VirtualVmxnet3",
    "pcnet32": "VirtualPCNet32",
    "sriov": "VirtualSriovEthernetCard",
}

USB_CONTROLLERS = {
    "usb": "VirtualUSBController",
    "xhci": "VirtualUSBXHCIController",
    "true": "VirtualUSBController",
    "1": "VirtualUSBController",
}
