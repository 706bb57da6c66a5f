"""What is changed in the system: before the provisioners, so that it becomes a machine; and after them, so that the
image has nothing of the build and nothing that each machine must have of its own.

Everything goes through the communicator, so the links of the system lead to its own files.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from attrs import field, frozen

from hclimg.builders.rootfs.bootstrap import BUILD_DPKG_FILE, BUILD_OPTIONS_FILE
from hclimg.builders.rootfs.config import RootfsConfig, SystemConfig
from hclimg.errors import BuildError, CommandFailed
from hclimg.sdk.machine import Communicator

POLICY = "/usr/sbin/policy-rc.d"
POLICY_TEXT = "#!/bin/sh\n# hclimg: nothing starts while the image is made\nexit 101\n"
STUB = "../run/systemd/resolve/stub-resolv.conf"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
HOST_KEY_UNIT = "hclimg-ssh-host-key.service"
UNITS = "/etc/systemd/system"

CREDENTIAL = "/run/credentials/@system/ssh.authorized_keys.root"
FW_CFG = "/sys/firmware/qemu_fw_cfg/by_name/opt/org.hclimg/ssh_authorized_key/raw"
"""Where the guest sees the keys that its hypervisor hands to it: gone with the machine, in no image."""

_HOST_KEY_SERVICE = f"""\
[Unit]
Description=SSH host key of this machine
ConditionFileNotEmpty=!{HOST_KEY}
ConditionFileIsExecutable=/usr/sbin/sshd
DefaultDependencies=no
After=systemd-remount-fs.service
Before=ssh.service ssh.socket shutdown.target
Conflicts=shutdown.target
RequiresMountsFor=/etc/ssh

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'rm -f {HOST_KEY}*; exec ssh-keygen -q -t ed25519 -N "" -f {HOST_KEY}'

[Install]
WantedBy=multi-user.target
"""

_DHCP = """\
[Match]
Type=ether
Name=en* eth*

