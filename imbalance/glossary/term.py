"""What is said of a term."""

from __future__ import annotations

from typing import NamedTuple


class Term(NamedTuple):
    """A term in plain words; what it is computed from and where it errs, as far as there is something to say.

    `code` names the modules, inside the package, that compute it.
    """

    name: str
    meaning: str
    formula: str = ""
    inputs: str = ""
    assumptions: str = ""
    known_errors: str = ""
    aliases: tuple[str, ...] = ()
    reference: str = ""
    code: str = ""
