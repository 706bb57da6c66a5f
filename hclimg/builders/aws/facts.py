"""What every builder on an EC2 instance tells templates of its source: the names in ``build.*``."""

from __future__ import annotations

FACTS = (
    "BuildRegion", "SourceAMI", "SourceAMIName", "SourceAMICreationDate", "SourceAMIOwner", "SourceAMIOwnerName",
)  # fmt: skip
