"""One C++ file as tidy sees it: its text, its code without comments and strings, its functions.

Not a parser: it counts braces and looks at the words in front of them. That is enough for code
which clang-format has formatted.
"""

import dataclasses
import functools
import re

_NOT_CODE = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | R"(?P<mark>[^\s()\\]*)\(.*?\)(?P=mark)"
      | "(?:\\.|[^"\\\n])*"
      | (?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'   # but not the separators of 1'000
    """, re.VERBOSE | re.DOTALL)
_DRAWN = re.compile(r"""// clang-format off.*?// clang-format on|R"([^\s()\\]*)\(.*?\)\1\"""",
                    re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]')
_TEMPLATE = re.compile(r"\btemplate\s*<(?:[^<>]|<[^<>]*>)*>(?:\s*requires\s*\([^)]*\))?")
_ATTRIBUTE = re.compile(r"\[\[[^\]]*\]\]|\balignas\s*\([^)]*\)")
_LABEL = re.compile(
    r"^\s*(?:public|private|protected|default|case\b[^:?]*(?:::[^:?]*)*)\s*:(?!:)")
_CONTROL = re.compile(r"^\s*(?:if|else|for|while|switch|do|try|catch)\b")
_TYPE = re.compile(r"^\s*(?:typedef\s+)?(?:class|struct|union|enum)\b")
# The colon of a constructor's member initialisers, a member's name at the end: its brace follows.
_MEMBER = re.compile(r"\)[^()]*?(?<!:):(?!:).*[\w>]\s*$", re.DOTALL)


@dataclasses.dataclass
class Include:
    line: int
    name: str
    system: bool


@dataclasses.dataclass
class Function:
    line: int
    lines: int
    nesting: int  # of if, for, while, switch … with braces


@dataclasses.dataclass
class _Scope:
    kind: str  # namespace, type, function, control, member, other
    parentheses: int
    function: Function | None = None


def _blank(match):
    return re.sub(r"[^\n]", " ", match[0])


class Source:
    def __init__(self, name, text):
        self.name = name
        self.text = text
        self.lines = text.splitlines()
        self.code = _NOT_CODE.sub(_blank, text)
        self.code_lines = self.code.splitlines()

    @functools.cached_property
    def drawn(self):
        """Lines that look as something else wants it: raw strings, tables."""
        result = set()
        for match in _DRAWN.finditer(self.text):
            first = self.text.count("\n", 0, match.start()) + 1
            result |= set(range(first, first + match[0].count("\n") + 1))
        return result

    @property
    def includes(self):
        found = ((number, _INCLUDE.match(line)) for number, line in enumerate(self.lines, 1))
        return [Include(number, match[2], match[1] == "<") for number, match in found if match]

    @functools.cached_property
    def functions(self):
        return _Functions(_DIRECTIVE.sub(_blank, self.code)).found


class _Functions:
    """Walks over the braces once."""

    def __init__(self, code):
        self._code = code
        self._scopes = []
        self._start = 0  # of the statement that we are in
        self._parentheses = 0
        self.found = []
        for position, char in enumerate(code):
            if char == "(":
                self._parentheses += 1
            elif char == ")":
                self._parentheses -= 1
            elif char == ";" and self._parentheses == 0:
                self._start = position + 1
            elif char == "{":
                self._open(position)
            elif char == "}" and self._scopes:
                self._close(position)

    def _open(self, position):
        head = self._code[self._start:position]
        while label := _LABEL.match(head):
            head = head[label.end():]
        kind = self._kind(_ATTRIBUTE.sub("", _TEMPLATE.sub("", head)))
        scope = _Scope(kind, self._parentheses)
        if kind == "function":
            begin = position - len(head.lstrip())
            scope.function = Function(self._line(begin), 0, 0)
            self.found.append(scope.function)
        self._scopes.append(scope)
        if kind == "control":
            self._count_nesting()
        if kind != "member":
            self._start = position + 1
        self._parentheses = 0

    def _kind(self, head):
        outside = not self._scopes or self._scopes[-1].kind in ("namespace", "type")
        if outside and (re.search(r"\bnamespace\b", head) or re.match(r"\s*extern\s*$", head)):
            return "namespace"
        if _TYPE.match(head) and not head.rstrip().endswith(")"):
            return "type"
        if not outside:
            return "control" if _CONTROL.match(head) and self._parentheses == 0 else "other"
        if "(" not in head or self._parentheses != 0 or re.search(r"=\s*$", head):
            return "other"
        member = _MEMBER.search(head) and not re.search(r"->[^{]*$", head)
        return "member" if member else "function"

    def _count_nesting(self):
        nesting = 0
        for scope in reversed(self._scopes):
            nesting += scope.kind == "control"
            if scope.function:
                scope.function.nesting = max(scope.function.nesting, nesting)
                return

    def _close(self, position):
        scope = self._scopes.pop()
        self._parentheses = scope.parentheses
        if scope.function:
            scope.function.lines = self._line(position) - scope.function.line + 1
        if scope.kind != "member" and self._parentheses == 0:
            self._start = position + 1

    def _line(self, position):
        return self._code.count("\n", 0, position) + 1
