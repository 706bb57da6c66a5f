"""What Ansible's output says went wrong, in the forms of its versions."""

from __future__ import annotations

import pytest

from hclimg.errors import CommandFailed
from hclimg.provisioners.ansible_output import AnsibleOutput

JSON = 'fatal: [web]: FAILED! => {"changed": true, "msg": "non-zero return code", "rc": 1, "stderr": "no such file"}'


def explained(text: str) -> tuple[str, str]:
    said = AnsibleOutput()
    for line in text.strip().split("\n"):
        said.line(line)
    error = said.explain(CommandFailed("It ended with exit code 2.", exit_code=2))
    return error.message, error.hint


BREAK = 'Ansible: the task "Break" failed on "web": '
REASON = f"{BREAK}non-zero return code (exit code 1): no such file"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"TASK [Break] ****\n{JSON}", REASON),
        (f"\x1b[0;31mTASK [Break] ****\x1b[0m\n\x1b[0;31m{JSON}\x1b[0m", REASON),
        (f"RUNNING HANDLER [Break] **\n{JSON.replace('[web]', '[web -> localhost]')}", REASON),
        (f"TASK [Break] ****\n{JSON}\nTASK [Rescue] ****\nok: [web]\n{JSON}", REASON.replace("Break", "Rescue")),
        (f"TASK [Break] ****\n{JSON}\nTASK [Other] ***\n{JSON}\n...ignoring", REASON),
        (
            'TASK [Break] **\nfailed: [web] (item=b) => {"msg": "no"}\nfailed: [web] (item=c) => {"msg": "no"}\n'
            'fatal: [web]: FAILED! => {"msg": "One or more items failed"}',
            f'{BREAK}no (item "b")',
        ),
        ("TASK [Break] **\nfatal: [web]: FAILED! => changed=false \n  cmd: x\n  msg: it broke", f"{BREAK}it broke"),
        (
            'TASK [Break] **\nfatal: [web]: FAILED! => {\n    "changed": false,\n    "msg": "it broke"\n}',
            f"{BREAK}it broke",
        ),
        (
            'TASK [Gather] **\nfatal: [web]: UNREACHABLE! => {"msg": "Connection refused", "unreachable": true}',
            'Ansible cannot reach "web" in the task "Gather": Connection refused',
        ),
        ("ERROR! the role 'x' was not found", "Ansible: the role 'x' was not found"),
        (
            "ERROR! Syntax Error\n\nThe error appears to be in '/a b/c.yml': line 3, column 5, but may\n",
            "Ansible: /a b/c.yml:3:5: Syntax Error",
        ),
        ("[ERROR]: YAML parsing failed\nOrigin: /c.yml:4:5\n", "Ansible: /c.yml:4:5: YAML parsing failed"),
        (f"TASK [Break] ****\n{JSON}\n...ignoring\n", "It ended with exit code 2."),
        ("something of another callback", "It ended with exit code 2."),
    ],
)
def test_messages(text: str, message: str) -> None:
    assert explained(text)[0] == message


def test_places() -> None:
    text = f"TASK [Break] **\n[ERROR]: Task failed\nOrigin: /c.yml:4:5\n{JSON}"
    assert explained(text)[1] == "The task is at /c.yml:4:5."


@pytest.mark.parametrize("said", ["/bin/sh: /usr/bin/python3: not found", "The module interpreter '/x' was not found."])
def test_a_machine_without_python(said: str) -> None:
    result = f'TASK [Break] **\nfatal: [web]: FAILED! => {{"msg": "failed", "module_stderr": "{said}", "rc": 127}}'
    assert "need Python on the machine" in explained(result)[1]


def test_plays_without_hosts() -> None:
    said = AnsibleOutput()
    for line in ("PLAY [web:db] ****", "skipping: no hosts matched", "PLAY [all] ***", "TASK [x] ***"):
        said.line(line)
    assert said.unmatched == ["web:db"]
