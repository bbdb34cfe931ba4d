"""Tests of the builders on real files: features of the Hub, and rows compared with independent parsers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, Features, Sequence, Value

from klue_datasets import load
from klue_datasets.download import official_splits
from klue_datasets.loading import make_builder
from klue_datasets.tasks import TASKS, get_task

SMALL = {
    "ynat": (6_000, 1_500),
    "sts": (400, 119),
    "nli": (2_400, 600),
    "ner": (4_000, 1_000),
    "re": (3_247, 1_000),
    "dp": (1_500, 500),
    "mrc": (550, 150),
    "wos": (300, 100),
}
TEXT, INT = Value("string"), Value("int32")
NER_TAGS = [*(f"{mark}-{kind}" for kind in ("DT", "LC", "OG", "PS", "QT", "TI") for mark in "BI"), "O"]
ENTITY = {"word": TEXT, "start_idx": INT, "end_idx": INT, "type": TEXT}
ORG_RELATIONS = (
    *("dissolved", "founded", "place_of_headquarters", "alternate_names", "member_of", "members"),
    *("political/religious_affiliation", "product", "founded_by", "top_members/employees"),
    "number_of_employees/members",
)
PER_RELATIONS = (
    *("date_of_birth", "date_of_death", "place_of_birth", "place_of_death", "place_of_residence", "origin"),
    *("employee_of", "schools_attended", "alternate_names", "parents", "children", "siblings", "spouse"),
    *("other_family", "colleagues", "product", "religion", "title"),
)
RELATIONS = [
    "no_relation",
    *(f"org:{name}" for name in ORG_RELATIONS),
    *(f"per:{name}" for name in PER_RELATIONS),
]
HUB_FEATURES: dict[str, dict[str, Any]] = {
    "ynat": {
        "guid": TEXT,
        "title": TEXT,
        "label": ClassLabel(names=["IT과학", "경제", "사회", "생활문화", "세계", "스포츠", "정치"]),
        "url": TEXT,
        "date": TEXT,
    },
    "sts": {
        "guid": TEXT,
        "source": TEXT,
        "sentence1": TEXT,
        "sentence2": TEXT,
        "labels": {
            "label": Value("float64"),
            "real-label": Value("float64"),
            "binary-label": ClassLabel(names=["negative", "positive"]),
        },
    },
    "nli": {
        "guid": TEXT,
        "source": TEXT,
        "premise": TEXT,
        "hypothesis": TEXT,
        "label": ClassLabel(names=["entailment", "neutral", "contradiction"]),
    },
    "ner": {"sentence": TEXT, "tokens": Sequence(TEXT), "ner_tags": Sequence(ClassLabel(names=NER_TAGS))},
    "re": {
        "guid": TEXT,
        "sentence": TEXT,
        "subject_entity": ENTITY,
        "object_entity": ENTITY,
        "label": ClassLabel(names=RELATIONS),
        "source": TEXT,
    },
    "dp": {
        "sentence": TEXT,
        "index": Sequence(INT),
        "word_form": Sequence(TEXT),
        "lemma": Sequence(TEXT),
        "pos": Sequence(TEXT),
        "head": Sequence(INT),
        "deprel": Sequence(TEXT),
    },
    "mrc": {
        "title": TEXT,
        "context": TEXT,
        "news_category": TEXT,
        "source": TEXT,
        "guid": TEXT,
        "is_impossible": Value("bool"),
        "question_type": INT,
        "question": TEXT,
        "answers": Sequence({"answer_start": INT, "text": TEXT}),
    },
    "wos": {
        "guid": TEXT,
        "domains": Sequence(TEXT),
        "dialogue": [{"role": TEXT, "text": TEXT, "state": Sequence(TEXT)}],
    },
}
ADDED: dict[str, dict[str, Any]] = {
    "ner": {"guid": TEXT},
    "dp": {"guid": TEXT},
    "mrc": {"plausible_answers": Sequence({"answer_start": INT, "text": TEXT})},
}


def raw_file(task: str, folder: Path, split: str, version: str) -> Path:
    return folder / get_task(task).folder(version) / get_task(task).filename(split, version)


def sentences(path: Path) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Return guid, text and rows of each sentence of an official file, read line by line."""
    guid, text, rows = "", "", []
    for line in [*path.read_text(encoding="utf-8").split("\n")[5:], ""]:
        if line.startswith("##"):
            guid, text = line[3:].split("\t")
        elif line.strip("\t"):
            rows.append(line.split("\t"))
        elif rows:
            yield guid, text, rows
            rows = []


