"""Word lists of the WoS mini corpus: the 45 slots with their values, and how users and system put them.

No value belongs to two slots, but for yes, no and dontcare, and these show in a word that no other slot and
no other answer has: `수영장이 있어야`, `수영장은 없어도`. Values stand without a particle.
"""

from __future__ import annotations

from typing import NamedTuple

SIGHT, LODGING, RESTAURANT, SUBWAY, TAXI = "관광", "숙소", "식당", "지하철", "택시"


class Wish(NamedTuple):
    """How a user says which of a slot's values is wanted, or that any will do, where that occurs."""

    values: tuple[str, ...]
    said: tuple[str, ...]
    dontcare: str = ""


class Property(NamedTuple):
    """How a user says that a place must have a property, must not have it, or may have it."""

    yes: str
    no: str = ""
    dontcare: str = ""


SEARCH: dict[str, dict[str, Wish]] = {
    SIGHT: {
        "종류": Wish(
            ("공원", "미술관", "박물관", "유적지"),
            ("{} 추천해 주세요.", "{} 같은 곳이 좋아요."),
            "관광지야 아무 곳이나 좋아요.",
        ),
        "지역": Wish(
            ("강변", "호숫가", "바닷가", "언덕길"),
            ("{} 근처로 갈게요.", "{} 쪽이면 좋겠어요."),
            "동네야 아무 곳이나 좋아요.",
        ),
    },
    LODGING: {
        "가격대": Wish(
            ("저렴", "적당", "비싼"), ("숙박비는 {} 수준이면 돼요.",), "숙박비야 얼마든지 괜찮아요."
        ),
        "종류": Wish(
            ("호텔", "민박", "펜션", "한옥"),
            ("{} 추천해 주세요.", "{} 종류로 찾아 주세요."),
            "숙소야 아무 곳이나 좋아요.",
        ),
        "지역": Wish(
            ("북쪽", "남쪽", "동쪽", "서쪽"),
            ("도시 {} 방면이면 좋겠어요.", "{} 근처에서 묵을게요."),
            "위치야 어디든 괜찮아요.",
        ),
    },
    RESTAURANT: {
        "가격대": Wish(
            ("알뜰", "보통", "고급"), ("음식값은 {} 수준이면 돼요.",), "음식값이야 얼마든지 괜찮아요."
        ),
        "종류": Wish(
            ("한식당", "중식당", "일식당", "분식집"),
            ("{} 추천해 주세요.", "{} 종류로 찾아 주세요."),
            "메뉴야 아무거나 좋아요.",
        ),
        "지역": Wish(
            ("시장통", "대학가", "번화가", "주택가"),
            ("{} 근처로 갈게요.", "{} 쪽이면 좋겠어요."),
            "지역이야 어디든 괜찮아요.",
        ),
    },
}
PROPERTIES: dict[str, dict[str, Property]] = {
    SIGHT: {
        "경치 좋은": Property("경치가 좋아야 해요."),
        "교육적": Property("교육적인 곳이 좋아요."),
        "도보 가능": Property("걸어서 가고 싶어요."),
        "문화 예술": Property("예술을 즐기고 싶어요."),
        "역사적": Property("역사적인 곳이 좋아요.", no="역사적이지 않아도 돼요."),
        "주차 가능": Property("주차장이 있어야 해요.", dontcare="주차장이야 상관없어요."),
    },
    LODGING: {
        "도보 가능": Property("도보로 가야 해요."),
        "수영장 유무": Property("수영장이 있어야 해요.", no="수영장은 없어도 돼요."),
        "스파 유무": Property("스파가 있어야 해요."),
        "인터넷 가능": Property("와이파이가 있어야 해요."),
        "조식 가능": Property("조식이 있어야 해요.", dontcare="조식이야 상관없어요."),
        "주차 가능": Property("차고가 있어야 해요."),
        "헬스장 유무": Property("헬스장이 있어야 해요."),
        "흡연 가능": Property("흡연실이 있어야 해요.", no="금연실로 주세요."),
    },
    RESTAURANT: {
        "도보 가능": Property("가까운 곳이어야 해요."),
        "야외석 유무": Property("야외석이 있어야 해요.", dontcare="야외석이야 상관없어요."),
        "인터넷 가능": Property("인터넷이 있어야 해요."),
        "주류 판매": Property("술을 팔아야 해요.", no="술은 안 팔아야 해요."),
        "주차 가능": Property("주차가 돼야 해요."),
        "흡연 가능": Property("담배를 피워야 해요.", no="담배는 안 피워요."),
    },
}
NAMES: dict[str, Wish] = {
    SIGHT: Wish(("달빛정원", "솔바람숲", "은하전시관", "나루광장"), ("{} 좋네요.", "{} 거기로 갈게요.")),
    LODGING: Wish(("구름채", "온돌마루", "새벽별", "소담재"), ("{} 좋네요.", "{} 거기에서 묵을게요.")),
    RESTAURANT: Wish(("들꽃밥상", "가마솥", "두레상", "해맑은부엌"), ("{} 좋네요.", "{} 거기에서 먹을게요.")),
}
BOOKING: dict[str, dict[str, Wish]] = {
    LODGING: {
        "예약 기간": Wish(("1", "2", "3"), ("{} 박 할게요.",)),
        "예약 명수": Wish(("4", "5", "6"), ("모두 {} 명이 묵어요.",)),
        "예약 요일": Wish(("금요일", "토요일", "일요일"), ("{} 체크인이요.", "{} 숙박이요.")),
    },
    RESTAURANT: {
        "예약 명수": Wish(("7", "8", "9"), ("모두 {} 명이 먹어요.",)),
        "예약 시간": Wish(("17:00", "18:00", "19:00"), ("{} 예약이요.", "{} 식사로 잡아 주세요.")),
        "예약 요일": Wish(("월요일", "화요일", "수요일", "목요일"), ("{} 방문이요.", "{} 예약이요.")),
    },
}
RIDES: dict[str, dict[str, Wish]] = {
    SUBWAY: {
        "출발지": Wish(("하늘역", "바람역", "구름역", "노을역"), ("{} 출발이에요.", "{} 에서 타요.")),
        "도착지": Wish(("별빛역", "이슬역", "햇살역", "새벽역"), ("{} 도착이에요.", "{} 까지 가요.")),
        "출발 시간": Wish(
            ("09:10", "10:10", "11:10"), ("{} 열차로 갈게요.", "{} 출발로요."), "열차야 아무 때나 좋아요."
        ),
    },
    TAXI: {
        "출발지": Wish(("공항", "터미널", "항구", "시청"), ("{} 출발이에요.", "{} 앞에서 타요.")),
        "도착지": Wish(("백화점", "경기장", "극장", "병원"), ("{} 도착이에요.", "{} 앞에서 내려요.")),
        "종류": Wish(
            ("일반", "모범", "대형"), ("{} 택시로 불러 주세요.", "{} 택시요."), "차종이야 아무거나 좋아요."
        ),
        "출발 시간": Wish(("12:30", "13:30", "14:30"), ("{} 출발로요.", "{} 택시를 탈게요.")),
        "도착 시간": Wish(("20:50", "21:50", "22:50"), ("{} 도착으로요.", "{} 전에 내려야 해요.")),
    },
}
# A taxi is ordered for one time: that of leaving or that of arriving.
TIMES_OF_TAXI = ("출발 시간", "도착 시간")

