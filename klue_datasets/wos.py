"""Builder for wos: dialogues of a user and a system, with the state after each user turn."""

from __future__ import annotations

from itertools import chain

import datasets
import pyarrow as pa

from .builder import KlueBuilder
from .raw_files import read_records
from .reading import class_ids
from .reading import list_array
from .reading import nested
from .reading import string_lists
from .reading import strings
from .reading import struct_array
from .tasks import TASKS

# Not used here; the script loader of datasets 3.6 copies only the siblings that a script itself imports.
from .download import fetch as fetch
from .messages import excerpt as excerpt

ROLES = ("user", "sys")


class Wos(KlueBuilder):
    """KLUE dialogue state tracking: guid, domains, and the turns, each with role, text and state.

    A state contains everything that the user has asked for so far, as ``domain-slot-value`` strings. System
    turns have no state in the file and an empty list here.
    """

    KLUE_TASK = TASKS["wos"]

    def features(self) -> datasets.Features:
        text = datasets.Value("string")
        turn = {"role": text, "text": text, "state": datasets.Sequence(text)}
        return datasets.Features({"guid": text, "domains": datasets.Sequence(text), "dialogue": [turn]})

    def columns(self, path: str) -> dict[str, pa.Array]:
        records = read_records(path, self.KLUE_TASK.name, self.features(), self.column_names)
        dialogues = nested(records, path, "dialogue")
        turns = list(chain.from_iterable(dialogues))
        roles = class_ids(turns, path, "role", ROLES)
        for turn, role in zip(turns, roles.to_pylist(), strict=True):
            if role == ROLES.index("sys") and turn.get("state") is None:
                turn["state"] = []
        columns = {
            "role": pa.array(ROLES).take(roles),
            "text": strings(turns, path, "text"),
            "state": string_lists(turns, path, "state"),
        }
        return {
            "guid": strings(records, path, "guid"),
            "domains": string_lists(records, path, "domains"),
            "dialogue": list_array(dialogues, struct_array(columns)),
        }
