"""How many model tokens a text takes: an estimate from its pieces, without any tokenizer's tables, that errs on the side of more.

Tokenizers of the byte-pair kind give a common word a token, a long or rare word one for every few letters, digits one for three, and
other signs about one each (https://github.com/openai/tiktoken tells how `o200k_base` splits). Against that count the estimate of our
renderings is 2 to 10 per cent higher, and in a dozen languages never more than a few per cent lower (tests/test_estimate.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

_PIECE = re.compile(r"[^\W\d_]+|\d{1,3}|[^\w\s]{1,3}|_|\n")
_HUNDREDTHS = 100
_REMEMBERED = 50_000  # pieces whose price is kept at hand
_COMMON = 6  # letters that a word of one token has
_LETTERS = 4.0  # letters of each further token of a longer word
_ACCENTED, _FOREIGN = 2.2, 3.0  # UTF-8 bytes to a token in words with some letters beyond ASCII, and with none within


def tokens(text: str) -> int:
    """The estimated number of model tokens of a text, rounded up."""
    return -(-(_plain(text.encode()) if text.isascii() else sum(map(_price, _PIECE.findall(text)))) // _HUNDREDTHS)


def _plain(text: bytes) -> int:
    """The hundredths of a token of a text in ASCII: what its pieces take hangs on the sorts of their characters alone.

    So all but one sort is blanked out, and what is left is split: several times as fast as looking for the pieces one by one.
    """
    priced = _PRICES.__getitem__
    runs = sum(sum(map(priced, text.translate(sort).split())) for sort in _SORTS)
    return runs + _price("_") * text.count(b"_") + _price("\n") * text.count(b"\n")


def _sort(*shown: tuple[Callable[[str], bool], str]) -> bytes:
    """A table for `bytes.translate` that puts a sign for each sort of character, and a blank for any other."""
    return "".join(next((sign for is_one, sign in shown if is_one(chr(code))), " ") for code in range(128)).encode().ljust(256)


_SORTS = (
    _sort((str.islower, "a"), (str.isupper, "A")),
    _sort((str.isdigit, "0")),
    _sort((lambda sign: not sign.isalnum() and not sign.isspace() and sign != "_", ".")),
)


class _Prices(dict[bytes, int]):
    """What a run of one sort takes, by its signs; forgotten where there are too many of them."""

    def __missing__(self, run: bytes) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[run] = price = sum(map(_price, _PIECE.findall(run.decode())))
        return price


_PRICES = _Prices()


@lru_cache(maxsize=_REMEMBERED)
def _price(piece: str) -> int:
    """What a piece takes, in hundredths of a token."""
    if not piece.isascii():
        some = any(letter.isascii() for letter in piece)
        return max(130 if piece[0].isalpha() else 0, round(_HUNDREDTHS * len(piece.encode()) / (_ACCENTED if some else _FOREIGN)))
    if not piece[0].isalpha():
        return 90 if piece == "\n" else 100
    if piece.isupper() and len(piece) > 3:
        return 50 * len(piece)
    humps = sum(one.islower() and other.isupper() for one, other in pairwise(piece))
    return _HUNDREDTHS * (1 + humps) + max(0, round(_HUNDREDTHS * (len(piece) - _COMMON) / _LETTERS))
