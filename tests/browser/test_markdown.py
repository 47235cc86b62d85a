"""How an answer's Markdown looks, whole and while it is being written."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.fake_frontdesk import FakeFrontdesk
from tests.browser.visitor import Visitor

TABLE = '<div class="table" tabindex="0" role="group" aria-label="Table"><table><thead><tr>'
TWO_COLUMNS = f'{TABLE}<th scope="col">a</th><th scope="col">b</th></tr></thead><tbody>'
PRE = '<pre tabindex="0" dir="ltr" role="group" aria-label="Code{}"><code>'

WHOLE = [
    ("Plain & <b>simple</b>", "<p>Plain &amp; &lt;b&gt;simple&lt;/b&gt;</p>"),
    ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
    ("**bold** *it* _it_", "<p><strong>bold</strong> <em>it</em> <em>it</em></p>"),
    ("~~old~~ `code`", '<p><del>old</del> <code dir="ltr">code</code></p>'),
    ("***both*** and **a *b* c**", "<p><em><strong>both</strong></em> and <strong>a <em>b</em> c</strong></p>"),
    ("2 * 3 * 4, snake_case_name, 5 ** 2", "<p>2 * 3 * 4, snake_case_name, 5 ** 2</p>"),
    ("重要：**请注意。**谢谢", "<p>重要：<strong>请注意。</strong>谢谢</p>"),
    ("**never closed", "<p>**never closed</p>"),
    ("\\*not\\* &amp; \\`this\\` &euro; &unknown;", "<p>*not* &amp; `this` € &amp;unknown;</p>"),
    ("# One\n## Two ##\n#no", '<h3 class="level-1">One</h3><h3 class="level-2">Two</h3><p>#no</p>'),
    ("- a\n- b\n  - c\n- d", "<ul><li><p>a</p></li><li><p>b</p><ul><li><p>c</p></li></ul></li><li><p>d</p></li></ul>"),
    ("3. a\n4. b\n\n   more", '<ol start="3"><li><p>a</p></li><li><p>b</p><p>more</p></li></ol>'),
    ("1) a\n2) b\n- c", "<ol><li><p>a</p></li><li><p>b</p></li></ol><ul><li><p>c</p></li></ul>"),
    ("- [ ] open\n- [x] done", "<ul><li><p>☐ open</p></li><li><p>☑ done</p></li></ul>"),
    ("In\n2024. we began", "<p>In<br>2024. we began</p>"),
    ("> quoted\n> **words**\n\nours", "<blockquote><p>quoted<br><strong>words</strong></p></blockquote><p>ours</p>"),
    ("```py\na < b\n\n**c**\n```\nafter", PRE.format(": py") + "a &lt; b\n\n**c**</code></pre><p>after</p>"),
    ("~~~\nnever closed", PRE.format("") + "never closed</code></pre>"),
    ("above\n\n---\nbelow", "<p>above</p><hr><p>below</p>"),
    (
        "| a | b |\n|:-:|--:|\n| 1 \\| 2 | `x|y` |\n| 3 |\nafter",
        TABLE + '<th class="align-center" scope="col">a</th><th class="align-end" scope="col">b</th></tr></thead>'
        '<tbody>'
        '<tr><td class="align-center">1 | 2</td><td class="align-end"><code dir="ltr">x|y</code></td></tr>'
        '<tr><td class="align-center">3</td><td class="align-end"></td></tr>'
        '<tr><td class="align-center">after</td><td class="align-end"></td></tr></tbody></table></div>',
    ),
    ("a | b\nc | d", "<p>a | b<br>c | d</p>"),
    ("first<br>second", "<p>first<br>second</p>"),
    (
        "Write to help@shop.example. Not @here, not a@b, not `x@y.zz`.",
        '<p>Write to <a href="mailto:help@shop.example" target="_blank" rel="noopener noreferrer nofollow">'
        'help@shop.example</a>. Not @here, not a@b, not <code dir="ltr">x@y.zz</code>.</p>',
    ),
    ("See [7] and [note] and [8, 9].", "<p>See [7] and [note] and [8, 9].</p>"),
    ("[", "<p>[</p>"),
    ("`` a`b `` and `open", '<p><code dir="ltr">a`b</code> and `open</p>'),
]  # fmt: skip

UNFINISHED = [
    (["**bo"], "<p><strong>bo</strong></p>"),
    (["**bold*"], "<p><strong>bold</strong></p>"),
    (["a **"], "<p>a </p>"),
    (["***bo"], "<p><em><strong>bo</strong></em></p>"),
    (["an *it"], "<p>an <em>it</em></p>"),
    (["5*3"], "<p>5*3</p>"),
    (["run `ls -"], '<p>run <code dir="ltr">ls -</code></p>'),
    (["text", "\n"], "<p>text</p>"),
    (["text\n-"], "<p>text</p>"),
    (["text\n\n1."], "<p>text</p>"),
    (["text\n\n#"], "<p>text</p>"),
    (["- one\n- "], "<ul><li><p>one</p></li></ul>"),
    (["- one\n-"], "<ul><li><p>one</p></li></ul>"),
    (["text\n\n``"], "<p>text</p>"),
    (["text\n\n```p"], "<p>text</p>"),
    (["```py\nprint(", "1)\n``"], PRE.format(": py") + "print(1)</code></pre>"),
    (["text\n\n| a | b"], "<p>text</p>"),
    (["text\n\n| a | b |\n|--"], "<p>text</p>"),
    (
        ["| a | b |\n|---|---|\n", "| 1 "],
        TWO_COLUMNS + '<tr><td>1</td><td></td></tr></tbody></table></div>',
    ),
    (
        ["| a | b |\n|---|---|\n| 1 | 2 |\n", "|"],
        TWO_COLUMNS + '<tr><td>1</td><td>2</td></tr></tbody></table></div>',
    ),
    (["see [the pa"], "<p>see the pa</p>"),
    (["see [the page]"], "<p>see the page</p>"),
    (["see [the page](https://partner.exa"], "<p>see the page</p>"),
    (["see ![a map](https://evil.exa"], "<p>see a map</p>"),
    (["see https://partner.example/pa"], "<p>see https://partner.example/pa</p>"),
    (["ask help@shop.exam"], "<p>ask help@shop.exam</p>"),
    (["two days [1"], "<p>two days </p>"),
    (["two days [1]"], '<p>two days <span class="citation">1</span></p>'),
    (["two days [1, 2]"], '<p>two days <span class="citation">1</span><span class="citation">2</span></p>'),
    (["R&am"], "<p>R</p>"),
]  # fmt: skip


async def _settle(visitor: Visitor, server: FakeFrontdesk, place: tuple[str, str], mark: str) -> None:
    server.finish(server.ask(place, mark), mark)
    await expect(visitor.answers.get_by_text(mark, exact=True)).to_have_count(1)


async def _shown(visitor: Visitor) -> list[str]:
    """The inner structure of every answer on the page, in order."""
    found: list[str] = await visitor.exchanges.locator(".markdown").evaluate_all("all => all.map(one => one.innerHTML)")
    return found


async def test_whole_answers(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The Markdown that answers are written in, and what only looks like it."""
    said = await visitor.say("Begin")
    for text, _ in WHOLE:
        server.finish(server.ask(said.conversation, text), text)
    await _settle(visitor, server, said.conversation, "the last mark")
    shown = dict(zip([text for text, _ in WHOLE], (await _shown(visitor))[1:], strict=False))
    assert shown == dict(WHOLE)


