"""Tests of training from models of other tasks, with other label orders and padding sides."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from family_matrix import close, values_of
from safetensors.torch import load_file
from transformers import AutoTokenizer

import klue_datasets
from klue_datasets.iob import TAGS
from recipes.arguments import RecipeArguments
from recipes.engine.encoding import Collator, encode_split
from recipes.engine.inference import KluePipeline
from recipes.engine.modeling import load_model, save_beside_adapter
from recipes.tasks import SCRIPTS, get_recipe
from recipes.tasks.protocol import Decoded, LoadedModel

# What a task's model may have that other tasks do not know.
SPECIALTIES: dict[str, dict[str, Any]] = {
    "ynat": {"pooling": "mean"},
    "sts": {"pooling": "mean"},
    "nli": {"pooling": "pair"},
    "re": {"pooling": "entity_mean", "marker_style": "typed"},
}
LABELLED = ("ynat", "nli", "ner", "re", "dp")


def examples_of(task: str) -> datasets.Dataset:
    """Return prepared examples; dialogues have several each."""
    rows = klue_datasets.load(task, "train[:12]", mini=True)
    return get_recipe(task).prepare(rows).select(range(12))


@pytest.fixture(scope="module")
def examples() -> dict[str, datasets.Dataset]:
    """Return examples of all tasks."""
    return {task: examples_of(task) for task in SCRIPTS}


def load(task: str, path: Path, examples: datasets.Dataset | None, **values: Any) -> LoadedModel:
    """Load a model for training or, without examples, for evaluation."""
    told = RecipeArguments(str(path), do_train=examples is not None, do_eval=True, **values)
    return load_model(get_recipe(task), told, {} if examples is None else {"train": examples})


def save(loaded: LoadedModel, folder: Path) -> Path:
    """Save a model like a run."""
    save_beside_adapter(loaded.model, folder)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


def loss_of(task: str, loaded: LoadedModel, examples: datasets.Dataset) -> float:
    """Return the loss of a batch without dropout."""
    recipe = get_recipe(task)
    split = encode_split(recipe, examples, loaded)
    inputs = split.training_inputs(loaded.config, seed=0)
    batch = Collator(recipe, loaded)(inputs.to_list()[:6])
    extra = {"teacher_forcing": True} if task == "wos" else {}
    with torch.no_grad():
        return float(loaded.model.eval()(**batch, **extra).loss)


def decoded(task: str, loaded: LoadedModel, examples: datasets.Dataset, batch_size: int = 32) -> Decoded:
    """Return the predictions of an evaluation."""
    loaded.model.eval()
    gold = [name for name in get_recipe(task).gold if name in examples.column_names]
    rows = examples.remove_columns(gold).to_list()
    return KluePipeline(get_recipe(task), loaded, batch_size).decode(rows)


@pytest.fixture(scope="module")
def trained(
    tiny: Path, examples: dict[str, datasets.Dataset], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Save a model of each task, with settings of that task."""
    folder = tmp_path_factory.mktemp("trained")
    return {
        task: save(load(task, tiny, examples[task], **SPECIALTIES.get(task, {})), folder / task)
        for task in SCRIPTS
    }


@pytest.mark.parametrize("task", SCRIPTS)
def test_a_task_starts_from_the_model_of_any_other(
    task: str, trained: dict[str, Path], examples: dict[str, datasets.Dataset], tmp_path: Path
) -> None:
    """The head and settings are new, the encoder is kept, and the saved model can be loaded."""
    before = load(task, trained[task], examples[task])
    assert before.config.to_dict().get("pooling", "cls") == SPECIALTIES.get(task, {}).get("pooling", "cls")
    others = [name for name in SCRIPTS if name != task]
    assert len(others) == 7
    for other in others:
        loaded = load(task, trained[other], examples[task])
        assert loaded.config.to_dict().get("pooling", "cls") == "cls"
        assert loaded.head
        assert torch.isfinite(torch.tensor(loss_of(task, loaded, examples[task])))
        stored = load_file(trained[other] / "model.safetensors")
        theirs = {name.removeprefix("bert."): weight for name, weight in stored.items()}
        ours = loaded.model.base_model.state_dict()
        shared = [name for name in ours if name in theirs and "pooler" not in name and "word" not in name]
        assert len(shared) > 20
        for name in shared:
            assert torch.equal(ours[name], theirs[name]), name
        with pytest.raises(
            ValueError, match=rf"^{task}: .*(no trained head|has no slots|no trained embeddings)"
        ):
            load(task, trained[other], None)
        folder = save(loaded, tmp_path / other)
        again = load(task, folder, None)
        assert close(values_of(decoded(task, loaded, examples[task]))) == values_of(
            decoded(task, again, examples[task])
        )
        names = set(json.loads((folder / "config.json").read_text()))
        foreign = {name for each in SCRIPTS for name in get_recipe(each).settings}
        assert not names & (foreign - set(get_recipe(task).settings)), (other, names)


