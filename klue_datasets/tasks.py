"""The KLUE tasks: names, labels, official files and their hashes, row counts, licence and citation.

The module imports the standard library only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

HUB_DATASET = "klue/klue"  # the copy on the Hub
HOMEPAGE = "https://klue-benchmark.com"
LICENSE = "CC BY-SA 4.0"
LICENSE_ID = "cc-by-sa-4.0"
CITATION = """\
@misc{park2021klue,
  title         = {KLUE: Korean Language Understanding Evaluation},
  author        = {Sungjoon Park and Jihyung Moon and Sungdong Kim and Won Ik Cho and Jiyoon Han
                   and Jangwon Park and Chisung Song and Junseong Kim and Yongsook Song and Taehwan Oh
                   and Joohong Lee and Juhyun Oh and Sungwon Lyu and Younghoon Jeong and Inkwon Lee
                   and Sangwoo Seo and Dongjun Lee and Hyunwoo Kim and Myeonghwa Lee and Seongbo Jang
                   and Seungwon Do and Sunkyoung Kim and Kyungtae Lim and Jongwon Lee and Kyumin Park
                   and Jamin Shin and Seonghyun Kim and Lucy Park and Alice Oh and Jungwoo Ha
                   and Kyunghyun Cho},
  year          = {2021},
  eprint        = {2105.09680},
  archivePrefix = {arXiv},
  primaryClass  = {cs.CL}
}"""

DEFAULT_VERSION = "1.1.0"
# Version -> suffix of its files and folders, and its commit in KLUE-benchmark/KLUE.
VERSION_SUFFIX: Mapping[str, str] = {"1.1.0": "v1.1", "1.0.0": "v1"}
VERSION_COMMIT: Mapping[str, str] = {
    "1.1.0": "1cc52e64c0e0b6915577244f7439c55a42199a64",
    "1.0.0": "ab22cd5cfdd6b527a9a4e2d177f9dacb85ddde2c",
}
# Name of a split on the Hub -> its name in the official files.
SPLIT_FILE: Mapping[str, str] = {"train": "train", "validation": "dev"}

# dp, in the order of KLUE-baseline, whose metric merges the relations from index 15 (VP_CMP) on.
# On the Hub both are plain strings. NP_SVJ is a typo of the data that the baseline keeps as a class.
DP_RELATIONS = (
    "NP", "NP_AJT", "VP", "NP_SBJ", "VP_MOD", "NP_OBJ", "AP", "NP_CNJ", "NP_MOD", "VNP", "DP", "VP_AJT",
    "VNP_MOD", "NP_CMP", "VP_SBJ", "VP_CMP", "VP_OBJ", "VNP_CMP", "AP_MOD", "X_AJT", "VP_CNJ", "VNP_AJT",
    "IP", "X", "X_SBJ", "VNP_OBJ", "VNP_SBJ", "X_OBJ", "AP_AJT", "L", "X_MOD", "X_CNJ", "VNP_CNJ", "X_CMP",
    "AP_CMP", "AP_SBJ", "R", "NP_SVJ",
)  # fmt: skip
DP_POS_TAGS = (
    "NNG", "NNP", "NNB", "NP", "NR", "VV", "VA", "VX", "VCP", "VCN", "MMA", "MMD", "MMN", "MAG", "MAJ",
    "JC", "IC", "JKS", "JKC", "JKG", "JKO", "JKB", "JKV", "JKQ", "JX", "EP", "EF", "EC", "ETN", "ETM",
    "XPN", "XSN", "XSV", "XSA", "XR", "SF", "SP", "SS", "SE", "SO", "SL", "SH", "SW", "SN", "NA",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Task:
    """One KLUE task.

    Attributes:
        name: Config name on the Hub, e.g. ``ynat``.
        alias: Another name that users may type, such as ``tc``; empty if there is none.
        title: English name of the task.
        title_ko: Korean name of the task.
        description: One sentence about input and output.
        summary: Short description for tables and help.
        summary_ko: Short description in Korean.
        stem: Prefix of official folders and files, e.g. ``klue-sts``.
        extension: File name ending of the official files, without the dot.
        counts: Published number of rows of each split.
        blobs: Version -> split -> git blob SHA-1 of the official file, if known.
        scored_columns: Columns with model inputs and gold answers.
        content: Version -> SHA-256 of these columns in the official validation split, see
            ``klue_datasets.content``. Versions with the same rows have one entry, that of the newest; the
            mapping is empty if no hash is known.
        version: Version of the task in this package; increased when scores of the same model on the same
            data are no longer comparable with earlier ones.
        archive_sha256: SHA-256 of the official v1 archive.
        archive_bytes: Size of this archive in bytes.
        labels: Class names in the order of the Hub's ClassLabel; empty if the task has no classes.
        card_task: Task category of the Hub, for cards.
        leaderboards: Key of each official metric -> id of its leaderboard on the Hub, where each has one
            metric.
    """

    name: str
    alias: str
    title: str
    title_ko: str
    description: str
    summary: str
    summary_ko: str
    stem: str
    extension: str
    counts: Mapping[str, int]
    blobs: Mapping[str, Mapping[str, str]]
    archive_sha256: str
    archive_bytes: int
    labels: tuple[str, ...]
    card_task: str
    scored_columns: tuple[str, ...]
    leaderboards: Mapping[str, str]
    content: Mapping[str, str] = dataclasses.field(default_factory=dict)
    version: str = "1.0"

    def folder(self, version: str) -> str:
        """Return the name of the task's folder in KLUE's repository, e.g. ``ynat-v1.1``."""
        return f"{self.stem}-{VERSION_SUFFIX[version]}"

    def filename(self, split: str, version: str) -> str:
        """Return the name of a split's official file, e.g. ``ynat-v1.1_dev.json`` for ``validation``."""
        return f"{self.folder(version)}_{SPLIT_FILE[split]}.{self.extension}"


