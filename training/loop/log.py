"""The log of a training: a progress bar for people, and every number in TensorBoard's format."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from training.loop.checkpoint import TrainingProgress


class TrainingLog:
    """Shows and records how a training goes on; silent in all processes but the first."""

    def __init__(self, folder: Path, label: str, *, total_steps: int, done_steps: int, shown: bool) -> None:
        """Opens the log.

        Args:
            folder: of the TensorBoard log.
            label: of the progress bar.
            total_steps: of the whole training.
            done_steps: those that a resumed training begins with.
            shown: whether this process logs at all.
        """
        self._board = SummaryWriter(str(folder)) if shown else None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TimeRemainingColumn(),
            refresh_per_second=2,
            disable=not shown,
        )
        self._task = self._bar.add_task(label, total=total_steps, completed=done_steps, loss="–")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._board is not None:
            self._board.close()

    def say(self, sentence: str) -> None:
        """Prints a sentence above the progress bar."""
        if self._board is not None:
            self._bar.console.print(sentence)

    def record(self, values: dict[str, Any], step: int) -> dict[str, float]:
        """Writes the numbers among some values to the TensorBoard log and returns them."""
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        if self._board is not None:
            for name, value in numbers.items():
                self._board.add_scalar(name, value, step)
        return numbers

    def after_step(self, losses: dict[str, float]) -> None:
        """Moves the bar on by one step and shows its loss."""
        self._bar.update(self._task, advance=1, loss=f"{losses['total']:.3f}")

    def after_epoch(self, values: dict[str, Any], progress: TrainingProgress, *, shown: bool) -> None:
        """Records an epoch's numbers; prints them too where something new was measured."""
        numbers = self.record(values, progress.step)
        if shown:
            self.say(f"epoch {progress.epoch}  " + "  ".join(f"{name} {value:.4g}" for name, value in numbers.items()))
