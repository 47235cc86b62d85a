"""Readers: each kind of source becomes Markdown with what it says about itself."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import docx
import pypdf
import pytest
from docx.document import Document
from docx.oxml import parse_xml

from bot.errors import SourceError
from prompts.knowledge.readers import kind_of, read
from prompts.knowledge.readers.base import Reading


def page(body: str, *, head: str = "", language: str = "") -> bytes:
    lang = f' lang="{language}"' if language else ""
    return f"<!doctype html><html{lang}><head>{head}</head><body>{body}</body></html>".encode()


def html(body: str, **options: str) -> str:
    return read(page(body, **options), "html", name="page.html").markdown


def pdf(*pages: str, about: bytes = b"") -> bytes:
    """A small, valid PDF with a line of text for each line of each page."""
    objects: list[bytes] = [b"", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"]
    kids = []
    for text in pages:
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in text.split("\n"))
        stream = f"BT /F1 12 Tf 50 750 Td {lines} ET".encode("latin-1") if text else b""
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream))
        kids.append(len(objects) + 1)
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
            % len(objects)
        )
    objects[0] = b"<</Type/Catalog/Pages 2 0 R/Lang(en-GB)>>"
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(pages), b" ".join(b"%d 0 R" % kid for kid in kids))
    objects.append(about or b"<<>>")
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    places = []
    for number, entry in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj%s endobj\n" % (number, entry))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer<</Size %d/Root 1 0 R/Info %d 0 R>>\n" % (len(objects) + 1, len(objects)))
    out.write(b"startxref\n%d\n%%%%EOF" % table)
    return out.getvalue()


def word(write: Callable[[Document], None]) -> bytes:
    document = docx.Document()
    write(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


# -- Markdown --------------------------------------------------------------------------------------


def test_front_matter_is_honoured() -> None:
    """Title, language and url come from the front matter; the text begins after it."""
    raw = (
        "---\ntitle: Shipping\nlanguage: de-AT\nurl: https://shop.example/shipping\nother: [1]\n---\n# Versand\n\nText."
    )
    assert read(raw.encode(), "markdown", name="a.md") == Reading(
        markdown="# Versand\n\nText.", title="Shipping", language="de", url="https://shop.example/shipping"
    )


def test_a_title_with_a_colon_is_no_error() -> None:
    """People write "title: Notice: read this", which is no YAML but plain enough."""
    assert read(b"---\ntitle: Notice: read this\nlang: en\n---\nText", "markdown", name="a.md").title == (
        "Notice: read this"
    )


def test_broken_front_matter_names_the_line() -> None:
    """A mapping that cannot be understood is an error that says where."""
    with pytest.raises(SourceError, match=r"front matter is not valid YAML \(line 3\)"):
        read(b"---\ntitle: A\n- [\n---\nText", "markdown", name="a.md")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "ftp://a.example/", "https://a b/"])
def test_only_web_addresses_are_taken_as_url(url: str) -> None:
    """What a citation opens is an http(s) address, whatever a file claims."""
    assert read(f"---\nurl: '{url}'\n---\nText".encode(), "markdown", name="a.md").url == ""


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    """A document that begins with a rule keeps all of its text."""
    assert read(b"---\nJust text\n---\nMore", "markdown", name="a.md").markdown == "---\nJust text\n---\nMore"


def test_the_title_falls_back_to_heading_and_file_name() -> None:
    """Without a title of its own, a document is called by its first heading, else by its file."""
    assert read(b"# Return *policy*\n\nText", "markdown", name="x.md").title == "Return policy"
    assert read(b"Text\n\n# Later", "markdown", name="return-policy.md").title == "Return policy"


# -- HTML ------------------------------------------------------------------------------------------


def test_only_the_main_content_of_a_page_is_kept() -> None:
    """Navigation, scripts, forms, hidden parts and the page's own header and footer are dropped."""
    body = (
        "<header>Logo</header><nav>Home</nav><script>evil()</script><style>p{}</style>"
        "<p>Kept.</p><p hidden>Hidden</p><p style='display: none'>Hidden</p><div aria-hidden=true>Hidden</div>"
        "<form>Search</form><aside>Advert</aside><!-- Comment --><footer>Imprint</footer>"
    )
    assert html(body) == "Kept."
    assert html(f"<div>Around</div><main>{body}</main>") == "Logo\n\nKept.\n\nImprint"


