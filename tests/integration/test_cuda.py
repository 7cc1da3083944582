"""Tests on a GPU: equal pictures, sounds and features on both devices, training in bf16, resuming, and no waiting."""

from pathlib import Path

import pytest
import torch
from tiny_runs import RECIPES, settings

from facegen.core.progress import Observer
from facegen.core.recipe.recipe import read_recipe
from facegen.data.loading.loader import Loader
from facegen.data.loading.rows import Rows
from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import draw_people
from facegen.data.synthetic.voice import speak
from facegen.training.build import build_networks
from facegen.training.distributed import Distributed
from facegen.training.gan import GanStep, gan_weights
from facegen.training.optimisers import build_optimiser
from facegen.training.train import open_dataset

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]


def test_faces_are_equal_on_both_devices() -> None:
    def render(device: str) -> torch.Tensor:
        clip = torch.arange(16, device=device)
        return render_faces(draw_people(0, clip), draw_moments(0, clip, torch.zeros_like(clip)), 64).cpu().int()

    assert (render("cuda") - render("cpu")).abs().float().mean() < 0.05


def test_voices_are_equal_on_both_devices() -> None:
    def talk(device: str) -> torch.Tensor:
        clip = torch.arange(8, device=device)
        return speak(draw_people(0, clip), 0, clip, 16000).samples.cpu()

    assert torch.allclose(talk("cuda"), talk("cpu"), atol=1e-3)


def test_both_stages_train_in_bf16_and_resume(tmp_path: Path) -> None:
    from facegen.cli.main import main

    words = ["train", str(RECIPES / "speech_relid.toml"), "--preset", "small", *settings(run__precision="bf16")]
    assert main([*words, "--set", "train.steps=2", "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "samples" / "step_00000002.png").exists()
    assert main([*words, "--set", "train.steps=2", "--out", str(tmp_path / "run"), "--resume"]) == 0


def test_a_step_with_its_batch_does_not_wait_for_the_gpu() -> None:
    overrides = [*settings()[1::2], "run.device=cuda"]
    recipe = read_recipe(RECIPES / "speech_relid.toml", preset="small", overrides=overrides)
    dataset, distributed = open_dataset(recipe), Distributed(0, 1, torch.device("cuda", 0))
    networks = build_networks(recipe, dataset.spec)
    networks.encoders.freeze()
    pipeline = networks.face_pipeline
    assert pipeline is not None and recipe.train is not None
    distributed.place(pipeline, networks.discriminator, *networks.objectives.values())
    rows = Rows(dataset, recipe.config("dataset").engine, "train", pipeline.needs, distributed.device, Observer())
    loader = Loader(rows, 8, networks.num_mismatched, 0, pipeline.needs)
    optimisers = {
        side: build_optimiser(getattr(recipe.train, side), weights) for side, weights in gan_weights(networks).items()
    }
    step = GanStep(
        networks, optimisers, critic_trains_conditioner=False, num_identities=0, distributed=distributed,
        precision="auto",
    )  # fmt: skip
    for number in range(2):  # the first steps make the state of optimisers, and choose kernels
        step(loader.batch(number), None, number)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number in range(2, 20):
            step(loader.batch(number), None, number)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_features_of_inception_are_equal_on_both_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    from facegen.parts.metrics.extractor import Extractor
    from facegen.parts.metrics.inception import LOGITS, _blank, _no_weights

    torch.manual_seed(0)
    network = _blank()("inception", [LOGITS], feature_extractor_weights_path=_no_weights())
    faces = torch.randint(0, 256, (6, 32, 32, 3), dtype=torch.uint8)

    def features() -> torch.Tensor:
        extractor = Extractor(network, [LOGITS], name="Inception", key="0" * 16, batch_size=4)
        return extractor.compute(faces, "faces", Observer(), None)[LOGITS]

    on_gpu = features()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    on_cpu = features()
    assert torch.allclose(on_gpu, on_cpu, atol=1e-3 * float(on_cpu.abs().max()))
