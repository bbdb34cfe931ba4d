"""Sentences with personal data of all kinds in several spellings, and similar sentences without any."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from recipes.pretraining import personal_data as kinds

Case = tuple[str, list[tuple[int, int, str]]]  # text; first character, end and kind of each

# Before and after, with {} for the data. The particle follows at once, as Korean has it.
AROUND = (
    "{}",
    "연락 바랍니다: {}",
    "{}입니다.",
    "내용은 {}을 보세요",
    "({})",
    "먼저 {}, 그리고 다음 줄",
    "'{}'라고 적혀 있다.",
)


def digits(generator: random.Random, shape: str) -> str:
    """Replace each # in a text by a random digit, the first of a group not by 0."""
    drawn = []
    for place, letter in enumerate(shape):
        begins = place == 0 or shape[place - 1] != "#"
        drawn.append(str(generator.randint(1 if begins else 0, 9)) if letter == "#" else letter)
    return "".join(drawn)


def _phone(generator: random.Random) -> str:
    shape = generator.choice(
        (
            "010-####-####",
            "010 #### ####",
            "010.####.####",
            "02-###-####",
            "031-####-####",
            "(02) ###-####",
            "+82-10-####-####",
            "+82 10 #### ####",
            "070-####-####",
            "010########",
            "1588-####",
            "055-###-####",
            "011-###-####",
        )
    )
    return digits(generator, shape)


def _registration(sex: str) -> Callable[[random.Random], str]:
    def draw(generator: random.Random) -> str:
        date = f"{generator.randint(0, 99):02d}{generator.randint(1, 12):02d}{generator.randint(1, 28):02d}"
        number = generator.choice(sex) + digits(generator, "######")
        form = generator.choice(("{}-{}", "{} - {}", "{}-{}", "NAMED{}{}"))
        return form.format(date, number)

    return draw


def _email(generator: random.Random) -> str:
    name = generator.choice(("gildong", "kim.cs", "h_lee99", "info+news", "a-b"))
    return (
        f"{name}@{generator.choice(('naver.com', 'hanmail.net', 'snu.ac.kr', 'mail.go.kr', 'company.co.kr'))}"
    )


def _ip(generator: random.Random) -> str:
    if generator.random() < 0.8:
        return ".".join(str(generator.randint(1, 254)) for _ in range(4))
    return ":".join(f"{generator.randint(0, 65535):x}" for _ in range(8))


def _mac(generator: random.Random) -> str:
    joint = generator.choice(":-")
    text = joint.join(f"{generator.randint(0, 255):02x}" for _ in range(6))
    return generator.choice((text, text.upper()))


def _account(generator: random.Random) -> str:
    shape = generator.choice(
        (
            "###-###-######",
            "######-##-######",
            "####-###-######",
            "###-######-#####",
            "####-##-#######",
            "###-####-####-##",
            "NAMED###########",
            "NAMED##-##-######",
        ),
    )
    return digits(generator, shape)


def _card(generator: random.Random) -> str:
    body = generator.choice("4569") + digits(generator, "##############")
    check = next(digit for digit in "0123456789" if kinds.luhn(body + digit))
    text = body + check
    grouped = [text[begin : begin + 4] for begin in range(0, 16, 4)]
    return generator.choice(("-".join(grouped), " ".join(grouped), f"NAMED{text}"))


def _business(generator: random.Random) -> str:
    body = digits(generator, "#########")
    text = f"{body}{kinds.business_check_digit(body)}"
    return generator.choice((f"{text[:3]}-{text[3:5]}-{text[5:]}", f"NAMED{text}"))


def _licence(generator: random.Random) -> str:
    region = generator.randint(11, 26)
    form = generator.choice(("{}-##-######-##", "{} ## ###### ##", "서울-##-######-##", "NAMED{}##########"))
    return digits(generator, form.format(region))


def _passport(generator: random.Random) -> str:
    letter = generator.choice("ABCDEFGHJK")
    return digits(generator, generator.choice((f"M###{letter}####", "NAMEDM########", f"S###{letter}####")))


def _plate(generator: random.Random) -> str:
    letter = generator.choice("가나다라마거너더러머허호하바사")
    shape = generator.choice(
        (f"##{letter} ####", f"###{letter} ####", f"##{letter}####", f"서울 ##{letter} ####")
    )
    return digits(generator, shape)


