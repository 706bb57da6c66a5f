"""Documentation and JSON Schema come from the declarations."""

from __future__ import annotations

import jsonschema
import pytest

from hclimg.config.export import json_schema, markdown
from hclimg.config.schema import schema_of
from hclimg.registry import BUILT_IN, Kind, Registry

from .test_decode import Box

COMPONENTS = [(kind, name) for kind, names in BUILT_IN.items() for name in names]


def test_markdown() -> None:
    page = markdown(Box, "box")
    assert "# box\n\nA machine.\n" in page
    assert "- `image` (string): What to start from." in page
    assert "- `format` (string): The format. One of `raw`, `qcow2`. Default: `raw`." in page
    assert "- `wait` (string (duration, like \"1h5m\")): How long to wait. Default: `10s`." in page
    assert "- `tags` (map(string)): Tags.\n" in page
    assert "- `old` (bool): Old. Default: `false`. **Deprecated**: write \"format\" instead." in page
    assert "- `user` (string): The user. Default: `root`." in page
    assert "## Block `device`" in page


def test_json_schema() -> None:
    schema = json_schema(Box)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["image"]
    assert schema["properties"]["format"]["enum"] == ["raw", "qcow2"]
    assert schema["properties"]["password"]["writeOnly"] is True
    assert schema["properties"]["device"]["items"]["required"] == ["name"]
    jsonschema.validate({"image": "a", "inline": ["x"], "tags": {"a": "b"}, "boot": {"name": "b"}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"image": "a", "disk": 1}, schema)


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_every_component_documents_every_setting(kind: Kind, name: str) -> None:
    cls = Registry().load(kind, name)
    assert cls is not None
    schema = schema_of(cls.Config)
    assert schema.doc
    undocumented = [s.name for s in schema.settings.values() if not s.meta.doc.endswith((".", ")", "…"))]
    assert undocumented == []
    jsonschema.Draft202012Validator.check_schema(json_schema(cls.Config))
    assert markdown(cls.Config, name).startswith(f"# {name}\n")
