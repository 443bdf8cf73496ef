import numpy as np
import pytest
import timm
import torch
from PIL import Image

from model.nets.teacher import Teacher
from training.report.attention_maps import cls_attention, fusion_attention, overlay, why_no_attention


@pytest.fixture
def vit() -> torch.nn.Module:
    torch.manual_seed(0)
    return timm.create_model("test_vit", num_classes=0, img_size=64)


@pytest.fixture
def teacher() -> Teacher:
    torch.manual_seed(0)
    return Teacher("test_vit", image_size_px=64, weights="random", num_blocks=2, num_heads=2)


def images(seed: int) -> torch.Tensor:
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def test_the_map_is_the_softmax_of_the_last_blocks_queries_and_keys(vit: torch.nn.Module) -> None:
    entering: list[torch.Tensor] = []
    block = vit.eval().blocks[-1]
    with torch.no_grad():
        hook = block.register_forward_hook(lambda _module, inputs, _output: entering.append(inputs[0]))
        vit(images(0))
        hook.remove()
        heads, tokens = block.attn.num_heads, entering[0].shape[1]
        qkv = block.attn.qkv(block.norm1(entering[0])).reshape(3, tokens, 3, heads, -1)
        query, key = block.attn.q_norm(qkv[:, 0, 0]), block.attn.k_norm(qkv[:, :, 1])
        weights = (torch.einsum("bhd,bthd->bht", query, key) / query.shape[-1] ** 0.5).softmax(dim=-1)
    expected = weights.mean(dim=1)[:, 1:].reshape(3, 4, 4).numpy()
    np.testing.assert_allclose(cls_attention(vit, images(0)), expected, atol=1e-6)


def test_looking_leaves_the_network_as_it_was(vit: torch.nn.Module) -> None:
    attention = vit.eval().blocks[-1].attn
    before, output = attention.fused_attn, vit(images(0))
    cls_attention(vit, images(1))
    assert attention.fused_attn is before
    assert not attention.attn_drop._forward_hooks
    assert torch.equal(vit(images(0)), output)


def test_each_streams_map_lies_over_the_other_modality(teacher: Teacher) -> None:
    before = fusion_attention(teacher, images(0), images(1))
    with torch.no_grad():
        photo, sketch = teacher.encode("photo", images(0)), teacher.encode("sketch", images(1))
        photo, sketch = teacher.blocks[0](photo, sketch)
        half = teacher.blocks[1].halves["sketch"]
        own = half.modality_transformation(sketch.cls)[:, None]
        sequence = half.norm(torch.cat([own, photo.patches], dim=1))
        weights = half.attention(sequence, sequence, sequence, need_weights=True)[1][:, 0]
    np.testing.assert_allclose(before["sketch"], weights[:, 1:].reshape(3, 4, 4).numpy(), atol=1e-6)
    assert before["photo"].shape == (3, 4, 4)
    assert not np.allclose(before["photo"], before["sketch"])


def test_looking_leaves_the_teacher_as_it_was(teacher: Teacher) -> None:
    fusion_attention(teacher, images(0), images(1))
    for half in teacher.blocks[-1].halves.values():
        assert not half.attention._forward_hooks
        assert not half.attention._forward_pre_hooks


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("test_resnet", {}, "ResNet is not a timm VisionTransformer"),
        ("test_vit", {"global_pool": "avg"}, "not taken from a CLS token"),
        ("test_vit", {"global_pool": "avg", "class_token": False}, "not taken from a CLS token"),
    ],
)
def test_a_network_without_such_a_map_says_why(name: str, options: dict[str, object], reason: str) -> None:
    assert reason in str(why_no_attention(timm.create_model(name, num_classes=0, **options)))


def test_a_plain_vision_transformer_has_a_map(vit: torch.nn.Module) -> None:
    assert why_no_attention(vit) is None


def test_an_overlay_is_brightest_where_attention_is_highest() -> None:
    attention = np.zeros((4, 4), np.float32)
    attention[1, 2] = 0.3
    drawn = np.asarray(overlay(Image.new("L", (64, 64), 255), attention).convert("L"), int)
    row, column = np.unravel_index(drawn.argmax(), drawn.shape)
    assert (row // 16, column // 16) == (1, 2)
    assert drawn.max() - drawn[60, 4] > 80
