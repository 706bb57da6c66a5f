"""HCL blocks to the model of a template, and what is said about those that make no sense."""

from __future__ import annotations

from collections.abc import Callable

from compile_kit import Workshop
from hclimg.lang.syntax import Literal
from hclimg.lang.types import STRING, ListType
from hclimg.registry import Kind

Golden = Callable[[str, str], None]

WHOLE = """\
packer {
  required_version = ">= 1.7.0"
  required_plugins {
    amazon = { source = "github.com/hashicorp/amazon", version = "~> 1" }
  }
}
variable "region" {
  type        = list(string)
  default     = []
  description = "Where."
  sensitive   = true
  validation {
    condition     = length(var.region) < 3
    error_message = "At most two regions."
  }
}
variables { size = 3 }
locals { a = 1 }
local "b" {
  expression = local.a
  sensitive  = true
}
data "look" "it" { text = "x" }
source "fake" "web" { text = "x" }
build {
  name        = "prod"
  description = "All of it."
  sources     = ["source.fake.web"]
  source "fake.web" {
    name   = "second"
    number = 2
  }
  provisioner "run" {
    name         = "greet"
    only         = ["fake.web"]
    pause_before = "5s"
    lines        = ["echo"]
    retry { attempts = 3 }
  }
  error-cleanup-provisioner "copy" { text = "log" }
  post-processor "list" { keep_input_artifact = true }
  post-processors {
    post-processor "pack" { text = "x" }
    post-processor "sum" {}
  }
}
"""


def test_every_block_has_its_place_in_the_model(workshop: Workshop) -> None:
    template = workshop.load(WHOLE)
    assert workshop.problems == ""
    region = template.variables["region"]
    assert region.type is not None
    assert (region.type.type, region.description, region.sensitive) == (ListType(STRING), "Where.", True)
    assert len(region.validations) == 1
    assert list(template.variables) == ["region", "size"]
    assert (template.locals["a"].sensitive, template.locals["b"].sensitive) == (False, True)
    assert list(template.data) == [("look", "it")]
    assert list(template.sources) == [("fake", "web")]
    assert template.required_plugins == {"amazon": "github.com/hashicorp/amazon"}
    assert not template.legacy


def test_builds_hold_sources_steps_and_chains(workshop: Workshop) -> None:
    (build,) = workshop.load(WHOLE).builds
    (use,) = build.uses
    assert use.source.address == ("fake", "web")
    assert use.body is not None
    assert list(use.body.attributes) == ["number"]
    assert [[block.type for block in chain.steps] for chain in build.chains] == [["list"], ["pack", "sum"]]
    assert build.error_cleanup is not None
    assert build.error_cleanup.type == "copy"


def test_what_is_hclimgs_own_is_parted_from_the_component(workshop: Workshop) -> None:
    (build,) = workshop.load(WHOLE).builds
    (step,) = build.provisioners
    assert step.kind is Kind.PROVISIONER
    assert sorted(step.meta) == ["name", "only", "pause_before", "retry.attempts"]
    assert list(step.body.attributes) == ["lines"]
    assert isinstance(step.meta["name"], Literal)
    assert sorted(build.chains[0].steps[0].meta) == ["keep_input_artifact"]
    assert step.context == 'provisioner "run"'


def test_a_post_processor_has_its_own_timeout(workshop: Workshop) -> None:
    """Only provisioners have the meta-arguments of provisioners."""
    (build,) = workshop.load('build {\n  post-processor "list" {\n    timeout = "5m"\n  }\n}').builds
    assert list(build.chains[0].steps[0].body.attributes) == ["timeout"]


MISTAKES = """\
sorce "fake" "a" {}
region = "eu"
source "fake" {}
source "fake" "a" "b" {}
source {}
source "fake" "twice" {}
source "fake" "twice" {}
variable "v" {
  typ     = string
  default = 1
}
variable "v" {}
variable "broken" { description = upper("x") + var.v }
variable "checked" {
  validation {
    condition     = true
    error_message = "no sentence"
  }
  validation { condition = true }
}
locals { l = 1 }
local "l" { expression = 2 }
local "empty" {}
packer {
  version          = "1"
  required_version = "about 1.7"
  required_plugins {
    one = "1.0"
    two = { source = "hashicorp/two", version = "1" }
    three = { source = "github.com/hashicorp/packer-plugin-three", version = "1" }
    four = { source = "github.com/hashicorp/four", version = "x" }
  }
}
build {
  nam = "x"
  source "fake" {}
  provisioner {}
  provisoner "run" {}
  provisioner "run" "extra" {}
  provisioner "run" {
    retry { atempts = 1 }
    retry { attempts = 2 }
  }
  error-cleanup-provisioner "run" {}
  error-cleanup-provisioner "run" {}
  post-processors "x" {}
  post-processors {
    provisioner "run" {}
  }
  sources {}
}
build "named" {}
communicator "ssh" "x" {}
"""


def test_every_mistake_is_reported(workshop: Workshop, golden: Golden) -> None:
    workshop.load(MISTAKES)
    golden("hcl-mistakes.txt", workshop.problems)


def test_a_template_for_another_version_is_judged_by_that_alone(workshop: Workshop) -> None:
    workshop.load('packer { required_version = ">= 700.0.0" }\nblock_of_the_future {\n  x = 1\n}\n')
    problem = workshop.only_error()
    assert problem.summary == "Unsupported Packer version"
    assert problem.subject is not None
    assert problem.subject.text == '">= 700.0.0"'


def test_what_could_not_be_read_makes_no_further_errors(workshop: Workshop) -> None:
    text = """\
packer {
  required_version =
  required_plugins {
    a =
  }
}
variable "x" {
  description =
  sensitive   =
}
hcp_packer_registry {
  bucket_name =
}
"""
    workshop.load(text)
    assert [item.summary for item in workshop.errors] == ["Invalid expression"] * 5, workshop.problems


def test_the_registry_is_checked_as_far_as_it_is_constant(workshop: Workshop) -> None:
    workshop.load("""\
hcp_packer_registry {
  bucket_name   = var.bucket
  description   = "built ${timestamp()}"
  bucket_labels = { os = lower("A") }
  build_labels  = { n = [] }
}
hcp_packer_registry { bucket_name = "first-wins" }
build {
  sources = ["a.b"]
  hcp_packer_registry { bucket_name = "x" }
  hcp_packer_registry {}
}
hcp_packer_registry "label" {}
""")
    assert [(item.summary, item.subject.begin.line) for item in workshop.diags if item.subject] == [
        ("Block without effect", 1),
        ("Incorrect value", 5),
        ("Duplicate declaration", 7),
        ("Block without effect", 10),
        ("Invalid bucket name", 10),
        ("Duplicate declaration", 11),
        ("Duplicate declaration", 13),
    ]
