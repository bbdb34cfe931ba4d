"""Word lists of the WoS mini corpus: the 45 slots with their values, and how users and system put them."""

from __future__ import annotations

from typing import NamedTuple

SIGHT, LODGING, RESTAURANT, SUBWAY, TAXI = "관광", "숙소", "식당", "지하철", "택시"

REGIONS = ("강변", "항구", "언덕 마을", "시장 거리", "호수 북쪽", "호수 남쪽")
PRICES = {"저렴": "저렴한", "보통": "보통 가격의", "고급": "고급스러운"}
DAYS = ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일")
PEOPLE = tuple(str(number) for number in range(1, 10))
NIGHTS = tuple(str(number) for number in range(1, 6))
TIMES = tuple(f"{hour:02d}:{minute}" for hour in range(9, 22) for minute in ("00", "20", "40"))
STATIONS = ("하늘역", "바람역", "구름역", "노을역", "무지개역", "별빛역", "이슬역", "햇살역")
TAXIS = ("일반", "모범", "대형")

KINDS = {
    SIGHT: ("공원", "미술관", "박물관", "전통 시장"),
    LODGING: ("호텔", "민박", "여관", "한옥"),
    RESTAURANT: ("한식당", "중식당", "일식당", "분식집"),
}
NAMES = {
    SIGHT: ("달빛 정원", "솔바람 숲", "은하 전시관", "나루터 광장", "돌담길", "푸른 전망대"),
    LODGING: ("구름채", "달무리 스테이", "온돌마루", "새벽별 하우스", "늘봄 리조트", "소담채"),
    RESTAURANT: ("들꽃 밥상", "해맑은 부엌", "가마솥 이야기", "늘푸른 식탁", "두레 상차림", "꽃피는 주방"),
}
# What a user calls the place before saying of what kind it should be.
ANY_PLACE = {SIGHT: "관광지", LODGING: "숙소", RESTAURANT: "식당"}
PLACES = NAMES[SIGHT] + NAMES[LODGING] + NAMES[RESTAURANT]


class Wish(NamedTuple):
    """How a user wants, does not want or does not mind a property, and how the system asks for it."""

    yes: str
    no: str
    dontcare: str
    question: str


WALK = Wish(
    "역에서 걸어갈 수 있으면 좋겠어요.",
    "걸어서 갈 필요는 없어요.",
    "걸어서 가든 차로 가든 상관없어요.",
    "역에서 걸어갈 수 있어야 하나요?",
)
PARKING = Wish(
    "주차가 되면 좋겠어요.", "주차는 필요 없어요.", "주차는 되든 안 되든 상관없어요.", "주차가 필요하세요?"
)
INTERNET = Wish(
    "인터넷이 되면 좋겠어요.",
    "인터넷은 필요 없어요.",
    "인터넷은 되든 안 되든 상관없어요.",
    "인터넷이 필요하세요?",
)
SMOKING = Wish(
    "담배를 피울 수 있으면 좋겠어요.",
    "담배를 못 피우는 곳이 좋아요.",
    "담배는 피우든 안 피우든 상관없어요.",
    "담배를 피울 수 있어야 하나요?",
)


def _facility(name: str, topic: str, subject: str) -> Wish:
    """Return the wish for something that a place has or does not have."""
    return Wish(
        f"{subject} 있으면 좋겠어요.",
        f"{topic} 필요 없어요.",
        f"{topic} 있든 없든 상관없어요.",
        f"{name} 있는 곳을 원하세요?",
    )


