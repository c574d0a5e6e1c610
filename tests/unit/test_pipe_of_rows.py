"""Frames of rows between two drivers: what is still being sent does not end the stream."""

from __future__ import annotations

import asyncio

from voyager.postgres.bulk import PIPE_BYTES, _Pipe


def test_a_huge_frame_of_which_a_part_is_still_on_its_way_out_is_let_go() -> None:
    async def pass_on() -> list[int]:
        pipe, sizes, held = _Pipe(), [], []
        putting = asyncio.ensure_future(pipe.put(bytearray(2 * PIPE_BYTES)))
        putting.add_done_callback(pipe.close)
        async for frame in pipe.frames():
            held.append(memoryview(frame)[:10])
            sizes.append(len(frame))
        await putting
        return sizes

    assert asyncio.run(asyncio.wait_for(pass_on(), 60)) == [2 * PIPE_BYTES]
