"""How the address of a photo is told apart: whatever follows the route is the id, as file names may hold anything."""

from starlette.convertors import Convertor, register_url_convertor

PHOTO_ID = "{photo_id:text}"


class _TextConvertor(Convertor[str]):
    """Takes every character. Starlette's own `path` takes all but a line feed, which a file name may hold."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """The text as it was sent."""
        return value

    def to_string(self, value: str) -> str:
        """The text as it is."""
        return value


register_url_convertor("text", _TextConvertor())
