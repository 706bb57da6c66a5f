"""The server: checks what every request must have, asks the actions, answers, and remembers what was asked."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from attrs import define, evolve, field

from servers.alicloud_ecs import addresses, disks, images, instances, keys, network, places, roles, tagging, tasks
from servers.alicloud_ecs.accounts import AccessKey, Accounts
from servers.alicloud_ecs.catalogue import request
from servers.alicloud_ecs.faults import REFUSALS, Faults
from servers.alicloud_ecs.scene import ACTIONS, Scene
from servers.alicloud_ecs.signature import sign, string_to_sign
from servers.alicloud_ecs.wire import COMMON, NEEDED, Call, Json, Parameters, Refusal, Reply, invalid, reply
from servers.alicloud_ecs.world import SYSTEM, Thing, World
from servers.sshd import Sshd

FAMILIES = (addresses, disks, images, instances, keys, network, places, roles, tagging, tasks)
ACCESS_KEY = "LTAIexampleAccessKey"
SECRET_KEY = "exampleSecretOfTheAccessKey"
VERSIONS = {"2014-05-26", "2015-05-01", "2016-04-28", "2015-06-12", "2015-04-01"}
FRESH = timedelta(minutes=15)


@define
class Simulator:
    """``calls``: all that were asked, in order. Everything about one world; ``reset`` begins a new one."""

    world: World = field(factory=World)
    faults: Faults = field(factory=Faults)
    accounts: Accounts = field(factory=Accounts)
    calls: list[Call] = field(factory=list)
    port: int = 0
    _nonces: set[str] = field(factory=set)
    _done: dict[tuple[str, str], tuple[dict[str, str], Json]] = field(factory=dict)
    _lock: threading.RLock = field(factory=threading.RLock)
    _servers: list[_Server] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.accounts.add(AccessKey(ACCESS_KEY, SECRET_KEY))

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.endpoint}"

    @property
    def environment(self) -> dict[str, str]:
        return {"ALICLOUD_ACCESS_KEY": ACCESS_KEY, "ALICLOUD_SECRET_KEY": SECRET_KEY}

    def reset(self) -> None:
        """Nothing exists, nothing was asked, no faults; the knobs of the world as they were made."""
        with self._lock:
            self.world, self.faults = World(), Faults()
            self.calls.clear()
            self._nonces.clear()
            self._done.clear()

    def left(self, *kinds: str) -> list[str]:
        """What exists that somebody made, as texts."""
        return [str(thing) for thing in self.things(*kinds)]

    def things(self, *kinds: str) -> list[Thing]:
        with self._lock:
            made = [thing for thing in self.world.things.values() if thing.owner != SYSTEM and thing.kind != "task"]
        return [thing for thing in made if not kinds or thing.kind in kinds]

    def actions(self) -> list[str]:
        return [call.action for call in list(self.calls)]

    def login(self, sshd: Sshd) -> None:
        """That SSH server stands in for all instances: it lets in the keys of those that were started."""
        own = sshd.key.public

        def boot(_instance: Thing) -> None:
            running = [thing for thing in self.world.all("instance") if thing.status != "Stopped"]
            wanted = {thing.facts["KeyPairName"] for thing in running}
            keys = [pair.facts["PublicKey"] for pair in self.world.all("keypair") if pair.id in wanted]
            (sshd.folder / "authorized_keys").write_text("".join(f"{key}\n" for key in (own, *keys)))

        self.world.booted.append(boot)

    def answer(self, method: str, parameters: dict[str, str], host: str) -> Reply | None:
        """None: the connection is to break without one."""
        form, number = parameters.get("Format", "XML"), str(uuid.uuid4()).upper()
        own = Parameters({name: value for name, value in parameters.items() if name not in COMMON})
        call = Call(parameters.get("Action", ""), parameters.get("Version", ""), own, host=host)
        with self._lock:
            self.calls.append(call)
            try:
                content = self._answer(method, parameters, call)
            except Refusal as refusal:
                call.outcome = refusal.code
                about = {"HostId": host, "Code": refusal.code, "Message": refusal.message, "Recommend": ""}
                return reply(refusal.status, {"RequestId": number, **about}, form, "Error")
            if call.outcome in ("cut", "lost"):
                return None
            whole = reply(200, {"RequestId": number, **content}, form, f"{call.action}Response")
            return evolve(whole, half=call.outcome == "half")

    def _answer(self, method: str, parameters: dict[str, str], call: Call) -> Json:
        key = self._authentic(method, parameters)
        call.account, call.access_key = key.account, key.id
        known = request(call.action)
        if call.version not in VERSIONS:
            raise Refusal(404, "InvalidVersion", "Specified parameter Version is not valid.")
        fault = self.faults.take(call)
        if isinstance(fault, Refusal) or fault in REFUSALS:
            raise REFUSALS[fault] if isinstance(fault, str) else fault
        call.outcome = fault or "OK"
        if fault == "cut":
            return {}
        call.strays = known.check(call.parameters)
        return self._perform(call, key)

    def _authentic(self, method: str, given: dict[str, str]) -> AccessKey:
        for name in NEEDED:
            if not given.get(name):
                code = {"AccessKeyId": "MissingAccessKeyId", "Version": "MissingVersion"}.get(name, "MissingParameter")
                raise Refusal(
                    400,
                    code,
                    f'The input parameter "{name}" that is mandatory for processing this request is not supplied.',
                )
        if (given["SignatureMethod"], given["SignatureVersion"]) != ("HMAC-SHA1", "1.0"):
            raise invalid("SignatureMethod", "InvalidSignatureMethod")
        if given.get("Format", "XML").upper() not in ("JSON", "XML"):
            raise invalid("Format", "UnsupportedFormat")
        self._fresh(given["Timestamp"])
        key = self.accounts.key(given["AccessKeyId"], given.get("SecurityToken", ""))
        if sign(method, given, key.secret) != given["Signature"]:
            text = "Specified signature is not matched with our calculation. server string to sign is:"
            raise Refusal(400, "SignatureDoesNotMatch", text + string_to_sign(method, given))
        if given["SignatureNonce"] in self._nonces:
            raise Refusal(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self._nonces.add(given["SignatureNonce"])
        return key

    def _fresh(self, stamp: str) -> None:
        try:
            said = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise Refusal(400, "InvalidTimeStamp.Format", "Specified time stamp is not well formatted.") from None
        if abs(datetime.now(UTC) - said) > FRESH:
            raise Refusal(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")

    def _perform(self, call: Call, key: AccessKey) -> Json:
        if call.action == "AssumeRole":
            return self.accounts.assume_role(call.parameters, key)
        if call.action == "GetCallerIdentity":
            return self.accounts.caller(key)
        if call.action not in ACTIONS:
            raise Refusal(
                501, "NotSimulated", f"{call.action} is an action of the API that this simulator does not have."
            )
        scene = Scene(self.world, call.parameters, key.account, call.version)
        if call.parameters.flag("DryRun"):
            raise Refusal(400, "DryRunOperation", "Request validation has been passed with DryRun flag set.")
        return self._once(call, scene)

    def _once(self, call: Call, scene: Scene) -> Json:
        """A client token makes a request that is said again mean the same thing, not another one."""
        token = call.parameters.text("ClientToken")
        before = self._done.get((call.action, token)) if token else None
        if before is None:
            content = ACTIONS[call.action](scene)
            if token:
                self._done[(call.action, token)] = (call.given, content)
            return content
        if before[0] != call.given:
            raise Refusal(
                400, "IdempotentParameterMismatch", "The request uses the same client token as an earlier one."
            )
        return before[1]

    @contextmanager
    def listening(self, listener: socket.socket | None = None) -> Iterator[int]:
        """On a port of loopback, or on a socket that is bound already, maybe in another network namespace."""
        server = _Server(self, listener)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self._servers.append(server)
        try:
            yield int(server.socket.getsockname()[1])
        finally:
            self._servers.remove(server)
            server.shutdown()
            server.server_close()
            thread.join()


    def quiet(self) -> None:
        """Returns when everything that clients had asked for has been done, also if they are dead by now."""
        for server in self._servers:
            server.settle()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, simulator: Simulator, listener: socket.socket | None) -> None:
        self.idle = threading.Condition()
        self.busy: set[object] = set()
        self.gone: set[object] = set()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

            def do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
                formed = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
                query |= dict(parse_qsl(body, keep_blank_values=True)) if formed else {}
                self.say(simulator.answer(self.command, query, self.headers.get("Host", "")))

            def say(self, answer: Reply | None) -> None:
                """A connection for each request: the vendor's SDK leaves those that stay open to the collector."""
                self.close_connection = True
                if answer is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.kind)
                self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(answer.body[: len(answer.body) // 2] if answer.half else answer.body)

            do_GET = do_POST = do

        super().__init__(("127.0.0.1", 0), Handler, bind_and_activate=listener is None)
        if listener is not None:
            self.socket.close()
            self.socket = listener
            self.server_address = listener.getsockname()
            listener.listen(self.request_queue_size)

    def settle(self) -> None:
        """Connections are accepted in order: when one of now is gone, those of before have begun, or are gone too."""
        with socket.create_connection(("127.0.0.1", self.server_port)) as mine, self.idle:
            mine.shutdown(socket.SHUT_WR)
            assert self.idle.wait_for(lambda: mine.getsockname() in self.gone and not self.busy, timeout=60)
            self.gone.clear()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.idle:
            self.busy.add(client_address)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        super().process_request_thread(request, client_address)
        with self.idle:
            self.busy.discard(client_address)
            self.gone.add(client_address)
            self.idle.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up, or are killed, are the point of some tests."""


@pytest.fixture
def alicloud() -> Iterator[Simulator]:
    """A cloud of its own for the test, at ``alicloud.endpoint``."""
    simulator = Simulator()
    with simulator.listening() as simulator.port:
        yield simulator
