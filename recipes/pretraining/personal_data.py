"""The 16 kinds of personal data that KLUE replaced in its corpus, and their recognisers.

The kinds are those in section 5.1 of the KLUE paper. The recognisers are classes of presidio or subclasses of
them, so that they can be registered with an AnalyzerEngine; here they are used without one, since patterns do
not need a language model. Presidio scores a match, and a checksum confirms it. Numbers without checksum or
typical format must follow a word that names them (계좌, 면허, 여권 and so on).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any

from presidio_analyzer import (
    AnalysisExplanation,
    EntityRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerResult,
)
from presidio_analyzer.predefined_recognizers import (
    KrBrnRecognizer,
    KrDriverLicenseRecognizer,
    KrFrnRecognizer,
    KrPassportRecognizer,
    KrRrnRecognizer,
)

PHONE, RESIDENT, FOREIGNER, EMAIL, IP, MAC, MENTION = (
    "phone", "resident_registration", "foreigner_registration", "email", "ip_address", "mac_address",
    "mention",
)  # fmt: skip
ADDRESS, ACCOUNT, PASSPORT, LICENCE, BUSINESS, HEALTH, CARD, PLATE, URL = (
    "address", "bank_account", "passport", "driver_licence", "business_registration", "health_insurance",
    "card", "vehicle_plate", "url",
)  # fmt: skip
KINDS = (
    *(PHONE, RESIDENT, FOREIGNER, EMAIL, IP, MAC, MENTION, ADDRESS, ACCOUNT, PASSPORT, LICENCE, BUSINESS),
    *(HEALTH, CARD, PLATE, URL),
)
PERSON, PLACE, ORGANISATION = NAMES = ("person", "place", "organisation")  # found by a model, if one is given
NEAR = 24  # number of characters before a number that are searched for words that name it
_DIGITS = r"(?<![\d.,-])", r"(?![\d]|[-.,]\d)"  # boundary of a number
_JOINTS = [("-", ""), ("–", ""), (" ", "")]  # separators within numbers, for presidio
_ASCII = r"(?<![A-Za-z0-9._%+@-])"
_NO_ARTIFACTS: Any = None  # linguistic analysis, which patterns do not need
# Texts without these characters contain no personal data of the 16 kinds.
_TRACE = re.compile(r"[0-9@]|www\.|https?:|\.(?:com|net|org|kr)\b", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Recogniser:
    """Recogniser of one kind of personal data.

    Attributes:
        kind: One of ``KINDS``; None if presidio returns the kind.
        presidio: Recogniser of candidates.
        check: Function of text, start and end that accepts or rejects a candidate.
    """

    kind: str | None
    presidio: EntityRecognizer
    check: Callable[[str, int, int], bool] = lambda text, start, end: True


@dataclasses.dataclass(frozen=True)
class PersonalData:
    """Personal data in a text: kind, first character, and end (exclusive)."""

    kind: str
    start: int
    end: int


def find(text: str, recognisers: Sequence[Recogniser]) -> list[PersonalData]:
    """Find personal data in a text, from left to right, without overlaps.

    Of overlapping findings, the longest is kept or, of equally long ones, that of the first recogniser.
    """
    found: list[tuple[int, int, int, str]] = []
    has_trace = _TRACE.search(text) is not None
    for rank, one in enumerate(recognisers):
        if not has_trace and one.kind in KINDS:
            continue
        for result in one.presidio.analyze(text, one.presidio.supported_entities, _NO_ARTIFACTS):
            if one.check(text, result.start, result.end):
                kind = one.kind or result.entity_type
                found.append((result.start - result.end, rank, result.start, kind))
    kept: list[PersonalData] = []
    for length, _, start, kind in sorted(found):
        end = start - length
        if all(end <= other.start or other.end <= start for other in kept):
            kept.append(PersonalData(kind, start, end))
    return sorted(kept, key=lambda one: one.start)


def recognisers() -> list[Recogniser]:
    """Return the recognisers of the 16 kinds; if two find the same characters, the first has priority."""
    return [
        Recogniser(RESIDENT, KrRrnRecognizer([_RESIDENT], replacement_pairs=_JOINTS), _is_registration),
        Recogniser(FOREIGNER, KrFrnRecognizer([_FOREIGNER], replacement_pairs=_JOINTS), _is_registration),
        Recogniser(CARD, _own("CARD", _CARD), _is_card),
        Recogniser(BUSINESS, KrBrnRecognizer(patterns=[_BUSINESS]), _is_business),
        Recogniser(BUSINESS, _own("BRN", _BUSINESS.regex), _is_named_business),
        Recogniser(LICENCE, KrDriverLicenseRecognizer(patterns=_LICENCE), _is_licence),
        Recogniser(LICENCE, _own("LICENCE", _LICENCE_BY_REGION)),
        Recogniser(PHONE, _own("PHONE", *_PHONE)),
        Recogniser(HEALTH, _own("HEALTH", rf"{_DIGITS[0]}[1-9]-\d{{10}}{_DIGITS[1]}")),
        Recogniser(ACCOUNT, _own("ACCOUNT", *_ACCOUNT), _is_account),
        Recogniser(PASSPORT, KrPassportRecognizer(patterns=_PASSPORT), _is_passport),
        Recogniser(PLATE, _own("PLATE", _PLATE), _is_plate),
        Recogniser(IP, _own("IP", _IP), _is_ip),
        Recogniser(MAC, _own("MAC", _MAC)),
        Recogniser(EMAIL, _own("EMAIL", _EMAIL)),
        Recogniser(URL, _own("URL", *_URL)),
        Recogniser(MENTION, _own("MENTION", _MENTION)),
        Recogniser(ADDRESS, _own("ADDRESS", _ADDRESS), _is_address),
    ]


def _own(name: str, *patterns: str) -> PatternRecognizer:
    return PatternRecognizer(
        supported_entity=f"KR_{name}",
        supported_language="ko",
        patterns=[Pattern(name, pattern, 0.5) for pattern in patterns],
        global_regex_flags=re.MULTILINE,
    )


def _is_registration(text: str, start: int, end: int) -> bool:
    """Return whether a number has a hyphen or is named as a registration number."""
    return "-" in text[start:end] or "–" in text[start:end] or _named(text, start, "등록", "주민", "외국인")


# Six digits of a date of birth, an optional hyphen or blanks, one digit for the sex, and six more.
_BORN = rf"{_DIGITS[0]}\d{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]) ?[-–]? ?"
_RESIDENT = Pattern("RRN", rf"{_BORN}[1-4]\d{{6}}{_DIGITS[1]}", 0.5)
_FOREIGNER = Pattern("FRN", rf"{_BORN}[5-8]\d{{6}}{_DIGITS[1]}", 0.5)
_AREA = r"(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|1[016789]|50\d?|70|80)"
_PHONE = (
    rf"(?<![\d.,A-Za-z-])(?:\+82[- .]?(?:\(0\))?0?|0){_AREA}[- .]?\d{{3,4}}[- .]?\d{{4}}(?!\d|[-.,]\d)",
    rf"\(0{_AREA}\) ?\d{{3,4}}[- .]?\d{{4}}(?!\d|[-.,]\d)",
    r"(?<![\d.,-])1[568]\d{2}-\d{4}(?!\d|[-.,]\d)",
)
_CARD = (
    rf"{_DIGITS[0]}\d{{4}}([- ])\d{{4}}\1\d{{4}}\1\d{{4}}{_DIGITS[1]}"
    rf"|{_DIGITS[0]}3[47]\d{{2}}([- ])\d{{6}}\2\d{{5}}{_DIGITS[1]}"
    rf"|{_DIGITS[0]}(?:[3-69]\d{{15}}|3[47]\d{{13}}){_DIGITS[1]}"
)
_BUSINESS = Pattern("BRN", rf"{_DIGITS[0]}(?:\d{{3}}-\d{{2}}-\d{{5}}|\d{{10}}){_DIGITS[1]}", 0.1)
_REGION = "서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주"
_LICENCE = [
    Pattern("licence", rf"{_DIGITS[0]}(?:1[1-9]|2[0-8])[- ]\d{{2}}[- ]\d{{6}}[- ]\d{{2}}{_DIGITS[1]}", 0.3),
    Pattern("licence in one", rf"{_DIGITS[0]}(?:1[1-9]|2[0-8])\d{{10}}{_DIGITS[1]}", 0.1),
]
_LICENCE_BY_REGION = rf"(?:{_REGION})[- ]?\d{{2}}-\d{{6}}-\d{{2}}{_DIGITS[1]}"  # format before 2006
_ACCOUNT = (
    rf"{_DIGITS[0]}\d{{2,6}}(?:-\d{{1,8}}){{2,3}}{_DIGITS[1]}",
    rf"{_DIGITS[0]}\d{{10,14}}{_DIGITS[1]}",
)
# Digit groups of banks, which need no word that names the account.
_ACCOUNT_SHAPES = {
    (3, 3, 6),
    (6, 2, 6),
    (4, 3, 6),
    (3, 6, 5),
    (3, 4, 4, 2),
    (4, 2, 7),
    (3, 6, 2, 3),
    (3, 2, 6),
}
_PASSPORT = [
    Pattern("passport", r"(?<![A-Za-z0-9])[MSRODG]\d{3}[A-Z]\d{4}(?![A-Za-z0-9])", 0.3),
    Pattern("passport before 2021", r"(?<![A-Za-z0-9])[MSRODG]\d{8}(?![A-Za-z0-9])", 0.1),
]
_PLATE = (
    rf"(?<![\d.,제第-])(?:(?:{_REGION}) ?)?\d{{2,3}} ?"
    r"[가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자허하호배] ?\d{4}(?![\d.,-]*\d)"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IP = (
    rf"(?<![\d.A-Za-z]){_OCTET}(?:\.{_OCTET}){{3}}(?![\d]|\.\d)"
    r"|(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:])"
    r"|(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6}(?![0-9A-Za-z:])"
)
_MAC = (
    r"(?<![0-9A-Za-z:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
    r"(?![0-9A-Za-z]|[:-][0-9A-Za-z])"
)
_EMAIL = rf"{_ASCII}[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{{2,}}(?![A-Za-z0-9-])"
_PATH = r"(?:[/?#][A-Za-z0-9._~:/?#@!$&'*+,;=%-]*[A-Za-z0-9/=_-]|/)?"
_URL = (
    rf"(?<![A-Za-z0-9@])https?://[A-Za-z0-9.-]+\.[A-Za-z]{{2,}}(?::\d+)?{_PATH}",
    rf"(?<![A-Za-z0-9@.])www\.[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{{2,}}{_PATH}",
    r"(?<![A-Za-z0-9@.-])[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*"
    rf"\.(?:com|net|org|co\.kr|or\.kr|go\.kr|ac\.kr|re\.kr|kr)(?![A-Za-z0-9-]|\.[A-Za-z]){_PATH}",
)
_MENTION = (
    r"(?<![A-Za-z0-9._%+@/-])@(?=[A-Za-z0-9_.]*[A-Za-z_])"
    r"[A-Za-z0-9_](?:[A-Za-z0-9_.]{0,28}[A-Za-z0-9_])?(?!@)"
)
_ADDRESS = (
    rf"(?:(?:{_REGION})(?:특별자치도|특별자치시|특별시|광역시|시|도)?"
    r"|(?:충청|전라|경상)[남북]도|강원도|경기도)"
    r"(?: ?[가-힣]{1,5}[시군구]){1,2}(?: [가-힣\d]{1,6}[읍면])?"
    r"(?: ?[가-힣]{1,8}(?:\d{1,3}[가-힣]{0,2})?(?:대로|로|길|가)"
    r"(?: ?\d{1,4}(?:번길|길))?(?: ?\d{1,5}(?:-\d{1,4})?)?"
    r"| [가-힣]{1,6}\d{0,2}[동리가] ?(?:산 ?)?\d{1,5}(?:-\d{1,4})?(?:번지)?)"
    r"(?:,? ?\d{1,4}동)?(?:,? ?\d{1,5}호)?(?:,? ?\d{1,3}층)?"
)
# Words before four dotted numbers that are a version, not an address.
_VERSION = ("버전", "ver", "Ver", "판", "v", "V", "펌웨어", "빌드")


def _named(text: str, start: int, *words: str) -> bool:
    """Return whether one of some words occurs shortly before a position."""
    before = text[max(start - NEAR, 0) : start]
    return any(word in before for word in words)


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def luhn(digits: str) -> bool:
    """Return whether the last digit is the Luhn check digit of the others (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def business_check_digit(digits: str) -> int:
    """Compute the tenth digit of a business registration number from the first nine."""
    total = sum(int(digit) * key for digit, key in zip(digits[:9], (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=True))
    return -(total + int(digits[8]) * 5 // 10) % 10


def registration_check_digit(digits: str, *, foreigner: bool = False) -> int:
    """Compute the 13th digit of a registration number issued before October 2020."""
    keys = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
    total = sum(int(digit) * key for digit, key in zip(digits[:12], keys, strict=True))
    return ((13 if foreigner else 11) - total % 11) % 10


def _is_card(text: str, start: int, end: int) -> bool:
    is_grouped = not text[start:end].isdigit()
    return is_grouped or luhn(text[start:end]) or _named(text, start, "카드", "card")


def _is_business(text: str, start: int, end: int) -> bool:
    """Return whether a number has a valid check digit and the hyphens of a business registration."""
    return "-" in text[start:end] and not _named(text, start, "ISBN")


def _is_named_business(text: str, start: int, end: int) -> bool:
    """Return whether a number is named as a business registration, even without a valid check digit."""
    return _named(text, start, "사업자")


def _is_address(text: str, start: int, end: int) -> bool:
    """Return whether an address has a house number."""
    return any(character.isdigit() for character in text[start:end])


def _is_licence(text: str, start: int, end: int) -> bool:
    return not text[start:end].isdigit() or _named(text, start, "면허")


def _is_isbn(text: str, start: int, end: int) -> bool:
    is_long = text.startswith(("978-", "979-"), start) and len(_digits(text[start:end])) == 13
    return is_long or _named(text, start, "ISBN")


def _is_account(text: str, start: int, end: int) -> bool:
    groups = tuple(map(len, text[start:end].split("-")))
    if not 10 <= sum(groups) <= 14 or _is_isbn(text, start, end):
        return False
    is_named = _named(text, start, "계좌", "은행", "입금", "송금", "농협", "신협", "예금", "뱅크", "이체")
    return is_named or (len(groups) > 1 and groups in _ACCOUNT_SHAPES)


def _is_passport(text: str, start: int, end: int) -> bool:
    return text[start + 4].isalpha() or _named(text, start, "여권", "passport", "Passport")


def _is_plate(text: str, start: int, end: int) -> bool:
    """Return whether a candidate is a plate, and not an amount such as 25조 3000억 or 100주 2000원."""
    after = text[end : end + 2].lstrip()
    return not after.startswith(tuple("원억만천백명개년회건여대점배호번쪽주"))


def _is_ip(text: str, start: int, end: int) -> bool:
    return not any(word in text[max(start - 6, 0) : start] for word in _VERSION)


class EntityModel(EntityRecognizer):
    """A KLUE-NER model as a recogniser of people, places and organisations.

    Args:
        pipeline: Function from texts to entities with ``start``, ``end`` and ``entity_group``, such as the
            result of ``recipes.predict.load_pipeline`` for the task ner.
    """

    LABELS = {"PS": PERSON, "LC": PLACE, "OG": ORGANISATION}

    def __init__(self, pipeline: Callable[[Sequence[str]], Any]) -> None:
        super().__init__(supported_entities=list(NAMES), supported_language="ko", name="KLUE-NER")
        self.pipeline = pipeline

    def load(self) -> None:
        """Do nothing, since the model is given."""

    def analyze(self, text: str, entities: Sequence[str], nlp_artifacts: Any = None) -> list[Any]:
        """Find names in a text; see presidio's ``EntityRecognizer``."""
        (found,) = self.pipeline([text])
        results = []
        for entity in found:
            kind, score = self.LABELS.get(entity["entity_group"]), float(entity["score"])
            if kind in entities:
                explanation = AnalysisExplanation(recognizer="KLUE-NER", original_score=score)
                results.append(
                    RecognizerResult(str(kind), entity["start"], entity["end"], score, explanation)
                )
        return results
