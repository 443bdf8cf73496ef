"""Sets how many threads FAISS uses for what the calling thread asks of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import faiss


@contextmanager
def faiss_threads(number: int) -> Iterator[None]:
    """Gives FAISS so many threads inside the block; OpenMP keeps the number per calling thread."""
    previous = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(number)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(previous)
