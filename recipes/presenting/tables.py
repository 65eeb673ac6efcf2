"""Numbers and tables as a person reads them."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """A table in plain text; the columns in ``right`` are aligned to the right.

    >>> print(text_table(["stage", "tokens"], [["pt", "14.8T"], ["sft", "-"]], right={1}))
    stage  tokens
    pt      14.8T
    sft         -
    """
    table = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(headings))]
    lines = [
        "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in table
    ]
    return "\n".join(line.rstrip() for line in lines)


def short(value: float | None, unit: str = "", digits: int = 3) -> str:
    """A number with a suffix of the field: K, M, B, T up to 10**15, then an exponent; unknown is a dash.

    >>> short(14.8e12), short(2.664e6, "h"), short(3.8e24), short(None), short(0.4)
    ('14.8T', '2.66M h', '3.80e+24', '–', '0.4')
    """
    if value is None:
        return "–"
    tail = f" {unit}" if unit else ""
    size = abs(value)
    if size >= 1e15:
        return f"{value:.{digits - 1}e}{tail}"
    for suffix, scale in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)):
        # a value that would print as 1000 of one suffix is 1 of the next
        if size >= scale * (1 - 0.5 * 10**-digits):
            return f"{value / scale:.{digits}g}{suffix}{tail}"
    return f"{value:.{digits}g}{tail}"
