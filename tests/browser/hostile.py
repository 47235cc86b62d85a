"""The bench for hostile text: streams it into a page that would let it run, and looks for what it did.

The page has no Content-Security-Policy, so that an injection would really execute. Noticed are calls of `alert` and
its kin, dialogs, messages on the console, requests to anywhere but our server, and anything in the widget's tree that
is not on the short list of what the widget builds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playwright.async_api import BrowserContext, Request, Route, expect

from tests.browser.fake_frontdesk import FakeFrontdesk, Said
from tests.browser.visitor import Visitor

HOOKS = """
window.__executed = [];
for (const name of ['alert', 'confirm', 'prompt', 'open', 'print'])
  window[name] = (...values) => { window.__executed.push(name + ' ' + values); };
"""

INSPECT = """
(hosts) => {
  const elements = new Set(('a article aside bdi blockquote br button code dd del div em h2 h3 hr i li ol p path pre '
    + 'span strong svg table tbody td textarea th thead time tr ul').split(' '));
  const attributes = new Set(('aria-busy aria-controls aria-describedby aria-disabled aria-expanded aria-haspopup '
    + 'aria-hidden aria-invalid aria-label aria-labelledby aria-live aria-modal aria-pressed autocomplete class d '
    + 'datetime dir disabled enterkeyhint focusable hidden href id lang maxlength placeholder rel role rows scope '
    + 'start style tabindex target title type viewBox').split(' '));
  const wrong = [];
  for (const element of document.querySelector('frontdesk-chat').shadowRoot.querySelectorAll('*')) {
    if (!elements.has(element.localName)) wrong.push('element ' + element.outerHTML.slice(0, 120));
    for (const {name, value} of element.attributes) {
      const ours = name !== 'style' || element.localName === 'textarea' || element.className === 'panel';
      if (!attributes.has(name) || !ours) wrong.push('attribute ' + name + '=' + value);
    }
    if (!element.hasAttribute('href')) continue;
    const url = new URL(element.getAttribute('href'), 'https://nowhere.example');
    const known = hosts.includes(url.host) && !url.username && !url.password;
    const web = ['http:', 'https:'].includes(url.protocol) && known;
    const mail = url.protocol === 'mailto:' && !url.search && /^[^@]+@[^@]+$/.test(url.pathname);
    if (!web && !mail) wrong.push('link ' + element.getAttribute('href'));
  }
  return [...wrong, ...window.__executed.map((call) => 'call ' + call)];
}
"""


class HostileBench:
    """One visitor whose answers are hostile. `findings` stays empty if all is well."""

    def __init__(self, visitor: Visitor, server: FakeFrontdesk, place: tuple[str, str]) -> None:
        self.visitor = visitor
        self.server = server
        self.place = place
        self.findings: list[str] = []
        self.looks = 0
        self._marks = 0

    @classmethod
    async def open(cls, context: BrowserContext, server: FakeFrontdesk) -> HostileBench:
        page = await context.new_page()
        visitor = Visitor(page, server)
        findings: list[str] = []
        await context.add_init_script(HOOKS)

        async def intercept(route: Route, request: Request) -> None:
            if request.url.startswith(f"{server.url}/"):
                await route.continue_()
            else:
                findings.append(f"request {request.url}")
                await route.abort()

        await context.route("**/*", intercept)
        page.on("dialog", lambda dialog: findings.append(f"dialog {dialog.message}"))
        page.on("console", lambda line: findings.append(f"console {line.text}"))
        page.on("pageerror", lambda error: findings.append(f"error {error}"))
        page.on("popup", lambda popup: findings.append(f"popup {popup.url}"))
        await page.goto(f"{server.url}/page?csp=none")
        await visitor.open()
        said = await visitor.say("Begin")
        server.finish(said, "Begun.")
        bench = cls(visitor, server, said.conversation)
        bench.findings = findings
        return bench

    async def stream(self, texts: Sequence[str]) -> None:
        """Every split position of every text: each gets one character more, and all are looked at, again and again."""
        answers = [(self.server.ask(self.place, f"Question {index}"), text) for index, text in enumerate(texts)]
        for position in range(max(map(len, texts))):
            for said, text in answers:
                if position < len(text):
                    self.server.write(said, text[position])
            await self.look()
        await self._finish(answers)

    async def _finish(self, answers: Sequence[tuple[Said, str]]) -> None:
        for said, text in answers:
            address = "data:text/html,x" if text.startswith("http") else text  # a web address would be a good source
            cited = [{"number": 1, "title": text, "url": address}, {"number": 2, "title": "", "url": "javascript:x"}]
            self.server.finish(said, f"{text} [1] [2]", citations=cited, language="en")
        await self.look()

    async def look(self) -> None:
        """Wait until everything that was sent is on the page, then inspect it."""
        self._marks += 1
        self.looks += 1
        words = f"Mark {self._marks} is here"
        mark = self.server.ask(self.place, f"Mark {self._marks}")
        self.server.finish(mark, words)
        await expect(self.visitor.answers.get_by_text(words, exact=True)).to_have_count(1)
        await self.inspect()

    async def inspect(self) -> None:
        hosts = [self.server.url.removeprefix("http://"), "partner.example"]
        wrong: list[Any] = await self.visitor.page.evaluate(INSPECT, hosts)
        self.findings.extend(wrong)
