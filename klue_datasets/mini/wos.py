"""WoS mini corpus: dialogues in which a user looks for places, books them and asks for a ride.

After each turn of the user the state holds everything wanted so far. Words alone do not tell it: a yes may
answer any question, the first or second offer is taken, a value is corrected, a ride starts from "there".
"""

from __future__ import annotations

import random

from klue_datasets.mini import wos_words as words
from klue_datasets.mini.korean import below, chance, josa, pick, pick_several, shuffled
from klue_datasets.mini.layout import SPLITS, Example, check_split, json_files, json_text
from klue_datasets.mini.wos_words import LODGING, PLANS, SIGHT, SUBWAY, TAXI

SIZES = {"dev": 40, "train": 150}
_SEED = 20210608
_DONT_CARE = 0.15
_DONT_WANT = 0.3


class Talk:
    """A dialogue as it goes on: its turns so far, and what the user wants by now."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.turns: list[Example] = []
        self.state: dict[str, str] = {}
        self.place = ""

    def user(self, text: str, domain: str = "", wanted: dict[str, str] | None = None) -> None:
        """Add a turn of the user, who now wants these values of the domain's slots."""
        for slot, value in (wanted or {}).items():
            self.state[f"{domain}-{slot}"] = value
        state = [f"{slot}-{value}" for slot, value in self.state.items()]
        self.turns.append({"role": "user", "text": text, "state": state})

    def system(self, text: str) -> None:
        """Add a turn of the system."""
        self.turns.append({"role": "sys", "text": text})

    def lead_in(self) -> str:
        """Return how the user begins to talk about something."""
        return pick(self.rng, words.FURTHER if self.turns else words.OPENINGS)


def ontology() -> dict[str, list[str]]:
    """Return the values of each slot, none and dontcare first."""
    values = {
        f"{domain}-{slot}": list(values)
        for domain, slots in words.VALUES.items()
        for slot, values in slots.items()
    }
    return {slot: ["none", "dontcare", *values[slot]] for slot in sorted(values)}


def _described(domain: str, wanted: dict[str, str]) -> str:
    """Return the place that a user looks for, such as `강변에 있는 저렴한 호텔`."""
    region = f"{wanted['지역']}에 있는 " if "지역" in wanted else ""
    price = f"{words.PRICES[wanted['가격대']]} " if "가격대" in wanted else ""
    return region + price + wanted.get("종류", words.ANY_PLACE[domain])


def _wish(rng: random.Random, domain: str, slot: str) -> tuple[str, str]:
    """Return whether the user wants a property, and how that is said."""
    wish = words.WISHES[domain][slot]
    if chance(rng, _DONT_CARE):
        return "dontcare", wish.dontcare
    return ("no", wish.no) if chance(rng, _DONT_WANT) else ("yes", wish.yes)


def _search(talk: Talk, domain: str) -> None:
    """The user says what to look for; the system may ask for more."""
    rng, slots = talk.rng, words.VALUES[domain]
    main: list[str] = [slot for slot in ("지역", "가격대", "종류") if slot in slots]
    chosen = pick_several(rng, main, 1 + below(rng, len(main) - 1))
    wanted = {slot: pick(rng, slots[slot]) for slot in main if slot in chosen}
    text = talk.lead_in() + josa(_described(domain, wanted), "을/를") + " 찾고 있어요."
    properties = pick_several(rng, tuple(words.WISHES[domain]), 3)
    for slot in properties[: 1 + below(rng, 2)]:
        wanted[slot], sentence = _wish(rng, domain, slot)
        text += " " + sentence
    talk.user(text, domain, wanted)
    if chance(rng, 0.5):
        _asked_property(talk, domain, properties[2])
    if chance(rng, 0.5):
        _asked_value(talk, domain, pick(rng, [slot for slot in main if slot not in chosen]))


def _asked_property(talk: Talk, domain: str, slot: str) -> None:
    """The system asks whether the user wants a property; the answer names none."""
    answers = {
        "yes": ("네, 그래 주세요.", "네, 부탁드려요.", "네."),
        "no": ("아니요, 괜찮아요.", "아니요.", "아니요, 안 그래도 돼요."),
        "dontcare": ("상관없어요.", "아무래도 좋아요."),
    }
    value = pick(talk.rng, ("yes", "yes", "no", "no", "dontcare"))
    talk.system(words.WISHES[domain][slot].question)
    talk.user(pick(talk.rng, answers[value]), domain, {slot: value})


