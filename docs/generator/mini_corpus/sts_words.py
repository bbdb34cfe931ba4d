"""Word lists of the STS mini corpus: paraphrases of each core meaning, with slots for a place and a time."""

from __future__ import annotations

from typing import NamedTuple

Paraphrases = tuple[str, ...]

PLACES = ("서울", "부산", "대전", "광주", "제주")
TIME = "이번 주"


class Frame(NamedTuple):
    """A source and the core meanings it can express, each as a list of paraphrases."""

    source: str
    cores: tuple[Paraphrases, ...]


QUESTION = Frame(
    source="mini-question",
    cores=(
        ("{time} {place} 날씨 좀 알려 줘.", "{time} {place} 하늘이 맑은지 궁금해."),
        ("{time} {place} 맛집 좀 알려 줘.", "{time} {place} 식당이 괜찮은지 궁금해."),
        ("{time} {place} 숙소 좀 알려 줘.", "{time} {place} 호텔이 비었는지 궁금해."),
        ("{time} {place} 축제 좀 알려 줘.", "{time} {place} 행사가 열리는지 궁금해."),
    ),
)

POLICY = Frame(
    source="mini-policy",
    cores=(
        ("{time} {place} 시민의 월세를 지원합니다.", "{time} {place} 주민의 주거비를 나라가 덜어 줍니다."),
        ("{time} {place} 시민의 치료비를 지원합니다.", "{time} {place} 주민의 병원비를 나라가 덜어 줍니다."),
        (
            "{time} {place} 시민의 교통비를 지원합니다.",
            "{time} {place} 주민의 버스 요금을 나라가 덜어 줍니다.",
        ),
        ("{time} {place} 시민의 교육비를 지원합니다.", "{time} {place} 주민의 수업료를 나라가 덜어 줍니다."),
    ),
)

REVIEW = Frame(
    source="mini-review",
    cores=(
        ("{time} {place} 여관은 방이 넓었다.", "{time} {place} 민박은 객실이 널찍해서 만족했다."),
        ("{time} {place} 여관은 주인이 친절했다.", "{time} {place} 민박은 사장님이 상냥해서 만족했다."),
        ("{time} {place} 여관은 음식이 맛있었다.", "{time} {place} 민박은 아침밥이 훌륭해서 만족했다."),
        ("{time} {place} 여관은 전망이 좋았다.", "{time} {place} 민박은 경치가 아름다워서 만족했다."),
    ),
)

FRAMES = (QUESTION, POLICY, REVIEW)