[Network]
DHCP=yes
"""

_RESOLVED = """\
[Resolve]
LLMNR=no
MulticastDNS=no
"""


@frozen(kw_only=True)
class Plan:
    """Files to write, by path; a script for the rest; and what the script reads (the password is never an argument)."""

    directories: tuple[str, ...]
    files: dict[str, tuple[str, int]]
    script: str
    stdin: str = field(default="", repr=False)


# -- before the provisioners ----------------------------------------------------------


def prepare(machine: Communicator, plan: Plan) -> None:
    _shell(machine, " ".join(("mkdir -p", *map(shlex.quote, plan.directories))), "make directories")
    for path, (text, mode) in plan.files.items():
        machine.upload(text.encode(), path, mode=mode)
    _shell(machine, plan.script, "prepare the system", plan.stdin)


def preparation(config: RootfsConfig, hostname: str, uuid: str) -> Plan:
    """What makes a machine of the installed packages; ``uuid`` is that of the root filesystem."""
    system = config.system
    files = dict(_files(config, hostname, uuid))
    password = system.root_password.reveal()
    return Plan(
        directories=tuple(sorted({path.rpartition("/")[0] for path in files} | {UNITS})),
        files=files,
        script="\n".join(("set -e", *_commands(system, password=bool(password)))),
        stdin=f"root:{password}\n" if password else "",
    )


def _files(config: RootfsConfig, hostname: str, uuid: str) -> Iterator[tuple[str, tuple[str, int]]]:
    system, image = config.system, config.image
    yield POLICY, (POLICY_TEXT, 0o755)
    yield "/etc/hostname", (f"{hostname}\n", 0o644)
    yield "/etc/hosts", (_hosts(hostname), 0o644)
    yield f"{UNITS}/{HOST_KEY_UNIT}", (_HOST_KEY_SERVICE, 0o644)
    yield "/etc/ssh/sshd_config.d/10-hclimg.conf", (_sshd_config(system), 0o644)
    if image.has_disk:
        yield "/etc/fstab", (f"UUID={uuid} / ext4 {','.join(image.mount_options)} 0 1\n", 0o644)
    if system.network == "dhcp":
        yield "/etc/systemd/network/80-dhcp.network", (_DHCP, 0o644)
        yield "/etc/systemd/resolved.conf.d/hclimg.conf", (_RESOLVED, 0o644)
    if system.authorized_keys:
        keys = "".join(f"{key.strip()}\n" for key in system.authorized_keys)
        yield "/root/.ssh/authorized_keys", (keys, 0o600)


def _hosts(hostname: str) -> str:
    short = hostname.partition(".")[0]
    names = hostname if short == hostname else f"{hostname} {short}"
    return f"127.0.0.1 localhost\n127.0.1.1 {names}\n::1 localhost ip6-localhost ip6-loopback\n"


def _sshd_config(system: SystemConfig) -> str:
    """One host key, made when the machine first starts: making and loading more takes time and gains nothing."""
    login = "yes" if system.root_password else "prohibit-password"
    text = f"PermitRootLogin {login}\nHostKey {HOST_KEY}\n"
    if not system.accept_hypervisor_key:
        return text
    return f"{text}Match User root\n    AuthorizedKeysFile .ssh/authorized_keys {CREDENTIAL} {FW_CFG}\n"


def _commands(system: SystemConfig, *, password: bool) -> Iterator[str]:
    enabled = [HOST_KEY_UNIT, *(["systemd-networkd.service"] if system.network == "dhcp" else [])]
    yield "if command -v systemctl >/dev/null; then"
    yield f"systemctl --quiet enable {shlex.join(enabled)}"
    if system.masked_units:
        yield f"systemctl --quiet mask {shlex.join(system.masked_units)}"
    yield "fi"
    if system.authorized_keys:
        yield "chmod 700 /root/.ssh"
    # A package may have been here first. What the image gets in its place, seal() decides.
    yield f"rm -f /etc/resolv.conf; ln -s {STUB} /etc/resolv.conf"
    if password:
        yield "chpasswd"


# -- after the provisioners -------------------------------------------------------------


def stop_processes(machine: Communicator) -> None:
    """End what provisioners left running: it would go on writing while the image is made."""
    _shell(machine, _STOP, "stop the processes that still run")


# Only builtins while looking: a process that looks would see itself.
_STOP = """
others() {
    for found in /proc/[0-9]*; do
        case ${found#/proc/} in 1 | $$) ;; *) return 0 ;; esac
    done
    return 1
}
others || exit 0
kill -TERM -1
tries=0
while others && [ $tries -lt 30 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
if others; then kill -KILL -1; fi
"""


def seal(machine: Communicator, config: RootfsConfig) -> None:
    """Remove the traces of the build."""
    _shell(machine, sealing(config.system), "seal the system")


def sealing(system: SystemConfig) -> str:
    lists = "" if system.keep_apt_lists else "rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin"
    return f"""
set -e
if [ "$(cat {POLICY} 2>/dev/null)" = {shlex.quote(POLICY_TEXT.rstrip())} ]; then rm {POLICY}; fi
rm -f /{BUILD_OPTIONS_FILE} /{BUILD_DPKG_FILE}
rm -f /etc/ssh/ssh_host_* /var/lib/systemd/random-seed /var/lib/dbus/machine-id
: >/etc/machine-id
if [ "$(readlink /etc/resolv.conf)" = {STUB} ]; then
    {_resolv_conf(system)}
fi
rm -rf /tmp/* /tmp/.[!.]* /var/tmp/* /var/tmp/.[!.]* /root/.bash_history /root/.cache
rm -f /var/log/dpkg.log /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log
rm -f /var/cache/debconf/*-old /var/lib/dpkg/*-old /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow-
{lists}
"""


def _resolv_conf(system: SystemConfig) -> str:
    """In place of the link to what systemd-resolved writes, unless the machine has that."""
    static = "".join(f"nameserver {address}\\n" for address in system.nameservers)
    if static:
        return f"rm /etc/resolv.conf; printf '{static}' >/etc/resolv.conf"
    return "[ -e /lib/systemd/system/systemd-resolved.service ] || rm /etc/resolv.conf"


# -- shell ----------------------------------------------------------------------------


def _shell(machine: Communicator, script: str, what: str, stdin: str = "") -> None:
    lines: list[str] = []
    status = machine.run(script, stdin=stdin.encode() or None, on_output=lambda line, _stream: lines.append(line))
    if status:
        raise CommandFailed(
            f"Cannot {what}: {lines[-1] if lines else f'exit code {status}'}.",
            exit_code=status, output=tuple(lines[-20:]),
        )  # fmt: skip


def read_line(machine: Communicator, script: str) -> str:
    """The first line that a script prints."""
    lines: list[str] = []
    status = machine.run(script, on_output=lambda line, stream: lines.append(line) if stream == "stdout" else None)
    if status or not lines:
        raise BuildError(f"The system does not answer: {script}")
    return lines[0]
