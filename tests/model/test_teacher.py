import pytest
import torch

from model.nets.teacher import CrossModalAttention, CrossModalBlock, Teacher, Tokens, unit_norm


def tokens(seed: int, count: int = 3, length: int = 5, dim: int = 12) -> Tokens:
    generator = torch.Generator().manual_seed(seed)
    return Tokens(torch.randn(count, dim, generator=generator), torch.randn(count, length, dim, generator=generator))


@pytest.fixture
def block() -> CrossModalBlock:
    torch.manual_seed(0)
    return CrossModalBlock(12, 3).eval()


def naive_half(half: CrossModalAttention, cls: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
    """The figure, read literally: attention of the whole sequence, then its first row."""
    query = cls @ half.modality_transformation.weight.T + half.modality_transformation.bias
    sequence = half.norm(torch.cat([query[:, None], patches], dim=1))
    attended = half.attention(sequence, sequence, sequence)[0]
    fused = query + attended[:, 0]
    return fused @ half.projector.weight.T + half.projector.bias


def test_a_block_is_the_figure_and_both_halves_see_the_incoming_tokens(block: CrossModalBlock) -> None:
    photo, sketch = tokens(0), tokens(1)
    fused_photo, fused_sketch = block(photo, sketch)
    torch.testing.assert_close(fused_photo.cls, naive_half(block.halves["photo"], photo.cls, sketch.patches))
    torch.testing.assert_close(fused_sketch.cls, naive_half(block.halves["sketch"], sketch.cls, photo.patches))


def test_patch_tokens_pass_through_unchanged(block: CrossModalBlock) -> None:
    photo, sketch = tokens(0), tokens(1)
    fused_photo, fused_sketch = block(photo, sketch)
    assert fused_photo.patches is photo.patches
    assert fused_sketch.patches is sketch.patches


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    torch.manual_seed(0)
    return Teacher("test_vit", image_size_px=32, weights="random", num_blocks=2, num_heads=2).eval()


def test_targets_are_unit_norm_and_carry_both_modalities(teacher: Teacher) -> None:
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    photo, sketch = teacher.encode("photo", images), teacher.encode("sketch", images.flip(0))
    targets = teacher.fuse(photo, sketch)
    for target in targets:
        assert target.shape == (4, teacher.dim)
        torch.testing.assert_close(target.norm(dim=1), torch.ones(4))
    with_another_sketch = teacher.fuse(photo, sketch[torch.tensor([1, 0, 3, 2])])
    assert not torch.allclose(targets[0], with_another_sketch[0], atol=1e-4)


def test_both_modalities_have_weights_of_their_own(teacher: Teacher) -> None:
    images = torch.ones(1, 3, 32, 32)
    assert not torch.allclose(teacher.encode("photo", images).cls, teacher.encode("sketch", images).cls)


def test_without_blocks_the_targets_are_the_unfused_tokens() -> None:
    plain = Teacher("test_vit", image_size_px=32, weights="random", num_blocks=0, num_heads=2).eval()
    photo, sketch = (plain.encode(m, torch.ones(2, 3, 32, 32)) for m in ("photo", "sketch"))
    torch.testing.assert_close(plain.fuse(photo, sketch)[0], torch.nn.functional.normalize(photo.cls, dim=1))


def test_blocks_that_start_unfused_change_nothing_yet_and_learn_from_the_first_step() -> None:
    torch.manual_seed(0)
    teacher = Teacher(
        "test_vit", image_size_px=32, weights="random", num_blocks=2, num_heads=2, start_unfused=True
    ).eval()
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    photo, sketch = teacher.encode("photo", images), teacher.encode("sketch", images.flip(0))
    scores = teacher.score_pairs(photo, sketch)
    torch.testing.assert_close(scores, unit_norm(photo.cls) @ unit_norm(sketch.cls).T)
    torch.nn.functional.cross_entropy(scores, torch.arange(4)).backward()
    for block in teacher.blocks:
        assert isinstance(block, CrossModalBlock)
        for half in block.halves.values():
            assert half.attention.out_proj.weight.grad.abs().max() > 0


def test_a_shared_transformer_encodes_both_modalities() -> None:
    teacher = Teacher(
        "test_vit", image_size_px=32, weights="random", num_blocks=1, num_heads=2, shared_encoder=True
    ).eval()
    images = torch.ones(1, 3, 32, 32)
    assert torch.equal(teacher.encode("photo", images).cls, teacher.encode("sketch", images).cls)
    assert teacher.backbone("photo") is teacher.backbone("sketch")


def test_a_backbone_without_a_cls_token_is_refused() -> None:
    with pytest.raises(ValueError, match="no CLS token"):
        Teacher("test_resnet", image_size_px=32, weights="random", num_blocks=1, num_heads=2)


def test_heads_that_do_not_divide_the_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="num_heads is 7"):
        Teacher("test_vit", image_size_px=32, weights="random", num_blocks=1, num_heads=7)
