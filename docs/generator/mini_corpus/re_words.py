"""Word lists of the RE mini corpus: names, and sentence frames with the relations between their slots.

A slot is a letter for its kind and a number: `{p1|은/는}` is the first person with a particle.
"""

from __future__ import annotations

from typing import NamedTuple

SURNAMES = ("김", "이", "박", "최", "정", "강", "윤", "한")
GIVEN_NAMES = ("민준", "서연", "도윤", "하은", "지호", "수아", "태오", "나연", "시우", "은채")
NICKNAMES = ("별빛", "꽃비", "산들", "달무리", "은하수", "소나기")
COMPANY_STEMS = ("한빛", "새솔", "가람", "누리", "다온", "미르", "해솔", "온새")
COMPANY_ENDINGS = ("전자", "식품", "출판사", "재단", "방송")
FEDERATIONS = ("경제인연합회", "출판인협회", "중소기업연맹", "방송인협의회")
SCHOOLS = ("새빛대학교", "솔숲대학교", "큰내고등학교", "꽃재고등학교")
RELIGIONS = ("불교", "천주교", "개신교", "원불교")
TOWNS = ("부산", "대전", "전주", "강릉", "춘천", "목포", "경주", "수원")
JOBS = ("시인", "화가", "변호사", "요리사", "기자", "건축가")
WORK_OPENINGS = ("푸른", "작은", "먼", "마지막", "조용한")
WORK_NOUNS = ("강", "바람", "편지", "마을", "여름", "노래")
GOODS = ("새벽 라면", "구름 커피", "반달 전화기", "들꽃 차", "무지개 로봇", "초록 우산")

# Kind of slot -> entity type.
TYPES = {
    "p": "PER",
    "n": "PER",
    "o": "ORG",
    "f": "ORG",
    "s": "ORG",
    "g": "ORG",
    "l": "LOC",
    "d": "DAT",
    "j": "POH",
    "w": "POH",
    "m": "POH",
    "c": "NOH",
}
OPENINGS = ("", "", "한편 ", "기록에 따르면 ", "알려진 대로 ")


class Frame(NamedTuple):
    """A sentence with slots, and its relations: `subject object label`, without label if there is none.

    The people in `family` bear one surname.
    """

    text: str
    pairs: tuple[str, ...]
    family: tuple[str, ...] = ()


