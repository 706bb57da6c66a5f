"""The regions that are known without asking, to find mistyped ones before anything is asked.

Regions are added now and then: one that is not listed here may well exist. ``DescribeRegions`` has the last word.
Source: the list of regions and zones in Alibaba Cloud's ECS documentation.
"""

from __future__ import annotations

import re

REGIONS = (
    "cn-qingdao", "cn-beijing", "cn-zhangjiakou", "cn-huhehaote", "cn-wulanchabu", "cn-hangzhou", "cn-shanghai",
    "cn-nanjing", "cn-fuzhou", "cn-wuhan-lr", "cn-shenzhen", "cn-heyuan", "cn-guangzhou", "cn-chengdu", "cn-hongkong",
    "cn-zhengzhou-jva", "cn-beijing-finance-1", "cn-hangzhou-finance", "cn-shanghai-finance-1",
    "cn-shenzhen-finance-1", "cn-north-2-gov-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1",
    "ap-southeast-2", "ap-southeast-3", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ap-south-1",
    "us-east-1", "us-west-1", "us-southeast-1", "na-south-1", "eu-central-1", "eu-west-1", "me-east-1", "me-central-1",
)  # fmt: skip
_NUMBER = re.compile(r"\d+")
_SHAPE = re.compile(r"[a-z]{2}(-[a-z0-9]+)+")
_ZONE = re.compile(r"(?P<region>.+-\d)[a-z]|(?P<chinese>cn(-[a-z0-9]+)+)-[a-z]")


def region_problem(region: str) -> str:
    """What is certainly wrong with the name of a region, in a sentence; empty when it may exist."""
    from hclimg.diagnostics import did_you_mean

    if _NUMBER.sub("0", region) in {_NUMBER.sub("0", known) for known in REGIONS}:
        return ""  # one more in a place that has some is no mistyped one
    zone = _ZONE.fullmatch(region)
    if zone and (zone["region"] or zone["chinese"]) in REGIONS:
        return f'"{region}" is a zone of the region "{zone["region"] or zone["chinese"]}"; zones go into "zone_id".'
    hint = did_you_mean(region, REGIONS)
    if hint or not _SHAPE.fullmatch(region):
        return f'There is no region "{region}".{hint}'
    return ""
