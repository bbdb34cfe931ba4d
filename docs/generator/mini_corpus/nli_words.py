"""Word lists of the NLI mini corpus: what has a weekday, the weekdays, and verbs that mean the same."""

from __future__ import annotations

from typing import NamedTuple

DAYS = ("월요일에", "화요일에", "수요일에", "목요일에", "금요일에", "토요일에")


class Domain(NamedTuple):
    """A source with those who know, the topics that have a day, and synonymous verbs.

    Each is one word, so that a small model finds the same part at the same position.
    """

    source: str
    informants: tuple[str, ...]
    topics: tuple[str, ...]
    verbs: tuple[str, ...]


NOTICE = Domain(
    source="mini-notice",
    informants=("시청", "구청", "학교", "도서관", "회사", "방송국", "박물관", "체육관"),
    topics=("회의", "공연", "경기", "강연", "축제", "토론회"),
    verbs=("열린다", "시작한다", "진행된다"),
)

SHOP = Domain(
    source="mini-shop",
    informants=("안내판", "지도", "소식지", "게시판", "상인회", "누리집", "안내원", "전단지"),
    topics=("서점", "식당", "빵집", "약국", "꽃집", "미용실"),
    verbs=("쉰다", "휴업한다", "휴무다"),
)

PEOPLE = Domain(
    source="mini-people",
    informants=("동생", "친구", "이웃", "사촌", "선배", "할머니", "편지", "쪽지"),
    topics=("민수", "지혜", "영호", "은지", "태민", "수진"),
    verbs=("돌아온다", "귀국한다", "입국한다"),
)

DOMAINS = (NOTICE, SHOP, PEOPLE)
