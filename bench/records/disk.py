"""What a disk, its owner or the system may say no with, as a sentence that says what to do next."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

_ADVICE = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room in your quota",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f)",
    errno.EIO: "the disk or the network failed: look at the system's log",
    errno.ESTALE: "the network file system was mounted again: mount it where it was",
    errno.ENOTCONN: "the network file system is not connected: mount it again",
    errno.ETIMEDOUT: "the network file system did not answer: try later",
    errno.EMFILE: "raise the limit on open files (ulimit -n), or give fewer --workers",
    errno.ENFILE: "the system has too many files open: end other programs",
    errno.ENOMEM: "give the process more memory (ulimit -v), or fewer --workers",
    errno.EAGAIN: "raise the limit on processes (ulimit -u), or give fewer --workers",
    errno.ELOOP: "a symbolic link leads back to itself: remove it",
    errno.EACCES: "permit it, or choose another place",
    errno.EPERM: "permit it, or choose another place",
    errno.EROFS: "choose another place, or mount it so that it can be written",
    errno.ENOTDIR: "a file is where a folder should be: choose another place",
    errno.EISDIR: "a folder is where a file should be: choose another place",
    errno.ENOENT: "the folder is gone: put it back, or choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EXDEV: "choose a place on one file system",
    errno.EBUSY: "something else uses it: end that",
    errno.ETXTBSY: "something else uses it: end that",
    errno.EPIPE: "the program that reads the output has ended",
}
_SPACE = (errno.ENOSPC, errno.EDQUOT)


def advice(error: OSError) -> str | None:
    """What a person can do about an error of the operating system; None where it is not one of these."""
    return _ADVICE.get(error.errno or 0)


def refusal(path: Path, error: OSError) -> str:
    """Why the records can't be written, with the room that is left, and what to do."""
    return (
        f"{path} can't be written: {reason(path, error)}. What was recorded before is whole: "
        f"{advice(error) or 'mend it'} and run the same command again"
    )


def reason(path: Path | str, error: OSError) -> str:
    """The system's own words; for a full disk with the bytes that are free where `path` is."""
    words = error.strerror or type(error).__name__
    if error.errno not in _SPACE:
        return words
    place = next((folder for folder in (Path(path), *Path(path).absolute().parents) if folder.exists()), Path("/"))
    try:
        return f"{words}, {shutil.disk_usage(place).free:,} bytes are free there"
    except OSError:
        return words
