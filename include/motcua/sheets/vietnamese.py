"""Whether text reads as Vietnamese: what was decoded with the wrong table is letters, but not syllables."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from motcua.sheets.problems import Unreadable

# Fewer accented words prove nothing; of real text at least nine in ten are syllables, of wrongly read text few.
_LEAST_WORDS = 8
_LEAST_SHARE = 0.5

_WORD = re.compile(r"[^\W\d_]+(?:\ufffd[^\W\d_]*)*|\ufffd+")
_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0303\u0309\u0323"))
_INITIALS = "ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|b|c|d|đ|g|h|k|l|m|n|p|r|s|t|v|x"
_VOWELS = (
    "a|ă|â|e|ê|i|o|ô|ơ|u|ư|y|ai|ao|au|ay|âu|ây|eo|êu|ia|iê|iêu|iu|oa|oă|oai|oao|oay|oe|oeo|oi|oo|ôi|ơi|ua|uâ|uây|uê|ui|"
    "uô|uôi|uơ|uy|uya|uyê|uyu|ưa|ưi|ươ|ươi|ươu|ưu|yê|yêu"
)
_FINALS = "ch|ng|nh|c|m|n|p|t"
_SYLLABLE = re.compile(f"(?:{_INITIALS})?(?:{_VOWELS})(?:{_FINALS})?")


def check(lines: Iterable[str], encoding: str) -> None:
    """Raises Unreadable when the accented words are not Vietnamese, and so the encoding is not as declared."""
    words = [word for line in lines for word in _WORD.findall(unicodedata.normalize("NFC", line)) if not word.isascii()]
    right = sum(map(is_syllable, words))
    if len(words) >= _LEAST_WORDS and right < len(words) * _LEAST_SHARE:
        raise Unreadable(
            f"read as {encoding}, {len(words) - right} of {len(words)} words with accents are not Vietnamese; mend "
            "encoding of the source"
        )


def is_syllable(word: str) -> bool:
    """Whether a word can be a Vietnamese syllable: initial, vowels with at most one tone, final."""
    letters = unicodedata.normalize("NFD", word.casefold())
    toneless = letters.translate(_TONES)
    return len(letters) - len(toneless) <= 1 and bool(_SYLLABLE.fullmatch(unicodedata.normalize("NFC", toneless)))
