"""A session with a vCenter: the only module that imports VMware's SDK (pyVmomi), and only when it is used.

Managed objects and data objects are the SDK's own and pass through other modules untyped; these make data objects by
name (:func:`new`) and read properties with :meth:`Vcenter.get`. No attribute of a managed object is ever read directly:
each would be a request of its own, and one that is not set is an error to some servers. Every failure becomes an
:class:`~hclimg.errors.ApiError` that says what was tried, with the API's own words and the id under which the
server logged the request.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Any, TypeVar, cast

from attrs import define, field, frozen

from hclimg.clouds.vsphere.access import PASSWORD, Endpoint
from hclimg.errors import ApiError, Cancelled
from hclimg.sdk.cancel import CancelToken

T = TypeVar("T")
READ_ATTEMPTS = 3
CONNECT_TIMEOUT = 60  # seconds that a request may take; long work is a task, which is asked about
DETAILS = ("invalidProperty", "property", "name", "file", "reason", "privilegeId")
FIRST_LOOK, LAST_LOOK = 0.05, 2.0  # seconds between two looks at a task
PAGE = 1000  # objects in an answer

HINTS = {
    "NoPermission": "The account lacks a privilege for this; an administrator of the vCenter can grant it.",
    "InvalidLogin": "Check username and password.",
    "DuplicateName": "Choose another vm_name, or run with -force to replace it.",
    "InsufficientResourcesFault": "Choose another host, cluster or resource pool, or ask for less.",
    "NoDiskSpace": "Free some space on the datastore, or choose another one.",
    "FileAlreadyExists": "Remove the file from the datastore, or choose another name.",
    "ToolsUnavailable": "Install VMware Tools (open-vm-tools) in the guest, or set shutdown_command.",
    "InvalidGuestId": "Set guest_os_type to an identifier that this vCenter knows, such as otherGuest64.",
}


@frozen
class Found:
    """A managed object and properties of it, by path. Those that are not set are missing."""

    ref: Any
    props: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.props.get("name", ""))


def new(name: str, /, **fields: Any) -> Any:
    """A data object of the API by its dotted name: ``new("vm.ConfigSpec", numCPUs=2)``."""
    return kind(name)(**fields)


def kind(name: str) -> Any:
    """A type of the API by its dotted name, ``vim.`` left out: ``kind("VirtualMachine")``."""
    from pyVmomi import vim

    found: Any = vim
    for part in name.split("."):
        found = getattr(found, part)
    return found


def is_a(thing: Any, name: str) -> bool:
    return isinstance(thing, kind(name))


def identifier(ref: Any) -> str:
    """What the server calls a managed object: ``vm-42``."""
    return str(ref).strip("'").partition(":")[2]


@define(eq=False)
class Vcenter:
    """Logged in from :func:`logged_in` until :meth:`close`. Used by one thread at a time.

    ``operation`` stands before the ids of all requests in the server's log.
    """

    endpoint: Endpoint
    operation: str
    _stub: Any = field(repr=False)
    content: Any = field(repr=False, init=False)
    _requests: int = field(default=0, init=False)

    # -- requests -------------------------------------------------------------

    def call(self, what: str, request: Callable[[], T], *, again: bool = False) -> T:
        """Make one request; ``what`` finishes the sentence "the vCenter refused to …".

        ``again``: it changes nothing, so that it may be repeated when the connection breaks. A session that expired is
        renewed: the server has then not begun with the request.
        """
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                return self._once(what, request)
            except _Expired:
                self._login()
            except _Broken as error:
                if not again or attempt == READ_ATTEMPTS:
                    raise ApiError(
                        f"The connection to {self.endpoint.server} broke, when asked to {what}: {error}.",
                        hint="Look at the vCenter before you try again.",
                    ) from error
        raise ApiError(f"{self.endpoint.server} ends every session at once, when asked to {what}.")

    def _once(self, what: str, request: Callable[[], T]) -> T:
        from pyVmomi import vim, vmodl

        self._requests += 1
        operation = f"{self.operation}-{self._requests:x}"
        self._stub.requestContext["operationID"] = operation
        try:
            return request()
        except vim.fault.NotAuthenticated as error:
            raise _Expired from error
        except vmodl.MethodFault as error:
            raise self.refusal(what, error, operation) from error
        except _connection_errors() as error:
            raise _Broken(_words(error)) from error

    def refusal(self, what: str, fault: Any, operation: str = "") -> ApiError:
        """A fault of the API as an error for the user; the name of its type is its code."""
        code = type(fault).__name__.rpartition(".")[2]
        texts = [getattr(fault, "msg", ""), *[m.message for m in getattr(fault, "faultMessage", None) or ()]]
        details = [
            f"{name} {value}" for name in DETAILS if isinstance(value := getattr(fault, name, None), str) and value
        ]
        said = "; ".join(dict.fromkeys(text.rstrip(".") for text in (*texts, *details) if text))
        where = f", operation {operation}" if operation else ""
        message = f"{self.endpoint.server} refused to {what}: {said or code} ({code}{where})."
        return ApiError(message, code=code, request=operation, hint=HINTS.get(code, ""))

    def _login(self) -> None:
        """A new session. Raises ApiError when the account is refused."""
        self._stub.cookie = ""
        endpoint = self.endpoint

        def login() -> None:
            self.content.sessionManager.Login(endpoint.username, endpoint.password.reveal())

        try:
            self._once(f"log {endpoint.username} in", login)
        except _Broken as error:
            raise unreachable(endpoint, str(error)) from error

    def open(self) -> None:
        """Reach the server and log in."""
        service = kind("ServiceInstance")("ServiceInstance", self._stub)
        try:
            self.content = self._once("tell what it is", service.RetrieveContent)
        except _Broken as error:
            raise unreachable(self.endpoint, str(error)) from error
        self._login()

    def close(self) -> None:
        """Log out. A server that does not answer ends the session by itself some time."""
        try:
            self._once("log out", self.content.sessionManager.Logout)
        except (_Broken, _Expired, ApiError):
            return
        finally:
            self._stub.DropConnections()

    @property
    def cookie(self) -> str:
        """What authenticates a file transfer to the same server."""
        return str(self._stub.cookie).partition(";")[0]

    def object(self, type_name: str, moid: str) -> Any:
        """The managed object that the server calls ``moid``; whether it exists is not looked at."""
        return kind(type_name)(moid, self._stub)

    # -- reading --------------------------------------------------------------

    def get(self, ref: Any, *paths: str) -> dict[str, Any]:
        """Properties of one object, by path; those that are not set are missing. Raises ApiError when it is gone."""
        found = self._collect([new_query("ObjectSpec", obj=ref)], type(ref), paths)
        return dict(found[0].props) if found else {}

    def get_all(self, refs: Iterable[Any], *paths: str) -> list[Found]:
        """Properties of objects of one type."""
        objects = [new_query("ObjectSpec", obj=ref) for ref in refs]
        return self._collect(objects, type(objects[0].obj), paths) if objects else []

    def listing(self, type_name: str, *paths: str, below: Any = None) -> list[Found]:
        """All objects of a type below a folder or datacenter (the whole inventory when None), with ``name``."""
        wanted = kind(type_name)
        root = below or self.content.rootFolder
        views = self.content.viewManager
        view = self.call("list its inventory", lambda: views.CreateContainerView(root, [wanted], True), again=True)
        try:
            travel = new_query("TraversalSpec", name="view", path="view", skip=False, type=kind("view.ContainerView"))
            start = new_query("ObjectSpec", obj=view, skip=True, selectSet=[travel])
            return self._collect([start], wanted, ("name", *paths))
        finally:
            self.call("end a list", view.DestroyView)

    def _collect(self, objects: list[Any], wanted: Any, paths: Iterable[str]) -> list[Found]:
        properties = new_query("PropertySpec", type=wanted, pathSet=list(paths), all=False)
        spec = new_query("FilterSpec", objectSet=objects, propSet=[properties])
        collector = self.content.propertyCollector
        options = new_query("RetrieveOptions", maxObjects=PAGE)
        what = "read its inventory"
        page = self.call(what, lambda: _checked(collector.RetrievePropertiesEx([spec], options)), again=True)
        found: list[Found] = []
        while page is not None:
            found += [Found(o.obj, {p.name: p.val for p in o.propSet or ()}) for o in page.objects]
            token = page.token
            if not token:
                break
            page = self.call(what, partial(collector.ContinueRetrievePropertiesEx, token))
        return found

    # -- tasks ----------------------------------------------------------------

    def run(
        self, what: str, start: Callable[[], Any], cancel: CancelToken,
        progress: Callable[[int], None] = lambda _percent: None,
    ) -> Any:  # fmt: skip
        """Start a task and wait for its result. A cancel is passed on to the server, and waited for."""
        task = self.call(what, start)
        try:
            return self._finished(what, task, cancel, progress)
        except Cancelled:
            self._stop(what, task)
            raise

    def _finished(self, what: str, task: Any, cancel: CancelToken, progress: Callable[[int], None]) -> Any:
        pause = FIRST_LOOK
        while True:
            info = self.get(task, "info.state", "info.progress", "info.error", "info.result")
            state = str(info.get("info.state", ""))
            if state == "success":
                return info.get("info.result")
            if state == "error":
                raise self.refusal(what, info["info.error"])
            if (percent := info.get("info.progress")) is not None:
                progress(int(percent))
            cancel.sleep(pause)
            pause = min(pause * 1.5, LAST_LOOK)

    def _stop(self, what: str, task: Any) -> None:
        """Ask the server to give up, and wait a little until it has: what it made is then known, or gone."""
        patience = _Patience(STOPPING)
        with suppress(ApiError):  # not every task can be stopped; then its end is waited for
            self.call(f"stop ({what})", task.CancelTask)
        with suppress(ApiError, Cancelled):
            self._finished(what, task, patience, lambda _percent: None)


STOPPING = 60.0  # seconds that a cancelled task has to end


class _Patience(CancelToken):
    """Never cancelled from outside, and cancelled by itself after some seconds of waiting."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._left = seconds

    def sleep(self, seconds: float) -> None:
        self._left -= seconds
        if self._left < 0:
            raise Cancelled("it takes too long")
        super().sleep(seconds)


