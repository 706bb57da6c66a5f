"""The programs of the stand-in of ``servers.vmware``: ``python vmware_machine.py PROGRAM ARGUMENT…``.

Only the standard library, because each call is a program of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

STATE = Path(os.environ["VMWARE_STATE"])


def refuse(text: str) -> int:
    print(f"Error: {text}")
    return 255


def entries(path: Path) -> dict[str, str]:
    return {key.lower(): value for key, value in re.findall(r'^(\S+) = "(.*)"$', path.read_text(), re.MULTILINE)}


def record(program: str, arguments: list[str]) -> None:
    with (STATE / "calls.jsonl").open("a") as log:
        log.write(json.dumps([program, *arguments]) + "\n")


# -- machines -------------------------------------------------------------------------


def running() -> dict[str, Path]:
    """The files of the machines that run, by their VMX files. Those that were switched off from inside are ended."""
    found = {}
    for path in sorted(STATE.glob("machine-*")):
        pid, vmx = path.read_text().splitlines()
        if (STATE / "off").exists():
            end(path, int(pid))
            continue
        found[vmx] = path
    if not found:
        (STATE / "off").unlink(missing_ok=True)
    return found


def end(path: Path, pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    path.unlink(missing_ok=True)


def start(vmx: Path) -> int:
    if (STATE / "refuses").exists():
        return refuse((STATE / "refuses").read_text())
    settings = entries(vmx)
    number = len(list(STATE.glob("started-*")))
    shutil.copyfile(vmx, STATE / f"started-{number}.vmx")
    with vmx.open("a") as file:
        file.write('ethernet0.generatedAddress = "00:0c:29:00:00:01"\n')
    (vmx.parent / "vmware.log").write_text("log")
    port = settings.get("remotedisplay.vnc.port", "") if settings.get("remotedisplay.vnc.enabled") == "TRUE" else ""
    password = settings.get("remotedisplay.vnc.password", "")
    ready, tell = os.pipe()
    process = subprocess.Popen(
        [sys.executable, __file__, "machine", port, str(tell)], start_new_session=True, pass_fds=(tell,),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(tell)
    assert process.stdin
    process.stdin.write(password.encode())
    process.stdin.close()
    os.read(ready, 1)
    (STATE / f"machine-{process.pid}").write_text(f"{process.pid}\n{vmx}")
    return 0


def stop(vmx: Path, how: str) -> int:
    found = running().get(str(vmx))
    if found is None:
        return refuse("The virtual machine is not powered on")
    if how == "soft" and (STATE / "no-tools").exists():
        return refuse("The VMware Tools are not running in the virtual machine")
    end(found, int(found.read_text().split()[0]))
    return 0


def clone(source: Path, target: Path, kind: str, more: list[str]) -> int:
    if not source.is_file() or kind not in ("full", "linked") or any(not m.startswith("-snapshot=") for m in more):
        return refuse("Invalid arguments")
    target.parent.mkdir(exist_ok=True)
    text = source.read_text()
    for disk in re.findall(r'"([^"]+\.vmdk)"', text):
        shutil.copyfile(source.parent / disk, target.parent / disk)
    target.write_text(text)
    return 0


def vmrun(arguments: list[str]) -> int:
    match arguments:
        case ["-T", "ws" | "player" | "fusion", *rest]:
            pass
        case _:
            return refuse("Unrecognized host type")
    match rest:
        case ["list"]:
            found = running()
            print(f"Total running VMs: {len(found)}", *found, sep="\n")
            return 0
        case ["start", vmx, "gui" | "nogui"] if Path(vmx).is_file():
            return start(Path(vmx))
        case ["stop", vmx, "hard" | "soft" as how]:
            return stop(Path(vmx), how)
        case ["clone", source, target, kind, *more]:
            return clone(Path(source), Path(target), kind, more)
        case ["snapshot", vmx, name] if Path(vmx).is_file():
            Path(vmx).with_suffix(".vmsd").write_text(f'snapshot0.displayName = "{name}"\n')
            return 0
        case ["getGuestIPAddress", _]:
            address = STATE / "address"
            if not address.exists():
                return refuse("Unable to get the IP address")
            print(address.read_text())
            return 0
        case _:
            return refuse("Invalid command or arguments")


# -- inside a machine -------------------------------------------------------------------


def machine(port: str, tell: str) -> int:
    """Listen as VNC does; every key that goes down is written down."""
    password = sys.stdin.buffer.read().decode()
    listener = socket.create_server(("127.0.0.1", int(port))) if port else None
    os.write(int(tell), b"x")
    os.close(int(tell))
    while listener:
        client, _ = listener.accept()
        try:
            serve(client, password)
        except (EOFError, ConnectionError):
            client.close()
    while True:
        time.sleep(60)


def exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = client.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def serve(client: socket.socket, password: str) -> None:
    client.sendall(b"RFB 003.008\n")
    exactly(client, 12)
    client.sendall(b"\x01\x02" if password else b"\x01\x01")
    exactly(client, 1)
    if password:
        challenge = bytes(range(16))
        client.sendall(challenge)
        if exactly(client, 16) != encrypted(challenge, password):
            client.sendall(struct.pack(">I", 1) + struct.pack(">I", 5) + b"wrong")
            raise EOFError
    client.sendall(struct.pack(">I", 0))
    exactly(client, 1)
    client.sendall(struct.pack(">HH", 640, 480) + bytes(16) + struct.pack(">I", 2) + b"vm")
    while True:
        kind, down, symbol = struct.unpack(">BBxxI", exactly(client, 8))
        assert kind == 4
        if down:
            with (STATE / "keys").open("a") as log:
                log.write(f"{symbol:x}\n")


def encrypted(challenge: bytes, password: str) -> bytes:
    """DES by openssl; each byte of the key has its bits the other way round."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode()[:8].ljust(8, b"\0")).hex()
    command = ["openssl", "enc", "-des-ecb", "-provider", "legacy", "-provider", "default", "-nopad", "-K", key]
    return subprocess.run(command, input=challenge, stdout=subprocess.PIPE, check=True).stdout


# -- the other programs -------------------------------------------------------------------


def disk_manager(arguments: list[str]) -> int:
    match arguments:
        case ["-c", "-s", size, "-a", "ide" | "buslogic" | "lsilogic", "-t", "0" | "1" | "2" | "3" | "5", path]:
            command = ["qemu-img", "create", "-q", "-f", "vmdk", path, size.removesuffix("B")]
            return subprocess.run(command, check=False).returncode
        case ["-d" | "-k", path] if Path(path).is_file():
            return 0
        case _:
            print("Failed to create disk: wrong arguments")
            return 1


def ovftool(arguments: list[str]) -> int:
    vmx, target = arguments[-2:]
    if not Path(vmx).is_file():
        print(f"Error: File {vmx} not found")
        return 1
    Path(target).write_text("exported")
    return 0


if __name__ == "__main__":
    called, *given = sys.argv[1:]
    if called == "machine":
        sys.exit(machine(given[0], given[1]))
    record(called, given)
    sys.exit({"vmrun": vmrun, "vmware-vdiskmanager": disk_manager, "ovftool": ovftool}[called](given))
