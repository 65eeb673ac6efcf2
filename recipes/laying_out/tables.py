"""Tables of measured training speeds: read under their own columns or under those of others, one layout a row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from lehr.recipes.catalogue.accelerators import accelerator_called
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.tables import read_csv
from lehr.recipes.errors import LehrError, nearest
from lehr.simulators.architecture import Architecture, Block, Layers
from lehr.simulators.layers import MLP, Attention, Embedding, LayerNorm, NoPosition, RMSNorm, Rope
from lehr.simulators.machine.layout import Layout, refuse
from lehr.simulators.machine.software import SOFTWARE, Software
from lehr.simulators.machine.work import Work, work_of

MEASUREMENT = CONF / "measurement"

ALSO = {
    "hidden": "d_model",
    "layers": "n_layers",
    "heads": "n_heads",
    "kv_heads": "n_kv_heads",
    "ffn": "d_ff",
    "vocab": "vocab_size",
    "seq": "sequence_length",
    "gpu": "accelerator",
    "n_gpus": "devices",
    "notes": "note",
    "measured_tokens_s_gpu": "tokens_per_second",
    "measured_step_s": "step_seconds",
    "step_s": "step_seconds",
}
"""Other names of columns."""

NUMBERS = {
    "devices", "sequence_length", "tp", "pp", "cp", "ep", "vpp", "micro_batch", "global_batch", "d_model", "n_layers",
    "n_heads", "n_kv_heads", "d_ff", "d_head", "vocab_size", "shard", "network", "tokens_per_second", "step_seconds",
}  # fmt: skip
LARGEST = 1e15
"""Of the numbers in these columns; beyond it float and whole numbers part."""

TRAINERS = {
    "vtrain": "megatron_deepspeed",
    "deepspeed": "megatron_deepspeed",
    "korthikanti": "megatron_lm_2022",
    "2205.05198": "megatron_lm_2022",
    "llm-foundry": "llm_foundry",
    "mosaicml": "llm_foundry",
    "torchtitan": "torchtitan",
    "bridge": "megatron_core",
    "nemo": "nemo",
    "megatron-core": "megatron_core",
    "megatron core": "megatron_core",
    "megatron-lm git": "megatron_lm_2020",
}
"""What in a source's name tells its software."""

_CALENDAR = re.compile(r"\b(2\d)\.(0[1-9]|1[0-2])(?:\.(\d\d))?\b")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One measured training speed, and under which layout.

    ``mixing`` is attention's work over that of whole sequences: below 1 where short documents are packed.
    """

    source: str
    model: str
    work: Work
    recurrent: bool
    layout: Layout
    accelerator: str
    software: Software
    devices: int
    network: float | None
    trained: bool
    mixing: float
    tokens_per_second: float | None
    place: str
    note: str


PACKED = 0.1
"""Attention's work where fine-tuning packs documents of a few hundred tokens into sequences of 4,096 [1]."""


def read_rows(path: Path, catalogue: Catalogue) -> tuple[list[Row], list[str]]:
    """The rows of a table whose layout is known, and of each other row why it was left out.

    Raises ``LehrError`` where the file cannot be read as a table of speeds.
    """
    columns = {ALSO.get(name, name): cells for name, cells in read_csv(path, "table=<path of a table>").items()}
    missing = sorted({"model", "accelerator", "devices", "sequence_length"} - set(columns))
    if missing:
        raise LehrError(f"{path}: has no column {missing[0]!r}; {nearest(missing[0], columns)}")
    reader_of = _Reader(catalogue)
    rows, left = [], []
    for number, cells in enumerate(zip(*columns.values(), strict=True), 2):
        record = {name: cell or "" for name, cell in zip(columns, cells, strict=True)}
        try:
            _refuse_numbers(record)
            rows.append(reader_of.row(record))
        except (ValueError, LehrError) as error:
            left.append(f"{path.name}, line {number}: {error}")
        except KeyError as error:
            left.append(f"{path.name}, line {number}: has no {error.args[0]}")
        except ArithmeticError:
            left.append(f"{path.name}, line {number}: its sizes make no network")
    return rows, left


def _refuse_numbers(record: dict[str, str]) -> None:
    """Raise ``ValueError`` for a number that no table of speeds holds."""
    for key in NUMBERS & set(record):
        try:
            value = float(record[key])
        except ValueError:
            # empty, or words, which the reader tells
            continue
        if not 0 < value <= LARGEST:
            raise ValueError(f"{key} is {record[key][:40]!r}; write a number above 0")


def read_networks(path: Path, catalogue: Catalogue) -> Iterator[tuple[dict[str, str], Architecture]]:
    """Each row of a table under its own columns, with the network that it measured."""
    reader_of = _Reader(catalogue)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield row, reader_of.network(row)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