WISHES = {
    SIGHT: {
        "경치 좋은": Wish(
            "경치가 좋으면 좋겠어요.",
            "경치가 좋을 필요는 없어요.",
            "경치는 상관없어요.",
            "경치가 좋은 곳을 원하세요?",
        ),
        "교육적": Wish(
            "교육적인 곳이면 좋겠어요.",
            "교육적일 필요는 없어요.",
            "교육적인지는 상관없어요.",
            "교육적인 곳을 원하세요?",
        ),
        "도보 가능": WALK,
        "문화 예술": Wish(
            "문화 예술을 즐길 수 있으면 좋겠어요.",
            "문화 예술 공간일 필요는 없어요.",
            "문화 예술은 즐기든 못 즐기든 상관없어요.",
            "문화 예술을 즐길 수 있는 곳을 원하세요?",
        ),
        "역사적": Wish(
            "역사적인 곳이면 좋겠어요.",
            "역사적일 필요는 없어요.",
            "역사적인지는 상관없어요.",
            "역사적인 곳을 원하세요?",
        ),
        "주차 가능": PARKING,
    },
    LODGING: {
        "도보 가능": WALK,
        "수영장 유무": _facility("수영장이", "수영장은", "수영장이"),
        "스파 유무": _facility("스파가", "스파는", "스파가"),
        "인터넷 가능": INTERNET,
        "조식 가능": _facility("아침 식사가", "아침 식사는", "아침 식사가"),
        "주차 가능": PARKING,
        "헬스장 유무": _facility("헬스장이", "헬스장은", "헬스장이"),
        "흡연 가능": SMOKING,
    },
    RESTAURANT: {
        "도보 가능": WALK,
        "야외석 유무": _facility("야외석이", "야외석은", "야외석이"),
        "인터넷 가능": INTERNET,
        "주류 판매": Wish(
            "술을 팔면 좋겠어요.",
            "술을 안 파는 곳이 좋아요.",
            "술은 팔든 안 팔든 상관없어요.",
            "술을 파는 곳을 원하세요?",
        ),
        "주차 가능": PARKING,
        "흡연 가능": SMOKING,
    },
}

_YES_NO = ("yes", "no")
# Domain -> slot -> values, apart from none and dontcare; the slots are the 45 of the official ontology.
VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    SIGHT: {
        **dict.fromkeys(WISHES[SIGHT], _YES_NO),
        "이름": NAMES[SIGHT],
        "종류": KINDS[SIGHT],
        "지역": REGIONS,
    },
    LODGING: {
        **dict.fromkeys(WISHES[LODGING], _YES_NO),
        "가격대": tuple(PRICES),
        "예약 기간": NIGHTS,
        "예약 명수": PEOPLE,
        "예약 요일": DAYS,
        "이름": NAMES[LODGING],
        "종류": KINDS[LODGING],
        "지역": REGIONS,
    },
    RESTAURANT: {
        **dict.fromkeys(WISHES[RESTAURANT], _YES_NO),
        "가격대": tuple(PRICES),
        "예약 명수": PEOPLE,
        "예약 시간": TIMES,
        "예약 요일": DAYS,
        "이름": NAMES[RESTAURANT],
        "종류": KINDS[RESTAURANT],
        "지역": REGIONS,
    },
    SUBWAY: {"도착지": STATIONS, "출발 시간": TIMES, "출발지": STATIONS},
    TAXI: {
        "도착 시간": TIMES,
        "도착지": PLACES + STATIONS,
        "종류": TAXIS,
        "출발 시간": TIMES,
        "출발지": PLACES + STATIONS,
    },
}

# The domains of a dialogue, in the order in which they are talked about.
PLANS = (
    (SIGHT,),
    (LODGING,),
    (RESTAURANT,),
    (SUBWAY,),
    (TAXI,),
    (SIGHT, RESTAURANT),
    (LODGING, SIGHT),
    (RESTAURANT, TAXI),
    (LODGING, TAXI),
    (SIGHT, SUBWAY),
    (RESTAURANT, LODGING),
    (LODGING, RESTAURANT, TAXI),
    (SIGHT, RESTAURANT, SUBWAY),
)
OPENINGS = ("안녕하세요. ", "여행을 왔는데요. ", "저기요. ", "")
FURTHER = ("그리고 ", "또 ", "이번에는 ")
CLOSINGS = ("감사합니다. 더 필요한 것은 없어요.", "이제 다 됐어요. 고마워요.", "네, 그거면 충분해요.")
FAREWELLS = ("네, 좋은 여행 되세요.", "감사합니다. 즐거운 시간 보내세요.", "이용해 주셔서 감사합니다.")
REQUESTS = {
    "전화번호도 알려 주세요.": "전화번호는 {number}번입니다.",
    "주소를 알 수 있을까요?": "새빛로 {number}번지입니다.",
    "평점은 어떤가요?": "평점은 5점 만점에 4점입니다.",
}
