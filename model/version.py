"""The version of the project: the one place it is written, read by the service and by the build (pyproject.toml)."""

__version__ = "0.1.0"
