"""Stand-ins for chef-solo, chef-client, knife and the server: no Chef can be installed from where the tests may go.

Written from Chef's documentation. Each reads the files that its ``-c`` and ``-j`` name, ends with an error when one
that the configuration points to is not there, and writes down what it was given. chef-client registers: it needs a key
that it has already, or the validator's, then writes its own, and the server (a directory of the machine) has a node and
a client. knife needs the client's key to remove them. ``/chef/fails`` says how a run ends, and what it prints before.
"""

from __future__ import annotations

import json

from servers.rooted import Rooted

_COMMON = r"""#!/bin/sh
name=${0##*/}
words=$*
complain() { echo "FATAL: $1" >&2; exit 1; }
setting() { sed -n "s/^$1 *['\"]\(.*\)['\"]\$/\1/p" "$config"; }
config= attributes=
while [ $# -gt 0 ]; do
    case $1 in -c) config=$2; shift ;; -j) attributes=$2; shift ;; esac
    shift
done
[ -r "$config" ] || complain "Configuration $config cannot be read"
seen=/chef/seen/$(ls /chef/seen | wc -l)-$name
mkdir -p "$seen"
echo "$name $words" > "$seen/command"
cp "$config" "$seen/config"
"""
_RUN = r"""
[ -r "$attributes" ] || complain "Attributes $attributes cannot be read"
cp "$attributes" "$seen/attributes"
folder=${config%/*}
(cd "$folder" && find . -type f | sort | xargs stat -c '%a %n') > "$seen/files"
for key in encrypted_data_bag_secret role_path data_bag_path environment_path validation_key; do
    path=$(setting $key)
    [ -z "$path" ] || [ -e "$path" ] || complain "$key: $path is not there"
done
"""
_FAIL = r"""
if [ -e /chef/fails ]; then
    tail -n +2 /chef/fails
    exit "$(head -n 1 /chef/fails)"
fi
echo "Chef Infra Client finished, 1/1 resources updated in 02 seconds"
"""
SOLO = _COMMON + _RUN + _FAIL
CLIENT = (
    _COMMON
    + _RUN
    + r"""
node=$(setting node_name)
[ -n "$node" ] || complain "no node_name"
key=$(setting client_key)
if [ ! -e "$key" ]; then
    [ -n "$(setting validation_key)" ] || complain "Your private key could not be loaded from $key"
    echo "key of $node" > "$key"
fi
mkdir -p /chef/server
touch "/chef/server/client-$node" "/chef/server/node-$node"
"""
    + _FAIL
)
KNIFE = (
    _COMMON
    + r"""
key=$(setting client_key)
[ -e "$key" ] || complain "Your private key could not be loaded from $key"
set -- $words
thing=/chef/server/$1-$3
[ -e "$thing" ] || { echo "ERROR: The object you are looking for could not be found" >&2; exit 100; }
rm "$thing"
echo "Deleted $1[$3]"
"""
)
FAILURE = """\
1
    ================================================================================
    Error executing action `create` on resource 'file[/no/motd]'
    ================================================================================

    Chef::Exceptions::EnclosingDirectoryDoesNotExist
    ------------------------------------------------
    Parent directory /no does not exist.

    Resource Declaration:
    ---------------------
    # In /tmp/packer-chef-solo/cookbooks-0/base/recipes/default.rb
"""


def install_chef(machine: Rooted) -> None:
    """The machine has Chef; a server that knows nobody is there."""
    (machine.root / "chef/seen").mkdir(parents=True, exist_ok=True)
    (machine.root / "chef/server").mkdir(exist_ok=True)
    for name, text in (("chef-solo", SOLO), ("chef-client", CLIENT), ("knife", KNIFE)):
        machine.program(name, text)


def seen(machine: Rooted) -> list[dict[str, str]]:
    """What each program was given, in order."""
    folders = sorted((machine.root / "chef/seen").iterdir(), key=lambda path: int(path.name.partition("-")[0]))
    return [{path.name: path.read_text() for path in folder.iterdir()} for folder in folders]


def attributes(given: dict[str, str]) -> object:
    return json.loads(given["attributes"])


def server_has(machine: Rooted) -> list[str]:
    return sorted(path.name for path in (machine.root / "chef/server").iterdir())
