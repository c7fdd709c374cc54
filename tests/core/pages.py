"""What every page of ours must be: well-formed, whole in itself, without script, told in words where it is drawn."""

import re
from html.parser import HTMLParser
from typing import Final

_VOID: Final = {"meta", "link", "br", "hr", "img", "input"}
_FOREIGN: Final = {
    "script",
    "iframe",
    "object",
    "embed",
    "link",
    "img",
    "base",
    "form",
    "foreignobject",
    "image",
    "use",
}
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class _Reader(HTMLParser):
    """Reads a page, and notes in `faults` what it must not hold."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.faults: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href", "srcset")]
        self.faults += [f"{tag} has {name}" for name in found if name.startswith("on") or name == "style"]
        if len(found) != len(attrs):
            self.faults.append(f"{tag} has an attribute twice")
        if tag in _FOREIGN:
            self.faults.append(f"there is <{tag}>")
        if tag == "svg" and not (found.get("aria-label") or found.get("aria-hidden") == "true"):
            self.faults.append("an svg says nothing")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def faults_of(page: str) -> list[str]:
    """What is wrong with a page, in words; nothing if it is as it must be."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    style = " ".join(re.findall("<style>(.*?)</style>", page, re.DOTALL))
    return [
        *reader.faults,
        *(f"<{tag}> is not closed" for tag in reader.open),
        *(f"id {one} twice" for one in sorted({one for one in reader.ids if reader.ids.count(one) > 1})),
        *(f"a link leads elsewhere: {one}" for one in reader.links if not one.startswith("#")),
        *(f"a link leads nowhere: {one}" for one in reader.links if one[1:] not in reader.ids),
        *(f"style has {word}" for word in ("url(", "@import", "expression", "<") if word in style),
        *(["a character that steers"] if _UNFIT.search(page) else []),
        *(["no content security policy"] if "default-src 'none'; style-src 'unsafe-inline'" not in page else []),
    ]


def text_of(page: str) -> str:
    """What a person reads on it."""
    reader = _Reader()
    reader.feed(page)
    return "".join(reader.text)
