"""Files that are almost right, for every decoder: small seeds of each kind, and what damage does to them."""

# ruff: noqa: E501  (a file on one line is damaged as it stands)

from __future__ import annotations

import gzip
import io
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lehr.recipes.catalogue.data import load_data
from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, ClusterFile, RecipeFile, decode_law
from lehr.recipes.catalogue.yaml import load_json
from lehr.recipes.importing.run import read_config
from lehr.recipes.importing.stored.find import stored
from lehr.recipes.laying_out.answer import load_once
from lehr.recipes.laying_out.calibrating import compared
from lehr.recipes.laying_out.tables import read_rows
from lehr.recipes.projecting.schedules import read_schedule
from lehr.recipes.reading import LogReading, read_runs
from lehr.recipes.reading.tables import read_table
from lehr.recipes.reference import changes, is_reference
from lehr.simulators.counting import count_parameters
from tests.commands import SPEEDS
from tests.properties.event_files import event_file

Decoder = Callable[[Path], object]


def model(path: Path) -> object:
    found = decode(load_data(path, "model"), Model, str(path))
    return count_parameters(found.shape())


def recipe(path: Path) -> object:
    return decode(load_data(path, "recipe"), RecipeFile, str(path))


def law(path: Path) -> object:
    return decode_law(load_data(path, "law"), str(path))


def log(path: Path) -> object:
    return read_runs([str(path)], LogReading())


def accelerator(path: Path) -> object:
    return decode(load_data(path, "accelerator"), AcceleratorFile, str(path))


def cluster(path: Path) -> object:
    return decode(load_data(path, "cluster"), ClusterFile, str(path))


def schedule(path: Path) -> object:
    return read_schedule(str(path)).values()


def speeds(path: Path) -> object:
    catalogue = Catalogue()
    rows, left = read_rows(path, catalogue)
    return compared(rows, catalogue.accelerators, load_once()) if rows else left


def reference(path: Path) -> object:
    return changes({"one": load_json(path)}, {"one": REFERENCE}) if is_reference(path) else None


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"n": [1e6, 2e6], "d": [1e9, 2e9], "loss": [3.0, 2.9]}), out)
    return out.getvalue()


def safetensors() -> bytes:
    head = json.dumps({"a.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    return struct.pack("<Q", len(head)) + head + b"\0" * 16


def gguf() -> bytes:
    def text(word: str) -> bytes:
        return struct.pack("<Q", len(word)) + word.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 2)
    head += text("general.architecture") + struct.pack("<I", 8) + text("llama")
    head += text("general.alignment") + struct.pack("<II", 4, 32)
    head += text("a.weight") + struct.pack("<IQQIQ", 2, 2, 2, 0, 0)
    return head + b"\0" * (-len(head) % 32) + b"\0" * 16


CONFIG: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 128, "tie_word_embeddings": False,
    "rms_norm_eps": 1e-6, "hidden_act": "silu", "architectures": ["LlamaForCausalLM"],
}  # fmt: skip
ROWS = [{"step": 10 * i, "loss": 4 - i / 10, "lr": 1e-3} for i in range(8)]
CSV = "step,loss,lr\n" + "".join(f"{r['step']},{r['loss']},{r['lr']}\n" for r in ROWS)
TABLE = "n,d,loss\n1e6,1e9,3.0\n2e6,1e9,2.9\n4e6,2e9,2.7\n"

SCHEDULE = "steps: 500\nschedule: {kind: wsd, peak: 3e-4, decay: {fraction: 0.2, shape: linear}, warmup: {steps: 20}}\n"
REFERENCE: dict[str, Any] = {"totals.flops": 1e24, "totals.cost": None, "stages.pt.time.accelerator": "h800"}