def expected_rows(task: str, path: Path, hub: bool) -> list[dict[str, Any]]:
    """Return the rows of a raw file, read by an independent parser."""
    rows: list[dict[str, Any]] = []
    if task in ("ner", "dp"):
        for guid, text, lines in sentences(path):
            if task == "ner":
                tags = [NER_TAGS.index(tag) for _, tag in lines]
                row = {"sentence": text, "tokens": [character for character, _ in lines], "ner_tags": tags}
            else:
                index, word_form, lemma, pos, head, deprel = map(list, zip(*lines, strict=True))
                row = {"sentence": text, "index": list(map(int, index)), "word_form": word_form}
                row |= {"lemma": lemma, "pos": pos, "head": list(map(int, head)), "deprel": deprel}
            rows.append(row if hub else row | {"guid": guid})
        return rows
    raw = json.loads(path.read_text(encoding="utf-8"))
    if task == "mrc":
        for article in raw["data"]:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    rows.append(expected_question(article, paragraph, question, hub))
        return rows
    labels = {"ynat": "label", "re": "label", "nli": "gold_label"}
    for record in raw:
        if task in labels:
            record["label"] = HUB_FEATURES[task]["label"].names.index(record[labels[task]])
        if task == "wos":
            record["dialogue"] = [{"state": [], **turn} for turn in record["dialogue"]]
        record.setdefault("source", record.get("genre", ""))
        rows.append({name: record.get(name, "") for name in HUB_FEATURES[task]})
    return rows


def expected_question(article: dict, paragraph: dict, question: dict, hub: bool) -> dict[str, Any]:
    row = {
        "title": article.get("title", ""),
        "context": paragraph["context"],
        "news_category": article.get("news_category", ""),
        "source": article.get("source", ""),
        "guid": question["guid"],
        "is_impossible": question.get("is_impossible", False),
        "question_type": question.get("question_type", 1),
        "question": question["question"],
    }
    spans = {"answers": list(question["answers"]), "plausible_answers": question.get("plausible_answers", [])}
    if hub:
        row |= {"context": row["context"].strip(), "question": row["question"].strip()}
        spans = {"answers": spans["answers"] + spans["plausible_answers"]}
    for name, found in spans.items():
        texts = [span["text"].strip() if hub else span["text"] for span in found]
        row[name] = {"answer_start": [span["answer_start"] for span in found], "text": texts}
    return row


@pytest.mark.parametrize("hub", [False, True], ids=["default", "hub"])
@pytest.mark.parametrize("task", TASKS)
def test_every_row_of_the_real_files(task: str, hub: bool, shared: Path) -> None:
    features = HUB_FEATURES[task] if hub else HUB_FEATURES[task] | ADDED.get(task, {})
    for name, version in (("klue-small", "1.1.0"), ("klue-v1-sample", "1.0.0")):
        folder = shared / "data" / name
        splits = load(task, data_dir=folder, version=version, hub_compatible=hub)
        assert list(splits) == ["train", "validation"]
        for split, rows in splits.items():
            assert rows.features == Features(features)
            assert list(rows.features) == list(features)
            assert rows.to_list() == expected_rows(task, raw_file(task, folder, split, version), hub)
        if name == "klue-small":
            assert tuple(rows.num_rows for rows in splits.values()) == SMALL[task]


@pytest.mark.parametrize(("task", "rows"), [("sts", 519), ("nli", 3_000), ("ner", 5_000), ("dp", 2_000)])
def test_the_official_dev_files_are_known_by_their_hash(task: str, rows: int, shared: Path) -> None:
    folder = shared / "data/klue-v1.1-dev"
    assert official_splits(get_task(task), make_builder(task, data_dir=folder).files) == {"validation"}
    splits = load(task, data_dir=folder)
    assert {split: table.num_rows for split, table in splits.items()} == {"validation": rows}
    assert rows == get_task(task).counts["validation"]
    assert splits["validation"].to_list() == expected_rows(
        task, raw_file(task, folder, "validation", "1.1.0"), hub=False
    )


def test_the_official_ner_dev_file_has_the_published_characters_and_tags(shared: Path) -> None:
    rows = load("ner", "validation", data_dir=shared / "data/klue-v1.1-dev")
    tags = Counter(NER_TAGS[tag] for sentence in rows["ner_tags"] for tag in sentence)
    characters = [character for sentence in rows["tokens"] for character in sentence]
    assert len(characters) == tags.total() == 285_929
    assert set(map(len, characters)) == {1}
    assert characters.count(" ") == 60_379
    begins = {tag[2:]: count for tag, count in tags.items() if tag.startswith("B-")}
    assert begins == {"PS": 4_418, "QT": 3_151, "DT": 2_312, "OG": 2_182, "LC": 1_649, "TI": 545}
    assert (sum(begins.values()), tags["O"]) == (14_257, 232_636)
    assert rows[0]["guid"] == "klue-ner-v1_dev_00000-wikitree"


