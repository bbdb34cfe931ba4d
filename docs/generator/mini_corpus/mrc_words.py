"""Word lists of the MRC mini corpus: what passages tell of, in sentences and in questions about them.

`{e}` is the thing told of, `{p}` its founder, `{v}` the value; a particle follows behind `|`.
"""

from __future__ import annotations

from typing import NamedTuple

STEMS = (
    *("한들", "새솔", "가온", "누리", "다솜", "미르", "해솔", "온새", "푸름", "도담", "라온", "아름"),
    *("별솔", "소담", "나래", "가람", "보람", "하늘", "시내", "고운", "단비", "은솔", "한빛", "늘찬"),
    *("다온", "새벽", "윤슬", "여울", "초록", "하람", "마루", "솔빛", "노을", "아라", "샛별", "바다"),
)
SURNAMES = ("김", "이", "박", "최", "정", "강", "윤", "한")
GIVEN_NAMES = ("민준", "서연", "도윤", "하은", "지호", "수아", "태오", "나연", "시우", "은채")

VALUES = {
    "town": ("부산", "대전", "전주", "강릉", "춘천", "목포", "경주", "수원", "여수", "안동"),
    "hill": ("솔재 언덕", "은빛 호숫가", "돌다리 옆", "옛 역 앞", "큰 시장 뒤", "강변 공원", "대나무 숲 옆"),
    "job": ("목수", "교사", "어부", "간호사", "기자", "농부", "우체부", "제빵사"),
    "weekday": ("월요일", "화요일", "수요일", "목요일", "금요일"),
    "exhibit": ("금빛 항아리", "나무 시계", "유리 배", "종이 탑", "돌 거북", "비단 지도"),
    "dish": ("메밀국수", "감자전", "호박죽", "찹쌀떡", "두부찜", "옥수수빵"),
    "product": ("접는 자전거", "말하는 시계", "종이 의자", "물 없는 화분", "빛나는 우산", "따뜻한 모자"),
}


class Fact(NamedTuple):
    """What can be told: sentence, its question, the question in other words, and the kind of its value."""

    name: str
    statement: str
    question: str
    paraphrase: str
    kind: str


class Domain(NamedTuple):
    """A kind of thing: what its names are made of, how a passage begins, and what can be told of it."""

    category: str
    source: str
    subjects: tuple[str, ...]
    ending: str
    opening: str
    founder: str
    facts: tuple[Fact, ...]


# Told of the founder; asked of the thing, so that two sentences are needed.
FOUNDER_FACTS = (
    Fact(
        "birthplace",
        "{p|은/는} {v}에서 태어났다.",
        "{e|을/를} 세운 사람의 고향은 어디인가?",
        "{e|을/를} 처음 만든 인물은 어느 도시 출신인가?",
        "town",
    ),
    Fact(
        "job",
        "{p|은/는} 젊은 시절 {v|으로/로} 일했다.",
        "{e|을/를} 세운 사람의 옛 직업은 무엇인가?",
        "{e|을/를} 처음 만든 인물은 젊을 때 어떤 일을 했는가?",
        "job",
    ),
    Fact(
        "prize",
        "{p|은/는} {v}에 시민상을 받았다.",
        "{e|을/를} 세운 사람이 상을 받은 해는 언제인가?",
        "{e|을/를} 처음 만든 인물은 몇 년에 수상했는가?",
        "year",
    ),
)

