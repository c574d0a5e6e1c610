"""Chunk files: blocks of whole rows, checked before a byte comes out; manifests that cannot lie."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voyager import data_file
from voyager.data_file import BLOCK_ROWS, Block, ChunkManifest, ChunkReader, ChunkWriter, data_name, manifest_name
from voyager.errors import DamagedFile, OutOfSpace
from voyager.identifiers import TableName

CHUNK = "0" * 36


def written(directory: Path, *parts: bytes, compression: str = "none") -> ChunkManifest:
    writer = ChunkWriter(directory / data_name(CHUNK), compression)
    for part in parts:
        writer.write(part)
    writer.finish()
    return ChunkManifest(
        chunk_id=CHUNK,
        attempt="a",
        table=TableName('odd "s"', "t\n"),
        ordinal=0,
        predicate="",
        columns=("a", "b"),
        snapshot="1",
        compression=compression,
        rows=writer.rows,
        bytes=writer.bytes,
        length=writer.length,
        blocks=tuple(writer.blocks),
    )


def content(directory: Path, manifest: ChunkManifest) -> bytes:
    with ChunkReader(directory, manifest) as reader:
        return b"".join(bytes(piece) for block in manifest.blocks for piece in reader.pieces(block))


@given(
    rows=st.lists(st.binary(max_size=60).map(lambda row: row.replace(b"\n", b"") + b"\n"), max_size=80),
    cuts=st.lists(st.integers(0, 80), max_size=6),
    most_rows=st.integers(1, 12),
    most_bytes=st.integers(1, 90),
    compression=st.sampled_from(data_file.COMPRESSIONS),
)
@settings(max_examples=150, deadline=None)
def test_blocks_hold_whole_rows_within_their_limits_and_give_back_every_byte(
    tmp_path_factory: pytest.TempPathFactory, rows, cuts, most_rows, most_bytes, compression
) -> None:
    directory = tmp_path_factory.mktemp("d")
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [b"".join(rows[low:high]) for low, high in itertools.pairwise(bounds)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_file, "BLOCK_ROWS", most_rows)
        patch.setattr(data_file, "BLOCK_BYTES", most_bytes)
        manifest = written(directory, *parts, compression=compression)
    assert content(directory, manifest) == b"".join(rows)
    assert manifest.rows == len(rows) == sum(block.rows for block in manifest.blocks)
    with ChunkReader(directory, manifest) as reader:
        for block in manifest.blocks:
            text = b"".join(bytes(piece) for piece in reader.pieces(block))
            assert text.endswith(b"\n")
            assert text.count(b"\n") == block.rows <= most_rows
            assert len(text) == block.size
            assert block.size <= most_bytes or block.rows == 1


def test_blocks_are_cut_at_exactly_the_rows_of_a_batch(tmp_path: Path) -> None:
    manifest = written(tmp_path, b"x\n" * (BLOCK_ROWS * 2 + 5), b"y\n" * 7)
    assert [block.rows for block in manifest.blocks] == [BLOCK_ROWS, BLOCK_ROWS, 12]


def test_nothing_written_is_a_file_of_no_blocks(tmp_path: Path) -> None:
    manifest = written(tmp_path)
    assert (manifest.rows, manifest.length, manifest.blocks) == (0, 0, ())
    assert content(tmp_path, manifest) == b""


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    manifest = written(tmp_path, b"1\t2\n" * 10)
    path = tmp_path / manifest_name(CHUNK)
    path.write_bytes(manifest.dump())
    assert ChunkManifest.load(path) == manifest


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-20],
        lambda _text: b"",
        lambda _text: b"{}",
        lambda _text: b"null",
        lambda text: text.replace(b'"rows":10', b'"rows":11'),
        lambda _text: b"[" * 100_000,
    ],
    ids=["cut", "empty", "no body", "null", "edited", "nested"],
)
def test_a_damaged_manifest_is_found(tmp_path: Path, spoil) -> None:
    path = tmp_path / manifest_name(CHUNK)
    path.write_bytes(spoil(written(tmp_path, b"1\t2\n" * 10).dump()))
    with pytest.raises(DamagedFile, match=r"manifest\.json is damaged"):
        ChunkManifest.load(path)


def test_a_manifest_of_another_format_names_it(tmp_path: Path) -> None:
    body = json.loads(written(tmp_path, b"1\n").dump())["body"]
    path = tmp_path / manifest_name(CHUNK)
    path.write_bytes(data_file.seal({**body, "format": 9}))
    with pytest.raises(DamagedFile, match="format 9"):
        ChunkManifest.load(path)


@pytest.mark.parametrize("compression", data_file.COMPRESSIONS)
def test_no_byte_of_a_damaged_block_comes_out_and_the_others_do(tmp_path: Path, compression: str, monkeypatch) -> None:
    monkeypatch.setattr(data_file, "BLOCK_ROWS", 10)
    manifest = written(tmp_path, b"abcdef\n" * 30, compression=compression)
    second = manifest.blocks[1]
    path = tmp_path / manifest.data_name
    with path.open("r+b") as file:
        file.seek(second.offset + 3)
        byte = file.read(1)
        file.seek(second.offset + 3)
        file.write(bytes([byte[0] ^ 1]))
    with ChunkReader(tmp_path, manifest) as reader:
        assert b"".join(bytes(piece) for piece in reader.pieces(manifest.blocks[0])) == b"abcdef\n" * 10
        with pytest.raises(DamagedFile, match=f"{path}.*offset {second.offset}"):
            next(reader.pieces(second))
        assert b"".join(bytes(piece) for piece in reader.pieces(manifest.blocks[2])) == b"abcdef\n" * 10


@pytest.mark.parametrize("compression", data_file.COMPRESSIONS)
def test_a_big_block_is_checked_before_it_is_sent_and_while_it_is_sent(
    tmp_path: Path, compression: str, monkeypatch
) -> None:
    monkeypatch.setattr(data_file, "WHOLE_READ_BYTES", 64)
    monkeypatch.setattr(data_file, "PIECE_BYTES", 100)
    row = os.urandom(400_000).replace(b"\n", b"") + b"\n"
    manifest = written(tmp_path, row, compression=compression)
    assert content(tmp_path, manifest) == row
    path = tmp_path / manifest.data_name
    good = path.read_bytes()
    with ChunkReader(tmp_path, manifest) as reader:
        pieces = reader.pieces(manifest.blocks[0])
        next(pieces)
        path.write_bytes(good[:-5] + bytes([good[-5] ^ 1]) + good[-4:])
        with pytest.raises(DamagedFile):
            list(pieces)
    with ChunkReader(tmp_path, manifest) as reader, pytest.raises(DamagedFile):
        next(reader.pieces(manifest.blocks[0]))


@pytest.mark.parametrize("length", [0, 5, 1000])
def test_a_file_of_another_length_is_refused_before_its_first_block(tmp_path: Path, length: int) -> None:
    manifest = written(tmp_path, b"abcdef\n" * 30)
    os.truncate(tmp_path / manifest.data_name, length)
    with pytest.raises(DamagedFile, match=f"{length:,} bytes long; its manifest says 210"):
        ChunkReader(tmp_path, manifest)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    manifest = written(tmp_path, b"1\n")
    (tmp_path / manifest.data_name).unlink()
    with pytest.raises(DamagedFile, match="is missing"):
        ChunkReader(tmp_path, manifest)


def test_a_block_that_expands_to_another_size_is_damaged(tmp_path: Path) -> None:
    manifest = written(tmp_path, b"1\n" * 10, compression="zstd")
    block = manifest.blocks[0]
    wrong = Block(block.offset, block.length, block.rows, block.size + 1, block.checksum)
    with ChunkReader(tmp_path, manifest) as reader, pytest.raises(DamagedFile):
        list(reader.pieces(wrong))


def test_a_full_disk_names_the_file_and_discard_removes_it(tmp_path: Path) -> None:
    writer = ChunkWriter(tmp_path / "f")
    os.close(writer._file or 0)
    writer._file = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OutOfSpace, match=f"{tmp_path}/f"):
        writer.write(b"1\n" * 10)
    writer.discard()
    assert not (tmp_path / "f").exists()
