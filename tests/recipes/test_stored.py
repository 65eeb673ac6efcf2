"""What checkpoints hold, read from their headers: as the formats' own writers write them, and from files that lie."""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lehr.recipes.errors import LehrError
from lehr.recipes.importing.hugging_face.config import import_config
from lehr.recipes.importing.stored.find import beside, stored
from lehr.recipes.importing.stored.gguf import read_gguf
from lehr.recipes.importing.stored.inventory import Inventory, Tensor, compared
from lehr.recipes.importing.stored.safetensors import read_safetensors
from lehr.simulators.counting import count_parameters

ROOT = Path(__file__).parents[2]
LLAMA = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 2,
    "vocab_size": 100, "num_key_value_heads": 2,
}  # fmt: skip
LAYER = {
    "self_attn.q_proj": (64, 64), "self_attn.k_proj": (32, 64), "self_attn.v_proj": (32, 64),
    "self_attn.o_proj": (64, 64),
    "mlp.gate_proj": (96, 64), "mlp.up_proj": (96, 64), "mlp.down_proj": (64, 96), "input_layernorm": (64,),
    "post_attention_layernorm": (64,),
}  # fmt: skip
SHAPES = {
    "model.embed_tokens.weight": (100, 64), "lm_head.weight": (100, 64), "model.norm.weight": (64,),
    **{f"model.layers.{i}.{name}.weight": shape for i in range(2) for name, shape in LAYER.items()},
}  # fmt: skip
TOTAL = sum(int(np.prod(shape)) for shape in SHAPES.values())


