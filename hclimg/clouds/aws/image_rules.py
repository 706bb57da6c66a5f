"""The rules of EC2 for the name of an image and for who may use it: the same for every component that makes one."""

from __future__ import annotations

import re

from hclimg.config.fields import Checker

SHORTEST_NAME, LONGEST_NAME = 3, 128
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9 ()./'@_\[\]-]")
_ACCOUNT = re.compile(r"\d{12}")
_ORGANIZATION = re.compile(r"arn:[^:]+:organizations::\d{12}:organization/o-[a-z0-9]+")
_UNIT = re.compile(r"arn:[^:]+:organizations::\d{12}:ou/o-[a-z0-9]+/ou-[a-z0-9-]+")


def check_name(problems: Checker, setting: str, name: str) -> None:
    """Report what is wrong with a name. One that is yet to be filled in is left alone."""
    if not problems.is_known(setting) or "{{" in name:
        return
    if not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
        detail = (
            f'"{name}" has {len(name)} characters; the name of an image has from {SHORTEST_NAME} to {LONGEST_NAME}.'
        )
        problems.error("Invalid image name", detail, setting)
    wrong = "".join(dict.fromkeys(_NOT_IN_NAMES.findall(name)))
    if wrong:
        clean = _NOT_IN_NAMES.sub("-", name)
        detail = (
            f'The name of an image cannot contain "{wrong}", only letters, digits, spaces and ()[]./-\'@_. '
            f'Write "{clean}", or replace the others: {{{{ clean_resource_name `…` }}}} in a legacy template.'
        )
        problems.error("Invalid image name", detail, setting)


def check_sharing(problems: Checker, organizations: tuple[str, ...], units: tuple[str, ...]) -> None:
    """Report what is no ARN in the settings ``ami_org_arns`` and ``ami_ou_arns``."""
    for setting, arns, pattern, what in (
        ("ami_org_arns", organizations, _ORGANIZATION, "an organization"),
        ("ami_ou_arns", units, _UNIT, "an organizational unit"),
    ):
        for arn in arns:
            if not pattern.fullmatch(arn):
                problems.error("Invalid ARN", f'"{arn}" is not the ARN of {what}.', setting)


def check_accounts(problems: Checker, setting: str, accounts: tuple[str, ...]) -> None:
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            detail = f'"{account}" in "{setting}" is not the id of an AWS account, which has 12 digits.'
            problems.error("Invalid account", detail, setting)
