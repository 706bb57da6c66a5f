"""Lets a parse go on behind a syntax error.

Reports one error for each mistake. Small mistakes are repaired (a comma put in, a newline taken out); otherwise the
argument or block that the parser is in is given up, with an unknown value where its name is known, and the parse goes
on where the brackets say that it ends, or, when brackets don't match, where the layout of the lines says so.
"""

from __future__ import annotations

import bisect
from typing import Final

from hclimg.lang.explain import explain
from hclimg.lang.lalr import Machine
from hclimg.lang.nodes import Item, Lost, Nodes
from hclimg.lang.syntax import Block, Body, Literal, Name
from hclimg.lang.tokens import BROKEN, END, Broken, Token, scan
from hclimg.lang.trouble import CLOSING, Trouble
from hclimg.lang.values import unknown

MOST_ERRORS: Final = 25
MOST_RECOVERIES: Final = 200  # reported or not; each looks at the whole text
MOST_TRIES: Final = 3
# What can begin an expression, so that a comma may be missing before it.
BEGINS: Final = frozenset({
    "IDENT", "IF", "IN", "NUMBER", "STRING", "OQUOTE", "HEREDOC", "OHEREDOC", "LPAR", "LSQB", "LBRACE", "MINUS", "NOT",
})  # fmt: skip
COMMAS: Final = frozenset({"no comma in call", "no comma in tuple", "no comma in object"})
NEWLINES: Final = frozenset({"no newline after argument", "comma after argument", "no newline after block"})
# A brace that stands there twice.
DOUBLED: Final = {
    "no newline after block": "RBRACE", "no newline after argument": "RBRACE", "one-line without argument": "LBRACE",
}  # fmt: skip


