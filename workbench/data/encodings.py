"""Which letters some bytes are: UTF-8 where they are that, else the encoding that makes words of them.

charset-normalizer says which encodings are possible and how much of a mess each would be. Of a handful of
letters it cannot tell Korean from rare Chinese, so the candidates are weighed again by how usual the
characters are that they give. What was chosen is said, and so is doubt: nothing is decoded in silence.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from workbench.errors import BadInputError
from workbench.formatting import one_line, plural

__all__ = ["Decoded", "decoded", "encoding_notes"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = ("cp1252", "gb18030", "cp932", "cp949", "big5", "euc_jp", "cp1251", "cp1250")
_NAMES = {"cp932": "shift_jis", "cp949": "euc_kr"}  # the usual names of what Windows calls by number
_SAMPLE = 60_000  # bytes of the lines that are not ASCII; more decide nothing
_DOUBT = 0.12  # two candidates nearer than this are said to be in doubt
_DAMAGED = 0.1  # share of characters that may be broken before it is not UTF-8

# The characters that half of all running text consists of.
_CHINESE = frozenset(
    "的一是不了在人有我他这個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着下自之年过過发發后後作里"
    "道行所然家种事成方多经經么去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只隻从從想实日"
    "军者意无無力它与與长長把机機十民第公此已工使情明性知全三又关正业外将兩两高间間由问很最重并物手应战向头頭文体體政美相见被利什"
    "二等产或新己制身果加西斯月话合回特代内信表化老给給世位次度门門任常先海通教儿原东聲声提立及比员解水名真论处走义各入几口认"
    "条條平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场場件计管期市直德资命山金指许统区保至队形社便空决"
    "治展马馬科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边邊死张張该交红紅黄黃蓝藍绿綠黑狗猫貓"
    "鸟鳥鱼车車男孩穿站坐跑跳草街桌图圖片照骑騎自带戴帽衣服球玩雪树樹花卡赤青犬走街図絵写真食飲店駅円"
)
_KOREAN = frozenset(
    "이다는에의가을를고로하지은도한사기리어인아자시나일그서대수라들만부정해여보전제있니상면주스과거개달린양원구비무오우선동장"
    "성조신소생안물남녀람옷입은빨간파란노검흰색차자동고양강아지새꽃나무길위앞뒤옆두세네명마리공놀서앉걷뛰먹마시사진그림"
)


@dataclass(frozen=True)
class Decoded:
    """Bytes as text.

    Attributes:
        encoding: what they were read as; "" where they are plain ASCII or UTF-8.
        doubt: one sentence on what is not certain; "" where nothing is.
    """

    text: str
    encoding: str = ""
    doubt: str = ""


def encoding_notes(name: str, words: Decoded, wish: str | None) -> tuple[str, ...]:
    """What was chosen for the file `name`, and what is not certain; () for UTF-8, and for a wish."""
    if wish is not None or not (words.encoding or words.doubt):
        return ()
    doubt = f"; {words.doubt}" if words.doubt else ""
    return (f"{name!r} was read as {words.encoding}{doubt}. encoding='...' decides otherwise.",)


def decoded(content: bytes, *, encoding: str | None = None, name: str = "the file") -> Decoded:
    """`content` as text: by `encoding` if it is given, else by what the bytes themselves say.

    Raises:
        BadInputError: there is no such encoding, or the bytes are not in it.
    """
    if encoding is not None:
        return _wished(content, encoding, name)
    for mark, found in _BOMS:
        if content.startswith(mark):
            return _marked(content, found)
    wide = _wide(content)
    if wide:
        return Decoded(content.decode(wide, errors="replace"), wide)
    try:
        return Decoded(content.decode("utf-8"))
    except UnicodeDecodeError:
        return _damaged(content) or _guessed(content)


def _wished(content: bytes, encoding: str, name: str) -> Decoded:
    try:
        text = content.decode(encoding)
    except LookupError:
        raise BadInputError(
            f"encoding is {encoding!r}, which Python does not know. "
            "Usual ones: utf-8, utf-16, cp1252, gb18030, shift_jis, euc_kr."
        ) from None
    except UnicodeError as problem:
        at = getattr(problem, "start", 0)
        raise BadInputError(
            f"{name!r} is not in {encoding}: the byte at place {at} cannot be read. "
            "Leave encoding= out to have it found."
        ) from None
    return Decoded(text.removeprefix("\ufeff"), encoding)


def _marked(content: bytes, encoding: str) -> Decoded:
    """By the mark at its beginning."""
    try:
        return Decoded(content.decode(encoding), "" if encoding == "utf-8-sig" else encoding)
    except UnicodeDecodeError:
        text = content.decode(encoding, errors="replace")
        return Decoded(text, encoding, f"{_broken(text)} of {encoding} cannot be read and stand as \ufffd")


def _wide(content: bytes) -> str:
    """UTF-16 without its mark: every other byte of Western text is zero."""
    head = content[:4000]
    if len(head) < 4 or len(head) % 2 or b"\0" not in head:
        return ""
    half = len(head) // 2
    odd, even = head[1::2].count(0) / half, head[::2].count(0) / half
    return "utf-16-le" if odd > 0.4 > 0.05 > even else "utf-16-be" if even > 0.4 > 0.05 > odd else ""


def _damaged(content: bytes) -> Decoded | None:
    """UTF-8 of which single characters are broken, rather than another encoding."""
    text = content.decode("utf-8", errors="replace")
    broken, foreign = text.count("\ufffd"), len(text) - len(text.encode("ascii", "ignore"))
    if broken > _DAMAGED * foreign:
        return None
    return Decoded(text, "utf-8", f"{_broken(text)} cannot be read and stand as \ufffd")


def _broken(text: str) -> str:
    return plural(text.count("\ufffd"), "character")


def _guessed(content: bytes) -> Decoded:
    ranked = _ranked(_foreign_lines(content))
    for place, (worth, encoding) in enumerate(ranked):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return Decoded(text, _NAMES.get(encoding, encoding), _doubt(content, ranked[place:], worth))
    text = content.decode("utf-8", errors="replace")
    return Decoded(text, "utf-8", f"{_broken(text)} cannot be read and stand as \ufffd")


def _doubt(content: bytes, ranked: list[tuple[float, str]], best: float) -> str:
    """What a candidate that is nearly as likely would make of it, if that is something else."""
    chosen = _sample_words(content, ranked[0][1])
    for worth, encoding in ranked[1:]:
        other = _sample_words(content, encoding)
        if best - worth < _DOUBT and other and other != chosen:
            return f"it could be {_NAMES.get(encoding, encoding)} as well, and then read {other!r}"
    return ""


def _sample_words(content: bytes, encoding: str) -> str:
    line = _foreign_lines(content).split(b"\n", 1)[0]
    return one_line(line.decode(encoding, errors="replace"), most=40)


def _foreign_lines(content: bytes) -> bytes:
    """The lines that are not ASCII, up to a limit: the others say nothing of the encoding."""
    found = re.findall(rb"[^\r\n]*[\x80-\xff][^\r\n]*", content[: 50 * _SAMPLE])
    kept, size = [], 0
    for line in found:
        kept.append(line)
        size += len(line)
        if size > _SAMPLE:
            break
    return b"\n".join(kept)


def _ranked(sample: bytes) -> list[tuple[float, str]]:
    """Every candidate that can read the sample, the likeliest first: how usual its characters are, less
    the mess that charset-normalizer sees in it."""
    from charset_normalizer import from_bytes

    mess = {match.encoding: match.chaos for match in from_bytes(sample, cp_isolation=list(_CANDIDATES))}
    for match in from_bytes(sample, cp_isolation=list(_CANDIDATES)):
        mess |= {twin: match.chaos for twin in match.could_be_from_charset}
    ranked = []
    for order, encoding in enumerate(_CANDIDATES):
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        ranked.append((_usual(text) - mess.get(encoding, 0.3), -order, encoding))
    return [(worth, encoding) for worth, _, encoding in sorted(ranked, reverse=True)]


def _usual(text: str) -> float:
    """Mean worth of the characters that are not ASCII: 1 if all are of the commonest."""
    foreign = [place for place, letter in enumerate(text) if ord(letter) > 127]
    return sum(_worth(text, place) for place in foreign) / max(1, len(foreign))


def _worth(text: str, place: int) -> float:
    letter = text[place]
    code = ord(letter)
    if letter in _CHINESE or letter in _KOREAN or 0x3040 <= code <= 0x30FF:
        return 1.0
    if 0xAC00 <= code <= 0xD7A3:  # Hangul
        return 0.8 if _in(letter, "euc_kr") else 0.1
    if 0x4E00 <= code <= 0x9FFF:
        return 0.5 if _in(letter, "gb2312") or _in(letter, "big5") else 0.15
    if letter in "、。「」『』，！？：；（）“”‘’–—…•€°·":
        return 0.8
    if letter in "°½¼¾©®£±×§µ«»¿¡":
        return 0.6
    if 0x0400 <= code <= 0x04FF:  # Cyrillic: a word is all of it, or none of it is
        word = _word(text, place)
        return 0.0 if any(map(str.isascii, word)) else 0.9 if len(word) > 1 else 0.2
    beside = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    if letter.isalpha() and code < 0x0250:  # an accent in a Western or Central European word
        among = any(other.isascii() and other.isalpha() for other in beside)
        return (0.85 if code < 0x0100 else 0.7) if among else 0.3
    return 0.0 if letter.isprintable() else -1.0


def _word(text: str, place: int) -> str:
    """The letters around a place."""
    start = end = place
    while start > 0 and text[start - 1].isalpha():
        start -= 1
    while end < len(text) and text[end].isalpha():
        end += 1
    return text[start:end]


def _in(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
