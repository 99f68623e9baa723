"""Made-up text for rendered screens: sentences from a small grammar, labels, numbers, nicknames and codes."""

from __future__ import annotations

from random import Random


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NOUNS = _split("""
answer bridge budget button camera channel chapter circle client cloud colour column corner course customer
cycle decision design detail device draft engine evening event example factor feature figure folder forest
frame garden group harbour history hour idea index island journey kitchen lake language layer letter level
library limit machine manager margin market measure meeting member memory message method minute mirror model
module moment mountain network notebook number office option order package page panel paper pattern picture
pilot plan planet point price problem process product project question range reader record region report
request result review river road room sample schedule screen season section sensor series service session
shadow signal source speaker square stage station step storage story street student studio summary surface
survey system table target task team theory ticket timeline topic tower track traffic training update valley
value version visitor voice weather window winter worker workshop
""")
_ADJECTIVES = _split("""
active ancient annual blue bright broad busy calm careful central clean clear common complete cool correct
daily deep different direct double early easy empty entire equal exact fair fast final fine firm first fresh
full future gentle global good great green heavy hidden high important inner joint large late light little
local long main major modern narrow new next open outer partial plain possible present private public quick
quiet rapid ready recent regular remote rich rough sharp short silent simple single slow small smooth soft
solid special stable steady strong sudden thin third tidy upper useful usual warm weekly whole wide wooden
""")
_VERBS = _split("""
adds allows answers avoids begins blocks brings builds carries changes checks clears closes collects
compares connects covers crosses defines delays describes divides enters explains extends fills filters
finds follows forms gives guides helps holds improves includes joins keeps leads leaves lifts limits links
loads marks matches meets misses moves needs offers opens orders passes plans points prints protects pulls
pushes raises reaches reads reduces removes repeats replaces returns saves sends serves shapes shares shows
signs sorts starts stops stores supports takes tests tracks turns uses visits waits watches writes
""")
_ADVERBS = _split("""
again almost already always carefully clearly directly early easily finally generally gently hardly later
mostly nearly never often once partly quickly quietly rarely really simply slowly sometimes soon still
together usually well
""")
_LINKS = _split("""
about above across after against along around before behind below beside between beyond inside near over
past through toward under until with within without
""")
_ROLES = _split("""
Designer Engineer Reviewer Planner Analyst Teacher Editor Support Tester Writer Operator Host
""")
_ANIMALS = _split("""
Badger Falcon Heron Lynx Marten Otter Owl Panda Puffin Raven Robin Seal Stork Swift Tern Wren
""")
_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without the pairs I/1 and O/0, which no reader can tell apart


def noun(rng: Random) -> str:
    """One common noun."""
    return rng.choice(_NOUNS)


def adjective(rng: Random) -> str:
    """One common adjective."""
    return rng.choice(_ADJECTIVES)


def verb(rng: Random) -> str:
    """One common verb in its plain form, such as an identifier starts with."""
    word = rng.choice(_VERBS)
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ches", "shes", "sses", "xes")) else word[:-1]


def _thing(rng: Random) -> str:
    article = rng.choice(("the", "the", "every", "this", "our", "each", "one"))
    return f"{article} {adjective(rng)} {noun(rng)}" if rng.random() < 0.6 else f"{article} {noun(rng)}"


def _clause(rng: Random) -> str:
    words = [_thing(rng), rng.choice(_VERBS), _thing(rng)]
    if rng.random() < 0.45:
        words.insert(1, rng.choice(_ADVERBS))
    if rng.random() < 0.6:
        words.append(f"{rng.choice(_LINKS)} {_thing(rng)}")
    return " ".join(words)


def sentence(rng: Random) -> str:
    """One sentence of about 6 to 25 words with its capital and full stop."""
    text = _clause(rng)
    if rng.random() < 0.35:
        text += rng.choice((", and ", ", but ", " because ", " while ", "; ")) + _clause(rng)
    if rng.random() < 0.12:
        text += f" ({rng.randint(2, 98)} %)"
    return text[0].upper() + text[1:] + rng.choice("............?!")


def paragraph(rng: Random, sentences: int) -> str:
    """Several sentences in a row."""
    return " ".join(sentence(rng) for _ in range(sentences))


def phrase(rng: Random) -> str:
    """Two to five words without a full stop, as in a list or a message title."""
    return rng.choice(
        (
            f"{adjective(rng)} {noun(rng)}",
            f"{verb(rng)} the {noun(rng)}",
            f"{noun(rng)} and {noun(rng)}",
            f"{adjective(rng)} {noun(rng)} {rng.choice(_LINKS)} the {noun(rng)}",
        )
    ).capitalize()


def title(rng: Random) -> str:
    """A heading of two to five words, each with a capital."""
    return phrase(rng).title()


def label(rng: Random) -> str:
    """One word with a capital, for buttons, columns and legends."""
    return noun(rng).capitalize()


def nickname(rng: Random) -> str:
    """A made-up participant: a role with a number or an adjective with an animal, never a person's name."""
    if rng.random() < 0.5:
        return f"{rng.choice(_ROLES)} {rng.randint(1, 9)}"
    return f"{adjective(rng).capitalize()} {rng.choice(_ANIMALS)}"


def amount(rng: Random) -> str:
    """A number as tables show it: grouped, with decimals, in per cent, negative or with a sign."""
    value = rng.lognormvariate(5.0, 2.0)
    return rng.choice(
        (f"{value:,.0f}", f"{value:,.2f}", f"{value % 100:.1f} %", f"-{value:,.1f}", f"{value / 9:,.2f} k")
    )


def day(rng: Random) -> str:
    """A date in ISO form."""
    return f"20{rng.randint(18, 29)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def clock(rng: Random) -> str:
    """A time of day."""
    return f"{rng.randint(7, 19):02d}:{rng.randint(0, 59):02d}"


def address(rng: Random) -> str:
    """A web address under a domain that is reserved for examples."""
    return f"https://{noun(rng)}.example.org/{noun(rng)}/{adjective(rng)}-{noun(rng)}"


def code(rng: Random) -> str:
    """A random group of capitals and digits such as a booking or licence number, for example "7KQ2-MX94"."""
    groups = ["".join(rng.choices(_SIGNS, k=rng.choice((3, 4, 4, 5)))) for _ in range(rng.choice((1, 2, 2)))]
    return "-".join(groups)