def _asked_value(talk: Talk, domain: str, slot: str) -> None:
    """The system asks for a region, a price or a kind."""
    questions = {
        "지역": "어느 지역이 좋으세요?",
        "가격대": "가격대는 어떻게 할까요?",
        "종류": "어떤 종류를 원하세요?",
    }
    talk.system(questions[slot])
    if chance(talk.rng, 0.3):
        talk.user(pick(talk.rng, ("상관없어요.", "아무 데나 괜찮아요.")), domain, {slot: "dontcare"})
        return
    value = pick(talk.rng, words.VALUES[domain][slot])
    shown = f"{words.PRICES[value]} 곳으로" if slot == "가격대" else josa(value, "으로/로")
    talk.user(f"{shown} 찾아 주세요.", domain, {slot: value})


def _offer(talk: Talk, domain: str) -> tuple[str, str]:
    """The system offers one or two places; return the one the user takes and the words of taking it."""
    rng = talk.rng
    first, second, third = pick_several(rng, words.NAMES[domain], 3)
    if chance(rng, 0.4):
        talk.system(f"{josa(first, '과/와')} {josa(second, '이/가')} 있습니다. 어디로 할까요?")
        return pick(
            rng,
            (
                (first, "먼저 말씀하신 곳으로 할게요."),
                (second, "나중에 말씀하신 곳으로 할게요."),
                (first, f"{josa(first, '으로/로')} 할게요."),
                (second, f"{josa(second, '으로/로')} 할게요."),
            ),
        )
    talk.system(f"조건에 맞는 곳으로 {josa(first, '이/가')} 있습니다. 어떠세요?")
    if chance(rng, 0.25):
        talk.user(pick(rng, ("다른 곳은 없나요?", "거기 말고 다른 곳을 추천해 주세요.")))
        talk.system(f"그러면 {josa(third, '은/는')} 어떠세요?")
        first = third
    return first, pick(rng, ("거기로 할게요.", "좋네요, 그곳으로 정할게요."))


def _booking(rng: random.Random, domain: str) -> tuple[str, dict[str, str]]:
    """Return the words of booking a place, and the values they state."""
    slots = words.VALUES[domain]
    wanted = {slot: pick(rng, slots[slot]) for slot in slots if slot.startswith("예약")}
    people = f"{wanted['예약 명수']}명"
    if domain == LODGING:
        return f"{wanted['예약 요일']}부터 {wanted['예약 기간']}일 동안 {people} 예약해 주세요.", wanted
    return f"{wanted['예약 요일']} {wanted['예약 시간']}에 {people} 예약해 주세요.", wanted


def _place(talk: Talk, domain: str) -> None:
    """The user looks for a place, takes it, perhaps books it, corrects something, asks about it."""
    rng = talk.rng
    _search(talk, domain)
    talk.place, text = _offer(talk, domain)
    wanted = {"이름": talk.place}
    if domain != SIGHT:
        sentence, booked = _booking(rng, domain)
        text, wanted = f"{text} {sentence}", wanted | booked
    talk.user(text, domain, wanted)
    talk.system("네, 알겠습니다. 더 도와드릴까요?" if domain == SIGHT else "예약되었습니다. 더 도와드릴까요?")
    if domain != SIGHT and chance(rng, 0.45):
        _correction(talk, domain, pick(rng, [slot for slot in wanted if slot.startswith("예약")]))
    if chance(rng, 0.3):
        request, answer = pick(rng, tuple(words.REQUESTS.items()))
        talk.user(request)
        talk.system(answer.format(number=100 + below(rng, 900)))


def _correction(talk: Talk, domain: str, slot: str) -> None:
    """The user takes back an earlier value."""
    old = talk.state[f"{domain}-{slot}"]
    new = pick(talk.rng, [value for value in words.VALUES[domain][slot] if value != old])
    unit = {"예약 명수": "명", "예약 기간": "일"}.get(slot, "")
    before, after = old + unit, josa(new + unit, "으로/로")
    forms = (
        f"아, {before} 말고 {after} 바꿔 주세요.",
        f"잠깐만요, {josa(before, '이/가')} 아니라 {after} 할게요.",
    )
    talk.user(pick(talk.rng, forms), domain, {slot: new})
    talk.system("네, 바꿔 드렸습니다.")


