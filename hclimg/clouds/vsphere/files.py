"""Files on datastores: uploaded over HTTPS, looked for and deleted through the API."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode

from hclimg.clouds.vsphere.client import Vcenter, new, trust
from hclimg.clouds.vsphere.paths import DatastorePath
from hclimg.errors import ApiError, ConnectionLost
from hclimg.sdk.context import Context

CHUNK = 1 << 20
TIMEOUT = 120.0  # seconds without a byte


def make_folder(api: Vcenter, datacenter: Any, folder: DatastorePath) -> None:
    """Make a directory and those above it; one that exists is fine."""
    manager = api.content.fileManager
    try:
        api.call(f"make the directory {folder}", lambda: manager.MakeDirectory(str(folder), datacenter, True))
    except ApiError as error:
        if error.code != "FileAlreadyExists":
            raise


def size_of(api: Vcenter, browser: Any, file: DatastorePath, ctx: Context) -> int | None:
    """The size of a file in bytes, or None when it does not exist."""
    details = new("host.DatastoreBrowser.FileInfo.Details", fileSize=True, fileType=True, modification=False)
    spec = new("host.DatastoreBrowser.SearchSpec", matchPattern=[file.name], details=details)
    try:
        what = f"look into {file.folder}"
        found = api.run(what, lambda: browser.SearchDatastore_Task(str(file.folder), spec), ctx.cancel)
    except ApiError as error:
        if error.code == "FileNotFound":
            return None
        raise
    return next((int(one.fileSize or 0) for one in found.file or ()), None)


def delete(api: Vcenter, datacenter: Any, file: DatastorePath, ctx: Context) -> None:
    """Delete a file; one that is gone is fine."""
    delete_with(api, datacenter, file, ctx.cancel)


def delete_with(api: Vcenter, datacenter: Any, file: DatastorePath, cancel: Any) -> None:
    manager = api.content.fileManager
    try:
        api.run(f"delete {file}", lambda: manager.DeleteDatastoreFile_Task(str(file), datacenter), cancel)
    except ApiError as error:
        if error.code != "FileNotFound":
            raise


def upload(ctx: Context, api: Vcenter, datacenter_name: str, source: Path, file: DatastorePath, host: str = "") -> None:
    """Send a file of this host; ``host`` is an ESXi host to send it to directly, instead of through the vCenter."""
    where = {"dsName": file.datastore}
    if not host:  # which does not know of the vCenter's datacenters
        where = {"dcPath": datacenter_name.strip("/"), **where}
    target = f"/folder/{quote(file.path)}?{urlencode(where, quote_via=quote)}"
    server, cookie = api.endpoint.server, api.cookie
    if host:
        server, cookie = _ticket(api, host, target)
    headers = {"Content-Type": "application/octet-stream", "Cookie": cookie}
    with source.open("rb") as stream:
        send(ctx, api, "PUT", server, target, stream, headers, f"uploading {source.name}")


def _ticket(api: Vcenter, host: str, target: str) -> tuple[str, str]:
    """Where to send a file to a host itself, and what it accepts instead of a session, once."""
    spec = new("SessionManager.HttpServiceRequestSpec", method="httpPut", url=f"https://{host}{target}")
    manager = api.content.sessionManager
    ticket = api.call(f"let a file be sent to {host}", lambda: manager.AcquireGenericServiceTicket(spec))
    return str(ticket.hostName or host), f"vmware_cgi_ticket={ticket.id}"


def send(
    ctx: Context, api: Vcenter, method: str, server: str, target: str, stream: IO[bytes], headers: dict[str, str],
    what: str, size: int | None = None,
) -> None:  # fmt: skip
    """Send all of a file as the body of one request; ``size`` when it is no file of its own. Memory stays flat.

    Raises ApiError with the server's answer.
    """
    total = os.fstat(stream.fileno()).st_size if size is None else size
    connection = http.client.HTTPSConnection(server, timeout=TIMEOUT, context=trust(api.endpoint))
    try:
        with ctx.cancel.closing(lambda: shut(connection)):
            ctx.cancel.check()
            connection.putrequest(method, target)
            for name, value in {**headers, "Content-Length": str(total)}.items():
                connection.putheader(name, value)
            connection.endheaders()
            done = 0
            while data := stream.read(CHUNK):
                connection.send(data)
                done += len(data)
                ctx.progress(what, done, total)
            answer = connection.getresponse()
            said = answer.read(500).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        ctx.cancel.check()
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ConnectionLost(f"The connection to {server} broke while {what}: {reason}.") from error
    finally:
        connection.close()
    if answer.status not in (200, 201, 204):
        raise ApiError(f"{server} refused {what}: {answer.status} {answer.reason}. {said}".strip())


def shut(connection: http.client.HTTPSConnection) -> None:
    """Wake whoever waits for this connection."""
    import socket

    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