class Recovery:
    """The errors of one parse."""

    def __init__(self, nodes: Nodes) -> None:
        self.source = nodes.source
        self.diagnostics = nodes.diagnostics
        self.nodes = nodes
        self.reported = 0
        self.quiet_until = -1  # errors up to this offset follow from one that was reported
        self.quiet_in: set[tuple[int, str]] = set()  # and so do those of a kind in the bracket that stands there
        self.quiet_item = -1  # and brackets that do not match in the item that begins here
        self.opened: set[int] = set()  # the braces of blocks that were half written on one line
        self.last = -1  # where the error before was
        self.tries = 0  # how often there has been one there
        self.recoveries = 0

    def __call__(self, machine: Machine) -> bool:
        """Report the error that the machine stands at, and put it where it can go on."""
        trouble = Trouble(machine, self.source)
        mistake, diagnostic = explain(trouble)
        if not self._is_quiet(mistake, trouble):
            self._forget_labels(trouble)
            self.diagnostics.items.append(diagnostic)
            self.reported += 1
        self.recoveries += 1
        if self.reported >= MOST_ERRORS or self.recoveries > MOST_RECOVERIES:
            return self._stop(trouble)
        if self._repair(mistake, trouble) or self._drop_stubborn(trouble) or self._patch(mistake, trouble):
            return True
        if not trouble.in_body:
            return False
        self._skip(trouble)
        return True

    def _drop_stubborn(self, trouble: Trouble) -> bool:
        """Take out a token that stays in the way whatever is done: a parse must come to an end."""
        self.tries = self.tries + 1 if trouble.token.start == self.last else 0
        self.last = trouble.token.start
        if self.tries < MOST_TRIES or trouble.token.kind == END:
            return False
        del trouble.machine.tokens[trouble.at]
        return True

    def _forget_labels(self, trouble: Trouble) -> None:
        """What was wrong with the labels of a block that turns out to be none."""
        if trouble.place == "body header":
            start, items = trouble.item_start, self.diagnostics.items
            items[:] = [item for item in items if not item.subject or item.subject.start < start]

    def _is_quiet(self, mistake: str, trouble: Trouble) -> bool:
        if trouble.token.start <= self.quiet_until:
            return True
        if trouble.token.kind == "RBRACE" and trouble.brace in self.opened:
            return True
        about_brackets = mistake.startswith(("open ", "misindented")) or trouble.token.kind in CLOSING
        if about_brackets and trouble.item and trouble.item_start == self.quiet_item:
            return True
        return (trouble.bracket, mistake) in self.quiet_in

    def _hush(self, mistake: str, trouble: Trouble) -> None:
        """What is wrong in the same bracket on the same line, or wrong in the same way, follows from this error."""
        self.quiet_in.add((trouble.bracket, mistake))
        self.quiet_item = trouble.item_start
        self.quiet_until = max(self.quiet_until, min(trouble.line_end(trouble.token.start), trouble.bracket_end))

    # -- repairs ------------------------------------------------------------------

    def _repair(self, mistake: str, trouble: Trouble) -> bool:
        """Mend a small mistake in the tokens."""
        tokens, at, token = trouble.machine.tokens, trouble.at, trouble.token
        following = tokens[at + 1].kind if token.kind != END else END
        if mistake in COMMAS and token.kind in BEGINS:
            tokens.insert(at, Token("COMMA", ",", token.start, token.start))
            self._hush(mistake, trouble)
            if mistake != "no comma in tuple" or trouble.broken_string():
                self.nodes.suspect.add(trouble.item_start)
        elif mistake in DOUBLED and token.kind == DOUBLED[mistake] and trouble.has_too_many(token.kind):
            del tokens[at]
        elif mistake in NEWLINES or (trouble.token.kind == BROKEN and trouble.ends_item):
            if mistake != "comma after argument" or tokens[at + 1].kind != "NL":
                self.nodes.suspect.add(trouble.item_start)
            tokens.insert(at, Token("NL", "\n", token.start, token.start))
            self.quiet_until = trouble.line_end(token.start)
        elif mistake in ("no brace on line", "equals in block") and following == "LBRACE":
            del tokens[at]
        elif mistake == "one-line not closed":
            return self._close_line(trouble)
        elif mistake == "escape":
            del tokens[at]
            self._hush(mistake, trouble)
        else:
            return False
        return True

    def _close_line(self, trouble: Trouble) -> bool:
        """A block on one line lacks its brace, or has it on the next line."""
        tokens, at = trouble.machine.tokens, trouble.at
        margin, indent = trouble.indent(trouble.item_start), trouble.indent(tokens[at + 1].start)
        if tokens[at + 1].kind == "RBRACE" and indent == margin:
            del tokens[at]
        elif indent <= margin:
            tokens.insert(at, Token("RBRACE", "}", trouble.token.start, trouble.token.start))
        else:
            self._open_line(trouble)
        return True

    def _open_line(self, trouble: Trouble) -> None:
        """The block goes on over more lines: read it again, with the newline that lacks behind its brace."""
        machine, brace = trouble.machine, trouble.item[1]
        behind = bisect.bisect_right(machine.tokens, brace.start, key=lambda token: token.start)
        machine.tokens.insert(behind, Token("NL", "\n", brace.end, brace.end))
        self.opened.add(brace.start)
        machine.at = trouble.item_index
        del machine.states[trouble.body + 1 :], machine.values[trouble.body :]
        self.quiet_until = trouble.token.start

    def _patch(self, mistake: str, trouble: Trouble) -> bool:
        """Put a name in place of the broken element of a list, call, object or interpolation; read on behind it.

        The argument's value is given up, but the rest of it is looked at. Only where all brackets match.
        """
        part = trouble.element if trouble.in_body else None
        if part is None or isinstance(trouble.token, Broken) or not trouble.structure[1]:
            return False
        machine, at = trouble.machine, trouble.token.start
        name = Token("IDENT", "broken", at, at)
        filling = [name, Token("EQ", "=", at, at), name] if trouble.symbols[trouble.opener] == "LBRACE" else [name]
        machine.tokens[trouble.at : part.end] = filling if part.begins else []
        if part.begins:
            del machine.states[part.begins :], machine.values[part.begins - 1 :]
        self.nodes.suspect.add(trouble.item_start)
        self._hush(mistake, trouble)
        return True

    # -- giving up an item ----------------------------------------------------------

    def _skip(self, trouble: Trouble) -> None:
        """Drop what was read of the item and go on behind it."""
        machine = trouble.machine
        if trouble.token.kind == END:
            return self._close_all(trouble)
        resume, clean = trouble.structure
        if trouble.place.startswith("body header LBRACE name EQ") and not trouble.closes_on_line:
            resume, clean = trouble.next_line(trouble.at), True  # the brace that ends the block is taken for text
        if not clean and trouble.next_item >= 0:
            resume = trouble.next_item
            machine.tokens[resume:] = scan(self.source.text, machine.tokens[resume].start, trouble.blocks)
        elif clean:
            resume = trouble.behind_leftovers(resume)
        self._drop_item(trouble)
        machine.at = resume
        if machine.tokens[resume].kind == END:
            self.quiet_until = len(self.source.text)
        return None

    def _drop_item(self, trouble: Trouble) -> None:
        """Take the item off the machine's stack; an argument whose name is known stays with an unknown value."""
        machine, item = trouble.machine, trouble.item
        kept: Item = Lost()
        if trouble.place.startswith("body name EQ"):
            value = Literal(self.source, item[1].end, item[1].end, unknown())
            kept = self.nodes.attribute(item[0], item[1], value, item[1])
        elif trouble.place.startswith("body header LBRACE name EQ"):
            value = Literal(self.source, item[3].end, item[3].end, unknown())
            block = self.nodes.block_of_one_line(item[0], item[1], item[2], item[3], value, item[3], item[3])
            kept = self._unread(item[0], block.body)
        elif trouble.place == "body header" and not trouble.blocks and trouble.token.kind in ("EQ", "NL"):
            kept = self._unread(item[0], Body(self.source, item[0][-1].end, item[0][-1].end, ()))
        del machine.states[trouble.body + 1 :], machine.values[trouble.body :]
        machine.values[-1].append(kept)

    def _unread(self, header: list[Name], body: Body) -> Block:
        """A block of which this is all that could be read."""
        body = Body(self.source, body.start, body.end, body.items, whole=False)
        return Block(self.source, header[0].start, body.end, header[0], tuple(header[1:]), body)

    def _close_all(self, trouble: Trouble) -> None:
        """Close the blocks that are still open where the text ends.

        The outermost one may hold all that was to follow it, so what is in it means nothing.
        """
        machine = trouble.machine
        self._drop_item(trouble)
        if trouble.blocks:
            outer = [i for i, symbol in enumerate(machine.symbols()) if symbol == "body"][:2]
            for body in outer:
                machine.values[body - 1].append(Lost())
            machine.values[outer[1] - 1][:] = [Lost()]
        end = trouble.token.start
        closers = [Token("RBRACE", "}", end, end), Token("NL", "", end, end)] * trouble.blocks
        machine.tokens[trouble.at : trouble.at] = closers
        self.quiet_until = len(self.source.text)

    def _stop(self, trouble: Trouble) -> bool:
        """Read no further: what follows so many errors is no template."""
        if not trouble.in_body:
            return False
        if self.reported >= MOST_ERRORS:
            self.diagnostics.error(
                "Too many syntax errors",
                f"The file was not read any further after {MOST_ERRORS} errors.",
                subject=self.source.range(trouble.token.start, trouble.token.end),
            )
        self.reported, self.recoveries = 0, 0
        machine = trouble.machine
        del machine.tokens[trouble.at : -1]
        trouble.token = machine.tokens[-1]
        self._close_all(trouble)
        return True