def header(entries: Any, data: int = 0) -> bytes:
    """A safetensors file of ``entries`` with ``data`` bytes behind them."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + bytes(data)


def described(shapes: dict[str, tuple[int, ...]], width: int = 2, dtype: str = "BF16") -> tuple[dict[str, Any], int]:
    entries, at = {}, 0
    for name, shape in shapes.items():
        end = at + width * int(np.prod(shape))
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    return entries, at


def test_a_file_of_safetensors_own_writer(tmp_path: Path) -> None:
    writer = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "model.safetensors"
    writer.save_file({name: np.zeros(s, np.float16) for name, s in SHAPES.items()}, path, metadata={"format": "pt"})
    found = read_safetensors(path)
    assert {tensor.name: tensor.shape for tensor in found.tensors} == SHAPES
    assert (found.total, found.dtypes(), found.notes) == (TOTAL, {"F16": TOTAL}, [])


def test_a_file_of_ggufs_own_writer(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_token_list(["a", "b", "ї"] * 1000)
    writer.add_array("nested", [[1, 2], [3, 4]])
    writer.add_float32("x", 1.5)
    for name, shape in SHAPES.items():
        writer.add_tensor(name, np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = read_gguf(path)
    assert {tensor.name: tensor.shape for tensor in found.tensors} == SHAPES
    assert found.dtypes() == {"F32": TOTAL}


def test_the_independent_count_is_beside_ours(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    first = dict(list(SHAPES.items())[:5])
    parts = {"a-00001-of-00002.safetensors": first, "a-00002-of-00002.safetensors": {**SHAPES}}
    parts["a-00002-of-00002.safetensors"] = {name: s for name, s in SHAPES.items() if name not in first}
    weights = {}
    for name, shapes in parts.items():
        (tmp_path / name).write_bytes(header(*described(shapes)))
        weights |= dict.fromkeys(shapes, name)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 2 * TOTAL}, "weight_map": weights}))
    command = [sys.executable, "-m", "lehr", "import", f"path={tmp_path}", "name=mine", f"out={tmp_path / 'conf'}"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=True)
    n = len(SHAPES)
    assert f"stored: {TOTAL:,} values in {n} tensors of 2 files (BF16): equal to our count" in done.stdout
    for name in parts:
        (tmp_path / name).unlink()
    alone = stored(index)
    ours = count_parameters(import_config(LLAMA).architecture).total
    assert compared(alone, ours, 2) == [f"stored: {2 * TOTAL:,} bytes by {index.name}: our count at 2 bytes a value"]


def test_what_stands_beside_the_network_is_named() -> None:
    shapes = {
        **SHAPES,
        "model.layers.0.self_attn.rotary_emb.inv_freq": (8,),
        "model.layers.2.eh_proj.weight": (64, 128),
        "visual.patch.weight": (3, 5),
        "model.layers.0.mlp.gate.e_score_correction_bias": (7,),
        "model.layers.0.self_attn.q_proj.weight_scale_inv": (1, 1),
    }
    found = Inventory(tensors=[Tensor(name, s, "BF16") for name, s in shapes.items()], files=["x.safetensors"])
    ours = count_parameters(import_config(LLAMA).architecture).total
    (line,) = compared(found, ours, 2)
    assert "equal to our count beside" in line
    for size in ("8 of tables", "8,192 of modules", "15 of a part for images", "7 of corrections", "1 of scales"):
        assert size in line
    (line,) = compared(Inventory(tensors=found.tensors[1:], files=["x.safetensors"]), ours, 2)
    assert f"6,400 fewer than our {TOTAL:,}" in line


GOOD, DATA = described({"a": (2, 3), "b": (4,)})
LIES: dict[str, bytes] = {
    "empty": b"",
    "seven bytes": b"1234567",
    "a length past the end": struct.pack("<Q", 2**63) + b"{}",
    "a header past the bound": struct.pack("<Q", 2**25 + 1) + b"{" + bytes(2**25 + 100),
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "no JSON": header(b"\x00\xff{"),
    "a list": header([1]),
    "brackets": header(b"[" * 100_000),
    "brackets inside": header(b'{"a":' + b'{"x":' * 100_000),
    "an entry of another form": header({"a": {"dtype": "F32"}}),
    "a further key": header({"a": {**GOOD["a"], "x": 1}}),
    "an unknown type": header({"a": {"dtype": "F7", "shape": [1], "data_offsets": [0, 1]}}),
    "a negative size": header({"a": {"dtype": "U8", "shape": [-1, -1], "data_offsets": [0, 1]}}, 1),
    "a size that overflows": header({"a": {"dtype": "U8", "shape": [2**32, 2**32], "data_offsets": [0, 0]}}),
    "a size of many digits": header(b'{"a":{"dtype":"U8","shape":[1' + b"0" * 4000 + b'],"data_offsets":[0,0]}}'),
    "many axes": header({"a": {"dtype": "U8", "shape": [1] * 100_000, "data_offsets": [0, 1]}}, 1),
    "offsets that overlap": header({"a": GOOD["a"], "b": {**GOOD["b"], "data_offsets": [4, 12]}}, DATA),
    "a hole": header({"a": GOOD["a"], "b": {**GOOD["b"], "data_offsets": [14, 22]}}, 22),
    "offsets that go back": header({"a": {"dtype": "U8", "shape": [1], "data_offsets": [1, 0]}}, 1),
    "another size than said": header({"a": {**GOOD["a"], "shape": [2, 4]}}, 12),
    "bytes behind": header(GOOD, DATA + 1),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_safetensors_file_that_lies_is_one_line(lie: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(LIES[lie])
    with pytest.raises(LehrError) as raised:
        read_safetensors(path)
    assert "x.safetensors" in str(raised.value)
    assert len(str(raised.value)) < 400


def test_a_file_that_is_cut_short_is_counted_and_said(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(header(GOOD, 3))
    found = read_safetensors(path)
    assert found.total == 10
    assert found.notes == ["x.safetensors is cut short: 3 of 20 bytes of data are there"]


def gguf_file(
    *, magic: bytes = b"GGUF", version: int = 3, tensors: int = 0, keys: int = 0, body: bytes = b"", pad: int = 0
) -> bytes:
    return magic + struct.pack("<IQQ", version, tensors, keys) + body + bytes(pad)


def key(name: bytes, kind: int, value: bytes) -> bytes:
    return struct.pack("<Q", len(name)) + name + struct.pack("<I", kind) + value


def tensor(name: bytes, axes: tuple[int, ...], kind: int = 0) -> bytes:
    return (
        struct.pack("<Q", len(name))
        + name
        + struct.pack(f"<I{len(axes)}Q", len(axes), *axes)
        + struct.pack("<IQ", kind, 0)
    )


NESTED = struct.pack("<IQ", 9, 1) * 50_000
GGUF_LIES: dict[str, bytes] = {
    "empty": b"",
    "another magic": gguf_file(magic=b"GGML", pad=64),
    "big-endian": b"GGUF" + struct.pack(">I", 3) + bytes(64),
    "version 1": gguf_file(version=1, pad=64),
    "too many tensors": gguf_file(tensors=2**60, pad=64),
    "too many keys": gguf_file(keys=2**62, pad=64),
    "a key that is longer than the file": gguf_file(keys=1, body=struct.pack("<Q", 2**60), pad=64),
    "a long name": gguf_file(keys=1, body=struct.pack("<Q", 2**16 + 1), pad=2**17),
    "a string past the end": gguf_file(keys=1, body=key(b"a", 8, struct.pack("<Q", 2**63))),
    "a list past the end": gguf_file(keys=1, body=key(b"a", 9, struct.pack("<IQ", 8, 2**61)), pad=64),
    "numbers past the end": gguf_file(keys=1, body=key(b"a", 9, struct.pack("<IQ", 4, 2**62)), pad=64),
    "lists in lists": gguf_file(keys=1, body=key(b"a", 9, NESTED)),
    "an unknown type of value": gguf_file(keys=1, body=key(b"a", 99, bytes(64))),
    "many axes": gguf_file(tensors=1, body=tensor(b"a", (1,) * 9), pad=64),
    "a shape that overflows": gguf_file(tensors=1, body=tensor(b"a", (2**40, 2**40)), pad=64),
    "a tensor twice": gguf_file(tensors=2, body=tensor(b"a", (2,)) * 2, pad=64),
    "an end within": gguf_file(tensors=2, body=tensor(b"abcdefghijklmnop", (2, 2, 2))),
}


@pytest.mark.parametrize("lie", GGUF_LIES)
def test_a_gguf_file_that_lies_is_one_line(lie: str, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(GGUF_LIES[lie])
    with pytest.raises(LehrError, match=r"x\.gguf: the header is not one of GGUF"):
        read_gguf(path)


@pytest.mark.parametrize("name", ["../x.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", "a\\b.safetensors"])
def test_an_index_names_files_beside_it_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 4}, "weight_map": {"a": name}}))
    with pytest.raises(LehrError, match="is no name of a file beside it"):
        stored(path)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ("{", "is no index of a checkpoint"),
        ("[]", "is no index"),
        ('{"weight_map": {"a": 3}}', "is no index"),
        ('{"weight_map": {"a": "x.safetensors"}}', "does not say how many bytes"),
        ('{"weight_map": {"a": "x.safetensors"}, "metadata": {"total_size": -1}}', "does not say how many bytes"),
        ('{"weight_map": {"a": "x.safetensors"}, "metadata": {"total_size": "many"}}', "is no index"),
        ('{"weight_map": {"other": "there.safetensors"}}', "in the index or in its files, not in both"),
    ],
)
def test_an_index_that_lies_is_one_line(content: str, advice: str, tmp_path: Path) -> None:
    (tmp_path / "there.safetensors").write_bytes(header(GOOD, DATA))
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(content)
    with pytest.raises(LehrError, match=advice):
        stored(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.gguf")
    with pytest.raises(LehrError, match="is no file"):
        stored(tmp_path / "x.gguf")


def test_two_files_of_one_tensor_are_an_error(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        (tmp_path / name).write_bytes(header(GOOD, DATA))
    with pytest.raises(LehrError, match="stands in another file too"):
        beside(tmp_path)


def bounded(path: Path) -> subprocess.CompletedProcess[str]:
    """Read the file in a process that may have 1.5 GB of memory and 60 s of the processor."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom lehr.recipes.errors import LehrError\n"
        "from lehr.recipes.importing.stored.find import stored\n"
        "try:\n    print(stored(Path(sys.argv[1])).total)\nexcept LehrError as error:\n    print('refused', error)\n"
    )

    def bounds() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    command = [sys.executable, "-c", code, str(path)]
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=bounds, check=False)


