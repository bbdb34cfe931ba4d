"""Replace personal data with invented data of the same form; see ``personal_data`` for the kinds.

>>> from recipes.pretraining.pseudonyms import pseudonymise
>>> text, spans = pseudonymise("제 번호는 010-1234-5678이에요.")
"""

from __future__ import annotations

import collections
import functools
import random
import re
import string
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from faker import Faker

from recipes.pretraining.personal_data import (
    ACCOUNT,
    ADDRESS,
    BUSINESS,
    CARD,
    EMAIL,
    FOREIGNER,
    HEALTH,
    IP,
    LICENCE,
    MAC,
    MENTION,
    ORGANISATION,
    PASSPORT,
    PERSON,
    PHONE,
    PLACE,
    PLATE,
    RESIDENT,
    URL,
    Recogniser,
    business_check_digit,
    find,
    luhn,
    recognisers,
    registration_check_digit,
)

# Particles with two forms: after a final consonant, and after a vowel.
PARTICLES = (("이", "가"), ("을", "를"), ("은", "는"), ("과", "와"), ("으로", "로"))
_PARTICLE = re.compile(r"(으로|로|이|가|을|를|은|는|과|와)(?=[^가-힣A-Za-z0-9]|$|부터|서|써|의|도|만)")
# Digits and letters whose Korean name ends in a consonant, and in ㄹ, which is followed by 로.
_CLOSED, _LIQUID = set("013678lmnrLMNR"), set("178lrLR")
_EXAMPLE_DOMAINS = ("example.com", "example.org", "example.net")
# Kinds that consist of digits, with or without hyphens.
_NUMBERS = (RESIDENT, FOREIGNER, ACCOUNT, LICENCE, BUSINESS, HEALTH, CARD)
_LICENCE_REGIONS = [*range(11, 27), 28]


class Span(NamedTuple):
    """One replacement.

    Attributes:
        start: First character in the original text.
        end: End (exclusive) in the original text.
        kind: One of ``personal_data.KINDS`` or ``NAMES``.
        original: The original data.
        replacement: The pseudonym.
        particle: The original particle after the data if it was replaced as well; otherwise empty.
    """

    start: int
    end: int
    kind: str
    original: str
    replacement: str
    particle: str = ""


class Pseudonymiser:
    """Replace personal data in documents; equal data in a document has equal pseudonyms.

    Args:
        seed: Random seed. Pseudonyms depend on it and the original data only, so that documents can be
            processed in any order.
        names: Recogniser of names of people, places and organisations, such as ``EntityModel``; by default
            names are not replaced.
    """

    def __init__(self, *, seed: int = 0, names: Recogniser | None = None) -> None:
        self.seed = seed
        self.recognisers = [*recognisers(), *([names] if names else [])]
        self.counts: collections.Counter[str] = collections.Counter()
        self.faker = Faker("ko_KR")

    def __call__(self, text: str, document: str | int = 0) -> tuple[str, list[Span]]:
        """Replace personal data in a text.

        Args:
            text: A document.
            document: Id of the document; pseudonyms of different documents are independent.

        Returns:
            The text with pseudonyms and matching particles, and the replacements from left to right.
        """
        used: dict[tuple[str, str], str] = {}
        spans, parts, place = [], [], 0
        for found in find(text, self.recognisers):
            original = text[found.start : found.end]
            key = found.kind, _normal(found.kind, original)
            if key not in used:
                used[key] = self._pseudonym(found.kind, original, document)
            replacement = _in_shape(found.kind, original, used[key])
            parts += [text[place : found.start], replacement]
            place, changed = found.end, ""
            if particle := _PARTICLE.match(text, place):
                agrees = agreeing(particle[1], original, replacement)
                if agrees != particle[1]:
                    parts.append(agrees)
                    place, changed = particle.end(), particle[1]
            spans.append(Span(found.start, found.end, found.kind, original, replacement, changed))
            self.counts[found.kind] += 1
        return "".join([*parts, text[place:]]), spans

    def _pseudonym(self, kind: str, original: str, document: str | int) -> str:
        """Draw until the pseudonym differs from the original."""
        key = f"{self.seed}|{document}|{kind}|{_normal(kind, original)}"
        generator = random.Random(key)
        while True:
            self.faker.seed_instance(generator.getrandbits(32))
            drawn = _DRAWS.get(kind, _same_shape)(original, generator, self.faker)
            if drawn != original:
                return drawn


