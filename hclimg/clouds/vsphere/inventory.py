"""Finds what a template names in the inventory: datacenters, folders, hosts, datastores, networks, machines.

A name can be a path below the folder of its kind (``linux/base`` is ``/DC/vm/linux/base``), or a whole path; a bare
name is found wherever it is when only one thing has it. A name that nothing has is told with the nearest ones, one
that several have with the paths of all.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from hclimg.clouds.vsphere.client import Found, Vcenter, identifier, is_a
from hclimg.diagnostics import did_you_mean
from hclimg.errors import BuildError

FOLDERS = {
    "VirtualMachine": "vmFolder",
    "Folder": "vmFolder",
    "Datastore": "datastoreFolder",
    "StoragePod": "datastoreFolder",
    "Network": "networkFolder",
    "HostSystem": "hostFolder",
    "ComputeResource": "hostFolder",
}
"""The property of a datacenter with the folder below which a kind of things is."""

WORDS = {
    "VirtualMachine": "machine or template",
    "Folder": "folder",
    "Datastore": "datastore",
    "StoragePod": "datastore cluster",
    "Network": "network",
    "HostSystem": "host",
    "ComputeResource": "cluster",
    "ResourcePool": "resource pool",
}
SHOWN = 10  # names in a message


@frozen
class Place:
    """A datacenter, and the folders of its kinds of things. ``name`` is what paths begin with."""

    ref: Any
    name: str
    vms: Any
    folders: dict[str, Any]


def datacenter(api: Vcenter, name: str) -> Place:
    """By name or path; without a name, the only one."""
    found = api.listing("Datacenter", "vmFolder", "hostFolder", "datastoreFolder", "networkFolder")
    if name:
        chosen = [one for one in found if one.name == name.strip("/").rpartition("/")[2]]
        if "/" in name.strip("/"):
            chosen = [one for one in chosen if path_of(api, one.ref).strip("/") == name.strip("/")]
    else:
        chosen = found
    if len(chosen) == 1:
        one = chosen[0]
        folders = {kind: one.props[folder] for kind, folder in FOLDERS.items()}
        return Place(one.ref, path_of(api, one.ref), folders["VirtualMachine"], folders)
    names = [one.name for one in found]
    if not chosen:
        detail = f'There is no datacenter "{name}".' if name else "The account sees no datacenter."
        raise BuildError(detail, hint=f"There are {_listing(names)}.{did_you_mean(name, names)}" if names else "")
    paths = [path_of(api, one.ref) for one in chosen]
    raise BuildError("The vCenter has several datacenters.", hint=f"Set datacenter to one of {_listing(paths)}.")


def find(api: Vcenter, place: Place, kind: str, name: str) -> Any:
    """The one thing of a kind that has a name or a path. Raises BuildError that says which there are."""
    found = candidates(api, place, kind, name)
    if len(found) == 1:
        return found[0]
    what = WORDS[kind]
    if found:
        paths = sorted(path_of(api, ref) for ref in found)
        hint = f"Write its path: {_listing(paths)}."
        several = what.replace(" or ", "s or ") + "s"
        raise BuildError(f'There are {len(found)} {several} with the name "{name}" in {place.name}.', hint=hint)
    raise missing(what, name, place.name, [one.name for one in api.listing(kind, below=place.folders[kind])])


def missing(what: str, name: str, where: str, names: list[str]) -> BuildError:
    """The error for a name that nothing has; ``names`` are those that there are."""
    known = sorted(set(names))
    hint = did_you_mean(name.rpartition("/")[2], known).strip()
    if not hint:
        hint = f"There {'is' if len(known) == 1 else 'are'} {_listing(known)}." if known else f"There is no {what}."
    return BuildError(f'There is no {what} "{name}" in {where}.', hint=hint)


def candidates(api: Vcenter, place: Place, kind: str, name: str) -> list[Any]:
    """Everything of a kind with a name or a path."""
    root = place.folders[kind]
    below = relative(name, api, root)
    ref = at_path(api, root, below)
    if ref is not None and is_a(ref, kind):
        return [ref]
    if "/" in name.strip("/"):
        return []
    return [one.ref for one in api.listing(kind, below=root) if one.name == name]


def relative(name: str, api: Vcenter, root: Any) -> list[str]:
    """The parts of a path below the folder of its kind; a whole path begins with the datacenter's."""
    if not name.startswith("/"):
        return [part for part in name.split("/") if part]
    start = path_of(api, root).strip("/").split("/")
    parts = [part for part in name.split("/") if part]
    return parts[len(start) :] if parts[: len(start)] == start else parts


def at_path(api: Vcenter, root: Any, parts: list[str]) -> Any:
    """The thing at a path below a folder, or None. Names are compared as they are shown, not as they are escaped."""
    ref = root
    index = api.content.searchIndex
    for part in parts:
        parent = ref
        ref = api.call("look a name up", lambda: index.FindChild(parent, escaped(part)), again=True)  # noqa: B023
        if ref is None:
            return None
    return ref if parts else None


