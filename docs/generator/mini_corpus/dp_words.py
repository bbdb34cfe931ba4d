"""Word lists of the DP mini corpus: words with their morphemes and POS tags, verbs with their forms."""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """A predicate with its forms as `word=morphemes`, and what it is said of.

    `past` has the final ending, `adnominal` modifies a noun; all other endings join the stem as it stands.
    `tags` are the tags of the stem.
    """

    stem: str
    stem_morphemes: str
    tags: str
    past: str
    adnominal: str
    objects: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


PEOPLE = ("민수", "지혜", "영호", "은지", "태민", "수진")
KIN = ("누나", "형", "동생", "친구", "선생님", "이웃")
JOBS = ("의사", "가수", "기자", "화가", "교사")
DETERMINERS = ("이", "그", "저")
DEGREES = ("매우", "아주", "정말")
MANNERS = ("빨리", "천천히", "함께", "다시")
DAYS = ("어제", "오늘", "주말", "아침", "저녁")
INTERJECTIONS = ("와,", "아,", "어머,")
CONJUNCTIONS = ("그리고", "하지만", "그래서")
TOWNS = ("서울", "부산", "전주", "강릉")
BUILDINGS = ("도서관", "시장", "공원", "식당")

BOOKS = ("책", "편지", "신문", "소설")
FOODS = ("사과", "빵", "국수", "김밥")
GOODS = ("가방", "모자", "시계", "우산")

OBJECTS = (BOOKS, FOODS, GOODS)

VERBS = (
    Verb("읽", "읽", "VV", "읽었다.=읽 었 다 .", "읽은=읽 은", BOOKS, BUILDINGS),
    Verb("쓰", "쓰", "VV", "썼다.=쓰 었 다 .", "쓴=쓰 ㄴ", ("편지", "소설"), BUILDINGS),
    Verb("먹", "먹", "VV", "먹었다.=먹 었 다 .", "먹은=먹 은", FOODS, BUILDINGS),
    Verb("사", "사", "VV", "샀다.=사 았 다 .", "산=사 ㄴ", BOOKS + FOODS + GOODS, BUILDINGS),
    Verb("찾", "찾", "VV", "찾았다.=찾 았 다 .", "찾은=찾 은", BOOKS + GOODS, BUILDINGS),
    Verb("팔", "팔", "VV", "팔았다.=팔 았 다 .", "판=팔 ㄴ", FOODS + GOODS, BUILDINGS),
    Verb(
        "준비하",
        "준비 하",
        "NNG+XSV",
        "준비했다.=준비 하 였 다 .",
        "준비한=준비 하 ㄴ",
        FOODS + GOODS,
        BUILDINGS,
    ),
    Verb("살", "살", "VV", "살았다.=살 았 다 .", "산=살 ㄴ", (), TOWNS),
    Verb("쉬", "쉬", "VV", "쉬었다.=쉬 었 다 .", "쉰=쉬 ㄴ", (), BUILDINGS + TOWNS),
    Verb("웃", "웃", "VV", "웃었다.=웃 었 다 .", "웃은=웃 은", (), BUILDINGS),
    Verb(
        "일하",
        "일 하",
        "NNG+XSV",
        "일했다.=일 하 였 다 .",
        "일한=일 하 ㄴ",
        (),
        BUILDINGS + TOWNS,
    ),
)
# Predicates of qualities.
QUALITIES = (
    Verb("좋", "좋", "VA", "좋았다.=좋 았 다 .", "좋은=좋 은"),
    Verb("작", "작", "VA", "작았다.=작 았 다 .", "작은=작 은"),
    Verb("크", "크", "VA", "컸다.=크 었 다 .", "큰=크 ㄴ"),
    Verb("싸", "싸", "VA", "쌌다.=싸 았 다 .", "싼=싸 ㄴ"),
    Verb(
        "깨끗하",
        "깨끗하",
        "VA",
        "깨끗했다.=깨끗하 였 다 .",
        "깨끗한=깨끗하 ㄴ",
    ),
)
# Qualities of people.
PERSONAL = (
    Verb("좋", "좋", "VA", "좋았다.=좋 았 다 .", "좋은=좋 은"),
    Verb("젊", "젊", "VA", "젊었다.=젊 었 다 .", "젊은=젊 은"),
    Verb("바쁘", "바쁘", "VA", "바빴다.=바쁘 았 다 .", "바쁜=바쁘 ㄴ"),
    Verb("착하", "착하", "VA", "착했다.=착하 였 다 .", "착한=착하 ㄴ"),
)
# Predicates whose subject is a clause, turned into a noun by -기.
JUDGEMENTS = (
    Verb("쉽", "쉽", "VA", "쉬웠다.=쉽 었 다 .", "쉬운=쉽 ㄴ"),
    Verb("어렵", "어렵", "VA", "어려웠다.=어렵 었 다 .", "어려운=어렵 ㄴ"),
)
LIKE = Verb("좋아하", "좋아하", "VV", "좋아했다.=좋아하 였 다 .", "좋아한=좋아하 ㄴ")
SAY = Verb("말하", "말 하", "NNG+XSV", "말했다.=말 하 였 다 .", "말한=말 하 ㄴ")
BECOME = Verb("되", "되", "VV", "되었다.=되 었 다 .", "된=되 ㄴ")
