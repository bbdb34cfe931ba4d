"""Tests of the pipeline: inputs, outputs, loading from folders, CoNLL-U and pictures."""

from __future__ import annotations

import itertools
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoTokenizer, pipeline

from klue_datasets.tasks import DP_POS_TAGS, DP_RELATIONS
from recipes.tasks.dp.configuration_dependency_parsing import ParserSettings
from recipes.tasks.dp.conllu import MOST_WORDS, read_conllu, read_sentence, write_conllu
from recipes.tasks.dp.modeling_dependency_parsing import DependencyParser
from recipes.tasks.dp.pipeline_dependency_parsing import DependencyParsingPipeline
from recipes.tasks.dp.tree_svg import tree_svg

TEXT = "봄이 오면 산에 들에 진달래가 핀다"
CONLLU = (
    "# sent_id = 7\n"
    "1\t봄이\t봄\tNOUN\tNNG+JKS\t_\t_\t_\t_\tSpaceAfter=Yes\n"
    "2-3\t오면서\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "2\t오면\t오다\tVERB\tVV+EC\t_\t9\tX\t_\t_\n"
    "3\t핀다\t피다\tVERB\tVV+EF\t_\t_\t_\t_\t_\n"
    "\n"
    "1\t그래\t_\t_\t_\t_\t_\t_\t_\t_\n"
)