def escaped(name: str) -> str:
    """The API writes these three characters of names so."""
    return name.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")


def path_of(api: Vcenter, ref: Any) -> str:
    """The whole path of something: ``/DC0/vm/linux/base``."""
    names: list[str] = []
    while ref is not None:
        found = api.get(ref, "name", "parent")
        if found.get("parent") is None:
            break
        names.append(str(found.get("name", identifier(ref))))
        ref = found["parent"]
    return "/" + "/".join(reversed(names))


# -- places for machines ------------------------------------------------------


@frozen
class Compute:
    """Where a machine runs: a pool of a cluster or host, and the host when one was chosen."""

    resource: Any
    pool: Any
    host: Any = None
    name: str = ""


def compute(api: Vcenter, place: Place, *, cluster: str, host: str, pool: str) -> Compute:
    """The resource pool that a template names; without one, the root pool of its cluster or host."""
    chosen = None
    if host:
        chosen = find(api, place, "HostSystem", host)
        found = api.get(chosen, "parent", "runtime.connectionState", "runtime.inMaintenanceMode")
        resource = found["parent"]
        state = str(found.get("runtime.connectionState", "connected"))
        if state != "connected" or found.get("runtime.inMaintenanceMode"):
            state = "in maintenance mode" if state == "connected" else state
            raise BuildError(f'The host "{host}" is {state}.', hint="Choose another host, or set cluster instead.")
        if cluster:
            _check_member(api, place, cluster, host, resource)
    elif cluster:
        resource = find(api, place, "ComputeResource", cluster)
    else:
        resource = _only_resource(api, place)
    root = api.get(resource, "resourcePool", "name")
    return Compute(resource, _pool(api, root["resourcePool"], pool, root["name"]), chosen, root["name"])


def _check_member(api: Vcenter, place: Place, cluster: str, host: str, resource: Any) -> None:
    wanted = find(api, place, "ComputeResource", cluster)
    if wanted != resource:
        where = api.get(resource, "name").get("name", "none")
        raise BuildError(f'The host "{host}" is not in the cluster "{cluster}".', hint=f'It is in "{where}".')


def _only_resource(api: Vcenter, place: Place) -> Any:
    found = api.listing("ComputeResource", below=place.folders["ComputeResource"])
    if len(found) != 1:
        hint = f"Set cluster or host to one of {_listing([one.name for one in found])}."
        raise BuildError("It is not said where the machine shall run.", hint=hint)
    return found[0].ref


def _pool(api: Vcenter, root: Any, name: str, where: str) -> Any:
    if not name:
        return root
    parts = [part for part in name.split("/") if part]
    if parts[:1] == ["Resources"]:
        parts = parts[1:]
    found = at_path(api, root, parts) if parts else root
    if found is not None and is_a(found, "ResourcePool"):
        return found
    pools = api.listing("ResourcePool", below=root)
    same = [one.ref for one in pools if one.name == name]
    if len(same) == 1:
        return same[0]
    raise missing("resource pool", name, where, [one.name for one in pools])


def network(api: Vcenter, place: Place, name: str, resource: Any) -> Any:
    """A network by name or path; of several with one name, the one that the cluster or host is connected to."""
    found = candidates(api, place, "Network", name)
    if len(found) > 1:
        reachable = {identifier(ref) for ref in api.get(resource, "network").get("network", ())}
        found = [ref for ref in found if identifier(ref) in reachable] or found
    return found[0] if len(found) == 1 else find(api, place, "Network", name)


def datastore(api: Vcenter, place: Place, name: str, where: Compute) -> Found | None:
    """The datastore that a template names; without a name the only one of the host or cluster, or None."""
    paths = ("name", "summary.accessible", "summary.freeSpace", "summary.maintenanceMode", "info.maxFileSize")
    if name:
        ref = find(api, place, "Datastore", name)
        one = api.get_all([ref], *paths)[0]
        if one.props.get("summary.accessible") is False:
            raise BuildError(f'The datastore "{name}" is not accessible.', hint="Choose another datastore.")
        return one
    refs = api.get(where.host or where.resource, "datastore").get("datastore", ())
    return api.get_all(refs, *paths)[0] if len(refs) == 1 else None


def fullest(api: Vcenter, pod: Any, name: str) -> Found:
    """The datastore of a datastore cluster with the most free space."""
    members = api.get(pod, "childEntity").get("childEntity", ())
    paths = ("name", "summary.accessible", "summary.freeSpace", "summary.maintenanceMode")
    usable = [
        one
        for one in api.get_all(members, *paths)
        if one.props.get("summary.accessible") is not False
        and str(one.props.get("summary.maintenanceMode", "normal")) == "normal"
    ]
    if not usable:
        raise BuildError(f'The datastore cluster "{name}" has no datastore that can be used.')
    return max(usable, key=lambda one: int(one.props.get("summary.freeSpace", 0)))


def _listing(names: list[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in sorted(names)[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