SEEDS: dict[str, tuple[str, bytes, Decoder]] = {
    "model": ("mine.yaml", (CONF / "model/santacoder.yaml").read_bytes(), model),
    "mixture": ("mine.yaml", (CONF / "model/qwen3_30b_a3b.yaml").read_bytes(), model),
    "recipe": ("mine.yaml", (CONF / "recipe/santacoder.yaml").read_bytes(), recipe),
    "law": ("mine.yaml", (CONF / "law/chinchilla.yaml").read_bytes(), law),
    "config.json": ("config.json", json.dumps(CONFIG).encode(), read_config),
    "a log as CSV": ("log.csv", CSV.encode(), log),
    "a log as JSON lines": ("log.jsonl", "\n".join(map(json.dumps, ROWS)).encode(), log),
    "a log as JSON": ("trainer_state.json", json.dumps({"log_history": ROWS}).encode(), log),
    "a log that was printed": ("run.log", "".join(f"step {r['step']} loss {r['loss']} lr 1e-3\n" for r in ROWS).encode(),
                               log),
    "a log of events": ("events.out.tfevents.1", event_file([(r["step"], {"loss": r["loss"], "lr": 1e-3}) for r in ROWS]),
                        log),
    "a log that is packed": ("log.csv.gz", gzip.compress(CSV.encode(), mtime=0), log),
    "a table as CSV": ("runs.csv", TABLE.encode(), read_table),
    "a table as JSON": ("runs.json", json.dumps([{"n": 1e6, "d": 1e9, "loss": 3.0}]).encode(), read_table),
    "a table as Parquet": ("runs.parquet", parquet(), read_table),
    "an accelerator": ("mine.yaml", (CONF / "accelerator/h100_sxm.yaml").read_bytes(), accelerator),
    "a cluster": ("mine.yaml", (CONF / "cluster/deepseek_h800.yaml").read_bytes(), cluster),
    "a schedule": ("mine.yaml", SCHEDULE.encode(), schedule),
    "a table of speeds": ("speeds.csv", f"{SPEEDS}\nllama_2_7b,h100_sxm,8,4096,1,1,8,1,64,bf16,90000,mine\n".encode(), speeds),
    "a reference": ("mine.json", json.dumps(REFERENCE, indent=1).encode(), reference),
    "safetensors": ("model.safetensors", safetensors(), stored),
    "GGUF": ("model.gguf", gguf(), stored),
}  # fmt: skip
"""What a file of each kind is called, holds, and is read by."""

NASTY = [
    b"1e999", b"-1", b"0", b"1e300", b"1e-300", b"9223372036854775808", b"1" * 50, b"9" * 5000, b"nan", b"-inf", b"null", b"~",
    b"[]", b"{}", b"[[[[[[", b"}", b"\"", b"'", b"\\", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"\n\n", b"\r", b"\t", b",,,",
    b"&a [*a]", b"*a", b"<<: *a", b"!!int x", b"!!bool x", b"!!timestamp 2020", b"? !!set", b"!!python/name:os.system", b"---\n", b"...\n",
    b"? ", b"- ", b": ", b"# @package _global_\n", b"hydra:", b"defaults: [_self_]\n", b"_target_: x\n", b"${oc.env:HOME}", b"${a}",
    b"???", b"1_0", b"0x", b"1:30", b"true", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"x" * 3000, b"[" * 3000, b"- " * 3000, b"{a: " * 200,
]  # fmt: skip


def damaged(seed: bytes, draw: random.Random) -> bytes:
    """``seed`` after one to four accidents: bytes that flip, move, repeat or go, and what no one expects there."""
    data = bytearray(seed)
    for _ in range(draw.randint(1, 4)):
        at = draw.randint(0, len(data))
        to = min(len(data), at + draw.randint(1, 12))
        match draw.randint(0, 7):
            case 0:
                data[at:to] = draw.randbytes(to - at)
            case 1:
                del data[at:to]
            case 2:
                data[at:at] = draw.choice(NASTY)
            case 3:
                data[at:to] = draw.choice(NASTY)
            case 4:
                del data[at:]
            case 5:
                start = draw.randint(0, len(data))
                data[at:at] = data[start : start + draw.randint(1, 60)]
            case 6:
                # a value in place of another: after a colon or a comma
                places = [i for i, byte in enumerate(data) if byte in b":,="]
                if places:
                    start = draw.choice(places) + 1
                    end = next((i for i in range(start, len(data)) if data[i] in b"\n,}]"), len(data))
                    data[start:end] = b" " + draw.choice(NASTY)
            case _:
                if at < len(data):
                    data[at] ^= 1 << draw.randint(0, 7)
    return bytes(data)