class _Expired(Exception):
    """The session is over."""


class _Broken(Exception):
    """The server cannot be reached, or went away."""


def unreachable(endpoint: Endpoint, reason: str) -> ApiError:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        found = re.search(r"verify failed: ([^(]*)", reason)
        return ApiError(
            f"The certificate of {endpoint.server} is not trusted: {found[1].strip() if found else reason}.",
            hint="Install the vCenter's certificate authority on this host, or set insecure_connection = true.",
        )
    return ApiError(f"{endpoint.server} cannot be reached: {reason}.", hint="Check vcenter_server and the network.")


def _checked(page: Any) -> Any:
    """Without a session the answer may be that everything is missing."""
    from pyVmomi import vim

    for item in page.objects if page is not None else ():
        for missing in item.missingSet or ():
            if isinstance(missing.fault, vim.fault.NotAuthenticated):
                raise missing.fault
    return page


def new_query(name: str, /, **fields: Any) -> Any:
    from pyVmomi import vmodl

    return getattr(vmodl.query.PropertyCollector, name)(**fields)


def trust(endpoint: Endpoint) -> Any:
    """The SSL context for connections to the server, and to the hosts that it names for transfers."""
    return _trust(endpoint.insecure)


@cache  # reading all the certificates of the system takes a while
def _trust(insecure: bool) -> Any:
    import ssl

    if not insecure:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def logged_in(endpoint: Endpoint, operation: str) -> Iterator[Vcenter]:
    """A session for as long as the block lasts."""
    api = log_in(endpoint, operation)
    try:
        yield api
    finally:
        api.close()