def pseudonymise(text: str, *, seed: int = 0, document: str | int = 0) -> tuple[str, list[Span]]:
    """Replace personal data of 16 kinds in a text with invented data of the same form.

    Args:
        text: A document.
        seed: Random seed.
        document: Id of the document.

    Returns:
        The text with pseudonyms, and the replacements, whose ``start`` and ``end`` are positions in the
        original text.
    """
    return _pseudonymiser(seed)(text, document)


@functools.lru_cache(maxsize=8)
def _pseudonymiser(seed: int) -> Pseudonymiser:
    return Pseudonymiser(seed=seed)


def restore(text: str, spans: Sequence[Span]) -> str:
    """Restore the original text.

    Args:
        text: The text with pseudonyms.
        spans: The replacements, as returned by ``pseudonymise``.

    Raises:
        ValueError: The text does not contain the pseudonyms at their positions.
    """
    parts, place, shift = [], 0, 0
    for span in spans:
        start = span.start + shift
        end = start + len(span.replacement)
        if text[start:end] != span.replacement:
            raise ValueError(
                f"The text has {text[start:end]!r} at character {start}; expected the pseudonym "
                f"{span.replacement!r}."
            )
        now = agreeing(span.particle, span.original, span.replacement) if span.particle else ""
        parts += [text[place:start], span.original, span.particle]
        place = end + len(now)
        shift += len(span.replacement) + len(now) - len(span.original) - len(span.particle)
    return "".join([*parts, text[place:]])


def agreeing(particle: str, before: str, after: str) -> str:
    """Return the form of a particle that agrees with a replaced word.

    Args:
        particle: One of ``PARTICLES``, the particle after ``before``.
        before: The replaced word.
        after: The replacement.

    Returns:
        The form that agrees with ``after``, or the particle itself if it did not agree with ``before``.
    """
    pair = next(pair for pair in PARTICLES if particle in pair)
    if particle != _form(pair, before):
        return particle
    return _form(pair, after)


def _form(pair: tuple[str, str], word: str) -> str:
    last = next((letter for letter in reversed(word) if letter.isalnum()), "")
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
        is_closed, is_liquid = final > 0, final == 8
    else:
        is_closed, is_liquid = last in _CLOSED, last in _LIQUID
    if pair[0] == "으로" and is_liquid:
        return pair[1]
    return pair[0] if is_closed else pair[1]


def _normal(kind: str, original: str) -> str:
    """Reduce data to its letters and digits, which all of its spellings share."""
    if kind in (URL, ADDRESS, PERSON, PLACE, ORGANISATION):
        return original
    kept = "".join(letter for letter in original.lower() if letter.isalnum())
    return kept.removeprefix("82").removeprefix("0") if kind == PHONE else kept


def _in_shape(kind: str, original: str, pseudonym: str) -> str:
    """Format a pseudonym with the hyphens and blanks of another spelling of the data."""
    if kind == PHONE:
        old, new = _digits(original), _digits(pseudonym)
        own = _own_digits(old)
        return _with_digits(original, old[: len(old) - own] + new[-own:])
    if kind in _NUMBERS and len(_digits(original)) == len(_digits(pseudonym)):
        return _with_digits(original, _digits(pseudonym))
    return pseudonym


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter in string.digits)


def _with_digits(shape: str, digits: str) -> str:
    """Replace the digits of a text."""
    remaining = iter(digits)
    return "".join(next(remaining) if letter in string.digits else letter for letter in shape)


Draw = Callable[[str, random.Random, Faker], str]


def _same_shape(original: str, generator: random.Random, faker: Faker) -> str:
    """Replace digits by digits, the first not by 0, and Latin letters by letters."""
    drawn = []
    for place, letter in enumerate(original):
        if letter in string.digits:
            begins = place == 0 or original[place - 1] not in string.digits
            drawn.append(
                letter if begins and letter == "0" else str(generator.randint(1 if begins else 0, 9))
            )
        elif letter in string.ascii_lowercase:
            drawn.append(generator.choice(string.ascii_lowercase))
        elif letter in string.ascii_uppercase:
            drawn.append(generator.choice(string.ascii_uppercase))
        else:
            drawn.append(letter)
    return "".join(drawn)


def _phone(original: str, generator: random.Random, faker: Faker) -> str:
    """Replace the last seven digits, or four of a short number, but not network or region."""
    digits = _digits(original)
    kept = len(digits) - _own_digits(digits)
    drawn = str(generator.randint(2, 9)) + faker.numerify("######")
    return _with_digits(original, digits[:kept] + drawn[: len(digits) - kept])


def _own_digits(digits: str) -> int:
    """Return the number of individual digits of a telephone number: 4 of 1588-1234, otherwise at least 7."""
    return 4 if len(digits) == 8 else 7


