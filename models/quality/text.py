"""Length of a text, and whether its letters are of the script that its language is written in."""

import unicodedata
from dataclasses import dataclass

SCRIPTS = {
    "am": ("ETHIOPIC",),
    "ar": ("ARABIC",),
    "be": ("CYRILLIC",),
    "bg": ("CYRILLIC",),
    "bn": ("BENGALI",),
    "el": ("GREEK",),
    "fa": ("ARABIC",),
    "gu": ("GUJARATI",),
    "he": ("HEBREW",),
    "hi": ("DEVANAGARI",),
    "hy": ("ARMENIAN",),
    "ja": ("HIRAGANA", "KATAKANA", "CJK"),
    "ka": ("GEORGIAN",),
    "kk": ("CYRILLIC",),
    "km": ("KHMER",),
    "kn": ("KANNADA",),
    "ko": ("HANGUL", "CJK"),
    "mk": ("CYRILLIC",),
    "ml": ("MALAYALAM",),
    "mr": ("DEVANAGARI",),
    "ne": ("DEVANAGARI",),
    "pa": ("GURMUKHI",),
    "ru": ("CYRILLIC",),
    "sr": ("CYRILLIC", "LATIN"),
    "ta": ("TAMIL",),
    "te": ("TELUGU",),
    "th": ("THAI",),
    "uk": ("CYRILLIC",),
    "ur": ("ARABIC",),
    "zh": ("CJK", "BOPOMOFO"),
}
"""Scripts of the languages that are not written in Latin letters, by the first word of Unicode's
names."""

UNDETERMINED = "und"
"""Code of "some language, not known which" (ISO 639-2, BCP 47): any script fits."""

LONG = 200
"""Characters from which on a caption is longer than what these encoders read."""


@dataclass(frozen=True)
class TextQuality:
    """What was measured, and the score of it in 0..1."""

    length: int
    script_match: float
    score: float


def text_quality(text: str, language: str) -> TextQuality:
    """Measure a text that is not empty.

    Args:
        text: what is written.
        language: code such as "ru", "pt_BR" or "und"; only the part before "_", "-" or "@" counts.

    Returns:
        number of characters; share of the letters that are of the language's script, 1.0 for a text
        without letters, such as "7". The score is `(1 + script_match) / 2 * min(1, 200 / length)`:
        a name in foreign letters is half as good, not worthless.
    """
    match = _script_match(text, language)
    return TextQuality(len(text), match, (1.0 + match) / 2.0 * min(1.0, LONG / len(text)))


def _script_match(text: str, language: str) -> float:
    if language == UNDETERMINED:
        return 1.0
    base = language.replace("-", "_").replace("@", "_").split("_")[0]
    expected = SCRIPTS.get(base, ("LATIN",))
    letters = [unicodedata.name(sign, "") for sign in text if sign.isalpha()]
    if not letters:
        return 1.0
    return sum(name.startswith(expected) for name in letters) / len(letters)
