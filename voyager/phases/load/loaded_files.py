"""LoadedFiles: data files are removed once the ledger vouches for every row of them (--discard-loaded)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from voyager.data_file import ChunkManifest
from voyager.errors import NotAllowed, disk_error


class LoadedFiles:
    """The data files of an import. Manifests stay: they say what was there, and that it need not be read again.

    A file goes only after its last batch was committed. One that a kill left behind goes when the next run has read the
    ledger.
    """

    def __init__(self, data: Path, *, discard: bool) -> None:
        self._data = data
        self._discard = discard
        self.removed = 0
        self.freed = 0

    def is_in(self, chunk: ChunkManifest) -> None:
        """Every row of the chunk is in the target, by its ledger."""
        if not self._discard:
            return
        path = self._data / chunk.data_name
        try:
            path.unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            raise disk_error(error, path) from error
        self.removed += 1
        self.freed += chunk.length


def gone(data: Path, chunks: Iterable[ChunkManifest]) -> list[ChunkManifest]:
    """The chunks with rows whose data file is not there any more."""
    return [chunk for chunk in chunks if chunk.rows and not (data / chunk.data_name).exists()]


def check_undo(data: Path, undone: Iterable[str]) -> None:
    """Raise NotAllowed when an import is to be undone alone, whose data files are not all there to be loaded again."""
    from voyager.phases.export.attempt import ExportAttempt, finished_chunks

    attempt = ExportAttempt.load(data) if "EXPORT_DATA" not in undone else None
    if attempt is None:
        return
    if attempt.streamed:
        raise NotAllowed(
            "The rows were streamed by export data: there are no files that import data could begin anew with.",
            "Nothing was changed. Stream anew, which undoes both: yb-voyager migrate export data --stream "
            "--start-clean.",
        )
    chunks = finished_chunks(data, attempt)[0].values()
    removed = gone(data, chunks)
    if removed:
        raise NotAllowed(
            f"{len(removed):,} of {len(chunks):,} data files are not there any more (--discard-loaded removes them "
            "once their rows are in): import data cannot begin anew with the rest.",
            "Nothing was changed. Export anew, which undoes both: yb-voyager migrate export data --start-clean.",
        )
