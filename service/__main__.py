"""`python -m service`: reads the settings, opens the gallery, listens."""

import argparse
import logging
import os
import signal
import socket
import sys
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_settings import CliApp, CliSettingsSource

from model.command_line import CommandParser
from model.errors import SketchSearchError
from service.process.exit import leave, leave_unready
from service.process.logs import set_up_logs
from service.settings import Settings, environment_variable, flag, unknown_variables

if TYPE_CHECKING:
    from service.search.engine import SearchEngine

_PROGRAM = "python -m service"
logger = logging.getLogger("service")


def main(arguments: list[str] | None = None, *, program: str = _PROGRAM) -> int:
    """Serves until it is stopped.

    Args:
        arguments: the command line after the program's name; None takes the process's own.
        program: what the help and the errors call it.

    Returns:
        The exit status: 0 after a normal stop, 2 when the service could not start.
    """
    try:
        _serve(_read_settings(sys.argv[1:] if arguments is None else arguments, program))
    except ValidationError as error:
        return _fail(_explain(error), program)
    except SketchSearchError as error:
        return _fail(str(error), program)
    except KeyboardInterrupt:
        return 0
    return 0


def _read_settings(arguments: list[str], program: str) -> Settings:
    parser = CommandParser(
        prog=program,
        description=Settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    source = CliSettingsSource[CommandParser](Settings, root_parser=parser)
    return CliApp.run(Settings, cli_args=arguments, cli_settings_source=source)


def _serve(settings: Settings) -> None:
    # Imported here so that --help and a mistyped flag are answered at once.
    from service.uploads.pool import start_forkserver

    if settings.decoder_processes != 0:
        start_forkserver()  # first, as it takes half a second beside what follows
    from prometheus_client import disable_created_metrics

    from service.app import create_app
    from service.process.listening import allow_many_connections, listen
    from service.process.server import DrainingServer, server_config
    from service.search.open import open_engine, open_feedback

    # Once it has drained, uvicorn raises the signal again: as an interrupt it ends in `main`, with status 0.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _let_no_signal_end_it_at_once()
    set_up_logs(settings.log_level, settings.log_format)
    _warn_of_unknown_variables()
    allow_many_connections()
    with ExitStack() as opened:
        listener = opened.enter_context(listen(settings.host, settings.port))
        engine = opened.enter_context(closing(open_engine(settings)))
        feedback = open_feedback(settings)  # here, as the server would report what is wrong with it by a traceback
        if feedback:
            opened.enter_context(closing(feedback))
        # Without it every counter has a second series that nothing reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        app = create_app(settings, engine=engine, feedback=feedback, give_up=leave_unready)
        config = server_config(app, settings)
        _announce(engine, listener, settings)
        server = DrainingServer(config, drain=app.state.drain, drain_seconds=settings.drain_seconds)
        server.run(sockets=[listener])


def _let_no_signal_end_it_at_once() -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` leaves it
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def _warn_of_unknown_variables() -> None:
    if unknown := unknown_variables(os.environ):  # names alone: the value may be a key
        named = "; ".join(f"{name} (did you mean {setting}?)" for name, setting in unknown.items())
        logger.warning("these environment variables are no settings of the service and are ignored: %s", named)


def _announce(engine: "SearchEngine", listener: socket.socket, settings: Settings) -> None:
    from service.access.policy import open_to_strangers, reachable_at
    from service.http.requests import with_fields
    from service.process.listening import address

    if exposed := open_to_strangers(settings):
        logger.warning(
            "listening on %s: whoever reaches this port can %s; docs/OPERATIONS.md says how to close each",
            reachable_at(settings),
            "; ".join(exposed),
        )
    with engine.gallery.lease() as gallery:
        size = gallery.size
    if settings.log_format == "json":
        fields = {"message": "serving", "address": address(listener), "gallery_size": size}
        logger.info("serving", extra=with_fields(fields))
    else:
        _say(f"Serving {size:,} photos at {address(listener)} — stop with Ctrl+C.")


def _say(text: str) -> None:
    # Past the buffer of `print`: what a full disk does not take would be tried again, and fail again, at the end.
    with suppress(OSError):
        os.write(sys.stdout.fileno(), f"{text}\n".encode())


def _explain(error: ValidationError) -> str:
    problems = []
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        what = f"{flag(name)} ({environment_variable(name)}) is {detail['input']!r}: " if name else ""
        problems.append(what + detail["msg"])
    return "; ".join(problems) + "; see --help."


def _fail(sentence: str, program: str) -> int:
    print(f"{program}: {sentence}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    leave(main())
