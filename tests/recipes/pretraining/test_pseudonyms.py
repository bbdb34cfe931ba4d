"""Tests of pseudonyms: recognised data, format, particles and restoration."""

from __future__ import annotations

import collections
import json
import random
from pathlib import Path
from typing import Any

import pytest
from personal_data import NEGATIVES, NUMERIC, POSITIVES, cases
from presidio_analyzer import AnalyzerEngine

from recipes.predict import load_pipeline
from recipes.pretraining import personal_data as kinds
from recipes.pretraining.personal_data import EntityModel, Recogniser, find, recognisers
from recipes.pretraining.pseudonyms import Pseudonymiser, agreeing, pseudonymise, restore
from recipes.pseudonymise import main


def test_precision_and_recall_of_every_kind() -> None:
    assert set(POSITIVES) == set(kinds.KINDS)
    assert len(kinds.KINDS) == 16
    known = recognisers()
    counts: dict[str, collections.Counter[str]] = {kind: collections.Counter() for kind in kinds.KINDS}
    wrong = []
    for text, expected in cases(100):
        found = [(one.start, one.end, one.kind) for one in find(text, known)]
        for one in found:
            counts[one[2]]["right" if one in expected else "invented"] += 1
        for one in expected:
            counts[one[2]]["missed"] += one not in found
        if found != expected:
            wrong.append((text, expected, found))
    print()
    for kind, row in counts.items():
        precision = row["right"] / max(row["right"] + row["invented"], 1)
        recall = row["right"] / (row["right"] + row["missed"])
        print(f"{kind:24} precision {precision:.3f}  recall {recall:.3f}")
        if kind in NUMERIC:
            assert min(precision, recall) >= 0.98, [case for case in wrong if kind in str(case)][:5]
        assert min(precision, recall) >= 0.95, [case for case in wrong if kind in str(case)][:5]
    assert len(NEGATIVES) > 35


@pytest.mark.parametrize("kind", POSITIVES)
def test_pseudonyms_are_of_the_kind_and_not_the_original(kind: str) -> None:
    draw, name = POSITIVES[kind]
    generator = random.Random(7)
    for _ in range(30):
        data = draw(generator)
        before = name if data.startswith("NAMED") else ""
        data = data.removeprefix("NAMED")
        changed, [span] = pseudonymise(f"{before}{data}")
        assert changed == before + span.replacement
        assert (span.start, span.end, span.kind, span.original) == (
            len(before),
            len(before + data),
            kind,
            data,
        )
        assert span.replacement != data
        [again] = find(changed, recognisers())
        assert again.kind == kind, (data, changed)
        if kind in NUMERIC and kind not in (kinds.IP, kinds.MAC):
            assert _shape(span.replacement) == _shape(data)


def _shape(text: str) -> str:
    return "".join("0" if letter.isdigit() else "A" if letter.isalpha() else letter for letter in text)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("900101-1234568", lambda digits: kinds.registration_check_digit(digits) == int(digits[12])),
        ("사업자등록번호 220-81-62517", lambda digits: kinds.business_check_digit(digits) == int(digits[9])),
        ("4111-1111-1111-1111", kinds.luhn),
    ],
)
def test_check_digits_are_right_where_they_were(text: str, check: Any) -> None:
    digits = "".join(filter(str.isdigit, text))
    is_right = check(digits)
    for document in range(20):
        _, [span] = pseudonymise(text, document=document)
        assert check("".join(filter(str.isdigit, span.replacement))) == is_right


def test_one_document_has_one_pseudonym_for_the_same_data() -> None:
    text = "010-1234-5678, 01012345678, +82 10-1234-5678; 010-1234-5679"
    changed, spans = pseudonymise(text)
    digits = ["".join(filter(str.isdigit, span.replacement))[-8:] for span in spans]
    assert len(set(digits[:3])) == 1
    assert digits[3] != digits[0]
    assert pseudonymise(text)[0] == changed
    assert pseudonymise(text, document=1)[0] != changed
    assert pseudonymise(text, seed=1)[0] != changed


