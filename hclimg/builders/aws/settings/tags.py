"""Tags as templates write them: a map, or one block for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hclimg.config.fields import Checker, config, setting

MOST = 50
LONGEST_KEY = 128
LONGEST_VALUE = 256
RESERVED = "aws:"

KNOWS = (
    "`{{ .BuildRegion }}`, `{{ .SourceAMI }}`, `{{ .SourceAMIName }}`, `{{ .SourceAMICreationDate }}`, "
    "`{{ .SourceAMIOwner }}`, `{{ .SourceAMIOwnerName }}` and `{{ .SourceAMITags }}` are filled in."
)
"""What is told of every setting that is rendered with what the build knows of its source."""


@config
class KeyValue:
    """One tag."""

    key: str = setting("The name of the tag.", template=True)
    value: str = setting("Its value.", template=True)


@config
class NameValue:
    """One tag."""

    name: str = setting("The name of the tag.", template=True)
    value: str = setting("Its value.", template=True)


def merged(tags: Mapping[str, str], blocks: Sequence[KeyValue | NameValue]) -> dict[str, str]:
    """The tags of the map and of the blocks; where both have one, that of the block."""
    more = {(block.key if isinstance(block, KeyValue) else block.name): block.value for block in blocks}
    return {**tags, **more}


def check_tags(problems: Checker, name: str, tags: Mapping[str, str], block: str) -> None:
    """The rules of EC2. ``block`` is the other setting in which these tags stand."""
    if len(tags) > MOST:
        problems.error("Too many tags", f'"{name}" has {len(tags)} tags; a resource has {MOST} at most.', name, block)
    for key, value in tags.items():
        if "{{" in key + value:
            continue
        if key.lower().startswith(RESERVED):
            problems.error("Invalid tag", f'The tag "{key}" is reserved: "{RESERVED}" is for AWS itself.', name, block)
        elif not 0 < len(key) <= LONGEST_KEY or len(value) > LONGEST_VALUE:
            detail = (
                f'The tag "{key}" has {len(key)} characters in its name and {len(value)} in its value; '
                f"{LONGEST_KEY} and {LONGEST_VALUE} are possible, and the name cannot be empty."
            )
            problems.error("Invalid tag", detail, name, block)
