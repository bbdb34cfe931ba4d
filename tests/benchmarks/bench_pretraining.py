"""Measure the gain of packing over padding in pre-training, and memory for corpora of different sizes.

    python -m pytest -s -o python_files='bench_*.py' tests/benchmarks/bench_pretraining.py
    KLUE_CORPUS_GB=2 python -m pytest -s -o python_files='bench_*.py' tests/benchmarks/bench_pretraining.py

The corpus is the repeated mini corpus; KLUE_CORPUS_GB is its size (default: a tenth of a gigabyte).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import datasets
import torch

from recipes.pretraining.blocks import encode_corpus
from recipes.pretraining.masking import Masking, PretrainingCollator
from recipes.pretraining.objectives import new_objective
from recipes.pretraining.places import Places
from recipes.pretraining.pseudonyms import pseudonymise
from recipes.pretraining.tiny_encoder import mini_texts
from recipes.pretraining.vocabulary import train_tokenizer

GIGABYTES = float(os.environ.get("KLUE_CORPUS_GB", "0.1"))
SIZE, LENGTH, TOKENS, STEPS = "tiny", 128, 4_096, 20
ENCODE = """
import resource, sys
import datasets
from transformers import AutoTokenizer
from recipes.pretraining.blocks import encode_corpus
corpus = datasets.load_dataset("text", data_files=sys.argv[1], split="train", cache_dir=sys.argv[3])
blocks = encode_corpus(corpus, AutoTokenizer.from_pretrained(sys.argv[2]), max_length=512)
print(len(blocks), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
BUILD = """
import resource, sys
from recipes.pretraining.corpus_building import CorpusArguments, build_corpus
skip = ("sentences", "exact_duplicates", "near_duplicates", "pseudonyms")
counts = build_corpus(CorpusArguments(sys.argv[3], {"a": [sys.argv[1]]}, skip=skip))
print(counts["length"].documents_out, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_packed_and_padded_tokens_per_second() -> None:
    texts = [text for text in mini_texts() if text.count(" ") > 2][:6_000]
    tokenizer = train_tokenizer(texts, vocab_size=4_000)
    corpus = datasets.Dataset.from_dict({"text": texts})
    rates, shares = [], []
    for pack in (True, False):
        blocks = encode_corpus(corpus, tokenizer, max_length=LENGTH, pack=pack)
        torch.manual_seed(0)
        objective = new_objective("bert", SIZE, len(tokenizer), {"pad_token_id": tokenizer.pad_token_id})
        collate = PretrainingCollator(tokenizer, Masking(), 10_000)
        places = Places(blocks, 10_000, 0)
        optimizer = torch.optim.AdamW(objective.parameters(), 1e-4)
        mean = sum(map(len, blocks["input_ids"])) / len(blocks)
        # As many tokens in a batch, padding included: so the memory of both is the same.
        rows = TOKENS // LENGTH
        batches = [
            collate(places.__getitems__(range(begin, begin + rows))) for begin in range(0, rows * STEPS, rows)
        ]
        for batch in batches[:3]:
            objective(**batch)["loss"].backward()
        started = time.perf_counter()
        for batch in batches:
            objective(**batch)["loss"].backward()
            optimizer.step()
            optimizer.zero_grad()
        seconds = time.perf_counter() - started
        real = sum(int((batch["input_ids"] != tokenizer.pad_token_id).sum()) for batch in batches)
        computed = sum(batch["input_ids"].numel() for batch in batches)
        rates.append(real / seconds)
        shares.append(computed / real)
        name = "packed" if pack else "padded"
        print(
            f"\n{name}: {mean:.0f} tokens in a block, {computed / real:.2f} computed for each, "
            f"{real / seconds:,.0f} tokens a second"
        )
    print(f"packed / padded: {rates[0] / rates[1]:.2f}; by computed tokens {shares[1] / shares[0]:.2f}")


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    texts = [text.replace("\n", " ") for text in mini_texts() if text.count(" ") > 2]
    train_tokenizer(texts[:3_000], vocab_size=4_000).save_pretrained(tmp_path / "tokenizer")
    text = "\n".join(texts) + "\n"
    for name, script in (("tokenise", ENCODE), ("klue corpus build", BUILD)):
        for share in (0.1, 1.0):
            path = tmp_path / "corpus.txt"
            with path.open("w", encoding="utf-8") as file:
                while file.tell() < share * GIGABYTES * 1e9:
                    file.write(text)
            started = time.perf_counter()
            words = [str(path), str(tmp_path / "tokenizer"), str(tmp_path / f"{name}-{share}")]
            done = subprocess.run(
                [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True
            )
            count, peak = done.stdout.split()
            print(
                f"\n{name}: {path.stat().st_size / 1e9:.2f} GB, {int(count):,} rows out, "
                f"{float(peak):,.0f} MB at most, {time.perf_counter() - started:.0f} s"
            )


def test_pseudonyms_per_second() -> None:
    line = "서울에서 열린 2024년 회의에는 관계자 120명이 참석했다고 한다. "
    text = line * 12 + "문의는 02-123-4567로 하면 된다."
    assert len(pseudonymise(text)[1]) == 1
    times = []
    for _ in range(5):
        started = time.process_time()
        for number in range(100):
            pseudonymise(text, document=number)
        times.append(time.process_time() - started)
    rate = 100 * len(text.encode()) / min(times) / 1e6
    print(f"\n{rate:.1f} MB a second, of documents of 1 kB with a telephone number each")