# How a user begins to talk about a domain, and how the system asks for more.
OPENINGS = {
    SIGHT: ("가볼 만한 관광지를 찾고 있어요.", "관광지를 알려 주세요."),
    LODGING: ("묵을 숙소를 찾고 있어요.", "숙소를 알려 주세요."),
    RESTAURANT: ("밥 먹을 식당을 찾고 있어요.", "식당을 알려 주세요."),
    SUBWAY: ("지하철 길을 알려 주세요.", "지하철을 타려고 해요."),
    TAXI: ("택시를 불러 주세요.", "택시를 타려고 해요."),
}
GREETINGS = ("안녕하세요.", "저기요.", "여행 왔어요.")
FURTHER = ("그리고", "이번에는", "또")
MORE = ("네, 더 말씀해 주세요.", "다른 조건도 있으세요?", "알겠습니다. 또 있으신가요?")
OFFER = "{} 어떠세요?"
BOOKED = ("네, 예약했습니다.", "예약되었습니다. 더 도와드릴까요?")
FOUND = ("네, 알아봤습니다.", "알겠습니다. 더 도와드릴까요?")
CORRECTION = "잠깐만요, {old} 말고 {new} 쪽으로 바꿔 주세요."
CORRECTED = "네, 바꿔 드렸습니다."
CLOSINGS = ("감사합니다.", "이제 다 됐어요. 고마워요.", "네, 그거면 충분해요.")
FAREWELLS = ("네, 좋은 여행 되세요.", "즐거운 시간 보내세요.", "이용해 주셔서 감사합니다.")

# The domains of a dialogue, in the order in which they are talked about.
PLANS = (
    (LODGING,),
    (RESTAURANT,),
    (SIGHT,),
    (LODGING, TAXI),
    (RESTAURANT, SUBWAY),
    (SIGHT, LODGING),
    (LODGING, RESTAURANT),
    (RESTAURANT, TAXI),
    (SIGHT, RESTAURANT),
    (LODGING, SIGHT),
    (SIGHT, SUBWAY, TAXI),
)