def permuted(task: str, folder: Path, target: Path) -> Path:
    """Return the model with the outputs of its head and their labels in reverse order."""
    shutil.copytree(folder, target)
    loaded = load(task, folder, None)
    classes = loaded.config.num_labels
    order = torch.arange(classes).flip(0)
    with torch.no_grad():
        for name, weight in loaded.model.named_parameters():
            is_head = name.startswith("classifier") or "relation_scorer" in name
            if is_head and len(weight) == classes:
                weight.copy_(weight[order].clone())
    labels = [loaded.config.id2label[int(index)] for index in order]
    loaded.model.config.id2label = dict(enumerate(labels))
    loaded.model.config.label2id = {name: index for index, name in enumerate(labels)}
    return save(loaded, target)


@pytest.mark.parametrize("task", LABELLED)
def test_labels_in_another_order_give_the_same_answers_and_losses(
    task: str, trained: dict[str, Path], examples: dict[str, datasets.Dataset], tmp_path: Path
) -> None:
    """Such as models trained with the label order of KLUE-baseline."""
    folder = permuted(task, trained[task], tmp_path / "permuted")
    ours, theirs = (load(task, path, None) for path in (trained[task], folder))
    assert list(ours.config.id2label.values()) == list(theirs.config.id2label.values())[::-1]
    answers = [values_of(decoded(task, each, examples[task])) for each in (ours, theirs)]
    assert answers[0] == close(answers[1])
    assert loss_of(task, ours, examples[task]) == pytest.approx(loss_of(task, theirs, examples[task]), 1e-5)
    resumed = load(task, folder, examples[task])  # its head goes on learning
    assert resumed.config.id2label == theirs.config.id2label
    assert loss_of(task, resumed, examples[task]) == pytest.approx(loss_of(task, ours, examples[task]), 1e-5)


@pytest.mark.parametrize("task", [task for task in LABELLED if task != "dp"])
def test_labels_that_are_not_the_tasks_make_a_new_head(
    task: str, trained: dict[str, Path], examples: dict[str, datasets.Dataset], tmp_path: Path
) -> None:
    """The meaning of such outputs is unknown."""
    folder = shutil.copytree(trained[task], tmp_path / "unnamed")
    config = json.loads((folder / "config.json").read_text())
    del config["id2label"], config["label2id"]
    count = load(task, trained[task], None).config.num_labels
    config["id2label"] = {str(index): f"LABEL_{index}" for index in range(count)}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=rf"^{task}: .*no trained head .*LABEL_0.*trained on this task"):
        load(task, folder, None, **SPECIALTIES.get(task, {}))
    loaded = load(task, folder, examples[task])
    assert loaded.config.label2id == {
        name: index for index, name in enumerate(TAGS if task == "ner" else klue_datasets.TASKS[task].labels)
    }
    old = load(task, trained[task], None).model.get_parameter("classifier.weight")
    new = loaded.model.get_parameter("classifier.weight")
    assert new.shape != old.shape or not torch.equal(new, old)


@pytest.mark.parametrize("task", SCRIPTS)
def test_the_padding_side_of_a_tokenizer_changes_nothing(
    task: str, trained: dict[str, Path], examples: dict[str, datasets.Dataset], tmp_path: Path
) -> None:
    """Neither the loss, nor the answers, nor the padding of the saved tokenizer."""
    found = []
    for side in ("right", "left"):
        folder = shutil.copytree(trained[task], tmp_path / side)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        tokenizer.padding_side = side
        tokenizer.save_pretrained(folder)
        assert json.loads((folder / "tokenizer_config.json").read_text())["padding_side"] == side
        loaded = load(task, folder, None)
        answers = [decoded(task, loaded, examples[task], size) for size in (32, 1)]
        assert close(values_of(answers[0])) == values_of(answers[1])
        found.append((loss_of(task, loaded, examples[task]), values_of(answers[0])))
        loaded.tokenizer.save_pretrained(folder)
        assert AutoTokenizer.from_pretrained(folder, trust_remote_code=False).padding_side == "right"
    assert found[0] == close(found[1])


@pytest.mark.parametrize("task", SCRIPTS)
@pytest.mark.parametrize("name", ["bert", "xlm-roberta"])
def test_inputs_without_a_visible_character_are_answered(
    task: str, name: str, family: Callable[[str], Path], examples: dict[str, datasets.Dataset]
) -> None:
    """Such as zero-width characters, for which some tokenizers have no token."""
    text = "\u200b"
    entity = {"word": text, "type": "PER"}
    inputs: dict[str, Any] = {
        "sts": (text, text), "nli": (text, text), "wos": [text], "mrc": {"question": text, "context": text},
        "re": {"sentence": text * 4, "subject_entity": {**entity, "start_idx": 0, "end_idx": 0},
               "object_entity": {**entity, "start_idx": 2, "end_idx": 2}},
    }  # fmt: skip
    item = inputs.get(task, text)
    recipe = get_recipe(task)
    loaded = load(task, family(name), examples[task])
    loaded.model.eval()
    answer = KluePipeline(recipe, loaded)
    alone = next(answer.stream([item]))
    sample = (
        list(recipe.raw_input.sample)
        if isinstance(recipe.raw_input.sample, tuple)
        else recipe.raw_input.sample
    )
    together = list(answer.stream([sample, item, sample]))
    assert together[1] == close(alone)