FRAMES = (
    Frame(
        "{p1|은/는} {d1} {l1}에서 태어나 {l2}에서 살고 있다.",
        ("p1 d1 per:date_of_birth", "p1 l1 per:place_of_birth", "p1 l2 per:place_of_residence"),
    ),
    Frame(
        "{l1}에서 태어난 {p1|은/는} {d1} {l2}에서 세상을 떠났다.",
        ("p1 l1 per:place_of_birth", "p1 d1 per:date_of_death", "p1 l2 per:place_of_death"),
    ),
    Frame(
        "{p1|은/는} {d1}에 태어났고, 동생 {p2|은/는} {d2}에 사망했다.",
        (
            "p1 d1 per:date_of_birth",
            "p2 d2 per:date_of_death",
            "p1 p2 per:siblings",
            "p2 p1 per:siblings",
            "p1 d2",
            "p2 d1",
        ),
        family=("p1", "p2"),
    ),
    Frame(
        "{l1} 출신 {j1} {p1|은/는} {l2}에 살고 있다.",
        ("p1 l1 per:origin", "p1 j1 per:title", "p1 l2 per:place_of_residence"),
    ),
    Frame(
        "{p1|은/는} {l1}에서 사망했고, 아내 {p2|은/는} {l2} 출신이다.",
        (
            "p1 l1 per:place_of_death",
            "p2 l2 per:origin",
            "p1 p2 per:spouse",
            "p2 p1 per:spouse",
            "p1 l2",
            "p2 l1",
        ),
    ),
    Frame(
        "{p1|은/는} {p2}의 아들로 {s1|을/를} 졸업했다.",
        ("p1 p2 per:parents", "p2 p1 per:children", "p1 s1 per:schools_attended", "p2 s1"),
        family=("p1", "p2"),
    ),
    Frame(
        "{p1}의 딸 {p2|은/는} {s1|을/를} 나와 {o1}에서 일한다.",
        (
            "p1 p2 per:children",
            "p2 p1 per:parents",
            "p2 s1 per:schools_attended",
            "p2 o1 per:employee_of",
            "p1 o1",
            "p1 s1",
        ),
        family=("p1", "p2"),
    ),
    Frame(
        "{s1} 동창인 {p1|과/와} {p2|은/는} {d1}에 결혼했다.",
        (
            "p1 p2 per:spouse",
            "p2 p1 per:spouse",
            "p1 s1 per:schools_attended",
            "p2 s1 per:schools_attended",
            "p1 d1",
        ),
    ),
    Frame(
        "{p1}의 삼촌 {p2|은/는} {j1|으로/로} 일한다.",
        ("p1 p2 per:other_family", "p2 p1 per:other_family", "p2 j1 per:title", "p1 j1"),
        family=("p1", "p2"),
    ),
    Frame(
        "{p1|은/는} 형 {p2|과/와} 함께 {p3|을/를} 만났다.",
        ("p1 p2 per:siblings", "p2 p1 per:siblings", "p1 p3", "p3 p2", "p3 p1"),
        family=("p1", "p2"),
    ),
    Frame(
        "{n1}, 본명 {p1|은/는} {w1|을/를} 발표했다.",
        ("p1 n1 per:alternate_names", "n1 p1 per:alternate_names", "p1 w1 per:product", "n1 w1 per:product"),
    ),
    Frame(
        "{j1} {p1|은/는} {w1|을/를} 썼고, {p2|은/는} {w2|을/를} 그렸다.",
        (
            "p1 j1 per:title",
            "p1 w1 per:product",
            "p2 w2 per:product",
            "p1 w2",
            "p2 w1",
            "p2 j1",
        ),
    ),
    Frame(
        "동료 {p1|과/와} {p2|은/는} {o1}에서 함께 일한다.",
        ("p1 p2 per:colleagues", "p2 p1 per:colleagues", "p1 o1 per:employee_of", "p2 o1 per:employee_of"),
    ),
    Frame(
        "{p1|은/는} {o1} 대표이고, {p2|은/는} {o2} 직원이다.",
        (
            "p1 o1 per:employee_of",
            "o1 p1 org:top_members/employees",
            "p2 o2 per:employee_of",
            "o2 p2 org:top_members/employees",
            "p1 o2",
            "o1 p2",
            "p2 o1",
            "o2 p1",
        ),
    ),
    Frame(
        "{g1} 신자인 {p1|은/는} 동료 {p2|과/와} {l1|을/를} 찾았다.",
        ("p1 g1 per:religion", "p1 p2 per:colleagues", "p2 p1 per:colleagues", "p2 g1", "p1 l1", "p2 l1"),
    ),
    Frame(
        "{p1|은/는} 할아버지 {p2|을/를} 따라 {g1|을/를} 믿는다.",
        ("p1 g1 per:religion", "p1 p2 per:other_family", "p2 p1 per:other_family"),
        family=("p1", "p2"),
    ),
    Frame(
        "{p1|은/는} {n1|으로/로} 불리며, {p2|은/는} 그의 동료이다.",
        ("p1 n1 per:alternate_names", "n1 p1 per:alternate_names", "p1 p2 per:colleagues", "p2 n1"),
    ),
    Frame(
        "{p1|은/는} {p2}의 남편이자 {p3}의 아버지이다.",
        ("p1 p2 per:spouse", "p2 p1 per:spouse", "p1 p3 per:children", "p3 p1 per:parents"),
        family=("p1", "p3"),
    ),
    Frame(
        "{p1|은/는} {d1} {l1}에 {o1|을/를} 세웠다.",
        ("o1 p1 org:founded_by", "o1 d1 org:founded", "o1 l1 org:place_of_headquarters", "p1 d1", "p1 l1"),
    ),
    Frame(
        "{l1}에 본사를 둔 {o1|은/는} {d1}에 해산했다.",
        ("o1 l1 org:place_of_headquarters", "o1 d1 org:dissolved"),
    ),
    Frame(
        "{d1}에 설립된 {o1|은/는} {d2}에 문을 닫았다.",
        ("o1 d1 org:founded", "o1 d2 org:dissolved"),
    ),
    Frame(
        "{p1|이/가} 설립한 {o1|은/는} {d1}에 해체되었다.",
        ("o1 p1 org:founded_by", "o1 d1 org:dissolved", "p1 d1"),
    ),
    Frame(
        "{o1|은/는} {f1}의 회원사이고, {o2|은/는} 그렇지 않다.",
        ("o1 f1 org:member_of", "f1 o1 org:members", "o2 f1", "f1 o2", "o1 o2", "o2 o1"),
    ),
    Frame(
        "{f1|은/는} {o1|과/와} {o2|을/를} 회원으로 두고 {l1}에서 총회를 열었다.",
        (
            "f1 o1 org:members",
            "f1 o2 org:members",
            "o1 f1 org:member_of",
            "o2 f1 org:member_of",
            "o1 l1",
            "o2 l1",
        ),
    ),
    Frame(
        "{o1}(옛 이름 {o2})의 직원은 {c1}이고 본사는 {l1}에 있다.",
        (
            "o1 o2 org:alternate_names",
            "o2 o1 org:alternate_names",
            "o1 c1 org:number_of_employees/members",
            "o1 l1 org:place_of_headquarters",
        ),
    ),
    Frame(
        "{o1|은/는} {m1|을/를} 내놓았고, {o2|은/는} {m2|을/를} 출시했다.",
        ("o1 m1 org:product", "o2 m2 org:product", "o1 m2", "o2 m1", "o1 o2"),
    ),
    Frame(
        "직원 {c1|을/를} 둔 {o1|은/는} {p1} 대표가 이끈다.",
        (
            "o1 c1 org:number_of_employees/members",
            "o1 p1 org:top_members/employees",
            "p1 o1 per:employee_of",
            "p1 c1",
        ),
    ),
    Frame(
        "{g1} 계열인 {o1|은/는} {d1}에 {m1|을/를} 만들었다.",
        ("o1 g1 org:political/religious_affiliation", "o1 m1 org:product", "o1 d1"),
    ),
    Frame(
        "{g1}에서 운영하는 {o1|은/는} {c1}의 직원을 두고 있다.",
        ("o1 g1 org:political/religious_affiliation", "o1 c1 org:number_of_employees/members"),
    ),
    Frame(
        "{o1|은/는} {o2|으로/로} 이름을 바꾸고 {l1}에 본사를 지었다.",
        (
            "o1 o2 org:alternate_names",
            "o2 o1 org:alternate_names",
            "o1 l1 org:place_of_headquarters",
        ),
    ),
    Frame(
        "{p1|은/는} {d1} {o1|을/를} 방문해 {m1|을/를} 샀다.",
        ("p1 o1", "o1 p1", "p1 d1", "o1 d1", "p1 m1"),
    ),
    Frame(
        "{p1|은/는} {l1}에서 {p2|을/를} 만나 {w1|을/를} 읽었다.",
        ("p1 p2", "p2 p1", "p1 w1", "p2 w1", "p1 l1"),
    ),
)
