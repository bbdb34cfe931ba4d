"""Tests of files with a line per character or word: valid, unusual and invalid ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from klue_datasets.loading import make_builder
from klue_datasets.reading import KlueDataError
from klue_datasets.reading_tsv import read_sentences
from klue_datasets.tasks import DP_RELATIONS

HEADER = "## 구분자 : \\t\n## 구분자 : \\n\n## 구분자 : \\n\\n\n## 주석 : ##\n## 칼럼명 : CHAR\tNE_TAG\n"
FIELDS = ("CHAR", "NE_TAG")
TWO = HEADER + "## g-1\t<가:PS> #\n가\tB-PS\n \tO\n#\tO\n\n## g-2\t나\n나\tO\n\n"


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "raw.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(path: Path, fields: tuple[str, ...] = FIELDS) -> list[tuple[str, str, list[list[str]]]]:
    """Return guid, text and rows of each sentence, read by the reader."""
    read = read_sentences(path, fields)
    columns = [read.strings(field).to_pylist() for field in fields]
    lists = [[list(row) for row in zip(*lists, strict=True)] for lists in zip(*columns, strict=True)]
    return list(zip(read.guids.to_pylist(), read.texts.to_pylist(), lists, strict=True))


def slowly(content: bytes, width: int) -> list[tuple[str, str, list[list[str]]]]:
    """Return the same, read line by line; raise ValueError for invalid files."""
    text = content.decode("utf-8-sig")
    first = text.split("\n")[0]
    end = "\r\n" if first.endswith("\r") else "\n"
    lines = text.split(end)
    if len(lines) < 5 or not all(line.startswith("##") for line in lines[:5]):
        raise ValueError("header")
    if end == "\r\n" and "\n" in "".join(lines):
        raise ValueError("line ends")
    sentences: list[tuple[str, str, list[list[str]]]] = []
    inside = False
    for line in lines[5:]:
        if line.startswith("##"):
            guid, tab, sentence = line.partition("\t")
            if not tab or not guid.startswith("## ") or guid == "## ":
                raise ValueError("sentence")
            sentences.append((guid[3:], sentence, []))
            inside = True
        elif line in ("", "\t"):
            inside = False
        else:
            if not inside or line.count("\t") != width - 1:
                raise ValueError("row")
            sentences[-1][2].append(line.split("\t"))
    if not all(sentence[2] for sentence in sentences):
        raise ValueError("no rows")
    return sentences


EXPECTED = [("g-1", "<가:PS> #", [["가", "B-PS"], [" ", "O"], ["#", "O"]]), ("g-2", "나", [["나", "O"]])]


@pytest.mark.parametrize(
    "text",
    [
        TWO,
        TWO.rstrip("\n"),
        TWO.rstrip("\n") + "\n",
        TWO.replace("\n\n", "\n\t\n"),
        TWO.replace("\n\n", "\n\n\n"),
        TWO.replace("\n\n##", "\n##"),
        TWO.replace("\n", "\r\n"),
        "\ufeff" + TWO,
    ],
    ids=["official", "cut", "one", "tab", "blank lines", "none between", "CRLF", "BOM"],
)
def test_blanks_and_hashes_are_rows_however_sentences_are_separated(tmp_path: Path, text: str) -> None:
    assert rows(write(tmp_path, text)) == EXPECTED


def test_no_character_is_special_but_tab_and_line_feed(tmp_path: Path) -> None:
    odd = [
        "\0",
        "\u00a0",
        "\u3000",
        "\u2028",
        "\x85",
        "\x0b",
        "\r",
        '"',
        "'",
        "\u1100\u1161",
        "\U0001f600",
        "\\",
    ]
    lines = "".join(f"{character}\tO\n" for character in odd)
    path = write(tmp_path, HEADER + "## g\t" + "".join(odd) + "\n" + lines)
    assert rows(path) == [("g", "".join(odd), [[character, "O"] for character in odd])]


def test_a_file_of_no_sentences_has_no_rows(tmp_path: Path) -> None:
    assert rows(write(tmp_path, HEADER)) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "ends in line 1; expected 5 header lines"),
        (HEADER[:40], "ends in line 4; expected 5 header lines"),
        (
            "## g\t가\n가\tO\n\n## h\t나\n나\tO\n",
            r"line 2 is '가\\tO'; expected 5 header lines that begin with '##'",
        ),
        (HEADER + "가\tO\n", r"line 6 is '가\\tO'; expected a sentence's first line"),
        (HEADER + "## g\t가\n\n가\tO\n", r"line 8 is '가\\tO'; expected a sentence's first line"),
        (HEADER + "## g 가\n가\tO\n", "line 6 is '## g 가'; expected '## ', a guid, a tab and a sentence"),
        (HEADER + "## \t가\n가\tO\n", r"line 6 is '## \\t가'; expected '## ', a guid, a tab and a sentence"),
        (HEADER + "## g\t가\n", r"line 6 is '## g\\t가'; expected rows after it"),
        (HEADER + "## g\t가\n## h\t나\n나\tO\n", r"line 6 is '## g\\t가'; expected rows after it"),
        (HEADER + "## g\t가\n가\n", r"line 7 is '가'; expected 2 fields separated by tabs \(CHAR, NE_TAG\)"),
        (HEADER + "## g\t가\n가\tO\tx\n", r"line 7 is '가\\tO\\tx'; expected 2 fields"),
        (HEADER + "## g\t가\n \n", "line 7 is ' '; expected 2 fields"),
        (
            HEADER.replace("\n", "\r\n") + "## g\t가\n가\tO\n",
            r"line 6 is .*; expected CRLF at the end of every line",
        ),
        (HEADER.encode() + b"## g\t\xff\n", "not UTF-8 at byte"),
        (HEADER.encode() + b"## g\t\xed\xa0\x80\n", "not UTF-8 at byte"),
    ],
)
def test_lines_that_are_wrong_are_named(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(KlueDataError, match=r"raw\.tsv: " + sentence):
        read_sentences(write(tmp_path, text), FIELDS)


def test_values_that_are_wrong_are_named_with_line_guid_and_field(tmp_path: Path) -> None:
    path = write(tmp_path, TWO)
    read = read_sentences(path, FIELDS)
    assert read.class_ids("NE_TAG", ["O", "B-PS"]).to_pylist() == [[1, 0, 0], [0]]
    with pytest.raises(
        KlueDataError, match=r"raw\.tsv: line 7, guid g-1: field 'NE_TAG' is 'B-PS'; expected one of O"
    ):
        read.strings("NE_TAG", ["O"])
    with pytest.raises(
        KlueDataError, match=r"line 12, guid g-2: field 'CHAR' is '나'; expected one of 가,  , #"
    ):
        read.class_ids("CHAR", ["가", " ", "#"])
    with pytest.raises(
        KlueDataError, match=r"line 7, guid g-1: field 'CHAR' is '가'; expected a whole number"
    ):
        read.integers("CHAR")
    for wrong in ("", "-1", "+1", "1.0", " 1", "1 ", "１", "2147483648", "9" * 5_000, "1\r"):
        read = read_sentences(write(tmp_path, f"{HEADER}## g\t가\n0\tO\n{wrong}\tO\n"), FIELDS)
        with pytest.raises(
            KlueDataError, match=r"line 8, guid g: field 'CHAR' is .*; expected a whole number from 0"
        ):
            read.integers("CHAR")


def test_a_line_of_many_megabytes_is_no_trouble(tmp_path: Path) -> None:
    long = "가" * 35_000_000  # 105 MB
    path = write(tmp_path, f"{HEADER}## g\t가\n가\tO\n{long}\n")
    with pytest.raises(KlueDataError, match=r"line 8 is '가{56}\.\.\.; expected 2 fields") as caught:
        read_sentences(path, FIELDS)
    assert len(str(caught.value)) < 300


PIECES = st.sampled_from(
    [
        "\n",
        "\t",
        "\r\n",
        "\r",
        "#",
        "##",
        "## ",
        " ",
        "\0",
        "\ufeff",
        "가",
        "O",
        "\tO\n",
        "## g\t가\n",
        "\n\n",
        "\n\t\n",
        '"',
    ]
)


@settings(max_examples=400, deadline=None)
@given(
    subwords=st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join),
    cut=st.integers(0, len(TWO.encode())),
    end=st.integers(0, len(TWO.encode())),
    crlf=st.booleans(),
)
@example(subwords="", cut=0, end=0, crlf=True)
@example(subwords="\n", cut=len(TWO.encode()), end=len(TWO.encode()), crlf=True)
def test_whatever_becomes_of_a_right_file_the_answer_is_its_rows_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, subwords: str, cut: int, end: int, crlf: bool
) -> None:
    whole = TWO.encode()
    content = whole[:cut] + subwords.encode("utf-8", "surrogatepass") + whole[end:]
    if crlf:
        content = content.replace(b"\n", b"\r\n")
    path = write(tmp_path_factory.mktemp("fuzz"), content)
    try:
        expected = slowly(content, 2)
    except ValueError:
        with pytest.raises(
            KlueDataError, match=r"raw\.tsv: (line \d+ is .*|ends .*|not UTF-8 .*|the file is UTF-16.*)"
        ):
            read_sentences(path, FIELDS)
    else:
        assert rows(path) == expected


WORD = st.tuples(
    *(
        st.sampled_from(values)
        for values in (["1", "x"], ["가"], ["가 나", ""], ["NNG+JX"], ["0", "7", "-1"])
    ),
    st.sampled_from([*DP_RELATIONS[:3], "NP_XXX"]),
)


@settings(max_examples=150, deadline=None)
@given(words=st.lists(WORD, min_size=1, max_size=4), hub=st.booleans())
def test_words_are_rows_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, words: list[tuple[str, ...]], hub: bool
) -> None:
    lines = "".join("\t".join(word) + "\n" for word in words)
    path = write(tmp_path_factory.mktemp("fuzz"), f"{HEADER}## g\t가\n{lines}")
    builder = make_builder("dp", data_files=path, hub_compatible=hub)
    is_right = all(word[0] == "1" and word[4] != "-1" and word[5] != "NP_XXX" for word in words)
    if not is_right:
        with pytest.raises(
            KlueDataError, match=r"raw\.tsv: line \d+, guid g: field '(INDEX|HEAD|DEPREL)' is"
        ):
            list(builder._generate_tables([str(path)]))
        return
    ((_, table),) = builder._generate_tables([str(path)])
    table.validate(full=True)
    row = {"sentence": "가", "index": [1] * len(words), "word_form": ["가"] * len(words)}
    row |= {"lemma": [word[2] for word in words], "pos": [word[3] for word in words]}
    row |= {"head": [int(word[4]) for word in words], "deprel": [word[5] for word in words]}
    assert table.to_pylist() == [row if hub else row | {"guid": "g"}]