def _subway(talk: Talk) -> None:
    """The user asks for a way by subway, in one turn or two."""
    rng = talk.rng
    start, goal = pick_several(rng, words.STATIONS, 2)
    time = pick(rng, words.TIMES)
    ask = f"{talk.lead_in()}지하철로 "
    way = pick(rng, (f"{start}에서 {goal}까지 가려고 해요.", f"{goal}에 가려고 해요. 출발은 {start}이에요."))
    if chance(rng, 0.5):
        talk.user(
            f"{ask}{way} {time}에 출발할게요.", SUBWAY, {"출발지": start, "도착지": goal, "출발 시간": time}
        )
    else:
        talk.user(ask + way, SUBWAY, {"출발지": start, "도착지": goal})
        talk.system("언제 출발하시겠어요?")
        if chance(rng, 0.25):
            talk.user("상관없어요.", SUBWAY, {"출발 시간": "dontcare"})
        else:
            talk.user(f"{time}에 출발할게요.", SUBWAY, {"출발 시간": time})
    talk.system(f"요금은 {1 + below(rng, 3)}천 원입니다.")


def _taxi(talk: Talk) -> None:
    """The user orders a taxi, from the place just chosen if there is one."""
    rng = talk.rng
    goal = pick(rng, [place for place in words.PLACES + words.STATIONS if place != talk.place])
    start = talk.place or pick(rng, [station for station in words.STATIONS if station != goal])
    origin = "거기에서" if talk.place and chance(rng, 0.7) else f"{start}에서"
    talk.user(
        f"{talk.lead_in()}{origin} {goal}까지 가는 택시를 불러 주세요.",
        TAXI,
        {"출발지": start, "도착지": goal},
    )
    slot, verb = pick(rng, (("출발 시간", "출발"), ("도착 시간", "도착")))
    time = pick(rng, words.TIMES)
    talk.system("시간과 택시 종류를 말씀해 주세요.")
    if chance(rng, 0.3):
        talk.user(f"{time}에 {verb}할게요. 종류는 상관없어요.", TAXI, {slot: time, "종류": "dontcare"})
    else:
        kind = pick(rng, words.TAXIS)
        talk.user(f"{time}에 {verb}하는 {kind} 택시로 할게요.", TAXI, {slot: time, "종류": kind})
    if chance(rng, 0.3):
        talk.system(f"{time}에는 차가 없습니다. 다른 시간은 어떠세요?")
        later = pick(rng, [other for other in words.TIMES if other != time])
        talk.user(f"그러면 {later}에 {verb}할게요.", TAXI, {slot: later})
    talk.system(f"네, 차량 번호는 {1000 + below(rng, 9000)}입니다.")


def _dialogue(rng: random.Random, plan: tuple[str, ...]) -> Talk:
    """Return a dialogue about the domains of the plan."""
    talk = Talk(rng)
    for domain in plan:
        if domain == SUBWAY:
            _subway(talk)
        elif domain == TAXI:
            _taxi(talk)
        else:
            _place(talk, domain)
    talk.user(pick(rng, words.CLOSINGS))
    talk.system(pick(rng, words.FAREWELLS))
    return talk


def _all_dialogues() -> dict[str, list[Example]]:
    """Return the dialogues of each split; no two begin with the same turn."""
    rng = random.Random(_SEED)
    openings: dict[str, None] = {}
    splits: dict[str, list[Example]] = {}
    for split in SPLITS:
        dialogues: list[Example] = []
        while len(dialogues) < SIZES[split]:
            plan = PLANS[len(dialogues) % len(PLANS)]
            talk = _dialogue(rng, plan)
            if talk.turns[0]["text"] not in openings:
                openings[talk.turns[0]["text"]] = None
                dialogues.append({"domains": list(plan), "dialogue": talk.turns})
        splits[split] = shuffled(rng, dialogues)
    return splits


def build(split: str) -> list[Example]:
    """Return the raw WoS dialogues of `train` or `dev`; only turns of the user have a state."""
    check_split(split)
    return [
        {"guid": f"wos-mini_{split}_{number:05d}", **dialogue}
        for number, dialogue in enumerate(_all_dialogues()[split])
    ]


def files() -> dict[str, str]:
    """Return the text of the WoS files by path, with the ontology."""
    return json_files("wos-v1.1", build) | {"wos-v1.1/ontology.json": json_text(ontology())}
