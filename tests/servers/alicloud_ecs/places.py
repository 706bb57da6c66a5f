"""Regions, zones, instance types, endpoints."""

from __future__ import annotations

from servers.alicloud_ecs.scene import Scene, action
from servers.alicloud_ecs.wire import Json, Refusal
from servers.alicloud_ecs.world import INSTANCE_TYPES, REGIONS, ZONES

DISK_CATEGORIES = ("cloud", "cloud_efficiency", "cloud_ssd", "cloud_essd")


def endpoint(product: str, region: str) -> str:
    return f"{product}.{region}.aliyuncs.com"


@action("DescribeRegions")
def describe_regions(scene: Scene) -> Json:
    rows = [
        {"RegionId": name, "LocalName": local, "RegionEndpoint": endpoint("ecs", name), "Status": "available"}
        for name, local in REGIONS.items()
    ]
    return {"Regions": {"Region": rows}}


@action("DescribeEndpoints")
def describe_endpoints(scene: Scene) -> Json:
    """The misspelt ``SerivceCode`` is the service's own, and what clients read."""
    region, product = scene.given.need("Id"), scene.given.need("ServiceCode")
    if region not in REGIONS:
        raise Refusal(404, "InvalidRegionId", "The specified region does not exist.")
    row = {
        "Protocols": {"Protocols": ["HTTP", "HTTPS"]},
        "Type": scene.given.need("Type"),
        "Namespace": "26842",
        "Id": region,
        "SerivceCode": product,
        "Endpoint": endpoint(product, region),
    }
    return {"Endpoints": {"Endpoint": [row]}, "Success": True}


@action("DescribeZones")
def describe_zones(scene: Scene) -> Json:
    rows = []
    for letter in ZONES:
        zone = f"{scene.region}-{letter}"
        types = _sold_in(scene, zone)
        rows.append(
            {
                "ZoneId": zone,
                "LocalName": zone,
                "ZoneType": "AvailabilityZone",
                "AvailableInstanceTypes": {"InstanceTypes": types},
                "AvailableDiskCategories": {"DiskCategories": list(DISK_CATEGORIES)},
                "AvailableVolumeCategories": {"VolumeCategories": []},
                "AvailableDedicatedHostTypes": {"DedicatedHostType": []},
                "DedicatedHostGenerations": {"DedicatedHostGeneration": []},
                "AvailableResourceCreation": {"ResourceTypes": ["VSwitch", "IoOptimized", "Instance", "Disk"]},
                "AvailableResources": {
                    "ResourcesInfo": [
                        {
                            "IoOptimized": True,
                            "InstanceTypes": {"supportedInstanceType": types},
                            "SystemDiskCategories": {"supportedSystemDiskCategory": list(DISK_CATEGORIES)},
                            "DataDiskCategories": {"supportedDataDiskCategory": list(DISK_CATEGORIES)},
                            "NetworkTypes": {"supportedNetworkCategory": ["vpc"]},
                        }
                    ]
                },
            }
        )
    return {"Zones": {"Zone": rows}}


def _sold_in(scene: Scene, zone: str) -> list[str]:
    return [name for name in INSTANCE_TYPES if (zone, name) not in scene.world.sold_out]


@action("DescribeInstanceTypes")
def describe_instance_types(scene: Scene) -> Json:
    wanted = scene.given.texts("InstanceTypes")
    rows = [
        {
            "InstanceTypeId": name,
            "InstanceTypeFamily": name.rpartition(".")[0],
            "CpuCoreCount": cores,
            "MemorySize": float(memory),
        }
        for name, (cores, memory) in INSTANCE_TYPES.items()
        if not wanted or name in wanted
    ]
    return {"InstanceTypes": {"InstanceType": rows}}


@action("DescribeAvailableResource")
def describe_available_resource(scene: Scene) -> Json:
    wanted, zones = scene.given.text("InstanceType"), []
    for letter in ZONES:
        zone = f"{scene.region}-{letter}"
        if scene.given.text("ZoneId", zone) != zone:
            continue
        types = [name for name in INSTANCE_TYPES if wanted in ("", name)]
        sold = _sold_in(scene, zone)
        kind = scene.given.text("DestinationResource")
        values = DISK_CATEGORIES if kind.endswith("Disk") else types
        resources = [
            {
                "Value": value,
                "Min": 20,
                "Max": 500,
                "Unit": "GiB",
                "Status": "Available" if value in sold or value in DISK_CATEGORIES else "SoldOut",
                "StatusCategory": "WithStock" if value in sold or value in DISK_CATEGORIES else "WithoutStock",
            }
            for value in values
        ]
        available = {"Type": kind, "SupportedResources": {"SupportedResource": resources}}
        zones.append(
            {
                "ZoneId": zone,
                "RegionId": scene.region,
                "Status": "Available",
                "StatusCategory": "WithStock",
                "AvailableResources": {"AvailableResource": [available]},
            }
        )
    return {"AvailableZones": {"AvailableZone": zones}}