class Networks:
    """The networks of a table's rows: of their own dimensions, or by their names in the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.models = {_plain(name): name for name in catalogue.files("model")}

    def network(self, r: dict[str, str]) -> Architecture:
        """The network of a row. Raises ``ValueError`` where neither its name nor its dimensions tell it."""
        named = _named(r)
        sized = r.get("d_model", "").isdigit() and r.get("d_ff", "").isdigit()
        return _dense(r, named) if sized else self.architecture(named)

    def architecture(self, named: str) -> Architecture:
        """The network of the catalogue that is called ``named``."""
        plain = _plain(named)
        if plain in self.models:
            return self.catalogue.model(self.models[plain]).shape()
        raise ValueError(f"no model is called {named!r}, and no dimensions are given")


class _Reader(Networks):
    """Rows to layouts; networks and their work are made once each."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(catalogue)
        self.accelerators = list(catalogue.files("accelerator"))
        self.works: dict[Any, tuple[Work, bool]] = {}

    def row(self, r: dict[str, str]) -> Row:
        def whole(key: str, default: int) -> int:
            return int(float(r[key])) if r.get(key) else default

        source = " ".join(part for part in (r.get("source"), r.get("place"), r.get("release")) if part)
        if not r["devices"] or not r.get("tp"):
            raise ValueError("the layout is not printed")
        software = _software(r, source)
        work, recurrent = self.work(r)
        devices, tp, pp, cp = whole("devices", 1), whole("tp", 1), whole("pp", 1), whole("cp", 1)
        if devices % (tp * pp * cp):
            raise ValueError("tp x pp x cp do not divide the devices")
        dp = devices // (tp * pp * cp)
        batch = whole("global_batch", 0)
        if not batch:
            raise ValueError("the batch is not printed")
        micro_batch = whole("micro_batch", 1)
        if not r.get("micro_batch") and software.year < 2021:
            micro_batch = max(1, batch // dp)
        if "local batch" in r.get("note", "") and pp > 1 and "in 8 micro-batches" not in r["note"]:
            micro_batch = max(1, micro_batch // 8)
        zero, shard = _sharding(r, software)
        vpp = whole("vpp", 0)
        if not vpp:
            vpp = _chunks(r, software, work, pp)
        recompute = _recompute(r.get("recompute", ""), software)
        layout = Layout(
            tp=tp, pp=pp, cp=cp, ep=whole("ep", 1), vpp=vpp if pp > 1 else 1, dp=dp, micro_batch=micro_batch,
            global_batch=batch, zero=zero, shard=shard, recompute=recompute,
            precision=_precision(r.get("precision", "")),
            sequence_parallel=software.year > 2023 or recompute == "selective",
        )  # fmt: skip
        if (problem := refuse(msgspec.structs.replace(layout, vpp=1), work, devices)) and work.heads % tp:
            raise ValueError(problem)
        accelerator = accelerator_called(r["accelerator"], self.accelerators)
        if accelerator is None:
            raise ValueError(f"no accelerator is called {r['accelerator']!r}")
        tokens = float(r["tokens_per_second"]) if r.get("tokens_per_second") else None
        if tokens is None and r.get("step_seconds"):
            tokens = batch * work.seq_len / float(r["step_seconds"]) / devices
        trains = r.get("trains", "") + (" lora" if "LoRA" in r["model"] else "")
        short = "packed" in trains or ("nemo" in software.name and re.search(r" (SFT|LoRA)$", r["model"]) is not None)
        return Row(
            source=source,
            model=r["model"],
            work=work,
            recurrent=recurrent,
            layout=layout,
            accelerator=accelerator,
            software=software,
            devices=devices,
            network=float(r["network"]) if r.get("network") else _network(r),
            trained="lora" not in trains,
            mixing=PACKED if short else 1.0,
            tokens_per_second=tokens,
            place=r.get("place", ""),
            note=r.get("note", ""),
        )

    def work(self, r: dict[str, str]) -> tuple[Work, bool]:
        seq_len = int(float(r["sequence_length"]))
        named = _named(r)
        mtp = "w/o MTP" not in r["model"] and "without MTP" not in r.get("note", "")
        key = (*(r.get(k) for k in ("d_model", "n_layers", "n_heads", "n_kv_heads", "d_ff", "vocab_size")), named)
        if (*key, seq_len, mtp) not in self.works:
            architecture = self.network(r)
            recurrent = any(
                getattr(block.mixer, "softmax_rows", lambda: 1)() == 0
                for block, _ in architecture.stack()
                if block.mixer is not None
            )
            self.works[(*key, seq_len, mtp)] = (work_of(architecture, seq_len, mtp=mtp), recurrent)
        return self.works[(*key, seq_len, mtp)]


def _named(r: dict[str, str]) -> str:
    """A row's model without its remarks."""
    return re.sub(r" \(.*\)$| SFT$| LoRA$", "", r["model"])


def _dense(r: dict[str, str], named: str) -> Architecture:
    """A dense decoder of the row's dimensions; what a table does not say is as of the family that its name tells."""
    sizes = {k: int(r[k]) for k in ("d_model", "n_layers", "n_heads", "n_kv_heads", "d_ff")}
    gated = r["mlp"] == "gated" if r.get("mlp") else re.search("llama|qwen|mistral|yi-", named, re.I) is not None
    plain_bias = not gated and re.search("mpt|nemotron", named, re.I) is None
    tied = r.get("tied") == "yes" or (not gated and "nemotron" not in named.lower())
    vocab = int(r["vocab_size"]) if r.get("vocab_size") else 256000 if "nemotron" in named.lower() else 51200
    norm = RMSNorm() if gated else LayerNorm()
    d_head = int(r["d_head"]) if r.get("d_head") else sizes["d_model"] // sizes["n_heads"]
    mixer = Attention(
        n_heads=sizes["n_heads"], n_kv_heads=sizes["n_kv_heads"], d_head=d_head,
        qkv_bias=plain_bias, out_bias=plain_bias, position=Rope(base=10000.0) if gated else NoPosition(),
    )  # fmt: skip
    mlp = MLP(d_ff=sizes["d_ff"], activation="silu" if gated else "gelu", gated=gated, bias=plain_bias)
    return Architecture(
        d_model=sizes["d_model"],
        context_length=int(float(r["sequence_length"])),
        embedding=Embedding(vocab_size=vocab, tied=tied),
        blocks={"decoder": Block(mixer=mixer, mlp=mlp, norm=norm)},
        layers=[Layers(blocks=["decoder"], repeat=sizes["n_layers"])],
        final_norm=norm,
    )


def _software(r: dict[str, str], source: str) -> Software:
    if r.get("software") in SOFTWARE:
        software = SOFTWARE[r["software"]]
    else:
        told = f"{r.get('software', '')} {r.get('framework', '')} {source}".lower()
        name = next((software for word, software in TRAINERS.items() if word in told), "megatron_core")
        note = r.get("note", "")
        if name == "torchtitan":
            compiled = re.search("compile|4D", note) is not None
            name = "torchtitan_async" if "Async" in note else "torchtitan" if compiled else "torchtitan_eager"
        software = SOFTWARE[name]
    year = float(r["year"]) if r.get("year") else _year(source)
    return software if year is None else msgspec.structs.replace(software, year=year)


def _year(source: str) -> float | None:
    """The release in a source's name, where releases are called by year and month."""
    match = _CALENDAR.search(source)
    if match is None or not ("NeMo" in source or "bridge" in source.lower()):
        return None
    return 2000 + int(match[1]) + (int(match[2]) - 1) / 12 + (0.05 if match[3] else 0.0)


def _sharding(r: dict[str, str], software: Software) -> tuple[Any, int | None]:
    if r.get("zero"):
        return int(r["zero"]), int(r["shard"]) if r.get("shard") else None
    text = r.get("sharding", "").upper()
    ranks = re.fullmatch(r"FSDP(\d\d+)", text)
    if ranks:
        return 3, int(ranks[1])
    if "FULL_SHARD" in text or "FSDP" in text or "ZERO-3" in text:
        return 3, None
    if "GRAD_OP" in text or "ZERO-2" in text:
        return 2, None
    return (0 if software.year < 2023.2 else 1), None


def _chunks(r: dict[str, str], software: Software, work: Work, pp: int) -> int:
    """Chunks of a pipeline rank where a table leaves them out: NeMo interleaves, torchtitan where it says so."""
    if pp == 1:
        return 1
    if "nterleaved" in r.get("note", ""):
        return 2
    return max(1, min(work.n_layers // pp, 4)) if software.name == "nemo" else 1


def _recompute(text: str, software: Software) -> Any:
    if text in ("none", "selective", "operators", "full"):
        return text
    if text.startswith("full"):
        return "full"
    if text.startswith("selective"):
        return "operators" if software.name.startswith("torchtitan") else "selective"
    return "full" if software.year < 2021 else "none"


def _precision(text: str) -> Any:
    lower = text.lower()
    if "mxfp8" in lower or lower == "fp8-mx":
        return "mxfp8"
    if "fp4" in lower:
        return "nvfp4"
    return "fp8" if "fp8" in lower else "fp16" if lower == "fp16" else "bf16"


def _network(r: dict[str, str]) -> float | None:
    """Bandwidth of a device's card where the text prints that of a node of eight [byte/s]."""
    match = re.search(r"([\d,]+) ?Gb(?:ps|/s)", f"{r['accelerator']} {r.get('source', '')}")
    return float(match[1].replace(",", "")) * 1e9 / 8 / 8 if match else None