def test_a_page_keeps_its_structure() -> None:
    """Headings, nested lists, tables (with spans), definitions, quotes and code keep their meaning."""
    text = html(
        "<h2>Prices</h2><table><tr><th>To<th colspan=2>Price</tr><tr><td>A | B<td>€1<td>€2</tr></table>"
        "<ul><li>one<ul><li>inner</li></ul></li><li>two</li></ul><ol start=4><li>four</li><li>five</li></ol>"
        "<dl><dt>Term</dt><dd>Meaning</dd></dl><blockquote><p>Said</p></blockquote><pre>a  b\nc</pre>"
    )
    assert text.split("\n\n") == [
        "## Prices",
        "| To | Price | Price |\n| --- | --- | --- |\n| A \\| B | €1 | €2 |",
        "- one\n  - inner\n- two",
        "4. four\n5. five",
        "- **Term**: Meaning",
        "> Said",
        "```\na  b\nc\n```",
    ]


def test_inline_content_is_kept_and_links_are_absolute() -> None:
    """Emphasis, code and links stay; a link of another kind than http(s) leaves its text only."""
    reading = read(
        page("<p>See <a href='/a b'>x</a> <a href='/price_list'>the <b>list</b></a>, <code>a*b</code><br>or *ask*"
             " <a href='javascript:x'>here</a> <img src=x alt='A bike'></p>"),
        "html", name="x.html", base="https://shop.example/help/",
    )  # fmt: skip
    assert reading.markdown == (
        "See x [the **list**](https://shop.example/price_list), `a*b`\\\nor \\*ask\\* here A bike"
    )


def test_a_page_says_its_title_language_and_address() -> None:
    """The content's heading is the title; the language and the canonical address are the page's own."""
    head = "<title>Returns – Shop</title><link rel=canonical href='https://shop.example/returns'>"
    reading = read(page("<p>Text", head=head, language="es-MX"), "html", name="x.html")
    assert (reading.title, reading.language, reading.url) == ("Returns – Shop", "es", "https://shop.example/returns")
    assert read(page("<main><h1>Returns</h1>Text</main>", head=head), "html", name="x.html").title == "Returns"


def test_folded_questions_become_headings() -> None:
    """<details> and buttons within headings, as FAQ pages have them, keep question and answer together."""
    assert html("<h2>FAQ</h2><details><summary>How?</summary>So.</details><h3><button>Why?</button></h3><p>Thus.") == (
        "## FAQ\n\n### How?\n\nSo.\n\n### Why?\n\nThus."
    )


def test_a_hostile_page_is_read_in_one_piece() -> None:
    """Nesting of any depth costs neither the process nor the text."""
    assert "bottom" in html("<div>" * 3_000 + "bottom")
    assert "bottom" in html("<b>" * 3_000 + "bottom")
    assert "bottom" in html("<ul><li>" * 1_000 + "bottom")


# -- plain text and CSV ----------------------------------------------------------------------------


def test_plain_text_reads_as_it_is_written() -> None:
    """Indents do not become code, and what looks like a tag stays a text."""
    assert read(b"One\r\n    two\n\n- <name>\n", "text", name="x.txt").markdown == "One\ntwo\n\n- \\<name>\n"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_csv_becomes_one_table(mark: str) -> None:
    """Whatever separates the fields, the first line is the header and quoted fields keep their marks."""
    raw = f'Zone{mark}Price\nA{mark}"1{mark}5 | x"\n\nB\n'.encode()
    shown = " ".join(f"1{mark}5 | x".split()).replace("|", "\\|")
    assert read(raw, "csv", name="prices.csv").markdown == (
        f"| Zone | Price |\n| --- | --- |\n| A | {shown} |\n| B |  |\n"
    )


