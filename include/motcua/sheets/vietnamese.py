"""Whether bytes read as Vietnamese in the encoding they are declared in: read with a wrong one, they are letters all
the same, but no syllables."""

from __future__ import annotations

import re
import unicodedata

from motcua.sheets.legacy import ENCODINGS, decoder
from motcua.sheets.problems import Unreadable

# Of real text at least nine in ten accented words are syllables. What is below a half is none, and so is what another
# encoding makes much more sense of; but few words prove nothing.
_LEAST_SHARE = 0.5
_MUCH_MORE = 0.15
_LEAST_WORDS = 8

_WORD = re.compile(r"[^\W\d_]+(?:\ufffd[^\W\d_]*)*|\ufffd+")
_TONES = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}
_INITIALS = "ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|b|c|d|đ|g|h|k|l|m|n|p|r|s|t|v|x"
_VOWELS = (
    "a|ă|â|e|ê|i|o|ô|ơ|u|ư|y|ai|ao|au|ay|âu|ây|eo|êu|ia|iê|iêu|iu|oa|oă|oai|oao|oay|oe|oeo|oi|oo|ôi|ơi|ua|uâ|uây|uê|ui|"
    "uô|uôi|uơ|uy|uya|uyê|uyu|ưa|ưi|ươ|ươi|ươu|ưu|yê|yêu"
)
_OPEN, _STOPPED = "ng|nh|m|n", "ch|c|p|t"
_SYLLABLE = re.compile(f"(?:{_INITIALS})?(?:{_VOWELS})(?:{_OPEN}|(?P<stop>{_STOPPED}))?")
# the tones of a syllable that ends in a stop
_SHARP_OR_HEAVY = {"\u0301", "\u0323"}


def check(sample: bytes, encoding: str) -> None:
    """Raises Unreadable when a sample of text is not what it is declared as."""
    share, words = _sense(sample, encoding)
    if words < _LEAST_WORDS:
        return
    others = {other: _sense(sample, other)[0] for other in ENCODINGS if other != encoding}
    better = max(others, key=lambda other: others[other])
    hint = f" ({others[better]:.0%} as {better})" if others[better] > share + _MUCH_MORE else ""
    if share < _LEAST_SHARE or hint:
        raise Unreadable(
            f"read as {encoding}, {share:.0%} of the words with accents are Vietnamese{hint}; mend encoding of the "
            "source, or ask the office"
        )


def _sense(sample: bytes, encoding: str) -> tuple[float, int]:
    """The share of syllables among the words with accents, and how many these are; each word counts once."""
    text = unicodedata.normalize("NFC", decoder(encoding)(sample, False))
    words = {word for word in _WORD.findall(text) if not word.isascii()}
    return sum(map(is_syllable, words)) / max(len(words), 1), len(words)


def is_syllable(word: str) -> bool:
    """Whether a word can be a Vietnamese syllable: initial, vowels with at most one tone, final."""
    letters = unicodedata.normalize("NFD", word.casefold())
    tones = [mark for mark in letters if mark in _TONES]
    toneless = unicodedata.normalize("NFC", "".join(letter for letter in letters if letter not in _TONES))
    found = _SYLLABLE.fullmatch(toneless)
    return found is not None and len(tones) <= 1 and (found["stop"] is None or _SHARP_OR_HEAVY.issuperset(tones))
