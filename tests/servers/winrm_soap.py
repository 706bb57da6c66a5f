"""WS-Management as Windows speaks it: questions as we read them, answers as we write them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from base64 import b64decode, b64encode
from collections.abc import Iterable
from functools import cached_property
from uuid import uuid4
from xml.sax.saxutils import escape, quoteattr

from attrs import frozen

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
CMD = f"{SHELL}/cmd"
RSP = f"{{{SHELL}}}"
WSMAN = "{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}"
ADDRESSING = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
_ENVELOPE = (
    '<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
    f'xmlns:rsp="{SHELL}" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">'
    "<s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:{id}</a:MessageID>"
    "<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
    "<a:RelatesTo>{relates}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
)
_FAULT = (
    "<s:Fault><s:Code><s:Value>s:{who}</s:Value><s:Subcode><s:Value>w:{name}</s:Value></s:Subcode></s:Code>"
    '<s:Reason><s:Text xml:lang="en-US">{text}</s:Text></s:Reason><s:Detail>'
    '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{code}" Machine="wine">'
    "<f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault>"
)


class Fault(Exception):
    """An answer that says no: its number, its name in SOAP, its text."""

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(text)
        self.code, self.name, self.text = code, name, text


def timed_out() -> Fault:
    text = "The WS-Management service cannot complete the operation within the time specified in OperationTimeout."
    return Fault(2150858793, "TimedOut", text)


def no_shell(shell: str) -> Fault:
    text = (
        f"The request for the Windows Remote Shell with ShellId {shell} failed because the shell was not found on "
        "the server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the "
        "server. Provide the correct ShellId or create a new shell and retry the operation."
    )
    return Fault(2150858843, "InvalidSelectors", text)


@frozen(eq=False)
class Question:
    xml: ET.Element

    @classmethod
    def read(cls, data: bytes) -> Question:
        return cls(ET.fromstring(data))

    @cached_property
    def action(self) -> str:
        return self._header(f"{ADDRESSING}Action")

    @property
    def verb(self) -> str:
        return self.action.rsplit("/", 1)[1]

    @property
    def message(self) -> str:
        return self._header(f"{ADDRESSING}MessageID")

    @property
    def resource(self) -> str:
        return self._header(f"{WSMAN}ResourceURI")

    @property
    def timeout(self) -> float:
        """Seconds."""
        parts = re.findall(r"([0-9.]+)([HMS])", self._header(f"{WSMAN}OperationTimeout") or "PT60S")
        return sum(float(number) * {"H": 3600, "M": 60, "S": 1}[unit] for number, unit in parts)

    @property
    def envelope(self) -> int:
        """Bytes that an answer may have."""
        return int(self._header(f"{WSMAN}MaxEnvelopeSize") or "153600")

    @property
    def shell(self) -> str:
        return next((e.text or "" for e in self.xml.iter(f"{WSMAN}Selector") if e.get("Name") == "ShellId"), "")

    @property
    def options(self) -> dict[str, str]:
        return {str(e.get("Name")): e.text or "" for e in self.xml.iter(f"{WSMAN}Option")}

    @property
    def variables(self) -> dict[str, str]:
        return {str(e.get("Name")): e.text or "" for e in self.xml.iter(f"{RSP}Variable")}

    @property
    def line(self) -> str:
        """The command line that is to run."""
        words = [*self.xml.iter(f"{RSP}Command"), *self.xml.iter(f"{RSP}Arguments")]
        return " ".join(word.text or "" for word in words)

    @property
    def command(self) -> str:
        """The command that it is about."""
        return next((str(e.get("CommandId")) for e in self.xml.iter() if e.get("CommandId")), "")

    @property
    def code(self) -> str:
        """The last word of a signal's name, in small letters."""
        return next(((e.text or "").rsplit("/", 1)[-1].lower() for e in self.xml.iter(f"{RSP}Code")), "")

    def input(self) -> Iterable[tuple[bytes, bool]]:
        """Pieces of the input, and whether it ends with them."""
        for stream in self.xml.iter(f"{RSP}Stream"):
            yield b64decode(stream.text or ""), (stream.get("End") or "").lower() in ("true", "1")

    def answer(self, body: str, action: str = "") -> bytes:
        said = action or f"{self.action}Response"
        return _ENVELOPE.format(action=said, id=str(uuid4()).upper(), relates=self.message, body=body).encode()

    def fault(self, fault: Fault) -> bytes:
        who = "Sender" if fault.name == "InvalidSelectors" else "Receiver"
        body = _FAULT.format(who=who, name=fault.name, text=escape(fault.text), code=fault.code)
        return self.answer(body, "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault")

    def _header(self, tag: str) -> str:
        return next((e.text or "" for e in self.xml.iter(tag)), "")


def created(shell: str) -> str:
    return (
        "<x:ResourceCreated><a:Address>http://127.0.0.1/wsman</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{CMD}</w:ResourceURI><w:SelectorSet><w:Selector Name=\"ShellId\">{shell}</w:Selector>"
        f"</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated><rsp:Shell><rsp:ShellId>{shell}</rsp:ShellId>"
        f"<rsp:ResourceUri>{CMD}</rsp:ResourceUri><rsp:InputStreams>stdin</rsp:InputStreams>"
        "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>"
    )


def started(command: str) -> str:
    return f"<rsp:CommandResponse><rsp:CommandId>{command}</rsp:CommandId></rsp:CommandResponse>"


def received(command: str, pieces: Iterable[tuple[str, bytes]], status: int | None) -> str:
    """``status`` None: it still runs."""
    about = f"CommandId={quoteattr(command)}"
    text = "".join(f'<rsp:Stream Name="{n}" {about}>{b64encode(data).decode()}</rsp:Stream>' for n, data in pieces)
    if status is None:
        running = f'<rsp:CommandState {about} State="{SHELL}/CommandState/Running"/>'
        return f"<rsp:ReceiveResponse>{text}{running}</rsp:ReceiveResponse>"
    ends = "".join(f'<rsp:Stream Name="{name}" {about} End="true"/>' for name in ("stdout", "stderr"))
    return (
        f'<rsp:ReceiveResponse>{text}{ends}<rsp:CommandState {about} State="{SHELL}/CommandState/Done">'
        f"<rsp:ExitCode>{status}</rsp:ExitCode></rsp:CommandState></rsp:ReceiveResponse>"
    )
