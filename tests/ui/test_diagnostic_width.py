from hclimg.diagnostics import Diagnostic, Severity, SourceText
from hclimg.ui.diagnostics import render


def test_a_title_that_does_not_fit_stands_below_its_place() -> None:
    """A terminal would break it in the middle of a word."""
    source = SourceText("a-long-name-of-a-template.pkr.hcl", "x = 1\n")
    item = Diagnostic(severity=Severity.ERROR, summary="Unsupported argument", subject=source.range(0, 1))
    narrow = render([item], width=40).splitlines()
    assert narrow[:2] == ["a-long-name-of-a-template.pkr.hcl:1:1:", "Error: Unsupported argument"]
    assert render([item], width=80).startswith("a-long-name-of-a-template.pkr.hcl:1:1: Error: Unsupported argument\n")
