"""Runs a parser on the tables of a grammar: tokens in, whatever the grammar's functions make out.

Without recursion, so that nesting has no limit. Knows neither a grammar nor how to recover from a syntax error; for
both it calls back, and it can tell what the parser stands in the middle of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hclimg.lang.tables import ACCEPT, Tables
from hclimg.lang.tokens import Token


class Machine:
    """A parse under way.

    ``tokens[at]`` comes next; ``values`` has what was made so far, one for each state but the first. ``functions`` has
    a method for each function that the grammar names; it takes the rule's children. ``recover`` is called at a token
    that fits nowhere: it changes the machine so that the parse can go on, or returns False to give up.
    """

    __slots__ = ("at", "recover", "reduces", "states", "tables", "tokens", "values")

    def __init__(
        self, tables: Tables, functions: object, start: str, tokens: list[Token], recover: Callable[[Machine], bool]
    ) -> None:
        self.tables = tables
        self.reduces: list[tuple[str, int, Any]] = [
            (made, size, name and getattr(functions, name)) for made, size, name in tables.rules
        ]
        self.states = [tables.starts[start]]
        self.values: list[Any] = []
        self.tokens = tokens
        self.at = 0
        self.recover = recover

    def run(self) -> Any:
        """What the start rule made, or None when the parse was given up."""
        actions, reduces, states, values = self.tables.actions, self.reduces, self.states, self.values
        tokens, at = self.tokens, self.at
        while True:
            token = tokens[at]
            kind = token.kind
            action = actions[states[-1]].get(kind)
            while action is not None and action < 0:
                made, size, function = reduces[~action]
                if not function:  # the child passes as it is
                    states[-1] = state = actions[states[-2]][made]
                else:
                    children = values[-size:] if size else ()
                    if size:
                        del values[-size:], states[-size:]
                    values.append(function(*children))
                    state = actions[states[-1]][made]
                    states.append(state)
                action = actions[state].get(kind)
            if action is None:
                self.at = at
                if not self.recover(self):
                    return None
                tokens, at = self.tokens, self.at
            elif action == ACCEPT:
                return values[-1]
            else:
                states.append(action)
                values.append(token)
                at += 1

    def symbols(self) -> list[str]:
        """The start rule, and the grammar symbols of what was read: one for each of ``values``."""
        return [self.tables.symbols[state] for state in self.states]

    def accepts(self, kind: str) -> bool:
        """Whether a token of that kind could be taken next."""
        states = list(self.states)
        actions, rules = self.tables.actions, self.tables.rules
        while True:
            action = actions[states[-1]].get(kind)
            if action is None or action >= 0:
                return action is not None
            made, size, _ = rules[~action]
            if size:
                del states[-size:]
            states.append(actions[states[-1]][made])

    def settle(self, kinds: Iterable[str]) -> None:
        """Make whatever is complete, as if the first of these kinds that could be taken came next."""
        kind = next((kind for kind in kinds if self.accepts(kind)), None)
        if kind is None:
            return
        actions = self.tables.actions
        while (action := actions[self.states[-1]][kind]) < 0:
            made, size, function = self.reduces[~action]
            children = self.values[-size:] if size else []
            if size:
                del self.values[-size:], self.states[-size:]
            self.values.append(function(*children) if function else children[0])
            self.states.append(actions[self.states[-1]][made])