@pytest.mark.slow
def test_the_largest_headers_that_are_read_stay_within_bounds(tmp_path: Path) -> None:
    """The most tensors, the most values of metadata that a header of the greatest length holds."""
    tiny = b'"%d":{"dtype":"U8","shape":[],"data_offsets":[%d,%d]}'
    many = b"{" + b",".join(tiny % (i, i, i + 1) for i in range(2**25 // 68)) + b"}"
    (tmp_path / "x.safetensors").write_bytes(header(many))
    strings = struct.pack("<IQ", 8, 3_999_000) + bytes(8 * 3_999_000)
    (tmp_path / "x.gguf").write_bytes(gguf_file(keys=1, body=key(b"a", 9, strings)))
    more = struct.pack("<IQ", 8, 2**23) + bytes(8 * 2**23)
    (tmp_path / "y.gguf").write_bytes(gguf_file(keys=1, body=key(b"a", 9, more)))
    for name, answer in (("x.safetensors", str(2**25 // 68)), ("x.gguf", "0"), ("y.gguf", "refused")):
        done = bounded(tmp_path / name)
        assert done.returncode == 0, (name, done.stderr[-300:])
        assert done.stdout.startswith(answer), name


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_bytes_there_are(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    body = key(b"k", 8, struct.pack("<Q", 1) + b"v") + tensor(b"t", (2, 3))
    good = {
        "x.safetensors": header(GOOD, DATA),
        "x.gguf": gguf_file(tensors=1, keys=1, body=body, pad=32),
    }
    name = data.draw(st.sampled_from(sorted(good)))
    content = bytearray(good[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(content)))
    (folder / name).write_bytes(bytes(content[:end]))
    try:
        total = stored(folder / name).total
    except LehrError as error:
        total = -len(str(error).splitlines())
    assert total >= -1
