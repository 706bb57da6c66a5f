"""govmomi's vCenter simulator (vcsim), built from Debian's packages, with what ``hcl_ext.go`` adds to it.

What the simulator answers was written by VMware's govmomi project after the real API; USB scan codes, exports,
manifests and the content of transfers are ours (``hcl_ext.go``). The program is built once (half a minute) and kept in
the user's cache. Needs the packages golang-go and golang-github-vmware-govmomi-dev.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

HERE = Path(__file__).parent
GOCODE = Path("/usr/share/gocode/src/github.com")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hclimg-tests"

PATCHES = {
    "folder.go": (
        (
            "\treturn create.Info.Result, nil\n}\n\nfunc (f *Folder) RegisterVMTask",
            "\thclTemplate(create.Info.Result, c.req.AsTemplate)\n"
            "\treturn create.Info.Result, nil\n}\n\nfunc (f *Folder) RegisterVMTask",
        ),
    ),
    "http_nfc_lease.go": (
        ("dst = ioutil.Discard", "dst = hclUpload(file)"),
        ("case http.MethodGet:\n", "case http.MethodGet:\n\t\thclDownload(w, r, file)\n\t\treturn\n"),
        ('\t"io/ioutil"\n', ""),
    ),
    "virtual_machine.go": (
        ('\tvm.logPrintf("created")\n', '\tvm.Config.CreateDate = hclNow()\n\tvm.logPrintf("created")\n'),
        ("file = path.Join(file, name)\n", "file = path.Join(file, hclName(file, name, register))\n"),
        ("devices := vm.Config.Hardware.Device\n\t\tfor", "devices := hclCopy(vm.Config.Hardware.Device)\n\t\tfor"),
    ),
}
"""What is replaced in the copy of the simulator: by file, pairs of the old and the new text."""


def program() -> Path:
    """The simulator, built when it is not there yet."""
    sources = [*sorted(HERE.glob("*.go")), Path(__file__), *sorted((GOCODE / "vmware/govmomi/simulator").glob("*.go"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    target = CACHE / f"vcsim-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "vcsim.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _build(target)
    return target


def _build(target: Path) -> None:
    work = CACHE / "vcsim-build"
    shutil.rmtree(work, ignore_errors=True)
    github = work / "gopath/src/github.com"
    (github / "vmware").mkdir(parents=True)
    shutil.copytree(GOCODE / "vmware/govmomi", github / "vmware/govmomi")
    for folder in GOCODE.iterdir():
        if folder.name != "vmware":
            (github / folder.name).symlink_to(folder)
    simulator = github / "vmware/govmomi/simulator"
    shutil.copy(HERE / "hcl_ext.go", simulator)
    for name, changes in PATCHES.items():
        text = (simulator / name).read_text()
        for old, new in changes:
            assert text.count(old) == 1, f"{name} has {text.count(old)} times: {old}"
            text = text.replace(old, new)
        (simulator / name).write_text(text)
    (work / "main").mkdir()
    shutil.copy(HERE / "main.go", work / "main")
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": str(work / "gopath"), "GOCACHE": str(CACHE / "gocache")}
    built = work / "vcsim"
    done = subprocess.run(["go", "build", "-o", built, "."], cwd=work / "main", env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built.rename(target)
    shutil.rmtree(work)


@define(eq=False)
class Vcsim:
    """A running simulator. ``address`` is host:port, as in ``vcenter_server``."""

    address: str
    keys: Path
    username: str = "user"
    password: str = "pass"
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def typed(self) -> list[tuple[int, dict[str, bool]]]:
        """The USB codes that were typed, with their modifiers that are on."""
        if not self.keys.exists():
            return []
        events = [json.loads(line) for line in self.keys.read_text().splitlines()]
        return [(e["code"], {k: v for k, v in (e["mod"] or {}).items() if v}) for e in events]

    def transfers(self, *, cuts: tuple[int, ...] = (), ranges: bool = False) -> None:
        """How downloads through leases go from now on: the n-th ends after so many bytes; whether they can resume."""
        body = json.dumps({"Cuts": list(cuts), "Ranges": ranges}).encode()
        self._control(body)

    @property
    def asked(self) -> list[str]:
        """The Range headers of the downloads since :meth:`transfers`."""
        return list(self._control(None)["Asked"] or [])

    def _control(self, body: bytes | None) -> dict[str, Any]:
        trusting = ssl._create_unverified_context()
        request = urllib.request.Request(f"https://{self.address}/hcl/nfc", data=body)
        with urllib.request.urlopen(request, context=trusting) as response:
            found: dict[str, Any] = json.load(response)
        return found

    @property
    def settings(self) -> str:
        """How a template reaches it."""
        return (
            f'  vcenter_server      = "{self.address}"\n  username            = "{self.username}"\n'
            f'  password            = "{self.password}"\n  insecure_connection = true\n'
        )


@contextmanager
def vcsim_running(folder: Path, *options: str) -> Iterator[Vcsim]:
    """A simulator with its default inventory (DC0, cluster DC0_C0, host DC0_H0, four machines), for as long as a block
    lasts. Its datastores are directories below ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keys = folder / "scancodes"
    env = {**os.environ, "TMPDIR": str(folder), "HCL_SCANCODES": str(keys)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [program(), "-l", "127.0.0.1:0", *options], stdout=subprocess.PIPE, stderr=log, text=True, env=env
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        address = json.loads(line)["url"].split("@")[-1].partition("/sdk")[0].removeprefix("https://")
        yield Vcsim(address, keys, process=process)
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def vcsim_factory(tmp_path: Path) -> Iterator[Callable[..., Vcsim]]:
    """``vcsim_factory("-pod", "1")`` starts a simulator that lives until the end of the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(vcsim_running(tmp_path / "vcsim", *options))


@pytest.fixture
def vcsim(vcsim_factory: Callable[..., Vcsim]) -> Vcsim:
    """A simulator that nobody else uses."""
    return vcsim_factory()