def _url(generator: random.Random) -> str:
    return generator.choice(
        (
            "https://www.hani.co.kr/arti/1234",
            "http://klue-benchmark.com",
            "www.korea.kr",
            "https://a.b.org/x?y=1",
            "blog.naver.com/gildong",
            "khan.co.kr",
            "https://example.com/",
        ),
    )


def _mention(generator: random.Random) -> str:
    return generator.choice(("@gildong", "@kim_cs99", "@h.lee", "@NewsKR"))


def _address(generator: random.Random) -> str:
    number = generator.randint(1, 400)
    return generator.choice(
        (
            f"서울특별시 강남구 테헤란로 {number}",
            f"경상북도 성남시 서초대{number}가",
            f"경기도 수원시 영통구 월드컵로 {number}-3",
            f"부산 해운대구 우동 {number}번지",
            f"서울 마포구 월드컵북로 {number}길 {number}",
            f"제주특별자치도 제주시 첨단로 {number}",
        ),
    )


# Kind -> how to draw it, and a word that has to name it where the drawn text asks for that.
POSITIVES: dict[str, tuple[Callable[[random.Random], str], str]] = {
    kinds.PHONE: (_phone, ""),
    kinds.RESIDENT: (_registration("1234"), "주민등록번호 "),
    kinds.FOREIGNER: (_registration("5678"), "외국인등록번호 "),
    kinds.EMAIL: (_email, ""),
    kinds.IP: (_ip, ""),
    kinds.MAC: (_mac, ""),
    kinds.MENTION: (_mention, ""),
    kinds.ADDRESS: (_address, ""),
    kinds.ACCOUNT: (_account, "계좌번호 "),
    kinds.PASSPORT: (_passport, "여권번호 "),
    kinds.LICENCE: (_licence, "운전면허번호 "),
    kinds.BUSINESS: (_business, "사업자등록번호 "),
    kinds.HEALTH: (lambda generator: digits(generator, "#-##########"), ""),
    kinds.CARD: (_card, "카드번호 "),
    kinds.PLATE: (_plate, ""),
    kinds.URL: (_url, ""),
}
NUMERIC = (
    kinds.PHONE,
    kinds.RESIDENT,
    kinds.FOREIGNER,
    kinds.IP,
    kinds.MAC,
    kinds.ACCOUNT,
    kinds.PASSPORT,
    kinds.LICENCE,
    kinds.BUSINESS,
    kinds.HEALTH,
    kinds.CARD,
    kinds.PLATE,
)
# What is none of them: dates, times, prices, versions, scores, ISBN, coordinates, amounts, laws, ids.
NEGATIVES = (
    "20##-1#-2#",
    "20##. #. #.",
    "오후 #:##-1#:##에",
    "#,###,###원",
    "##.#%",
    "버전 #.#.##.#",
    "v#.##.#.#로",
    "#-#로 이겼다",
    "##-##로 졌다",
    "ISBN 979-11-####-###-#",
    "ISBN 978-89-###-####-#",
    "위도 37.####, 경도 126.####",
    "##조 ####억 원",
    "###주 ####원",
    "제##조 ####",
    "###만 ####명",
    "##호 ####원",
    "대법원 20##다######",
    "상품 코드 A-#####",
    "20##년 ##월",
    "전년 대비 #.##배",
    "#####번째",
    "서버 대수 ####",
    "모델 SM-G###N",
    "앞으로 #년",
    "제#로 간다",
    "#### - #### 시즌",
    "#:#의 비율",
    "########## 바이트",
    "국도 ##호선",
    "서울시 인구 ###만",
    "경기도 수원시 영통구에",
    "node.js와 ASP.NET",
    "@ 카페",
    "3 @ 500",
    "##개 ##가지",
    "이메일@없음",
    "제품 번호 ##-####",
    "우편번호 #####",
    "해상도 ####x####",
    "주파수 ##.##MHz",
    "###-#### 구간",
)


def cases(count: int, seed: int = 0) -> Iterator[Case]:
    """Return sentences with personal data of each kind, and as many similar ones without."""
    generator = random.Random(seed)
    for kind, (draw, name) in POSITIVES.items():
        for _ in range(count):
            data = draw(generator)
            before, _, after = generator.choice(AROUND).partition("{}")
            if data.startswith("NAMED"):
                data = data.removeprefix("NAMED")
                before += name
            yield before + data + after, [(len(before), len(before) + len(data), kind)]
    for shape in NEGATIVES:
        for _ in range(count // 4):
            before, _, after = generator.choice(AROUND).partition("{}")
            yield before + digits(generator, shape) + after, []
