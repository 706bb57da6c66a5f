"""A project with a vSphere builder that is ended again and again, and what there should be in the vCenter then."""

from __future__ import annotations

from pathlib import Path

from attrs import define, evolve, field
from vsphere_kit import ADDRESS, MACHINES, template

from hclimg.clouds.vsphere.client import Vcenter
from hclimg.clouds.vsphere.machines import FINISHED, mark_of
from kill_kit import Outcome, Project
from servers.sshd import Sshd
from servers.vcsim import Vcsim

PLAIN = f"""
  vm_name        = "web-${{uuidv4()}}"
  folder         = "images"
  {ADDRESS}
"""
CLONE = """
  template            = "DC0_H0_VM0"
  cd_content          = { "meta-data" = "x" }
  create_snapshot     = true
  convert_to_template = true
  export { output_directory = "out" }
"""
ISO = """
  guest_os_type        = "otherGuest64"
  iso_url              = "install.iso"
  iso_checksum         = "none"
  remote_cache_cleanup = true
  floppy_content       = { "ks.cfg" = "x" }
  storage { disk_size = 1 }
  network_adapters { network = "VM Network" }
  export {
    output_directory = "out"
    output_format    = "ova"
  }
"""
BUILDERS = {"vsphere-clone": CLONE, "vsphere-iso": ISO}


@define
class Lab:
    """``machines`` and ``files`` are what finished runs have made so far."""

    project: Project
    api: Vcenter
    templates: bool
    machines: set[str] = field(factory=set)
    files: set[Path] = field(factory=set)
    whole: set[str] = field(factory=set)

    def new(self) -> dict[str, object]:
        return {one.name: one.ref for one in self.api.listing("VirtualMachine") if one.name not in MACHINES}

    def look(self) -> None:
        """Between the kill and the clean-up: which machines are whole, whatever the journal knows of it."""
        self.whole = {name for name, ref in self.new().items() if self._is_whole(ref)}

    def _is_whole(self, ref: object) -> bool:
        if self.templates:
            return bool(self.api.get(ref, "config.template")["config.template"])
        return mark_of(self.api, ref) == ""

    def wrong(self, outcome: Outcome) -> list[str]:
        """What is there and should not be, or should be and is not."""
        kept = {one.identity["name"] for one in outcome.kept if one.kind == "vsphere/vm"}
        self.machines |= kept
        if outcome.cleanup is not None:
            self.machines |= self.whole
        exports = [one.identity for one in outcome.kept if one.kind == "files"]
        if kept or outcome.killed:  # an interrupted run that does not come to its machine removes its export again
            self.files |= {Path(one["path"], name) for one in exports for name in one["names"].split("/")}
        there = set(self.new())
        found = [f"machine {name} is gone" for name in self.machines - there]
        found += [f"machine {name}" for name in there - self.machines]
        out = self.project.folder / "out"
        exported = set(out.iterdir()) if out.is_dir() else set()
        found += [f"{path} is gone" for path in self.files - exported]
        found += [str(path) for path in exported - self.files]
        if not there and "images" in {one.name for one in self.api.listing("Folder")}:
            found.append("folder images")
        return [*found, *self._on_datastore(there)]

    def _on_datastore(self, machines: set[str]) -> list[str]:
        store = Path(self.api.listing("Datastore", "info")[0].props["info"].url)
        media = [path for path in store.rglob("*") if path.suffix in (".iso", ".flp")]
        folders = [path for path in store.iterdir() if path.name.startswith("web-") and path.name not in machines]
        return [str(path) for path in (*media, *folders)]

    def finishing(self, whole: Outcome) -> tuple[int, int]:
        """The numbers of the entries that say that the machine's last change comes, and that it is kept."""
        entries = list(enumerate(whole.journal, 1))
        changing, entry = next((number, it) for number, it in entries if FINISHED in it.get("identity", {}))
        kept = next(number for number, it in entries if it["op"] == "kept" and it["n"] == entry["n"])
        return changing, kept


def lab_of(kind: str, vcsim: Vcsim, sshd: Sshd, folder: Path, api: Vcenter) -> Lab:
    folder.mkdir()
    (folder / "install.iso").write_bytes(b"installer" * 1000)
    (folder / "t.pkr.hcl").write_text(template(vcsim, sshd, PLAIN + BUILDERS[kind], kind, ""))
    project = Project(folder=folder, template="t.pkr.hcl", env={"VSPHERE_PASSWORD": "pass"})
    lab = Lab(project, api, kind == "vsphere-clone")
    lab.project = evolve(project, quiet=lab.look)
    return lab
