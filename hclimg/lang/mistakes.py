"""The mistakes that a text can have: where a parser finds them, and the words for them.

Data only. Summaries are HCL's, so that people find them; details are sentences that say what to do. In them ``{found}``
is the token that doesn't fit, ``{name}`` the argument, block or directive around it, ``{word}`` the token's own text.
"""

from __future__ import annotations

from typing import Final

# Where the parser stands, which tokens don't fit (none: any), and what that mistake is called. The first that fits.
# A place that begins with "body" is the whole of it, any other is its end.
RULES: Final[tuple[tuple[str, str, str], ...]] = (
    ("body", "RBRACE", "stray brace"),
    ("body", "STRING OQUOTE", "quoted name"),
    ("body", "$END", "open block"),
    ("body", "", "no item"),
    ("body name", "COLON EQEQ ARROW", "wrong equals"),
    ("body name", "", "no equals"),
    ("body header", "EQ", "equals in block"),
    ("body header", "NL $END", "no brace on line"),
    ("body header", "", "no brace"),
    ("body header LBRACE", "", "one-line without argument"),
    ("body header LBRACE name", "", "one-line nested"),
    ("body header LBRACE name EQ expr", "NL", "one-line not closed"),
    ("body header LBRACE name EQ expr", "", "one-line several"),
    ("body header LBRACE name EQ expr RBRACE", "", "no newline after block"),
    ("body header LBRACE RBRACE", "", "no newline after block"),
    ("body RBRACE", "", "no newline after block"),
    ("body name EQ expr", "COMMA", "comma after argument"),
    ("body name EQ expr", "", "no newline after argument"),
    ("body name EQ", "NL $END", "no value"),
    ("function LPAR args ELLIPSIS", "", "expanded not last"),
    ("function LPAR args", "", "no comma in call"),
    ("LPAR expr", "", "open parenthesis"),
    ("LSQB items", "", "no comma in tuple"),
    ("LSQB STAR", "", "open splat"),
    ("LSQB expr", "", "open index"),
    ("FOR", "", "for without name"),
    ("FOR name", "", "for without in"),
    ("FOR name COMMA", "", "for without second name"),
    ("FOR name COMMA name", "", "for without in"),
    ("FOR name IN expr", "", "for without colon"),
    ("FOR name COMMA name IN expr", "", "for without colon"),
    ("LSQB for_intro expr", "ARROW", "key in tuple for"),
    ("LSQB for_intro expr", "ELLIPSIS", "group in tuple for"),
    ("LBRACE for_intro expr", "", "no key in object for"),
    ("for_intro expr", "", "more after for"),
    ("ARROW expr", "", "more after for"),
    ("ARROW expr ELLIPSIS", "", "more after for"),
    ("IF expr", "", "more after for"),
    ("entries", "", "no comma in object"),
    ("LBRACE expr", "NL", "key without value"),
    ("NL expr", "NL", "key without value"),
    ("separator expr", "NL", "key without value"),
    ("LBRACE expr", "", "no equals in object"),
    ("NL expr", "", "no equals in object"),
    ("separator expr", "", "no equals in object"),
    ("QMARK expr", "", "no false result"),
    ("COLONS", "", "no function name"),
    ("function", "", "no call"),
    ("DOT", "", "no attribute name"),
    ("INTERP expr", "", "more in interpolation"),
    ("CTRL_IF expr", "", "more in directive"),
    ("CTRL_FOR", "", "directive without name"),
    ("CTRL_FOR name", "", "directive without in"),
    ("CTRL_FOR name COMMA", "", "directive without second name"),
    ("CTRL_FOR name COMMA name", "", "directive without in"),
    ("IN expr", "", "more in directive"),
    ("CTRL_ELSE", "", "more in directive"),
    ("CTRL_ENDIF", "", "more in directive"),
    ("CTRL_ENDFOR", "", "more in directive"),
    ("parts", "CTRL_ELSE CTRL_ENDIF CTRL_ENDFOR", "stray directive"),
    ("parts", "CQUOTE CHEREDOC $END", "open directive"),
    ("expression expr", "", "more after expression"),
    ("expression expr NL", "", "more after expression"),
)

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "no item": (
        "Argument or block definition required",
        'An argument (name = value) or a block (name "label" {{ … }}) must begin here, not {found}.',
    ),
    "stray brace": (
        "Argument or block definition required",
        "This closing brace closes nothing: all blocks that were opened above are closed already.",
    ),
    "quoted name": ("Invalid argument name", "The name of an argument is written without quotes."),
    "no equals": (
        "Argument or block definition required",
        'After "{name}" comes {found}. To set an argument, write {name} = and its value; to begin a block, write its '
        "labels and an opening brace.",
    ),
    "wrong equals": (
        "Argument or block definition required",
        'An argument is set with a single equals sign: {name} = and its value, not "{word}".',
    ),
    "equals in block": (
        "Invalid block definition",
        'What has labels is a block, and a block has no equals sign. Write the opening brace in place of "=", or leave '
        "out the labels to set an argument.",
    ),
    "no brace on line": (
        "Invalid block definition",
        "The opening brace of a block stands on the same line as its type and labels.",
    ),
    "argument without equals": (
        "Invalid block definition",
        "An equals sign is missing: to set an argument, write {name} = {label}",
    ),
    "labels without quotes": (
        "Invalid block definition",
        "The labels of a block are words or in quotes, and between them is a space; there is {found}.",
    ),
    "no brace": (
        "Invalid block definition",
        "After the type of a block come labels and an opening brace, not {found}.",
    ),
    "one-line without argument": (
        "Argument definition required",
        "A block on one line can hold a single argument: its name must follow here, not {found}.",
    ),
    "one-line nested": (
        "Argument definition required",
        'A block on one line can hold a single argument and no block. Set "{name}" with an equals sign, or put it on a '
        "line of its own.",
    ),
    "one-line not closed": (
        "Invalid single-argument block definition",
        "A block whose argument stands on the line of the opening brace must be closed on that line as well.",
    ),
    "one-line several": (
        "Invalid single-argument block definition",
        "A block on one line can hold a single argument, so a closing brace must follow here, not {found}. To set "
        "more, write each on a line of its own.",
    ),
    "no newline after block": (
        "Missing newline after block definition",
        "What follows a block must begin on a new line.",
    ),
    "no newline after argument": (
        "Missing newline after argument",
        "The value of the argument is complete, so a new line must begin here, but there is {found}.",
    ),
    "comma after argument": (
        "Unexpected comma after argument",
        "Arguments are separated by newlines, not by commas.",
    ),
    "no value": ("Invalid expression", 'The argument "{name}" has no value; it must follow the equals sign.'),
    "open block": (
        "Unclosed configuration block",
        "The file ends before this block is closed. Its closing brace is missing, or one further inside is.",
    ),
    "misindented block": (
        "Unclosed configuration block",
        "A closing brace is missing. Judged by the indentation it is the one of this block: the brace that closes it "
        "stands where an outer block's brace would.",
    ),
    "misindented object": (
        "Unterminated object constructor expression",
        "A closing brace is missing. Judged by the indentation it is the one of this object: the brace that closes it "
        "stands where an outer block's brace would.",
    ),
    "expanded not last": (
        "Missing closing parenthesis",
        "An argument that is expanded with ... must be the last one of the call.",
    ),
    "no comma in call": (
        "Missing argument separator",
        "A comma must separate the arguments of a function; there is {found}.",
    ),
    "open call": ("Unterminated function call", "The closing parenthesis of this function call is missing."),
    "open parenthesis": ("Unbalanced parentheses", "The closing parenthesis is missing; there is {found}."),
    "no comma in tuple": ("Missing item separator", "A comma must separate the items of a list; there is {found}."),
    "open tuple": ("Unterminated tuple constructor expression", "The closing bracket of this list is missing."),
    "open for": ("Unterminated 'for' expression", "The closing bracket of this for expression is missing."),
    "open index": ("Missing close bracket on index", 'An index must end with a closing bracket "]"; there is {found}.'),
    "open splat": ("Missing close bracket on splat index", 'The star must be followed by "]" at once, not by {found}.'),
    "for without name": ("Invalid 'for' expression", 'A variable name must follow "for", not {found}.'),
    "for without second name": ("Invalid 'for' expression", "A second variable name must follow the comma."),
    "for without in": ("Invalid 'for' expression", 'The keyword "in" must follow the variable names, not {found}.'),
    "for without colon": ("Invalid 'for' expression", "A colon must follow the collection, not {found}."),
    "key in tuple for": (
        "Invalid 'for' expression",
        "A key makes sense in an object only. Write {{ for … }} to make an object, or leave out the key.",
    ),
    "group in tuple for": ("Invalid 'for' expression", "Only a for expression that makes an object can group with ..."),
    "no key in object for": (
        "Invalid 'for' expression",
        'To make an object a key is required: key => value. There is {found} where "=>" must be.',
    ),
    "more after for": ("Invalid 'for' expression", "The for expression is complete, but there is {found}."),
    "no comma in object": (
        "Missing attribute separator",
        "A newline or a comma must separate the attributes of an object; there is {found}.",
    ),
    "open object": (
        "Unterminated object constructor expression",
        "The closing brace of this object is missing.",
    ),
    "key without value": ("Missing attribute value", 'A value must follow on this line, introduced by an equals sign.'),
    "no equals in object": (
        "Missing key/value separator",
        "An equals sign must follow the key, not {found}. A key of several words or with other characters is written "
        "in quotes.",
    ),
    "no false result": (
        "Missing false expression in conditional",
        'After "condition ? yes" must come a colon and the result for a false condition; there is {found}.',
    ),
    "no function name": ("Missing function name", 'A function name must follow "::", not {found}.'),
    "no call": ("Missing open parenthesis", 'A name with "::" is a function: an opening parenthesis must follow.'),
    "no attribute name": ("Invalid attribute name", "The name of an attribute must follow the dot, not {found}."),
    "more in interpolation": (
        "Extra characters after interpolation expression",
        "A closing brace must end the expression here, but there is {found}. If ${{ is meant for a shell, write $${{ "
        "to keep it as it is.",
    ),
    "open interpolation": (
        "Unclosed template interpolation sequence",
        "The closing brace of this interpolation is missing.",
    ),
    "open directive expression": ("Unclosed template directive", "The closing brace of this directive is missing."),
    "more in directive": (
        "Extra characters in template directive",
        "A closing brace must end the directive here, but there is {found}.",
    ),
    "directive without name": ("Invalid 'for' directive", 'A variable name must follow "for", not {found}.'),
    "directive without second name": ("Invalid 'for' directive", "A second variable name must follow the comma."),
    "directive without in": ("Invalid 'for' directive", 'The keyword "in" must follow the names, not {found}.'),
    "stray directive": ("Unexpected {word} directive", "There is no directive open that this one could belong to."),
    "wrong directive": ("Unexpected {word} directive", "The innermost directive that is open is the {name} directive."),
    "open directive": (
        "Unexpected end of template",
        "The {name} directive has no end{name} in this template.",
    ),
    "more after expression": ("Extra characters after expression", "The expression is complete, but there is {found}."),
    "no expression": ("Invalid expression", "An expression must begin here, not {found}."),
    "ends": ("Missing expression", "An expression must begin here, but the text ends."),
    "open heredoc": ("Unterminated template string", "The heredoc has no end."),
    # what the scanner could not read
    "string": (
        "Unterminated template string",
        "The closing quote is missing on this line. For a text of several lines use \\n or a heredoc (<<EOT).",
    ),
    "sequence": (
        "Unclosed template interpolation sequence",
        "The closing brace of this sequence is missing on its line.",
    ),
    "heredoc": (
        "Unterminated template string",
        'There is no line that holds the marker "{name}" alone, so this heredoc has no end.',
    ),
    "comment": ("Unterminated comment", 'The comment has no end: "*/" is missing.'),
    "number": ("Invalid number literal", '"{word}" is no number.'),
    "legacy index": ("Invalid legacy index syntax", "Indexes cannot be chained with dots; write {indexes} instead."),
    "splat": ("Missing close bracket on splat index", 'The three characters of "[*]" must stand on one line.'),
    "escape": ("Invalid escape sequence", "{escape}"),
    "directive": (
        "Invalid template directive",
        'After "%{{" comes one of if, else, endif, for and endfor. For the characters themselves write "%%{{".',
    ),
    "unknown directive": (
        "Invalid template control keyword",
        '"{word}" is no template directive.{guess} For the characters themselves write "%%{{".',
    ),
    "operator": ("Unsupported operator", "There are no bitwise operators.{guess}"),
    "quotes": ("Invalid character", "Strings are enclosed in straight double quotes{write}."),
    "dollar": ("Invalid character", 'The form "${{…}}" is for use in strings. Elsewhere write the expression alone.'),
    "semicolon": ("Invalid character", "Arguments end with a newline and items with a comma, never with a semicolon."),
    "character": ("Invalid character", "The language has no use for {word}.{guess}"),
}  # fmt: skip
