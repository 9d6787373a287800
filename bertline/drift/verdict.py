"""Fresh data against the data of the model in use: train on it, skip it or refuse it.

What differs is what retraining is for; it is told, and nothing else. What looks broken is refused
before anything is trained: a model that learnt from it, judged on a test split that is broken in
the same way, could pass every gate.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from bertline.artifacts import Document
from bertline.drift.limits import DataCheck
from bertline.drift.profile import Profile

FILE_NAME = "drift.json"


class Drift(Document):
    """What fresh data is like beside the champion's: the content of drift.json.

    name: of the model in the registry. champion: its version in use; None for none. seen_in: the
    version that has learnt from the same data, if it is to be skipped. reference: what the
    champion's data was like; None if that is not known.
    """

    file_name: ClassVar[str] = FILE_NAME
    name: str
    champion: int | None
    seen_in: int | None
    checks: tuple[DataCheck, ...]
    fresh: Profile
    reference: Profile | None

    @property
    def action(self) -> Literal["train", "skip", "refuse"]:
        """What is to be done; what was learnt from already is skipped, whatever the checks say."""
        if self.seen_in is not None:
            return "skip"
        return "refuse" if self.reasons else "train"

    @property
    def reasons(self) -> list[str]:
        """Why the data is refused; empty if it is not."""
        return [check.text for check in self.checks if check.refuses and not check.passed]

    @property
    def drifted(self) -> list[str]:
        """Where the data is another without being refused for it."""
        return [check.text for check in self.checks if not check.refuses and not check.passed]

    def lines(self) -> Iterator[str]:
        """The verdict on the data for people: one line, and one for each reason."""
        champion = "no version" if self.champion is None else f"version {self.champion}"
        if self.action == "skip":
            yield f"SKIPPED: version {self.seen_in} of {self.name} has learnt from this data"
            if self.seen_in != self.champion:
                yield f"  it was rolled back; {champion} stays in use"
        elif self.action == "refuse":
            count = len(self.reasons)
            told = f"{count} reason{'s' if count > 1 else ''}"
            yield f"DATA REFUSED, for {told}; {champion} stays in use:"
            yield from (f"  {reason}" for reason in self.reasons)
        else:
            beside = "" if self.reference is None else f"; compared with that of {champion}"
            count = len(self.checks)
            yield f"data accepted: {count} checks{beside}"
        yield from (f"  drifted: {text}" for text in self.drifted)