# -- PDF -------------------------------------------------------------------------------------------


def test_a_pdf_gives_its_pages_with_numbers() -> None:
    """Lines are joined to paragraphs again, hyphens at their ends go, and each page has its number."""
    raw = pdf("The battery lasts for many kilo-\nmetres before it must be charged.\nShort.\n- a bullet", "", "The end")
    reading = read(raw, "pdf", name="manual.pdf")
    assert [line for line in reading.markdown.split("\n") if line] == [
        "# Page 1",
        "The battery lasts for many kilometres before it must be charged. Short.",
        "- a bullet",
        "# Page 3",
        "The end",
    ]
    assert (reading.title, reading.language) == ("Manual", "en")


def test_a_pdf_says_its_title() -> None:
    """The title of its properties is used unless it is a program's leftover."""
    assert read(pdf("Text", about=b"<</Title(User manual)>>"), "pdf", name="x.pdf").title == "User manual"
    assert read(pdf("Text", about=b"<</Title(Microsoft Word - x.doc)>>"), "pdf", name="y.pdf").title == "Y"


def encrypted(password: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf("Secret text")))
    writer.encrypt(password, "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_an_encrypted_pdf_says_what_to_do() -> None:
    """One that needs a password is an error; one that only restricts printing is read."""
    with pytest.raises(SourceError, match="encrypted: save a copy without a password"):
        read(encrypted("open sesame"), "pdf", name="x.pdf")
    assert "Secret text" in read(encrypted(""), "pdf", name="x.pdf").markdown


def test_a_scanned_pdf_says_what_to_do() -> None:
    """Pages without text mean pictures of text."""
    with pytest.raises(SourceError, match="scanned: run a text recognition"):
        read(pdf("", ""), "pdf", name="x.pdf")


@pytest.mark.parametrize("raw", [b"", b"%PDF-1.4", b"hello", pdf("Text")[:200], zlib.compress(b"x" * 999)])
@pytest.mark.parametrize("kind", ["pdf", "docx"])
def test_a_damaged_file_is_a_clear_error(raw: bytes, kind: str) -> None:
    """Whatever the bytes are, the parser's own errors never reach the user."""
    with pytest.raises(SourceError, match=r"can be read|holds no text"):
        read(raw, kind, name="x")


# -- Word ------------------------------------------------------------------------------------------


def test_a_word_document_keeps_headings_lists_and_tables() -> None:
    """In their order, with the depth of lists and the numbers of numbered ones."""

    def write(document: Document) -> None:
        document.core_properties.title = "Handbook"
        document.core_properties.language = "de-DE"
        document.add_heading("Rückgabe", 1)
        document.add_paragraph("Sie haben 60 Tage.")
        for style, text in [
            ("List Number", "Melden"),
            ("List Number", "Einpacken"),
            ("List Bullet", "Punkt"),
            ("List Bullet 2", "Tiefer"),
        ]:
            document.add_paragraph(text, style=style)
        table = document.add_table(2, 2)
        for at, text in enumerate(["Land", "Preis", "A", "3 | 4"]):
            table.cell(at // 2, at % 2).text = text
        document.add_heading("Fristen", 2)
        document.add_paragraph("# Keine Überschrift")

    reading = read(word(write), "docx", name="x.docx")
    assert (reading.title, reading.language) == ("Handbook", "de")
    assert [line for line in reading.markdown.split("\n") if line.strip()] == [
        "# Rückgabe",
        "Sie haben 60 Tage.",
        "1. Melden",
        "2. Einpacken",
        "- Punkt",
        "    - Tiefer",
        "| Land | Preis |",
        "| --- | --- |",
        "| A | 3 \\| 4 |",
        "## Fristen",
        "\\# Keine Überschrift",
    ]


def test_lists_of_word_itself_are_numbered_by_their_definition() -> None:
    """Word marks list items by a reference to a definition, which says whether they count."""

    def write(document: Document) -> None:
        numbering = document.part.numbering_part.element
        for kind in ("decimal", "bullet"):
            level = f'<w:lvl w:ilvl="0"><w:numFmt w:val="{kind}"/></w:lvl>'
            place = {"decimal": 900, "bullet": 901}[kind]
            space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
            numbering.insert(0, parse_xml(f'<w:abstractNum {space} w:abstractNumId="{place}">{level}</w:abstractNum>'))
            numbering.append(parse_xml(f'<w:num {space} w:numId="{place}"><w:abstractNumId w:val="{place}"/></w:num>'))
        for text, number in [("Open", 900), ("Close", 900), ("Point", 901), ("Plain", 0)]:
            properties = document.add_paragraph(text)._p.get_or_add_pPr().get_or_add_numPr()
            properties.get_or_add_numId().val = number
            properties.get_or_add_ilvl().val = 0

    assert [line for line in read(word(write), "docx", name="x.docx").markdown.split("\n") if line] == [
        "1. Open",
        "2. Close",
        "- Point",
        "Plain",
    ]


def test_old_and_encrypted_word_files_say_what_to_do() -> None:
    """Both begin with the same eight bytes."""
    with pytest.raises(SourceError, match=r"save it as \.docx"):
        read(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "docx", name="x.docx")


# -- encodings -------------------------------------------------------------------------------------

CHINESE = "退货政策：您可以在收到商品后六十天内退货，运费由我们承担。请保留原包装。"
TRADITIONAL = "退貨政策：您可以在收到商品後六十天內退貨，運費由我們承擔。請保留原包裝。"
GERMAN = "Die Versandkosten für Österreich betragen 9,90 €. Größere Pakete kosten mehr."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "utf-8"),
        (CHINESE, "utf-8-sig"),
        (CHINESE, "utf-16"),
        (CHINESE, "gb18030"),
        (CHINESE, "gbk"),
        (TRADITIONAL, "big5"),
        (GERMAN, "utf-8"),
        (GERMAN, "cp1252"),
        ("¿Cuánto cuesta el envío a España? Señor Núñez", "latin-1"),
    ],
)
def test_texts_are_decoded_as_they_were_written(text: str, encoding: str) -> None:
    """UTF-8 and -16, Chinese in GB 18030 and Big5, Western European in Latin-1: told apart without being told."""
    assert read(text.encode(encoding), "text", name="x.txt").markdown == text


def test_a_page_may_declare_its_encoding() -> None:
    """What the page or the server says counts where the bytes are not UTF-8."""
    raw = "<meta charset=koi8-r><p>Доставка".encode("koi8-r")
    assert read(raw, "html", name="x.html").markdown == "Доставка"
    assert read("<p>Доставка".encode("cp1251"), "html", name="x.html", charset="windows-1251").markdown == "Доставка"


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "binary file"),
        (bytes(range(128, 256)) * 10, "encoding is not recognised"),
        (b"\xff\xfe\x00", "begins like utf-16"),
    ],
)
def test_what_is_no_text_is_said_so(raw: bytes, sentence: str) -> None:
    """Garbage is refused, never guessed into words."""
    with pytest.raises(SourceError, match=sentence):
        read(raw, "text", name="x.txt")


def test_kinds_go_by_the_end_of_the_name() -> None:
    """In any case, and nothing for what is not read."""
    assert [kind_of(name) for name in ["A.MD", "b.Html", "c.pdf", "d.png", "e"]] == ["markdown", "html", "pdf", "", ""]
