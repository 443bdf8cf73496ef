"""Training on a CPU in pieces and with plain attention: the same outputs and gradients."""

import ctypes
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from model.nets import cpu
from model.nets.encoder_network import EncoderNetwork


def student(backbone: str = "vit_tiny_patch16_224") -> EncoderNetwork:
    torch.manual_seed(0)
    return EncoderNetwork(backbone, embedding_dim=16, image_size_px=32, weights="random")


def output_and_gradient(network: EncoderNetwork, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    embeddings = network(images)
    embeddings[:, 0].sum().backward()
    gradient = network.projection.weight.grad
    assert gradient is not None
    return embeddings.detach(), gradient


def test_pieces_and_plain_attention_change_neither_output_nor_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.randn(7, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    whole = output_and_gradient(student(), images)
    monkeypatch.setattr(cpu, "_PIXELS_PER_THREAD", 2 * 32 * 32)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    network, pieces = student(), []
    cpu.use_plain_attention(network)
    network.backbone.register_forward_hook(lambda _, given, __: pieces.append(len(given[0])))
    in_pieces = output_and_gradient(network, images)
    assert pieces == [2, 2, 2, 1]
    for expected, found in zip(whole, in_pieces, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_an_image_larger_than_a_piece_is_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "_PIXELS_PER_THREAD", 1)
    assert cpu.in_pieces(nn.Flatten(), torch.ones(3, 3, 4, 4)).shape == (3, 48)


def test_batch_normalisation_sees_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "_PIXELS_PER_THREAD", 1)
    network, pieces = student("regnetx_002"), []
    network.backbone.register_forward_hook(lambda _, given, __: pieces.append(len(given[0])))
    network(torch.randn(4, 3, 32, 32))
    assert cpu.mixes_batch(network)
    assert not cpu.mixes_batch(student())
    assert pieces == [4]


def test_freed_memory_is_kept_where_the_c_library_can(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[int, int] = {}
    library = SimpleNamespace(mallopt=told.__setitem__)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr("sys.platform", "linux")
    cpu.keep_memory()
    assert told == {-4: 0, -1: 2**31 - 1}
    del library.mallopt
    cpu.keep_memory()  # nothing to tell, no error
