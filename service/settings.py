"""Every setting of the service: a flag of `python -m service`, an environment variable and a documented default."""

import difflib
import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.location import read_location

ENVIRONMENT_PREFIX = "SKETCH_SEARCH_"
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:]+")
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
# What others read: `python -m index_builder watch`, and what Kubernetes sets for a service named sketch-search.
_OF_OTHERS = re.compile(
    ENVIRONMENT_PREFIX + r"(WATCH_(SETTLE|POLL)_SECONDS|SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)"
)


def _checked_location(value: object) -> object:
    """A folder as a path; the address of a gallery in Milvus stays a text, once it is known to be one."""
    if not isinstance(value, str):
        return value
    try:
        location = read_location(value)
    except GalleryError as error:
        raise ValueError(str(error)) from error
    return location if isinstance(location, Path) else value


class Settings(BaseSettings):
    """Serves a gallery: a sketch in, the photo out. Every flag can also be set by its environment variable."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        cli_prog_name="python -m service",
        cli_kebab_case=True,
        cli_show_env_vars=True,
        cli_hide_none_type=True,
    )

    gallery: Annotated[Path | str, BeforeValidator(_checked_location)] = Field(
        Path("gallery"), description="folder that index_builder wrote, or milvus://host:port/name that it published to"
    )
    bundle: Path | None = Field(None, description="encoder bundle that built the gallery; if unset, the demo bundle")
    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 opens the service to the network")
    published_on: str = Field(
        "", description="in a container: the address where its port is published; if unset, that of --host"
    )
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where sketches are encoded; cuda refuses to start without a usable GPU"
    )
    index_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where the gallery is searched; cuda refuses to start when its index does not fit a GPU"
    )
    index_device_memory_mb: int = Field(
        4096, ge=1, description="most GPU memory for the index; twice that while a new generation replaces the old"
    )
    precision: str = Field(
        "default",
        description="encoder precision, such as fp32; default is the bundle's choice; bf16 computes in OpenVINO, on a "
        "CPU with AMX, and needs the extra openvino",
    )
    encoder_memory_mb: int = Field(4096, ge=1, description="most GPU memory for the encoder, in megabytes")
    max_encode_batch: int = Field(
        64,
        ge=1,
        description="most sketches a GPU encodes together; it takes those that queued while it was busy",
    )
    encoder_threads: int = Field(
        0, ge=0, description="CPU threads for one encode; 0 measures: the fewest that encode within 25 ms"
    )
    concurrent_encodes: int = Field(
        0, ge=0, description="sketches encoded at once; 0 fills the cores, or the largest batch on a GPU"
    )
    worker_threads: int = Field(
        0, ge=0, description="searches that run at once, each with a decoded image in memory; 0 follows the encodes"
    )
    queue_size: int = Field(
        0, ge=0, description="searches that may wait, the next is refused with 503; 0 is eight for each that runs"
    )
    search_deadline_seconds: float = Field(
        5.0, gt=0, description="a search that cannot start within this time is refused; X-Deadline-Ms asks for less"
    )
    default_k: int = Field(12, ge=1, description="results in an answer when the request does not say")
    max_k: int = Field(100, ge=1, description="most results a request may ask for")
    max_upload_bytes: int = Field(10 * 1024 * 1024, ge=1, description="largest sketch file accepted, in bytes")
    max_pixels: int = Field(
        25_000_000,
        ge=1,
        description="largest sketch accepted, in pixels, checked before anything is decoded; of WebP, half as many",
    )
    decoder_processes: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        "auto",
        description="processes that decode uploads, so that a crash costs one request; auto follows the searches that "
        "run at once, up to the cores; 0 decodes in the service",
    )
    decode_seconds: float = Field(
        3.0, gt=0, description="processor time to decode one upload; beyond it the upload is refused"
    )
    max_batch_sketches: int = Field(16, ge=1, description="most sketches in one request to /search/batch")
    max_batch_bytes: int = Field(
        40 * 1024 * 1024, ge=1, description="largest body of one request to /search/batch, in bytes"
    )
    max_body_memory_mb: int = Field(
        256, ge=1, description="most memory for all bodies that are in hand at once, in megabytes; beyond it 503"
    )
    slow_client_seconds: float = Field(
        20.0, gt=0, description="a request's head must come within this time, and 4 kB/s of its body while it lasts"
    )
    ready_deadline_seconds: float = Field(
        5.0, gt=0, description="/readyz turns red when an encode and a search take longer than this"
    )
    unready_exit_seconds: float = Field(
        60.0, ge=0, description="the process ends, to be started again, when it was not ready for so long; 0: never"
    )
    gallery_poll_seconds: float = Field(1.0, gt=0, description="how often to look for a new generation of the gallery")
    drain_seconds: float = Field(
        1.0, ge=0, description="after SIGTERM, how long to take requests with red readiness before closing the port"
    )
    shutdown_seconds: int = Field(8, ge=0, description="time for running requests to finish once the port is closed")
    feedback: Path | None = Field(
        None,
        description="folder for drawings whose photo a person marked as found, for training; if unset, none is kept",
    )
    feedback_max_mb: int = Field(1024, ge=1, description="most disk the feedback folder may take; then no more is kept")
    api_keys: str = Field(
        "", description="hashed API keys, apart by commas (python -m service.make_key); if unset, none is asked for"
    )
    api_keys_file: Path | None = Field(None, description="file of hashed API keys, one a line; adds to the setting")
    searches_per_address: str = Field(
        "", description="most searches of one client address, such as 20/second;600/minute; if unset, any number"
    )
    searches_per_key: str = Field("", description="most searches with one API key, in the same form")
    lookups_per_address: str = Field(
        "", description="most photos, thumbnails and other look-ups of one client address, in the same form"
    )
    trusted_proxies: str = Field(
        "", description="addresses or networks of proxies whose X-Forwarded-For is believed, apart by commas"
    )
    allowed_origins: str = Field(
        "", description="other sites whose pages may call the service and embed its page, such as https://shop.example"
    )
    allowed_hosts: str = Field(
        "",
        description="host names by which the service is called, such as shop.example, apart by commas; if unset, those "
        "of this machine where --host is one of them and no proxy is trusted, else any",
    )
    metrics: bool | Literal["auto"] = Field(
        "auto",
        description="/metrics for Prometheus: true, false, or auto: with an operator's key, else on this machine only",
    )
    tracing: bool = Field(
        False, description="send OpenTelemetry spans where OTEL_EXPORTER_OTLP_ENDPOINT says; needs the extra otel"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe message to log")
    log_format: Literal["text", "json"] = Field("text", description="log lines for people, or one JSON object a line")

    @property
    def asks_for_keys(self) -> bool:
        """True when requests need an API key."""
        return bool(self.api_keys or self.api_keys_file)

    @property
    def origins(self) -> list[str]:
        """The allowed origins, one by one."""
        return [origin.strip() for origin in self.allowed_origins.split(",") if origin.strip()]

    @property
    def hosts(self) -> list[str]:
        """The allowed host names, one by one, in lower case."""
        return [host.strip().lower() for host in self.allowed_hosts.split(",") if host.strip()]

    @field_validator("searches_per_address", "searches_per_key", "lookups_per_address")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        if value:
            from limits import parse_many  # only where it is needed: --help and a mistyped flag are answered at once

            try:
                parse_many(value)
            except ValueError as error:
                raise ValueError("expected rates such as 20/second or 20/second;600/minute") from error
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for network in filter(None, (part.strip() for part in value.split(","))):
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ValueError(f"{network} is no address or network such as 10.0.0.0/8") from error
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, value: str) -> str:
        for host in filter(None, (part.strip() for part in value.split(","))):
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host} is no host name such as shop.example, without a port or wildcard")
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in filter(None, (part.strip() for part in value.split(","))):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin} is no origin such as https://shop.example, without a path or wildcard")
        return value

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        if self.default_k > self.max_k:
            raise ValueError(
                f"default_k is {self.default_k}, above max_k, which is {self.max_k}; lower one or raise the other"
            )
        return self


def settings_table() -> str:
    """All settings as a Markdown table: flag, environment variable, default, meaning."""
    rows = ["| Flag | Environment variable | Default | Meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        rows.append(f"| `{flag(name)}` | `{environment_variable(name)}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def flag(name: str) -> str:
    """The command-line flag of a setting."""
    return "--" + name.replace("_", "-")


def environment_variable(name: str) -> str:
    """The environment variable of a setting."""
    return ENVIRONMENT_PREFIX + name.upper()


def unknown_variables(names: Iterable[str]) -> dict[str, str]:
    """Finds environment variables that look like settings but are not: a mistyped one must not pass in silence.

    Args:
        names: the names of all environment variables.

    Returns:
        Each unknown name that begins like a setting -> the setting that is closest to it.
    """
    known = [environment_variable(name) for name in Settings.model_fields]
    found = [name for name in names if name.upper().startswith(ENVIRONMENT_PREFIX)]
    return {
        name: difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]
        for name in sorted(found)
        if name.upper() not in known and not _OF_OTHERS.fullmatch(name.upper())
    }