def _same_in_both_versions(blobs: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    """Return blobs with the same hash for v1 and v1.1, in which most files are the same."""
    return dict.fromkeys(VERSION_SUFFIX, blobs)


_TASKS = (
    Task(
        name="ynat",
        alias="tc",
        title="Topic classification",
        title_ko="주제 분류",
        description="Classify a news headline into one of seven topics.",
        summary="topic of a headline, 7 classes",
        summary_ko="기사 제목의 주제, 7개",
        stem="ynat",
        extension="json",
        counts={"train": 45_678, "validation": 9_107},
        blobs=_same_in_both_versions(
            {
                "train": "e74e912a66720294bd6fe70e69b0cd131a0a10d7",
                "validation": "f4fb92cc5d967b586ea5172c3da8c379ba31caf9",
            },
        ),
        archive_sha256="820a4d1d6d1fd83e2a421f856965d3cfc5c93627935ce8c5b27468c6113fc482",
        archive_bytes=4_932_555,
        labels=("IT과학", "경제", "사회", "생활문화", "세계", "스포츠", "정치"),
        card_task="text-classification",
        leaderboards={"macro_f1": "ynat"},
        scored_columns=("title", "label"),
    ),
    Task(
        name="sts",
        alias="",
        title="Semantic textual similarity",
        title_ko="문장 유사도",
        description="Rate the similarity in meaning of two sentences from 0 to 5.",
        summary="similarity of two sentences, 0 to 5",
        summary_ko="두 문장의 유사도, 0~5",
        stem="klue-sts",
        extension="json",
        counts={"train": 11_668, "validation": 519},
        blobs=_same_in_both_versions(
            {
                "train": "4e92fce70fe9f2dbed2ffcb9c2aec7417c6d32ff",
                "validation": "2645707503e7b25cc3d9f94103cbfb2f5a086f56",
            },
        ),
        archive_sha256="539341ba78a3b351c686cf70a448ac7a5886ed95f0719d5e3d2378ba703213bd",
        archive_bytes=1_349_875,
        labels=("negative", "positive"),
        card_task="text-classification",
        leaderboards={"pearsonr": "sts_pearsonr", "f1": "sts_f1"},
        scored_columns=("sentence1", "sentence2", "labels"),
        content={"1.1.0": "d665885ac67592917f329380a5cac5af8ae440ccbbc466bad28c4250297668c9"},
    ),
    Task(
        name="nli",
        alias="",
        title="Natural language inference",
        title_ko="자연어 추론",
        description="Decide whether a premise entails a hypothesis, contradicts it, or neither.",
        summary="premise and hypothesis, 3 classes",
        summary_ko="전제와 가설, 3개",
        stem="klue-nli",
        extension="json",
        counts={"train": 24_998, "validation": 3_000},
        blobs=_same_in_both_versions(
            {
                "train": "a7903d15f09a3663d8f1d78e68d8d6c10dbd8618",
                "validation": "db052b2459c68d1ec57dd1573bfe90a9bb3f8157",
            },
        ),
        archive_sha256="388be2033ef712072201903795a35b4f86826ee3ed3b62dc0c98e1721baa8850",
        archive_bytes=1_257_374,
        labels=("entailment", "neutral", "contradiction"),
        card_task="text-classification",
        leaderboards={"accuracy": "nli"},
        scored_columns=("premise", "hypothesis", "label"),
        content={"1.1.0": "b615378cc50311c151d799cb876b99d1f9cda65d459c266caf85810991a5e7d4"},
    ),
    Task(
        name="ner",
        alias="",
        title="Named entity recognition",
        title_ko="개체명 인식",
        description="Find the people, places, organisations, dates, times and quantities in a sentence.",
        summary="entities by character, 6 types",
        summary_ko="글자 단위 개체명, 6종",
        stem="klue-ner",
        extension="tsv",
        counts={"train": 21_008, "validation": 5_000},
        blobs={
            "1.1.0": {
                "train": "b4f5d7dba85bb04d9dd72c7491bd62568af55cf1",
                "validation": "3ed843a2e62d536fc2e2dbcc0f304ee346dda62e",
            },
            "1.0.0": {},
        },
        archive_sha256="848a89759ac6b7c149c9a00d820726fe2a140c22782201f1a40d856672e7ea8e",
        archive_bytes=4_308_644,
        labels=(
            *("B-DT", "I-DT", "B-LC", "I-LC", "B-OG", "I-OG", "B-PS", "I-PS", "B-QT", "I-QT", "B-TI", "I-TI"),
            "O",
        ),
        card_task="token-classification",
        leaderboards={"entity_macro_f1": "ner_entity", "char_macro_f1": "ner_char"},
        scored_columns=("tokens", "ner_tags"),
        content={"1.1.0": "84c431e61d7c65f979e50780f59d5a1648f172c12cabdad1c99289e9a367552e"},
    ),
    Task(
        name="re",
        alias="",
        title="Relation extraction",
        title_ko="관계 추출",
        description="Classify the relation between two entities of a sentence, out of 30.",
        summary="relation of two entities, 30 classes",
        summary_ko="두 개체의 관계, 30개",
        stem="klue-re",
        extension="json",
        counts={"train": 32_470, "validation": 7_765},
        blobs=_same_in_both_versions(
            {
                "train": "83b1fd41b1ea65dc29cd5bcfe1721bcdb25bd4d6",
                "validation": "f3e013f47e0a5a5d234410f8cdaa1eb8d89ccce3",
            },
        ),
        archive_sha256="b09ceac0d986cc09e42fcda9c7f2873c0eea8ec0629baf91fead36580790f8f5",
        archive_bytes=5_669_259,
        labels=(
            "no_relation",
            *("org:dissolved", "org:founded", "org:place_of_headquarters", "org:alternate_names"),
            *("org:member_of", "org:members", "org:political/religious_affiliation", "org:product"),
            *("org:founded_by", "org:top_members/employees", "org:number_of_employees/members"),
            *("per:date_of_birth", "per:date_of_death", "per:place_of_birth", "per:place_of_death"),
            *("per:place_of_residence", "per:origin", "per:employee_of", "per:schools_attended"),
            *("per:alternate_names", "per:parents", "per:children", "per:siblings", "per:spouse"),
            *("per:other_family", "per:colleagues", "per:product", "per:religion", "per:title"),
        ),
        card_task="text-classification",
        leaderboards={"micro_f1": "re_micro_f1", "auprc": "re_auprc"},
        scored_columns=("sentence", "subject_entity", "object_entity", "label"),
    ),
    Task(
        name="dp",
        alias="",
        title="Dependency parsing",
        title_ko="의존 구문 분석",
        description="Find the head of each word of a sentence, and its relation to the head, out of 38.",
        summary="heads and relations of words",
        summary_ko="어절의 지배소와 관계",
        stem="klue-dp",
        extension="tsv",
        counts={"train": 10_000, "validation": 2_000},
        blobs={
            "1.1.0": {
                "train": "279c0b4de1e1341036b0147701d7e11ee79860e7",
                "validation": "ecd421f75cb1343c30e7482ce7cdc730f5d4cd12",
            },
            "1.0.0": {"validation": "ecd421f75cb1343c30e7482ce7cdc730f5d4cd12"},
        },
        archive_sha256="2c76a3543a50599ac6640ad360ba00eac36e0b5b2363f708a614d6e50844d17b",
        archive_bytes=2_033_461,
        labels=(),
        card_task="token-classification",
        leaderboards={"uas_macro_f1": "dp_uas", "las_macro_f1": "dp_las"},
        scored_columns=("word_form", "pos", "head", "deprel"),
        content={"1.1.0": "f87312c04146666410a3beb65b8746ff0be4cd9d27d01196906cedbfb4caeb85"},
    ),
    Task(
        name="mrc",
        alias="",
        title="Machine reading comprehension",
        title_ko="기계 독해",
        description="Find the answer to a question in a passage, or detect that there is none.",
        summary="answer span, or none",
        summary_ko="본문 속 답, 또는 답 없음",
        stem="klue-mrc",
        extension="json",
        counts={"train": 17_554, "validation": 5_841},
        blobs={
            "1.1.0": {
                "train": "46fd63137949a85f054aacb81ca4065c7b3a5882",
                "validation": "b89a46fcc5f3b15be59703abd626b52e4c4dd236",
            },
            "1.0.0": {},
        },
        archive_sha256="a444af252901452380d58a6320908ce4a86759bb6f38ad95d0ca98584ad33d14",
        archive_bytes=19_218_422,
        labels=(),
        card_task="question-answering",
        leaderboards={"exact_match": "mrc_em", "rouge_w": "mrc_rouge_w"},
        scored_columns=("question", "context", "is_impossible", "answers"),
    ),
    Task(
        name="wos",
        alias="dst",
        title="Dialogue state tracking",
        title_ko="대화 상태 추적",
        description="Track what the user of a travel agent asks for, after each user turn of a dialogue.",
        summary="dialogue state, 45 slots",
        summary_ko="대화 상태, 슬롯 45개",
        stem="wos",
        extension="json",
        counts={"train": 8_000, "validation": 1_000},
        blobs=_same_in_both_versions(
            {
                "train": "0a017e06c2daaf6e3855a9ccfda25dac1d666f71",
                "validation": "f0564e4c981ce85a4bd4b5cf1e211800211d8541",
            },
        ),
        archive_sha256="da17829300271560afc6e7fc330503c2ca6f7ae7721d9bb94308579542a5871f",
        archive_bytes=4_785_657,
        labels=(),
        card_task="text-generation",
        leaderboards={"joint_goal_accuracy": "wos_jga", "slot_micro_f1": "wos_slot_f1"},
        scored_columns=("dialogue",),
    ),
)

TASKS: Mapping[str, Task] = {task.name: task for task in _TASKS}
ALIASES: Mapping[str, str] = {task.alias: task.name for task in _TASKS if task.alias}


def get_task(name: str) -> Task:
    """Return the record of a task by name or alias.

    Raises:
        ValueError: There is no such task; the message lists the names.
    """
    task = TASKS.get(ALIASES.get(name, name)) if isinstance(name, str) else None
    if task is None:
        aliases = ", ".join(f"{alias} = {target}" for alias, target in ALIASES.items())
        raise ValueError(f"There is no KLUE task {name!r}; expected one of {', '.join(TASKS)} ({aliases}).")
    return task


def check_version(version: str) -> str:
    """Return ``version`` as a string; raise ValueError if KLUE has no such version."""
    if str(version) not in VERSION_SUFFIX:
        raise ValueError(f"KLUE has no version {version!r}; expected one of {', '.join(VERSION_SUFFIX)}.")
    return str(version)
