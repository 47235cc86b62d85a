"""`frontdesk run` and `frontdesk demo`: the server, from start to drained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.terminal import ConfigFile, DataFolder, Model, configuration, errors, output, run_async, set_up_logging

if TYPE_CHECKING:
    from bot.config import Config

DemoFolder = Annotated[
    Path | None, typer.Option("--data", help="Where the demo keeps what it is told (default: .frontdesk/demo/).")
]
Host = Annotated[str | None, typer.Option(help="The address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")]

_DEMO = Path(__file__).parent.parent / "demo"


def run(
    config: ConfigFile = None, data: DataFolder = None, model: Model = None, host: Host = None, port: Port = None
) -> None:
    """Answer on all configured channels until Ctrl-C.

    [bold]Examples[/bold]

      frontdesk run
      frontdesk run --config shop.toml --data /var/lib/frontdesk --port 9000
      frontdesk run --model models/qwen3-0.6b
      FRONTDESK_ENGINE__KIND=echo frontdesk run
    """
    settings = configuration(config, data, model=model, server=_server(host, port))
    set_up_logging(settings)
    run_async(_serve(settings))


def demo(data: DemoFolder = None, model: Model = None, host: Host = None, port: Port = None) -> None:
    """Open an invented shop with a chat bubble on http://127.0.0.1:8080: no account, no key, no download.

    [bold]Examples[/bold]

      frontdesk demo
      frontdesk demo --port 9000
      frontdesk demo --model models/qwen3-0.6b
    """
    folder = data or Path(".frontdesk") / "demo"
    settings = configuration(_DEMO / "frontdesk.toml", folder, model=model, server=_server(host, port))
    set_up_logging(settings)
    run_async(_serve(settings, site=_DEMO / "site", knowledge=_DEMO / "knowledge"))


def _server(host: str | None, port: int | None) -> dict[str, Any]:
    return {key: value for key, value in (("host", host), ("port", port)) if value is not None}


async def _serve(config: Config, *, site: Path | None = None, knowledge: Path | None = None) -> None:
    from bot.cli.progress import add_with_progress, opened
    from bot.server import application, serving, until_told_to_stop
    from prompts.knowledge import Knowledge

    async with opened(config) as desk:
        if knowledge:
            words = Knowledge(desk.store, config.knowledge, root=knowledge)  # meaning follows in the background
            await add_with_progress(words, [str(knowledge)], quiet_when_unchanged=True)
        async with serving(application(desk, site=site), config) as address:
            await desk.start()
            if not await desk.knowledge.documents():
                errors.print(
                    "  Nothing is known yet, so questions will be declined: frontdesk knowledge add FILE_OR_FOLDER"
                )
            output.print(
                f"\n  Frontdesk answers at [bold link={address}]{address}[/]   (Ctrl-C stops it)\n", soft_wrap=True
            )
            if not site:
                output.print(
                    f'  Embed it:  <script src="{address}/web/frontdesk.js" async></script>\n',
                    markup=False,
                    soft_wrap=True,
                )
            if config.api.enabled:
                output.print(f"  API:  {address}/v1\n", markup=False, soft_wrap=True)
                if config.api.require_key and not any(not key.revoked_at for key in await desk.store.keys()):
                    errors.print("  Nobody can use the API yet: make a key with `frontdesk keys create NAME`.")
            await until_told_to_stop()
            output.print("  Finishing what is being answered … (Ctrl-C again stops at once)")
            await desk.close()
    output.print("  Stopped. Nothing was lost.")