MUSEUM = Domain(
    category="",
    source="mini-wiki",
    subjects=("한지", "도자기", "농기구", "악기", "등대", "장난감"),
    ending="박물관",
    opening="우리 지역에는 서로 다른 멋을 지닌 두 박물관이 있다.",
    founder="{e|은/는} {p|이/가} 세웠다.",
    facts=(
        Fact(
            "year",
            "{e|은/는} {v}에 문을 열었다.",
            "{e|이/가} 문을 연 해는 언제인가?",
            "{e|은/는} 몇 년에 개관했는가?",
            "year",
        ),
        Fact(
            "site",
            "{e|은/는} {v}에 자리하고 있다.",
            "{e|이/가} 자리한 곳은 어디인가?",
            "{e|을/를} 찾아가려면 어디로 가야 하는가?",
            "hill",
        ),
        Fact(
            "closed",
            "{e|은/는} 매주 {v}에 쉰다.",
            "{e|이/가} 쉬는 날은 언제인가?",
            "{e}의 휴관일은 무슨 요일인가?",
            "weekday",
        ),
        Fact(
            "exhibit",
            "{e|은/는} {v|으로/로} 널리 알려져 있다.",
            "{e|이/가} 널리 알려진 까닭은 무엇인가?",
            "{e}의 대표 전시품은 무엇인가?",
            "exhibit",
        ),
        Fact(
            "fee",
            "{e}에 들어가려면 {v|을/를} 내야 한다.",
            "{e}에 들어가려면 얼마를 내야 하는가?",
            "{e}의 입장료는 얼마인가?",
            "fee",
        ),
    ),
)

FESTIVAL = Domain(
    category="문화",
    source="mini-news",
    subjects=("등불", "바람개비", "얼음", "허수아비", "연날리기", "모래"),
    ending="축제",
    opening="올해도 시민들이 기다리는 두 축제가 나란히 열린다.",
    founder="{e|은/는} {p|이/가} 처음 만들었다.",
    facts=(
        Fact(
            "year",
            "{e|은/는} {v}에 시작되었다.",
            "{e|이/가} 시작된 해는 언제인가?",
            "{e|은/는} 몇 년에 처음 열렸는가?",
            "year",
        ),
        Fact(
            "site",
            "{e|은/는} 해마다 {v}에서 열린다.",
            "{e|이/가} 열리는 곳은 어디인가?",
            "{e}의 개최 장소는 어디인가?",
            "hill",
        ),
        Fact(
            "dish",
            "{e}에 온 사람들은 {v|을/를} 즐겨 먹는다.",
            "{e}에 온 사람들이 즐겨 먹는 것은 무엇인가?",
            "{e}의 인기 음식은 무엇인가?",
            "dish",
        ),
        Fact(
            "visitors",
            "{e|을/를} 찾는 사람은 {v}에 이른다.",
            "{e|을/를} 찾는 사람은 몇 명인가?",
            "{e}의 관람객 수는 얼마나 되는가?",
            "people",
        ),
        Fact(
            "fee",
            "{e}에 참가하려면 {v|을/를} 내야 한다.",
            "{e}에 참가하려면 얼마를 내야 하는가?",
            "{e}의 참가비는 얼마인가?",
            "fee",
        ),
    ),
)

COMPANY = Domain(
    category="경제",
    source="mini-news",
    subjects=("전자", "가구", "식품", "교통", "제지", "조명"),
    ending="회사",
    opening="작지만 튼튼한 두 회사가 최근 주목을 받고 있다.",
    founder="{e|은/는} {p|이/가} 설립했다.",
    facts=(
        Fact(
            "year",
            "{e|은/는} {v}에 문을 열었다.",
            "{e|이/가} 문을 연 해는 언제인가?",
            "{e|은/는} 몇 년에 창업했는가?",
            "year",
        ),
        Fact(
            "site",
            "{e|은/는} 본사를 {v}에 두고 있다.",
            "{e|이/가} 본사를 둔 곳은 어디인가?",
            "{e}의 사옥은 어디에서 볼 수 있는가?",
            "hill",
        ),
        Fact(
            "product",
            "{e|은/는} {v|을/를} 만들어 판다.",
            "{e|이/가} 만들어 파는 것은 무엇인가?",
            "{e}의 주력 상품은 무엇인가?",
            "product",
        ),
        Fact(
            "staff",
            "{e}에서 일하는 사람은 {v}에 이른다.",
            "{e}에서 일하는 사람은 몇 명인가?",
            "{e}의 직원 수는 얼마나 되는가?",
            "people",
        ),
        Fact(
            "closed",
            "{e|은/는} 매주 {v}에 회의를 한다.",
            "{e|이/가} 회의를 하는 날은 언제인가?",
            "{e}의 정기 회의는 무슨 요일인가?",
            "weekday",
        ),
    ),
)

DOMAINS = (MUSEUM, FESTIVAL, COMPANY)
