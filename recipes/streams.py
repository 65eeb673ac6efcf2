"""The surroundings of a command: encodings, streams that are closed or full, a folder that is gone."""

from __future__ import annotations

import errno
import locale
import os
import sys

from lehr.recipes.errors import LehrError


def in_utf8() -> None:
    """Go on in Python's UTF-8 mode where the locale has another encoding: files are read and text is printed as UTF-8
    whatever it says."""
    encoding = locale.getpreferredencoding(False)
    if sys.flags.utf8_mode or encoding.replace("-", "").lower() == "utf8" or os.name != "posix":
        return
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"lehr: the encoding here is {encoding}; what is printed is UTF-8", file=sys.stderr, flush=True)
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONUTF8": "1"})


def prepare() -> None:
    """Make the standard streams ready. Raises ``LehrError`` where nothing can be printed, or the folder is gone."""
    closed = sys.stdout is None
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # a file opened later would take the number of the stream that is closed
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (for as long as the process)
    if closed:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        raise LehrError("standard output is closed; write > FILE, or >/dev/null")
    for stream in (sys.stdout, sys.stderr):
        # half a character of a file's name is shown as what it is
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    # pictures go to files; a backend of the person's needs a screen, or is not there
    os.environ["MPLBACKEND"] = "agg"
    try:
        os.getcwd()
    except OSError as error:
        raise LehrError("the current folder is gone; change to another") from error


def readable(words: list[str]) -> None:
    """Raise ``LehrError`` for a word of the command line that is no text."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise LehrError(f"{word!a}: is not UTF-8; write it in UTF-8") from None
        if "\0" in word:
            raise LehrError(f"{word!a}: holds a character that ends text; leave it out")


def complain(message: str) -> None:
    """Print one line where errors go; where that is full or closed too, the exit status says it."""
    try:
        print(f"lehr: {message}", file=sys.stderr, flush=True)
    except OSError:
        silence(2)


def silence(number: int) -> None:
    """Let what is still to be printed on a stream go nowhere, so that Python does not complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def of_system(error: OSError) -> str:
    """One line for an error of the system."""
    if error.errno == errno.ENAMETOOLONG:
        return f"{os.path.basename(str(error.filename or 'a name'))[:60]}...: is longer than the name of a file may be"
    if not error.filename:
        return f"what was printed cannot be written ({error.strerror or error})"
    return f"{error.filename}: {error.strerror}; write another folder with out=..."
