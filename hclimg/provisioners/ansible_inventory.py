"""The inventory of one machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from hclimg.errors import BuildError
from hclimg.provisioners.ansible import AnsibleConfig
from hclimg.provisioners.ansible_way import Way
from hclimg.sdk.context import Context
from hclimg.sdk.scripts import token
from hclimg.sdk.ssh_keys import write_private_file

SSH_LINE = "{{.HostAlias}} ansible_host={{.Host}} ansible_user={{.User}} ansible_port={{.Port}}\n"
WINRM_LINE = (
    "{{.HostAlias}} ansible_host={{.Host}} ansible_connection=winrm ansible_winrm_transport=basic%s "
    "ansible_shell_type=powershell ansible_user={{.User}} ansible_port={{.Port}}\n"
)


@contextmanager
def inventory(ctx: Context, config: AnsibleConfig, way: Way, files: Path) -> Iterator[str]:
    """Its path; what was made for this run goes away at the end, unless it is to be kept. It holds no secret."""
    if config.inventory_file is not None:
        yield str(config.inventory_file.expanduser())
        return
    folder = config.inventory_directory or (Path(gettempdir()) if config.keep_inventory_file else files)
    path = folder.expanduser() / f"hclimg-ansible-{token()}"
    record = ctx.journal.intend("file", path=str(path.absolute()))
    try:
        write_private_file(path, inventory_text(ctx, config, way))
    except OSError as error:
        record.gone()
        raise BuildError(f'Cannot write the inventory "{path}": {error.strerror}.') from error
    record.made()
    try:
        yield str(path)
    finally:
        if config.keep_inventory_file:
            ctx.say(f"The inventory stays: {path}")
            record.kept()
        else:
            path.unlink(missing_ok=True)
            record.gone()


def inventory_text(ctx: Context, config: AnsibleConfig, way: Way) -> str:
    scheme = " ansible_winrm_scheme=http" if config.ansible_winrm_use_http else ""
    template = config.inventory_file_template or (WINRM_LINE % scheme if way.connection == "winrm" else SSH_LINE)
    line = ctx.render(template, HostAlias=config.host_alias, Host=way.host, Port=way.port, User=way.user)
    line = line if line.endswith("\n") else f"{line}\n"
    groups = [f"[{group}]\n{line}" for group in config.groups]
    return "".join([line, *groups, *(f"[{group}]\n" for group in config.empty_groups)])
