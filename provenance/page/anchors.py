"""Anchors, as rows of a table: which head was published where, and whether this log fits it."""

from dataclasses import dataclass

from provenance.errors import LogError
from provenance.log import Log
from provenance.page.text import flat


@dataclass(frozen=True)
class AnchorRow:
    """One receipt file.

    Args:
        file: its name.
        fits: whether the log has the anchored root at the anchored size; None where the receipt
            cannot be read, or was not sent yet.
        size: number of entries of the anchored head; None if it cannot be read.
        state: how far it is, as the worker last saw it; or what is wrong with the receipt.
        tx: of the newest transaction, as far as there is one.
        rows: everything that it says, name and value.
    """

    file: str
    fits: bool | None
    size: int | None
    state: str
    tx: str | None
    rows: tuple[tuple[str, str], ...]


def anchor_rows(log: Log) -> tuple[AnchorRow, ...]:
    """The receipts in `anchors/` below a log's folder, by name; none if there is no such folder.

    They are compared with the log, not with a chain: the page says so.
    """
    # Imported here: most logs have none of them.
    from provenance.anchors.receipt import read_receipt

    history = log.history()
    found = []
    for path in sorted((log.folder / "anchors").glob("*-*.json")):
        try:
            receipt = read_receipt(path)
        except LogError as error:
            message = str(error).replace(f"{path} ", "")
            found.append(AnchorRow(path.name, None, None, message, None, ()))
            continue
        fits = receipt.origin == log.origin and (
            receipt.size <= history.size and history.root_at(receipt.size).hex() == receipt.root
        )
        sent = receipt.sent
        found.append(
            AnchorRow(
                file=path.name,
                fits=None if sent is None else fits,
                size=receipt.size,
                state=receipt.progress.value,
                tx=None if sent is None else sent.tx,
                rows=tuple(flat(receipt.to_dict())),
            )
        )
    return tuple(found)