def log_in(endpoint: Endpoint, operation: str) -> Vcenter:
    """A session; the caller closes it. Raises ApiError when the server cannot be reached or refuses the account."""
    api = Vcenter(endpoint, operation, _stub(endpoint))
    try:
        api.open()
    except ApiError as error:
        if error.code == "InvalidLogin":
            message = (
                f"{endpoint.server} does not accept the password of {endpoint.username}, or does not know the user."
            )
            hint = f"Check username and password (or {PASSWORD})."
            raise ApiError(message, code=error.code, hint=hint) from error
        raise
    return api


def _stub(endpoint: Endpoint) -> Any:
    """A connection in the newest version of the API that both sides know."""
    with _importing:
        _load_sdk()
        from pyVmomi import SoapStubAdapter
        from pyVmomi.VmomiSupport import GetServiceVersions, versionIdMap
    offered = _versions(endpoint)
    known = [version for version in GetServiceVersions("vim25") if versionIdMap[version] in offered]
    if not known:
        raise ApiError(f"{endpoint.server} offers no version of the vSphere API that hclimg knows.")
    return SoapStubAdapter(
        host=endpoint.host, port=endpoint.port, version=known[0], sslContext=trust(endpoint),
        httpConnectionTimeout=CONNECT_TIMEOUT, requestContext={},
    )  # fmt: skip


def _versions(endpoint: Endpoint) -> set[str]:
    """What the server says it speaks: ``{"7.0", "6.7"}``."""
    from http.client import HTTPSConnection

    connection = HTTPSConnection(endpoint.host, endpoint.port, context=trust(endpoint), timeout=CONNECT_TIMEOUT)
    try:
        connection.request("GET", "/sdk/vimServiceVersions.xml")
        text = connection.getresponse().read().decode(errors="replace")
    except _connection_errors() as error:
        raise unreachable(endpoint, _words(error)) from error
    finally:
        connection.close()
    found = set(re.findall(r"<version>([^<]+)</version>", text))
    if not found:
        hint = "Check vcenter_server: something else answers there."
        raise ApiError(f"{endpoint.server} is not a vCenter or an ESXi host.", hint=hint)
    return found


def _load_sdk() -> None:
    """Import the SDK without the types of services that hclimg never calls (vSAN, storage policies, agents), a
    quarter of the work. It takes what is None in ``sys.modules`` as not installed, and is fine with that."""
    if "pyVmomi" in sys.modules:
        return
    modules = cast("dict[str, Any]", sys.modules)
    unused = [f"pyVmomi._typeinfo_{name}" for name in ("eam", "pbm", "sms", "vsanhealth", "vslm")]
    modules.update(dict.fromkeys(unused))
    try:
        import pyVmomi as pyVmomi
    finally:
        for name in unused:
            del modules[name]


_importing = threading.Lock()  # the SDK fills its tables while it is imported, which two threads must not do at once


def _connection_errors() -> tuple[type[BaseException], ...]:
    from http.client import HTTPException
    from xml.parsers.expat import ExpatError

    return (OSError, HTTPException, ExpatError)


def _words(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(reason).rstrip(".")
