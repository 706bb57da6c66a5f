"""Runs of instances: each is a lane of its own, from what it starts with to what it leaves."""

from __future__ import annotations

import json
from pathlib import Path

from engine_components import happened
from engine_shop import Shop

from hclimg.events import ArtifactMade
from hclimg.template.model import DataAddress

CHAIN = """\
variable "sites" { default = { eu = "Europe", us = "America" } }
source "box" "base" {
  for_each = var.sites
  text     = each.value
  fail     = each.key == "us" ? ["capture"] : []
}
source "box" "app" {
  for_each = var.sites
  text     = "${artifact.box.base[each.key].state.size} of ${each.key}"
}
build {
  sources = ["box.base", "box.app"]
  provisioner "do" {
    for_each = { host = build.Host, name = source.name }
    say      = ["${each.key} is ${each.value}"]
  }
}
"""


def test_an_instance_fails_alone(shop: Shop) -> None:
    result = shop.apply(CHAIN)
    ends = {name: str(node.status) for name, node in result.nodes.items() if name.endswith("/capture")}
    assert ends == {
        'box.base["eu"]/capture': "succeeded",
        'box.base["us"]/capture': "failed",
        'box.app["eu"]/capture': "succeeded",
        'box.app["us"]/capture': "skipped",
    }
    assert [lane.lane.name for lane in result.lanes if lane.artifacts] == ['box.base["eu"]', 'box.app["eu"]']
    assert (shop.folder / "output-app-eu" / "image.raw").read_text() == "6 of eu"
    assert not (shop.folder / "output-app-us").exists()


def test_values_that_only_a_run_knows_reach_each_instance(shop: Shop) -> None:
    shop.apply(CHAIN)
    said = [line for line in happened.lines if line.startswith("say ")]
    assert sorted(said) == [
        "say host is 10.0.0.1", "say host is 10.0.0.1", "say host is 10.0.0.1",
        "say name is app-eu", "say name is base-eu", "say name is base-us",
    ]  # fmt: skip


def test_error_cleanups_for_each_key_run_one_after_another(shop: Shop) -> None:
    result = shop.apply("""\
source "box" "a" {}
build {
  sources = ["box.a"]
  provisioner "do" {
    for_each   = toset(["x", "y"])
    fail_times = each.key == "x" ? 1 : 0
  }
  error-cleanup-provisioner "do" {
    for_each = toset(["one", "two"])
    say      = ["clean ${each.key}"]
  }
}
""")
    assert [line for line in happened.lines if line.startswith("say ")] == ["say clean one", "say clean two"]
    (failure,) = result.failures
    assert failure.diagnostics[0].context == 'provisioner "do"["x"] of build "box.a"'


ODD = """\
source "box" "a" {
  for_each = toset(["a/b", "a b", "../c", "x\\ny", "\\"q\\""])
  text     = each.key
}
build {
  sources = ["box.a"]
  post-processor "note" {
    for_each = toset(["one", "two/three"])
    output   = "${source.name}.${basename(each.key)}"
  }
}
"""


def test_odd_keys_stay_inside_of_their_names(shop: Shop) -> None:
    result = shop.apply(ODD)
    assert result.ok
    made = shop.tape.of(ArtifactMade)
    assert len({event.lane for event in made}) == 5
    files = [Path(name).resolve().relative_to(shop.folder.resolve()) for event in made for name in event.files]
    assert all(len(file.parts) <= 2 for file in files), "no key leads into a directory of its own"
    (run,) = (shop.home / "runs").iterdir()
    logs = sorted(path.name for path in (run / "logs").glob("*.log"))
    assert len(logs) == 5
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert {event["lane"] for event in events if event.get("lane")} == {event.lane for event in made}


def test_data_sources_for_each_key(shop: Shop) -> None:
    result = shop.apply("""\
data "look" "it" {
  for_each = toset(["x", "y"])
  value    = "for ${each.key}"
}
data "look" "off" {
  enabled = false
  value   = "never"
}
source "box" "a" { text = join(" ", [data.look.it["y"].value, data.look.off == null ? "off" : "on"]) }
build { sources = ["box.a"] }
""")
    assert result.ok
    assert list(result.data) == [DataAddress("look", "it", "x"), DataAddress("look", "it", "y")]
    assert (shop.folder / "output-a" / "image.raw").read_text() == "found for y off"
