"""The devices of this member: which there are, and adding one by a code or by words on paper."""

from collections.abc import Sequence

from textual.content import Content

from chat.model import Device
from tui import fuzzy
from tui.screens.choice import Choice
from tui.screens.picker import Picker
from tui.screens.secret import SecretScreen
from tui.text.moments import Calendar
from tui.text.styled import Piece, at_edges, styled

ADD, PAPER = "add", "paper"
"""Keys of the rows that make a code or a paper; ids of devices are longer."""


def called(device: Device) -> str:
    """What a device is called, or the beginning of its id."""
    return device.name or device.device[:16]


def state(device: Device) -> str:
    """Which one it is, and whether it is linked."""
    if device.this:
        return "this one"
    return "on paper" if device.paper else "linked" if device.linked else "not linked"


class DevicesScreen(Picker):
    """Dismisses with the id of a device to look at, or one of the keys above."""

    TITLE_TEXT = "Your devices"
    PLACEHOLDER = "a device, by its name"
    EMPTY = "No device of that name."

    def __init__(self, devices: Sequence[Device]) -> None:
        super().__init__()
        self._devices = {f"{called(device)} {device.device}": device for device in devices}

    def rows(self, typed: str) -> Sequence[tuple[str, Content]]:
        made = [
            (ADD, Content("+ Add a device, by a code")),
            (PAPER, Content("+ Words on paper, for when all are lost")),
        ]
        found = fuzzy.best(typed, list(self._devices)) if typed else list(self._devices)
        listed = [(self._devices[name].device, self._row(self._devices[name])) for name in found]
        return listed if typed else [*listed, *made]

    def _row(self, device: Device) -> Content:
        style = "" if device.this or device.linked else "$muted"
        right: list[Piece] = [(f"  {state(device)}", "$muted")]
        return at_edges((called(device), style), right, self.list_width)


class DeviceScreen(Choice):
    """One device; dismisses with "name", "remove", "no" or None."""

    def __init__(self, device: Device) -> None:
        answers = [("no", "Back"), ("name", "Call it something")]
        if not device.this:
            answers.append(("remove", "Take the paper back" if device.paper else "Take it out"))
        detail = f"{state(device)}\ndevice {device.device[:16]}"
        super().__init__(called(device), answers, detail)


class CodeScreen(SecretScreen):
    """By which one more device comes in, once."""

    def text(self) -> Content:
        until = Calendar().clock(self.made.expires)
        return styled(
            ("One more device of yours\n\n", "bold"),
            (f"On the new machine, until {until}:\n", "$muted"),
            "clowder device join",
            (" and these words", "$muted"),
            ("  w copies\n", "$faint"),
            f"{self.made.words}\n\n",
            ("or this link", "$muted"),
            ("  c copies\n", "$faint"),
            f"{self.made.link}\n\n",
            ("Works once. Whoever has it is you: show it to nobody.", "$muted"),
        )


class PaperScreen(SecretScreen):
    """Words that are shown once, and kept nowhere."""

    def text(self) -> Content:
        return styled(
            ("Words for when all your devices are lost\n\n", "bold"),
            f"{self.made.words}\n\n",
            ("Write them on paper now: nothing here keeps them. ", "$warning"),
            ("On a new machine:\n", "$muted"),
            "clowder recover",
            ("\nWhoever has them is you.", "$muted"),
        )