async def test_unfinished_answers_look_like_what_they_are_about_to_be(visitor: Visitor, server: FakeFrontdesk) -> None:
    """No loose mark, no broken table, no half address is seen while an answer is on its way."""
    said = await visitor.say("Begin")
    for deltas, _ in UNFINISHED:
        answering = server.ask(said.conversation, str(deltas))
        for delta in deltas:
            server.write(answering, delta)
    await _settle(visitor, server, said.conversation, "the last mark")
    shown = dict(zip([str(deltas) for deltas, _ in UNFINISHED], (await _shown(visitor))[1:], strict=False))
    assert shown == {str(deltas): html for deltas, html in UNFINISHED}


STORY = """# Delivery

Two to **three *working* days** in `DE`, see [the list](https://partner.example/list).
Abroad it takes longer:

| Country | Days |
|:--|--:|
| Austria | 3–4 |
| **Poland** | 5 |

1. Open *My orders*
2. Press `Track`
   - a link opens
   - it lasts 7 days

> Note: **free** from 50 €
> in all countries

```
code | with **marks**
```

---
That is all, 谢谢。 ![a map](https://partner.example/m.png) ~~no~~ yes"""


@pytest.mark.parametrize("size", [1, 7])
async def test_in_whatever_pieces_it_comes_the_end_is_the_same(
    visitor: Visitor, server: FakeFrontdesk, size: int
) -> None:
    """Drawn after every piece, then ended, then loaded again: an answer looks the same each time."""
    said = await visitor.say("Tell me a story")
    for piece in re.findall(f"(?s).{{1,{size}}}", STORY):
        server.write(said, piece)
        await visitor.page.evaluate("() => new Promise(requestAnimationFrame)")
    await expect(visitor.text()).to_contain_text("yes")
    streamed = await visitor.html()
    server.finish(said)
    copy = visitor.answer().get_by_role("button", name="Copy answer")
    await expect(copy).to_be_visible()
    ended = await visitor.html()
    await visitor.page.reload()
    await expect(copy).to_be_visible()
    assert streamed == ended == await visitor.html()
    assert ended.count("<table>") == 1
    assert ended.count("<li>") == 4
    await expect(visitor.text().get_by_role("link")).to_have_count(2)


async def test_what_is_finished_is_not_built_again(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A paragraph that stands stays the same node while the next one grows: a selection in it survives."""
    said = await visitor.say("Tell me more")
    server.write(said, "The first paragraph.\n\nThe second")
    first = visitor.text().locator("p").first
    await first.evaluate("paragraph => { paragraph.marked = true }")
    for word in [" one", "grows.\n\n-", "and", "a", "list\n-", "of", "two"]:
        server.write(said, f"{word} ")
    await expect(visitor.text().locator("li")).to_have_count(2)
    assert await first.evaluate("paragraph => paragraph.marked === true")


WORST = ["[", "a@b.c", "*a _b ", "> ", "- ", "`a``b", "![a](b ", "<a", "| ", "**a*"]


async def test_no_text_makes_the_page_hang(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The longest answers of nothing but marks are drawn, unfinished and finished, and the page stays alive."""
    for number, mark in enumerate(WORST):
        said = await visitor.say(f"Worst number {number}")
        for piece in re.findall(r"(?s).{1,400}", mark * (7_900 // len(mark))):
            server.write(said, piece)
        server.finish(said)
        await expect(visitor.answer().get_by_role("button", name="Copy answer")).to_be_visible()
    assert await visitor.page.evaluate("1 + 1") == 2
