from xml.etree import ElementTree

from stages.core.page import page, table
from stages.core.svg import WIDTH, escaped, number, svg


def test_escaping_by_hand() -> None:
    assert escaped("a < b & \"c\" 'd'\n\te") == "a &lt; b &amp; &quot;c&quot; &#x27;d&#x27;\n\te"
    assert escaped("\x00\x9f\u2066\ufffe") == "\ufffd" * 4
    assert escaped("验证, ž, 🎉, שלום") == "验证, ž, 🎉, שלום"


def test_places_are_given_to_a_tenth() -> None:
    assert [number(value) for value in (3.0, 2.25, 100.04, -1.26)] == ["3", "2.2", "100", "-1.3"]


def test_a_drawing_says_what_it_shows() -> None:
    root = ElementTree.fromstring(svg(50.5, 'a "b" < c', ["<g/>", "<g/>"]))
    assert root.attrib == {"role": "img", "viewBox": f"0 0 {WIDTH} 50.5", "aria-label": 'a "b" < c'}
    assert len(root) == 2


def test_a_page_has_its_parts_in_order() -> None:
    text = page("<t>", ".own {}", {"a<": "b<"}, ["", "<h2>one</h2>", "<h2>two</h2>"])
    assert text.startswith("<!doctype html>\n")
    assert text.endswith("<h2>one</h2>\n<h2>two</h2>\n</body>\n</html>\n")
    assert "<h1>&lt;t&gt;</h1>" in text
    assert '<tr><th scope="row">a&lt;</th><td>b&lt;</td></tr>' in text
    assert text.index("body {") < text.index(".own {}") < text.index("</style>")
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert 'class="facts"' not in page("t", "", {}, [])


def test_a_table_takes_markup() -> None:
    assert table(("a", "b"), [("<b>1</b>", "2")]) == (
        '<div class="scroll"><table><thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>'
        "<tbody><tr><td><b>1</b></td><td>2</td></tr></tbody></table></div>"
    )
