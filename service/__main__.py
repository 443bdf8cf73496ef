"""`python -m service`: reads the settings, opens the gallery, listens."""

import logging
import signal
import sys

from pydantic import ValidationError
from pydantic_settings import CliApp

from model.errors import SketchSearchError
from service.settings import Settings, environment_variable, flag


def main(arguments: list[str] | None = None) -> int:
    """Serves until it is stopped.

    Args:
        arguments: the command line after the program's name; None takes the process's own.

    Returns:
        The exit status: 0 after a normal stop, 2 when the service could not start.
    """
    try:
        _serve(CliApp.run(Settings, cli_args=sys.argv[1:] if arguments is None else arguments))
    except ValidationError as error:
        return _fail(_explain(error))
    except SketchSearchError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return 0
    return 0


def _serve(settings: Settings) -> None:
    # Imported here so that --help and a mistyped flag are answered at once.
    import uvicorn

    from service.app import create_app
    from service.listening import address, listen
    from service.startup import open_engine

    # Once it has drained, uvicorn raises the signal again: as an interrupt it ends in `main`, with status 0.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with listen(settings.host, settings.port) as listener:
        engine = open_engine(settings)
        config = uvicorn.Config(
            create_app(settings, engine=engine),
            log_config=None,
            access_log=False,  # the app logs its own line for each request
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
        with engine.gallery.lease() as gallery:
            print(f"Serving {gallery.size:,} photos at {address(listener)} — stop with Ctrl+C.", flush=True)  # noqa: T201
        try:
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            engine.close()


def _explain(error: ValidationError) -> str:
    problems = []
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        what = f"{flag(name)} ({environment_variable(name)}) is {detail['input']!r}: " if name else ""
        problems.append(what + detail["msg"])
    return "; ".join(problems) + "; see --help."


def _fail(sentence: str) -> int:
    print(f"python -m service: {sentence}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main())