@pytest.fixture(scope="module")
def folder(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a parser with random weights and its tokenizer."""
    folder = tmp_path_factory.mktemp("parser") / "saved"
    config = AutoConfig.from_pretrained(tiny)
    settings = ParserSettings(head="biaffine", pos_tags=DP_POS_TAGS, decoder="projective", arc_size=16)
    settings.write(config, DP_RELATIONS)
    torch.manual_seed(0)
    DependencyParser.from_pretrained(tiny, config=config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def parse(folder: Path) -> DependencyParsingPipeline:
    return pipeline("dependency-parsing", model=str(folder), trust_remote_code=True, device="cpu")


def heads(words: list[dict]) -> list[int]:
    return [word["head"] for word in words]


def test_words_come_out_with_head_relation_and_score(parse) -> None:
    words = parse(TEXT)
    assert [word["word"] for word in words] == TEXT.split()
    assert [word["index"] for word in words] == [1, 2, 3, 4, 5, 6]
    assert heads(words).count(0) == 1
    for word in words:
        assert word["relation"] in DP_RELATIONS
        assert 0 < word["score"] < 1
        assert set(word) == {"index", "word", "head", "relation", "score"}


def test_text_words_mappings_and_batches_are_the_same_sentences(parse) -> None:
    words = parse(TEXT)
    approximately = [{**word, "score": pytest.approx(word["score"], abs=1e-5)} for word in words]
    assert parse(TEXT.split()) == approximately
    assert parse(tuple(TEXT.split())) == approximately
    assert parse({"words": TEXT.split()}) == approximately
    assert parse({"text": TEXT}) == approximately
    assert parse([TEXT, "그래 그래", TEXT])[2] == approximately
    assert parse([TEXT.split(), ["그래"]])[0] == approximately
    assert parse([{"text": TEXT}], batch_size=1) == [approximately]
    assert next(parse(itertools.repeat(TEXT))) == approximately  # as many as are asked for
    assert parse([]) == []


def test_a_list_of_strings_is_read_as_told(parse) -> None:
    assert len(parse(["봄이", "온다"])) == 2
    assert parse(["봄이", "온다"])[0]["word"] == "봄이"
    assert [len(words) for words in parse(["봄이", "온다"], is_split_into_words=False)] == [1, 1]
    assert [word["word"] for word in parse(["봄 이", "온다"], is_split_into_words=True)] == ["봄 이", "온다"]


def test_odd_sentences_have_a_head_for_each_word(parse) -> None:
    assert parse("") == []
    assert parse("   ") == []
    assert heads(parse(["\x00"])) == [0]
    long = parse("산에 들에 " * 400)
    assert len(long) == 800
    assert heads(long).count(0) == 1


def test_the_decoder_is_the_models_unless_told(parse) -> None:
    scores = {decoder: heads(parse(TEXT, decoder=decoder)) for decoder in ("projective", "head_final", "mst")}
    assert scores["projective"] == heads(parse(TEXT))
    assert all(head > word for word, head in enumerate(scores["head_final"][:-1], start=1))
    with pytest.raises(ValueError, match="no decoder 'best'"):
        parse(TEXT, decoder="best")
    with pytest.raises(ValueError, match="dependency-parsing has no option 'decode'"):
        parse(TEXT, decode="mst")


def test_parts_of_speech_are_read_where_they_are_known(parse) -> None:
    tagged = parse({"words": ["봄이", "온다"], "pos": ["NNG+JKS", "VV+EF"]})
    assert [word["pos"] for word in tagged] == ["NNG+JKS", "VV+EF"]
    assert tagged[0]["score"] != pytest.approx(parse("봄이 온다")[0]["score"], abs=1e-6)
    with pytest.raises(ValueError, match="part of speech 'NOUN' is unknown"):
        parse({"words": ["봄"], "pos": ["NOUN"]})
    with pytest.raises(ValueError, match="2 words and 1 pos; expected the same number"):
        parse({"words": ["봄이", "온다"], "pos": ["NNG"]})
    with pytest.raises(ValueError, match="A sentence is int; expected text, a list of words"):
        parse([3])


def test_conllu_in_and_out(parse) -> None:
    first, second = parse(CONLLU)
    assert [word["word"] for word in first] == ["봄이", "오면", "핀다"]
    assert first[0]["pos"] == "NNG+JKS"
    assert len(second) == 1
    text = parse(CONLLU, to_conllu=True)
    rows = [line.split("\t") for line in text.splitlines() if "\t" in line]
    assert text.startswith("# sent_id = 7\n# text = 봄이 오면 핀다\n1\t봄이\t봄\tNOUN\tNNG+JKS\t_\t")
    assert [int(row[6]) for row in rows] == heads(first) + heads(second)
    assert [row[7] for row in rows] == [word["relation"] for word in first + second]
    assert rows[0][9] == "SpaceAfter=Yes"
    assert [sentence.words for sentence in read_conllu(text)] == [["봄이", "오면", "핀다"], ["그래"]]
    assert parse(TEXT, to_conllu=True) == parse.to_conllu(parse(TEXT))


def test_a_text_of_too_many_words_is_refused(parse) -> None:
    """The parser scores all pairs of words, so long texts would need too much memory."""
    assert len(parse("가 " * MOST_WORDS)) == MOST_WORDS
    words = ["가"] * (MOST_WORDS + 1)
    for too_long in (" ".join(words), words, {"words": words}):
        with pytest.raises(ValueError, match="A sentence has 1,001 words; expected at most 1,000: divide"):
            parse(too_long)


def test_wrong_conllu_is_refused_by_line() -> None:
    with pytest.raises(ValueError, match="line 2 has 2 fields; expected 10"):
        read_conllu(CONLLU.splitlines()[1] + "\n2\t가")
    with pytest.raises(ValueError, match="line 1 is word '2'; expected 1"):
        read_conllu(CONLLU.splitlines()[3])
    assert read_conllu("# nothing\n\n") == []
    assert write_conllu([], read_sentence("")) == "# text = \n\n"


def test_a_picture_has_every_word_and_an_arc_for_each(parse) -> None:
    words = parse(TEXT)
    words[0]["word"] = "<봄>&"
    picture = ET.fromstring(parse.to_svg(words))
    space = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in picture.iter(f"{space}text")]
    assert texts[1::2] == ["<봄>&", *TEXT.split()[1:]]
    assert texts[0::2] == [word["relation"] for word in words]
    paths = [element for element in picture.iter(f"{space}path") if element.get("class") is None]
    assert len(paths) == len(words)
    style = picture.find(f"{space}style").text
    assert "prefers-color-scheme: dark" in style
    assert "Noto Sans KR" in style
    ET.fromstring(tree_svg([]))


def test_arcs_inside_others_run_below_them() -> None:
    words = [{"word": "가", "head": head, "relation": "NP"} for head in (2, 4, 4, 0)]
    picture = tree_svg(words)
    tops = [float(part.split(",")[1].split(" ")[0]) for part in picture.split(" Q")[1::2]]
    assert len(tops) == 3
    assert tops[1] < min(tops[0], tops[2])  # 2 <- 4 spans 3 <- 4; y grows downwards


def test_the_pipeline_loads_elsewhere_without_this_package(folder: Path, parse, python) -> None:
    code = (
        "import sys, json; sys.modules['recipes'] = None\n"
        "from transformers import pipeline\n"
        "parse = pipeline('dependency-parsing', model='saved', trust_remote_code=True, device='cpu')\n"
        f"print(json.dumps(parse({TEXT!r})))\n"
        "parse.save_pretrained('again')\n"
        "parse = pipeline(model='again', trust_remote_code=True, device='cpu')\n"
        f"print(json.dumps(parse({TEXT!r})))\n"
    )
    lines = python("-c", code, cwd=folder.parent).stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        for word, expected in zip(json.loads(line), parse(TEXT), strict=True):
            assert word == {**expected, "score": pytest.approx(expected["score"], abs=1e-5)}
