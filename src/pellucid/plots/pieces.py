"""A text as its words and what stands between them."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.features import Features


@dataclass(frozen=True)
class Piece:
    """A run of the text: a word with the number of its player, or what stands between words."""

    text: str
    player: int | None


def pieces(features: Features) -> list[Piece]:
    """Words, and what stands between them; tokens stand apart by a space.

    >>> [piece.text for piece in pieces(Features.words("A, b."))]
    ['A', ', ', 'b', '.']
    """
    if features.text is None or features.spans is None:
        held = [[Piece(name, player), Piece(" ", None)] for player, name in enumerate(features.names)]
        return [piece for both in held for piece in both][:-1]
    found: list[Piece] = []
    end = 0
    for player, (start, stop) in enumerate(features.spans.tolist()):
        if start > end:
            found.append(Piece(features.text[end:start], None))
        found.append(Piece(features.text[start:stop], player))
        end = stop
    if end < len(features.text):
        found.append(Piece(features.text[end:], None))
    return found