def _registration(original: str, generator: random.Random, faker: Faker, *, foreigner: bool = False) -> str:
    """Replace date of birth and serial number; the check digit remains valid if it was valid."""
    old = _digits(original)
    check = functools.partial(registration_check_digit, foreigner=foreigner)
    born = faker.date_between("-80y", "-20y").strftime("%y%m%d")
    body = born + old[6] + faker.numerify("#####")
    had_check = check(old) == int(old[12])
    last = check(body) if had_check else (check(body) + generator.randint(1, 9)) % 10
    return _with_digits(original, f"{body}{last}")


def _business(original: str, generator: random.Random, faker: Faker) -> str:
    old = _digits(original)
    body = _digits(_same_shape(original, generator, faker))[:9]
    check = business_check_digit(body)
    had_check = business_check_digit(old) == int(old[9])
    return _with_digits(original, body + str(check if had_check else (check + generator.randint(1, 9)) % 10))


def _card(original: str, generator: random.Random, faker: Faker) -> str:
    """Replace a card number except for its first digit, which identifies the network."""
    old = _digits(original)
    body = old[0] + "".join(str(generator.randint(0, 9)) for _ in old[1:-1])
    right = next(digit for digit in range(10) if luhn(body + str(digit)))
    last = right if luhn(old) else (right + generator.randint(1, 9)) % 10
    return _with_digits(original, f"{body}{last}")


def _licence(original: str, generator: random.Random, faker: Faker) -> str:
    drawn = _same_shape(original, generator, faker)
    digits = _digits(drawn)
    if len(_digits(original)) == 12:
        digits = f"{generator.choice(_LICENCE_REGIONS)}{digits[2:]}"
    return _with_digits(drawn, digits)


def _passport(original: str, generator: random.Random, faker: Faker) -> str:
    return original[0] + _same_shape(original[1:], generator, faker)


def _email(original: str, generator: random.Random, faker: Faker) -> str:
    return f"{faker.user_name()}@{generator.choice(_EXAMPLE_DOMAINS)}"


def _ip(original: str, generator: random.Random, faker: Faker) -> str:
    return str(faker.ipv6() if ":" in original else faker.ipv4_public())


def _mac(original: str, generator: random.Random, faker: Faker) -> str:
    drawn = str(faker.mac_address()).replace(":", original[2])
    return drawn.upper() if original.upper() == original else drawn


def _mention(original: str, generator: random.Random, faker: Faker) -> str:
    return f"@{faker.user_name()}"


def _url(original: str, generator: random.Random, faker: Faker) -> str:
    """Replace the host by one reserved for examples; scheme and length of the path do not change."""
    scheme, mark, rest = original.partition("://") if "://" in original else ("", "", original)
    _, slash, path = rest.partition("/")
    host = generator.choice(_EXAMPLE_DOMAINS)
    host = f"www.{host}" if rest.startswith("www.") else host
    return f"{scheme}{mark}{host}{slash}{_same_shape(path, generator, faker)}"


def _plate(original: str, generator: random.Random, faker: Faker) -> str:
    drawn = _same_shape(original, generator, faker)
    letter = re.search(r"(?<=\d)( ?)[가-힣]", drawn)
    assert letter is not None
    place = letter.end() - 1
    return drawn[:place] + generator.choice("가나다라마거너더러머버서어저") + drawn[place + 1 :]


def _address(original: str, generator: random.Random, faker: Faker) -> str:
    """Replace province, city, street and numbers by invented ones."""
    number = re.search(r" ?\d.*", original)
    tail = _same_shape(number[0], generator, faker) if number else ""
    street = f"{faker.road_name()}{generator.choice(('로', '길'))}"
    return f"{faker.province()} {faker.city()} {street}{tail}"


def _person(original: str, generator: random.Random, faker: Faker) -> str:
    return str(faker.name())


def _place(original: str, generator: random.Random, faker: Faker) -> str:
    return str(faker.city())


def _organisation(original: str, generator: random.Random, faker: Faker) -> str:
    return str(faker.company())


_DRAWS: Mapping[str, Draw] = {
    PHONE: _phone,
    RESIDENT: _registration,
    FOREIGNER: functools.partial(_registration, foreigner=True),
    BUSINESS: _business,
    CARD: _card,
    LICENCE: _licence,
    PASSPORT: _passport,
    EMAIL: _email,
    IP: _ip,
    MAC: _mac,
    MENTION: _mention,
    URL: _url,
    PLATE: _plate,
    ADDRESS: _address,
    PERSON: _person,
    PLACE: _place,
    ORGANISATION: _organisation,
}