@pytest.mark.parametrize(
    ("particle", "before", "after", "expected"),
    [
        ("이", "박보검", "김유나", "가"),
        ("가", "김유나", "박보검", "이"),
        ("을", "서울", "제주", "를"),
        ("와", "010-1234-5679", "010-1234-5678", "과"),
        ("으로", "1233", "1238", "로"),
        ("로", "서울", "부산", "으로"),
        ("은", "가", "나", "은"),
        ("로", "가", "나", "로"),
        ("는", "1", "2", "는"),
    ],
)
def test_particles_agree_with_what_they_follow(particle: str, before: str, after: str, expected: str) -> None:
    assert agreeing(particle, before, after) == expected


def test_what_was_replaced_can_be_put_back() -> None:
    for number, (text, _) in enumerate(cases(20, seed=3)):
        changed, spans = pseudonymise(text, document=number)
        assert restore(changed, spans) == text
    changed, spans = pseudonymise("메일은 a@b.com으로 주세요")
    with pytest.raises(ValueError, match="expected the pseudonym"):
        restore("메일은 a@b.com으로 주세요", spans)


def test_recognisers_serve_an_engine_of_presidio() -> None:
    class NoModel:
        """A model that finds nothing."""

        engine_name = "none"

        def process_text(self, text: str, language: str) -> None:
            return None

        def is_loaded(self) -> bool:
            return True

        def load(self) -> None:
            """Nothing."""

        def get_supported_languages(self) -> list[str]:
            return ["ko"]

        def get_supported_entities(self) -> list[str]:
            return []

    from presidio_analyzer import RecognizerRegistry

    registry = RecognizerRegistry([one.presidio for one in recognisers()], supported_languages=["ko"])
    engine = AnalyzerEngine(registry, NoModel(), supported_languages=["ko"])  # type: ignore[arg-type]
    found = engine.analyze("번호는 010-1234-5678", "ko")
    assert "KR_PHONE" in {one.entity_type for one in found}


def test_names_are_found_by_a_model(tiny_ner: Path) -> None:
    replace = Pseudonymiser(names=Recogniser(None, EntityModel(load_pipeline("ner", tiny_ner))))
    text = "김민준은 010-1234-5678로 전화했다."
    changed, spans = replace(text)
    assert {span.kind for span in spans} <= {*kinds.NAMES, kinds.PHONE}
    assert kinds.PHONE in {span.kind for span in spans}
    assert restore(changed, spans) == text

    class Known:
        """A model that finds one name."""

        def __call__(self, texts: list[str]) -> Any:
            return [[{"entity_group": "PS", "score": 1.0, "start": 0, "end": 3}] for _ in texts]

    changed, [person, _] = Pseudonymiser(names=Recogniser(None, EntityModel(Known())))(text)
    assert (person.kind, person.original) == (kinds.PERSON, "김민준")
    assert changed[len(person.replacement)] in "은는"


def test_files_are_replaced_and_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["전화 010-1234-5678로", "없음", "a@b.com을"]
    rows = [{"id": number, "text": text} for number, text in enumerate(texts)]
    source, safe, key, back = (str(tmp_path / name) for name in ("a.jsonl", "b.jsonl", "k.jsonl", "c.jsonl"))
    Path(source).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    assert main([source, "--output", safe, "--key", key]) == 0
    assert capsys.readouterr().err == "phone: 1\nemail: 1\n"
    assert "010-1234-5678" not in Path(safe).read_text()
    assert main([safe, "--output", back, "--restore", key]) == 0
    assert Path(back).read_text() == Path(source).read_text()
    assert main([source, "--output", back, "--restore", key]) == 1
    assert "line 1: The text has" in capsys.readouterr().err
    Path(source).write_text('{"text": "a"}\n{"other": 1}\n')
    assert main([source, "--output", str(tmp_path / "none.jsonl")]) == 1
    assert "a.jsonl:2 is not a JSON object with a Unicode text in 'text'" in capsys.readouterr().err
    assert not list(tmp_path.glob("none*"))
