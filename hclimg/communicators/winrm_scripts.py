"""What PowerShell does on a Windows machine to write and to read files, and the lines in which it is told.

Both scripts are the same for every file: what to copy comes by standard input, so that no path is ever a part of a
command line. A stream is made of lines of ASCII, each with an end of ``\\r\\n``:

====================  ====================================================
``:d NAME``           a directory; it is made when it is missing
``:f NAME``           a file begins; its directory is made when it is missing
any other             the next bytes of that file, in base64
``:e SHA256``         the file ends; what there is of it must have this hash
``:x MESSAGE``        it did not work (from the machine only)
====================  ====================================================

``NAME`` and ``MESSAGE`` are base64 of UTF-8. Names that are sent are paths of Windows, in which ``%NAME%`` stands for a
variable; those that come back from a directory are relative to it, with slashes.
"""

from __future__ import annotations

import re
from base64 import b64encode

_COMMON = """\
$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue'
$sha='Security.Cryptography.SHA256CryptoServiceProvider'
function Text($b){[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($b))}
function Tell($k,$t){[Console]::Out.WriteLine(":$k "+[Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($t)))}
function Full($b){[IO.Path]::GetFullPath([Environment]::ExpandEnvironmentVariables((Text $b)))}
"""

WRITE = (
    "begin {"
    + _COMMON
    + """\
$f=$null;$path='';$part=''
function Make($d){if($d){[void][IO.Directory]::CreateDirectory($d)}}
}
process {try{$l=[string]$_
if($l.StartsWith(':d ')){Make (Full $l.Substring(3))}
elseif($l.StartsWith(':f ')){$path=Full $l.Substring(3)
if([IO.Directory]::Exists($path)){throw "it is a directory: $path"}
Make ([IO.Path]::GetDirectoryName($path))
$part="$path.hclimg-part";$f=[IO.File]::Create($part);$h=New-Object $sha}
elseif($l.StartsWith(':e ')){$f.Close();$f=$null;[void]$h.TransformFinalBlock([byte[]]@(),0,0)
if([BitConverter]::ToString($h.Hash).Replace('-','') -ne $l.Substring(3)){throw 'the checksum is wrong'}
[IO.File]::Delete($path);[IO.File]::Move($part,$path);$part=''}
elseif($l){$b=[Convert]::FromBase64String($l);$f.Write($b,0,$b.Length);[void]$h.TransformBlock($b,0,$b.Length,$b,0)}
}catch{if($f){$f.Close()};if($part){[IO.File]::Delete($part)}
$e=$_.Exception.GetBaseException();Tell 'x' $e.Message;exit 1}}
end {if($f){$f.Close();[IO.File]::Delete($part);Tell 'x' 'the stream ended early';exit 1}}
"""
)

READ = (
    "begin {"
    + _COMMON
    + """\
function Copy1($p,$n){$s=[IO.File]::Open($p,'Open','Read','ReadWrite,Delete')
Tell 'f' $n;$h=New-Object $sha;$b=New-Object byte[] 49152
while(($c=$s.Read($b,0,$b.Length)) -gt 0){[void]$h.TransformBlock($b,0,$c,$b,0)
[Console]::Out.WriteLine([Convert]::ToBase64String($b,0,$c))}
$s.Close();[void]$h.TransformFinalBlock($b,0,0)
[Console]::Out.WriteLine(':e '+[BitConverter]::ToString($h.Hash).Replace('-',''))}
function Walk($d,$r){foreach($i in ([IO.Directory]::GetFileSystemEntries($d)|Sort-Object)){
if(-not $i){continue};$n=$r+[IO.Path]::GetFileName($i)
if(-not [IO.Directory]::Exists($i)){Copy1 $i $n}
elseif(-not ([int][IO.File]::GetAttributes($i) -band 1024)){Tell 'd' $n;Walk $i "$n/"}}}
}
process {try{$l=[string]$_
if($l.StartsWith(':f ')){$p=Full $l.Substring(3)
if([IO.Directory]::Exists($p)){throw "it is a directory: $p"};Copy1 $p ''}
elseif($l.StartsWith(':d ')){Walk (Full $l.Substring(3)) ''}
}catch{$e=$_.Exception.GetBaseException();Tell 'x' $e.Message;exit 1}}
"""
)

_VARIABLE = re.compile(r"\$(?:env:(\w+)|\{env:(\w+)\})", re.IGNORECASE)


def powershell(script: str) -> str:
    """The command line that runs a script. cmd.exe takes no more than 8191 characters."""
    encoded = b64encode(script.encode("utf-16-le")).decode()
    return f"powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand {encoded}"


def windows_path(path: str) -> str:
    """A path as the scripts take it: ``~`` is the user's home, and ``$env:NAME`` a variable as ``%NAME%`` is."""
    path = _VARIABLE.sub(lambda found: f"%{found[1] or found[2]}%", path)
    if path == "~" or path.startswith(("~/", "~\\")):
        path = "%USERPROFILE%" + path[1:]
    return path.replace("/", "\\")


def order(kind: str, text: str) -> bytes:
    """A line with a name: ``order("f", "C:\\\\x")``."""
    return b":%s %s\r\n" % (kind.encode(), b64encode(text.encode("utf-8", "surrogateescape")))
