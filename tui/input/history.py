"""What was sent before, brought back with Up in an empty line."""

from tui.limits import INPUT_HISTORY_LINES


class InputHistory:
    """The last sent texts and a place among them."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._at = 0

    def add(self, text: str) -> None:
        """A text was sent."""
        if not self._texts or self._texts[-1] != text:
            self._texts.append(text)
            del self._texts[:-INPUT_HISTORY_LINES]
        self._at = len(self._texts)

    def earlier(self) -> str | None:
        """The text before, None at the first."""
        if self._at == 0:
            return None
        self._at -= 1
        return self._texts[self._at]

    def later(self) -> str:
        """The text after; "" past the last."""
        self._at = min(self._at + 1, len(self._texts))
        return self._texts[self._at] if self._at < len(self._texts) else ""

    def shows(self, text: str) -> bool:
        """Whether `text` is the one brought back last, unchanged."""
        return self._at < len(self._texts) and self._texts[self._at] == text
