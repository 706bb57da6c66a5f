"""What boot commands mean, and which key events they become."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lark import Lark, Token

from hclimg.sdk.boot import (
    SPECIALS,
    SYNONYMS,
    Action,
    BootCommandError,
    Key,
    Pause,
    grammar_text,
    key_interval,
    parse_boot_command,
    suspects,
)
from hclimg.sdk.rfb import KEYSYMS, SHIFT, key_events


def short(text: str) -> list[str]:
    """``a`` is pressed, ``a+`` goes down, ``a-`` comes up, ``2.5s`` is a pause."""
    marks = {Action.PRESS: "", Action.ON: "+", Action.OFF: "-"}
    return [f"{s.seconds:g}s" if isinstance(s, Pause) else s.name + marks[s.action] for s in parse_boot_command(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("ab", ["a", "b"]),
        ("a > b\n界", ["a", " ", ">", " ", "b", "\n", "界"]),
        ("<wait><wait5><wait10>", ["1s", "5s", "10s"]),
        ("<wait1m30s><wait250ms><wait1h><wait1.5s>", ["90s", "0.25s", "3600s", "1.5s"]),
        ("<WAIT2><Wait3s>", ["2s", "3s"]),
        ("<enter><Return><ESC><pageUp><f1><F12>", ["enter", "enter", "esc", "pageup", "f1", "f12"]),
        ("<leftCtrlOn>c<leftCtrlOff>", ["leftctrl+", "c", "leftctrl-"]),
        ("<delon><ENTEROFF><upOn>", ["del+", "enter-", "up+"]),
        ("<leftCommandOn><rightOptionOff><leftMeta>", ["leftsuper+", "rightalt-", "leftsuper"]),
        ("<aOn><AOff><<on><>off>", ["a+", "A-", "<+", ">-"]),
        ("<界On>", ["界+"]),
        ("<", ["<"]),
        ("<<>>", ["<", "<", ">", ">"]),
        ("<foo>", ["<", "f", "o", "o", ">"]),
        ("<wait 5>", list("<wait 5>")),
        ("<f13>", list("<f13>")),
        ("<on>", list("<on>")),
        ("<enter", list("<enter")),
        ("<<enter>", ["<", "enter"]),
    ],
)
def test_boot_commands(text: str, expected: list[str]) -> None:
    assert short(text) == expected


@pytest.mark.parametrize("text", ["ab<wait0>", "ab<wait-1m>", "ab<wait0s>", "ab<wait1m-2s>"])
def test_a_pause_that_is_none_is_refused_at_its_place(text: str) -> None:
    with pytest.raises(BootCommandError) as caught:
        parse_boot_command(text)
    assert caught.value.offset == 2


def test_every_stroke_knows_where_it_stands() -> None:
    assert [stroke.offset for stroke in parse_boot_command("a<wait>b<f1>")] == [0, 1, 7, 8]


def test_typing_errors_in_special_keys_are_noticed() -> None:
    assert list(suspects("<entr>a<b><title><enter><wait5><leftCrtlOn>")) == ["entr", "title", "leftCrtlOn"]


CORPUS = [
    "<esc><wait>auto preseed/url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/p.cfg<enter>", "<aOn><bOff><onOn><offOff>",
    "<<<wait>>><wait1h2m3s4ms><WAIT1.5s><waitx><wait5", "<é><éOn>\n\t<ENTER><enteroN>",
    "<leftleft><leftAltOff><f0><f10>",
]  # fmt: skip


@pytest.mark.parametrize("text", [*CORPUS, *(f"<{name}{end}>" for name in SPECIALS for end in ("", "On", "oFF"))])
def test_lark_reads_the_grammar_the_same_way(text: str) -> None:
    """We read the terminals of the grammar file ourselves, for speed; lark is the judge of what they mean."""
    tokens = Lark(grammar_text(), parser="lalr", lexer="basic").lex(text)
    assert [(t.start_pos, kind(t)) for t in tokens] == [
        (s.offset, "WAIT" if isinstance(s, Pause) else kind_of(s, text)) for s in parse_boot_command(text)
    ]


def kind(token: Token) -> str:
    return str(token.type)


def kind_of(key: Key, text: str) -> str:
    if key.special:
        return "SPECIAL"
    return "KEY" if text[key.offset] == key.name and key.action is Action.PRESS else "TOGGLE"


# -- key events ---------------------------------------------------------------


def events(text: str) -> list[tuple[int, bool]]:
    return [event for key in parse_boot_command(text) if isinstance(key, Key) for event in key_events(key)]


def pressed(symbol: int) -> list[tuple[int, bool]]:
    return [(symbol, True), (symbol, False)]


def test_every_special_key_has_a_symbol() -> None:
    assert {name for name in SPECIALS if name not in KEYSYMS} == set()
    assert set(SYNONYMS.values()) <= set(SPECIALS)
    assert events("<f1><f12><esc>") == [*pressed(0xFFBE), *pressed(0xFFC9), *pressed(0xFF1B)]


@pytest.mark.parametrize("char", 'ABCÄ~!@#$%^&*()_+{}|:"<>?')
def test_shift_is_pressed_for_what_needs_it(char: str) -> None:
    assert events(char) == [(SHIFT, True), *pressed(ord(char)), (SHIFT, False)]


@pytest.mark.parametrize("char", "abc019`-=[]\\;',./ ä")
def test_shift_is_not_pressed_for_the_rest(char: str) -> None:
    assert events(char) == pressed(ord(char))


def test_held_keys_stay_down() -> None:
    assert events("<leftAltOn>x<leftAltOff>") == [(0xFFE9, True), *pressed(ord("x")), (0xFFE9, False)]
    assert events("<AOn>") == [(SHIFT, True), (ord("A"), True)]
    assert events("<AOff>") == [(ord("A"), False), (SHIFT, False)]


def test_other_scripts_and_line_ends() -> None:
    assert events("界\n") == [*pressed(0x01000000 | ord("界")), *pressed(0xFF0D)]


def test_the_interval_comes_from_the_setting_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PACKER_KEY_INTERVAL", raising=False)
    assert key_interval(timedelta()) == 0.1
    monkeypatch.setenv("PACKER_KEY_INTERVAL", "10ms")
    assert key_interval(timedelta()) == 0.01
    assert key_interval(timedelta(seconds=2)) == 2.0
    monkeypatch.setenv("PACKER_KEY_INTERVAL", "nonsense")
    assert key_interval(timedelta()) == 0.1
