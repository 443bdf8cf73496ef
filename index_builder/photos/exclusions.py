"""Decides which files and folders below the photos folder are left out."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from pathspec import GitIgnoreSpec

from index_builder.gallery.errors import GalleryError

# Folders that file systems, network drives and recycle bins add; what they hold are copies, or was deleted.
_SYSTEM_FOLDERS = frozenset(
    {
        "lost+found",
        "@eadir",
        "__macosx",
        "#recycle",
        "@recycle",
        "#snapshot",
        "@recently-snapshot",
        "$recycle.bin",
        "system volume information",
    }
)


class Exclusions:
    """Leaves out hidden names, system folders, and what a person's patterns match."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """Reads the patterns.

        Args:
            patterns: by the rules of .gitignore, relative to the photos folder; a later one wins.

        Raises:
            GalleryError: a pattern is not valid.
        """
        try:
            self._spec = GitIgnoreSpec.from_lines(patterns)
        except ValueError as error:
            raise GalleryError(f"--exclude is wrong: {error}; write it as in .gitignore, such as drafts/.") from error

    def leaves_out_file(self, path: str) -> bool:
        """True for a file that is left out by its own name; `path` is below the photos folder."""
        return path.rpartition("/")[2].startswith(".") or self._spec.match_file(path)

    def leaves_out_folder(self, path: str) -> bool:
        """True for a folder that is left out by its own name; `path` has no "/" at its end."""
        name = path.rpartition("/")[2]
        return name.startswith(".") or name.lower() in _SYSTEM_FOLDERS or self._spec.match_file(path + "/")

    def leaves_out_path(self, path: PurePosixPath) -> bool:
        """True for a file or folder that is left out, or lies in a folder that is."""
        parents = [str(parent) for parent in path.parents if parent.name]
        return self.leaves_out_file(str(path)) or any(map(self.leaves_out_folder, (*parents, str(path))))
