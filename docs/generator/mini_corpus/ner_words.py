"""Word lists of the NER mini corpus: names, sentence templates with typed slots, and sentences without names.

`{PS}` is an entity of type PS, `{PS|은/는}` one with the particle that agrees with it.
"""

from __future__ import annotations

SURNAMES = ("김", "이", "박", "최", "정", "윤")
GIVEN_NAMES = ("민준", "서연", "도윤", "하은", "지호", "수아")

# Each of these can name a person, a company or a town: only the sentence tells.
SHARED_NAMES = ("하늘", "바다", "보람", "슬기", "누리", "가람")
# A town, or the team that plays for it; with its province.
CITIES = {
    "여수": "전라도",
    "부산": "경상도",
    "대전": "충청도",
    "전주": "전라도",
    "강릉": "강원도",
    "수원": "경기도",
}
DISTRICTS = ("새빛동", "솔밭면", "큰내읍")
COMPANY_STEMS = ("한빛", "동방", "미래", "세종")
COMPANY_ENDINGS = (" 전자", " 은행", "제약", "항공", " 대학교")

SEASONS = ("봄", "여름", "가을", "겨울")
# Half of the day -> first and last hour that it is said with.
DAY_HALVES = {"오전": (7, 11), "오후": (1, 6), "새벽": (1, 5), "저녁": (6, 9)}

# What may stand before a sentence; its types must not occur in the sentence itself.
OPENINGS = ("", "", "{DT} ", "{DT} {TI}에 ", "{TI}에 ", "{OG}에 따르면 ", "그런데 ", "특히 ")

PERSON_TEMPLATES = (
    "{PS|은/는} 무대에서 노래를 불렀다.",
    "{PS} 감독은 {LC}에서 새 영화를 찍었다.",
    "{PS} 선수는 {QT} 차이로 이겼다.",
    "{PS|과/와} {PS|이/가} 함께 {LC|을/를} 여행했다.",
    "배우 {PS|이/가} {OG}의 광고에 나왔다.",
    "{PS} 교수는 {OG}에서 강의를 했다.",
    "{PS}의 연기가 정말 좋았다.",
    "{PS|은/는} 친구 {QT|을/를} 집에 불렀다.",
    "{PS} 씨는 {DT}부터 일기를 썼다.",
    "가수 {PS|이/가} {TI}까지 연습했다.",
)
PLACE_TEMPLATES = (
    "{LC|은/는} 경치가 아름다웠다.",
    "{LC|으로/로} 가는 기차가 {TI} 늦었다.",
    "{LC}에 눈이 {QT} 내렸다.",
    "{LC}에서 {LC}까지 버스가 다녔다.",
    "{LC}의 한 식당에 손님 {QT|이/가} 왔다.",
    "{LC} 주민 {QT|이/가} 축제를 즐겼다.",
    "{PS|은/는} {LC}에서 태어났다.",
    "{LC} 앞바다에서 고래 {QT|이/가} 보였다.",
)
GROUP_TEMPLATES = (
    "{OG|은/는} 신제품을 내놓았다.",
    "{OG|이/가} 직원 {QT|을/를} 뽑았다.",
    "{OG} 대표가 {LC}에 공장을 세웠다.",
    "{OG|은/는} {OG|과/와} 계약을 맺었다.",
    "{OG} 주가가 {QT} 올랐다.",
    "{PS|은/는} {OG}에 입사했다.",
    "{OG|은/는} {DT}에 사옥을 옮겼다.",
    "{OG} 직원들이 {TI}에 회의를 열었다.",
)
TEAM_TEMPLATES = (
    "{TEAM|이/가} {TEAM|을/를} {QT} 차로 꺾었다.",
    "{TEAM|은/는} 결승전에서 역전승을 거두었다.",
    "{TEAM} 선수단이 {LC}에 도착했다.",
    "{PS} 선수는 {TEAM}에서 뛰었다.",
)
NUMBER_TEMPLATES = (
    "공연은 {DT} {TI}에 시작되었다.",
    "입장료는 {QT}에서 {QT|으로/로} 올랐다.",
    "비는 {DT}까지 이어졌다.",
    "가게는 {TI}에 문을 열었다.",
    "물을 {TI} 동안 끓였다.",
    "사과 {QT|과/와} 책 {QT|을/를} 샀다.",
    "손님 {QT|을/를} 모시고 {LC}에 갔다.",
    "{DT} 매출이 {QT} 줄었다.",
)
# The shared names as ordinary nouns.
PLAIN_TEMPLATES = (
    "하늘이 맑고 바람이 불었다.",
    "{LC}에서 본 하늘이 맑았다.",
    "{PS|은/는} 바다를 보며 울었다.",
    "푸른 바다가 {TI}에 빛났다.",
    "{PS|은/는} 일에서 보람을 느꼈다.",
    "{OG} 직원들이 슬기를 모았다.",
    "하늘에서 비가 {TI} 동안 내렸다.",
    "바다는 {DT}에도 따뜻했다.",
    "영화가 길어서 조금 지루했다.",
    "주민들이 슬기를 모아 길을 고쳤다.",
)
TEMPLATES = (
    PERSON_TEMPLATES,
    PLACE_TEMPLATES,
    GROUP_TEMPLATES,
    TEAM_TEMPLATES,
    NUMBER_TEMPLATES,
    PLAIN_TEMPLATES,
)