def test_the_official_dp_dev_file_has_the_published_words(shared: Path) -> None:
    rows = load("dp", "validation", data_dir=shared / "data/klue-v1.1-dev")
    assert sum(map(len, rows["word_form"])) == 22_496
    assert max(map(len, rows["word_form"])) == 35
    for head, index in zip(rows["head"], rows["index"], strict=True):
        assert index == list(range(1, len(head) + 1))
        assert head[-1] == 0
        assert all(at < target for at, target in zip(index[:-1], head[:-1], strict=True))
    assert len({relation for sentence in rows["deprel"] for relation in sentence}) == 32


def test_answers_lie_where_they_say_and_unanswerable_questions_have_none(shared: Path) -> None:
    splits = load("mrc", data_dir=shared / "data/klue-small")
    hub = load("mrc", data_dir=shared / "data/klue-small", hub_compatible=True)
    astray = 0
    for ours, theirs in zip(
        datasets.concatenate_datasets(list(splits.values())),
        datasets.concatenate_datasets(list(hub.values())),
        strict=True,
    ):
        spans = zip(ours["answers"]["answer_start"], ours["answers"]["text"], strict=True)
        assert all(ours["context"][start : start + len(text)] == text for start, text in spans)
        assert bool(ours["answers"]["text"]) != ours["is_impossible"]
        assert bool(ours["plausible_answers"]["text"]) == ours["is_impossible"]
        assert theirs["answers"] == ours["plausible_answers" if ours["is_impossible"] else "answers"]
        spans = zip(ours["plausible_answers"]["answer_start"], ours["plausible_answers"]["text"], strict=True)
        astray += any(ours["context"][start : start + len(text)] != text for start, text in spans)
    assert astray == 58  # as published


def test_blanks_around_a_passage_move_no_offset(tmp_path: Path) -> None:
    answers = [{"text": " 둘", "answer_start": 4}, {"text": "둘", "answer_start": 5}]
    plausible = [{"text": "셋 ", "answer_start": 7}]
    question = {"guid": "q", "question": " 몇? ", "answers": answers, "plausible_answers": plausible}
    article = {"paragraphs": [{"context": "\n 하나 둘 셋 ", "qas": [question]}], "title": None}
    path = tmp_path / "raw.json"
    path.write_text(json.dumps({"version": "x", "data": [article]}))
    ours, theirs = (load("mrc", "train", data_files=path, hub_compatible=hub)[0] for hub in (False, True))
    assert (ours["context"], ours["question"], ours["title"]) == ("\n 하나 둘 셋 ", " 몇? ", "")
    assert ours["answers"] == {"answer_start": [4, 5], "text": [" 둘", "둘"]}
    assert ours["plausible_answers"] == {"answer_start": [7], "text": ["셋 "]}
    assert (ours["is_impossible"], ours["question_type"], ours["source"]) == (False, 1, "")
    assert (theirs["context"], theirs["question"]) == ("하나 둘 셋", "몇?")
    assert theirs["answers"] == {"answer_start": [4, 5, 7], "text": ["둘", "둘", "셋"]}


@pytest.mark.parametrize("task", TASKS)
def test_slices_streams_processes_and_shards_give_the_same_rows(task: str, shared: Path) -> None:
    folder = shared / "data/klue-v1-sample"
    paths = [raw_file(task, folder, split, "1.0.0") for split in ("train", "validation")]
    train, validation = (
        load(task, split, data_dir=folder, version="1.0.0") for split in ("train", "validation")
    )
    both = train.to_list() + validation.to_list()
    assert load(task, "train+validation", data_dir=folder, version="1.0.0").to_list() == both
    assert load(task, "train[:1]", data_dir=folder, version="1.0.0").to_list() == both[:1]
    stream = load(task, "validation", data_dir=folder, version="1.0.0", streaming=True)
    assert stream.features == validation.features
    assert list(stream) == validation.to_list()
    shards = load(task, data_files={"both": paths}, num_proc=2)
    assert shards["both"].to_list() == both
    shards = load(task, "both", data_files={"both": paths}, streaming=True)
    assert (shards.num_shards, list(shards)) == (2, both)


@pytest.mark.parametrize("task", TASKS)
def test_the_two_views_never_share_a_cache(task: str, shared: Path) -> None:
    folder = shared / "data/klue-v1-sample"
    views = [
        make_builder(task, data_dir=folder, version="1.0.0", hub_compatible=hub) for hub in (False, True)
    ]
    assert views[0].cache_dir != views[1].cache_dir
    again = make_builder(task, data_dir=str(folder), version="1.0.0", hub_compatible=True)
    assert again.cache_dir == views[1].cache_dir
