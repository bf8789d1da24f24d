"""A page as a reader's program sees it: its elements, their texts, and whether every one is closed."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Elements as ``(tag, attributes, text)`` in ``elements``; raises AssertionError where tags do not nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {[self.elements[i][0] for i in self._open]}"

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of <{tag}> is given twice"
        self.elements.append([tag, dict(attrs), ""])
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self.elements[self._open[-1]][0] == tag, f"</{tag}> closes <{self.elements[self._open[-1]][0]}>"
        self._open.pop()

    def handle_data(self, data):
        for i in self._open:
            self.elements[i][2] += data

    def all(self, tag, **attributes):
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [e for e in self.elements if e[0] == tag and all(e[1].get(n) == v for n, v in wanted.items())]

    def texts(self, tag, **attributes):
        return [" ".join(text.split()) for _, _, text in self.all(tag, **attributes)]

    def ids(self):
        return [attributes["id"] for _, attributes, _ in self.elements if "id" in attributes]


def check(text):
    """What every page must satisfy; returns it parsed."""
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert page.all("html")[0][1]["lang"] == "en"
    assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1
    ids = page.ids()
    assert len(ids) == len(set(ids)), "an identifier is used twice"
    for tag, attributes, _ in page.elements:
        assert tag not in ("script", "link", "iframe", "img", "object", "base"), f"<{tag}> may load something"
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "srcset", "action"):
                assert value.startswith("data:image/png;base64,") or value in {f"#{one}" for one in ids}, value
            if "url(" in (value or ""):
                assert value.split("url(#", 1)[1].split(")")[0] in ids
            if name in ("aria-labelledby", "aria-describedby"):
                assert value in ids
    style = page.all("style")[0][2]
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in style
    for table in page.all("table"):
        assert table[2].strip()
    assert len(page.all("caption")) == len(page.all("table"))
    assert len(page.all("figcaption")) == len(page.all("figure"))
    return page
