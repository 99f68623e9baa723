"""Made-up program text in four languages, and the tokens that an editor colours."""

from __future__ import annotations

import re
from random import Random
from typing import Literal

from sharpstudy.data.screens import words

Token = tuple[str, str]  # (kind, text) with kind one of comment, string, number, keyword, call, plain

# $a to $d are nouns that stay the same within one piece ($A to $D with a capital); others are drawn anew:
# $n noun, $v verb, $i integer, $f fraction, $s a few words. Pieces are parted by %%.
_PIECES = {
    "py": '''
def $v_$a($b: list[float], $c: int = $i) -> float:
    """$s."""
    total = 0.0
    for $d in $b:
        if $d > $f and $c < $i:
            total += $d * $f  # $s
    return total / max($c, 1)
%%
class $A$B:
    $c: str = '$n'

    def __init__(self, $a, $b=None):
        self.$a = $a
        self._$b = $b or []

    def $v(self, $d):
        # $s
        while len(self._$b) < $i:
            self._$b.append(self.$a[$d] + $i)
        return {'$a': self.$a, '$d': $f}
%%
@cache
def $v_$n(path: Path) -> dict:
    with open(path, encoding='utf-8') as $a:
        rows = [line.split(',') for line in $a if not line.startswith('#')]
    return {row[0]: float(row[$i]) for row in rows if len(row) > $i}
%%
try:
    $a = $v_$b($c, limit=$i, scale=$f)
except ValueError as error:
    raise RuntimeError(f'{$c}: $s') from error
%%
import $n, $n
from $n.$n import $v, $A$B

$A = ($i, $i, $f)
''',
    "js": """
export function $v$A($b, $c = $i) {
  // $s
  const $a = $b.filter((x) => x.$d > $i);
  if (!$a.length) return null;
  return $a.reduce((sum, x) => sum + x.$d * $f, 0) / $c;
}
%%
class $A extends $B {
  constructor($a, { $b = $i, $c = '$n' } = {}) {
    super($a);
    this.$b = $b;
    this.$c = `${$c}-$n`;
  }

  async $v() {
    const response = await fetch('/$n/$n?$a=' + this.$b);
    return response.json();
  }
}
%%
const $a = document.querySelector('#$b .$c');
$a.addEventListener('click', (event) => {
  event.preventDefault();
  $a.style.width = `${$i + $i}px`;
});
%%
import { $v, $A } from './$n.js';
let $b = [$i, $i, $f], $c = null;
""",
    "sql": """
SELECT $a.$b, COUNT(*) AS $c, AVG($a.$n) AS mean_$n
FROM $as AS $a
LEFT JOIN $cs ON $cs.id = $a.$c_id
WHERE $a.$n >= $i AND $a.$b <> '$n'  -- $s
GROUP BY $a.$b
HAVING COUNT(*) > $i
ORDER BY $c DESC
LIMIT $i;
%%
CREATE TABLE $as (
    id INTEGER PRIMARY KEY,
    $b TEXT NOT NULL,
    $c REAL DEFAULT $f,
    $n_id INTEGER REFERENCES $ns (id)
);
%%
UPDATE $as SET $b = $b * $f WHERE $c IN ($i, $i, $i);
INSERT INTO $as ($b, $c) VALUES ('$n', $i), ('$n', $i);
""",
    "c": """
/* $s */
static int $v_$a(const float *$b, size_t count)
{
    float sum = 0.0f;
    for (size_t i = 0; i < count; i++) {
        if ($b[i] > $ff)
            sum += $b[i] * $ff;
    }
    return sum > $i ? 1 : 0;
}
%%
#include "$n.h"
#define $A_MAX $i

struct $a {
    int $b;
    double $c[$i];
    struct $a *next;
};
%%
void $v_$b(struct $a *$a)
{
    while ($a != NULL) {
        switch ($a->$b) {
        case $i:
            printf("$s: %d\\n", $a->$c);
            break;
        default:
            $a->$b <<= 2;
        }
        $a = $a->next;
    }
}
""",
}
Language = Literal["py", "js", "sql", "c"]
LANGUAGES: tuple[Language, ...] = ("py", "js", "sql", "c")
_KEYWORDS = re.compile(
    r"def|for|in|if|and|return|class|self|while|not|with|open|as|try|except|raise|from|import|None|lambda|export|"
    r"function|const|let|null|extends|constructor|super|this|async|await|static|int|float|double|size_t|void|"
    r"struct|switch|case|break|default|[A-Z]{2,}"
)
_TOKEN = re.compile(
    r"(?P<comment>#(?!include|define).*|//.*|-- .*|/\*.*?\*/)"
    r"|(?P<string>\"\"\".*?\"\"\"|\"[^\"]*\"|'[^']*'|`[^`]*`)"
    r"|(?P<number>\b\d[\d.]*f?\b)|(?P<call>[A-Za-z_]\w*(?=\())|(?P<plain>[A-Za-z_]\w*|\s+|.)"
)


def write_piece(rng: Random, language: Language) -> list[str]:
    """The lines of one function, class or statement, with an empty one behind."""
    fixed = {letter: words.noun(rng) for letter in "abcd"}
    fixed |= {letter.upper(): noun.capitalize() for letter, noun in fixed.items()}

    def fill(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in fixed:
            return fixed[letter]
        if letter in "nv":
            return words.noun(rng) if letter == "n" else words.verb(rng)
        if letter == "s":
            return words.phrase(rng)
        return str(rng.randint(2, 512)) if letter == "i" else f"{rng.random():.3f}"

    piece = rng.choice(_PIECES[language].split("%%"))
    return re.sub(r"\$([a-dA-Dnvifs])", fill, piece).split("\n")[1:]


def write_program(rng: Random, language: Language, lines: int) -> list[str]:
    """At least the asked number of lines of a program."""
    program: list[str] = []
    while len(program) < lines:
        program += write_piece(rng, language)
    return program


def tokens(line: str) -> list[Token]:
    """The line cut into pieces that an editor gives one colour each; joined they are the line."""
    found = []
    for match in _TOKEN.finditer(line):
        kind = match.lastgroup or "plain"
        if kind == "plain" and _KEYWORDS.fullmatch(match[0]):
            kind = "keyword"
        found.append((kind, match[0]))
    return found


def file_name(rng: Random, language: str) -> str:
    """A file's name with the language as its suffix."""
    return f"{rng.choice((words.verb, words.adjective))(rng)}_{words.noun(rng)}.{language}"
