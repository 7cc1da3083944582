"""The page in Chromium with a fake microphone, as a person uses it; `make browser` runs it and keeps screenshots."""

import os
import shutil
import wave
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCREENSHOTS = os.environ.get("FACEGEN_SCREENSHOTS")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not SCREENSHOTS, reason="needs a browser and time: run it by `make browser`"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]
if SCREENSHOTS:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[browser]'")

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
TIMEOUT_MS = 120_000
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]  # fmt: skip


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    from demo_client import wav

    path = tmp_path / "voice.wav"
    path.write_bytes(wav(3.0, 140.0, 48000))
    return path


def is_fault(message: Any) -> bool:
    """Return True for errors on the console, such as violations of the policy; a refusal in words is none."""
    return message.type == "error" and "status of 400" not in message.text


@pytest.fixture
def page(client: Any, sound: Path, tmp_path: Path) -> Iterator[Any]:
    """The page at desk width; the test fails if it asks another address, or reports an error."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=TIMEOUT_MS)
    faults: list[str] = []
    own = (f"http://127.0.0.1:{client.port}/", "data:", f"blob:http://127.0.0.1:{client.port}/")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path / "profile"), executable_path=CHROMIUM, headless=True, viewport=DESK, timeout=TIMEOUT_MS,
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={sound}"],
        )  # fmt: skip
        context.set_default_timeout(TIMEOUT_MS)
        shown = context.pages[0]
        shown.on("request", lambda request: None if request.url.startswith(own) else faults.append(request.url))
        shown.on("pageerror", lambda error: faults.append(str(error)))
        shown.on("console", lambda message: faults.append(message.text) if is_fault(message) else None)
        shown.goto(own[0])
        shown.wait_for_selector("body[data-ready]")
        yield shown
        context.close()
    assert not faults


def screenshot(page: Any, name: str) -> None:
    folder = Path(SCREENSHOTS or "")
    for width, viewport in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size(viewport)
        is_wider = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not is_wider, f"{name} is wider than a {width}"
        page.screenshot(path=folder / f"demo_{name}_{width}.png", full_page=True)
    page.set_viewport_size(DESK)


def record(page: Any, person: str = "#person-a") -> None:
    from playwright.sync_api import expect

    page.click(f"{person} .record")
    expect(page.locator(f"{person} .seconds")).to_have_text("2 s")
    page.click(f"{person} .record")
    expect(page.locator(f"{person} .file-name")).to_contain_text("Recording, ")


@pytest.fixture
def received(drawing: Any, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Recordings that arrived at the model."""
    recordings: list[bytes] = []
    draw = type(drawing).faces

    def note(self: Any, subject: Any, seed: int) -> Any:
        recordings.append(subject.speech.read_bytes())
        return draw(self, subject, seed)

    monkeypatch.setattr(type(drawing), "faces", note)
    return recordings


def test_a_recorded_voice_becomes_faces(page: Any, received: list[bytes]) -> None:
    from playwright.sync_api import expect

    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.click("#go")
    expect(page.locator("#error")).to_contain_text("Record a voice")
    record(page)
    page.click("#go")
    expect(page.locator("#error")).to_contain_text("permission")
    assert not sent, "something was sent before permission was given"
    expect(page.locator("#permission")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("49 faces are drawn.")
    expect(page.locator("#error")).to_be_empty()
    check_recording(received[0])
    check_slider(page)
    screenshot(page, "faces")
    page.emulate_media(color_scheme="dark")
    screenshot(page, "faces_dark")


def check_recording(content: bytes) -> None:
    """Check that the WAV holds the buzz of the fake microphone: 140 Hz, at its loudness."""
    with wave.open(BytesIO(content)) as recorded:
        rate_hz, num_samples = recorded.getframerate(), recorded.getnframes()
        assert (recorded.getnchannels(), recorded.getsampwidth()) == (1, 2)
        samples = np.frombuffer(recorded.readframes(num_samples), "<i2").astype(float)
    assert 1.5 < num_samples / rate_hz < 6
    second = samples[-rate_hz:]
    spectrum = np.abs(np.fft.rfft(second))
    assert abs(int(spectrum.argmax()) - 140) <= 3
    assert 2000 < np.abs(second).max() < 20000


def check_slider(page: Any) -> None:
    from playwright.sync_api import expect

    face = page.locator("#face")
    first = face.get_attribute("src")
    page.focus("#slider")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#slider")).to_have_attribute("aria-valuetext", "between noises 1 and 2")
    assert face.get_attribute("src") != first
    page.click("#grid li:nth-child(3) button")
    expect(page.locator("#position")).to_have_text("noise 3 of 9")
    assert face.evaluate("image => image.complete && image.naturalWidth") == 256
    page.click("#play")
    expect(page.locator("#position")).not_to_have_text("noise 3 of 9")
    page.click("#play")


def test_faces_between_two_voices(page: Any, sound: Path) -> None:
    from playwright.sync_api import expect

    page.check("[name=mode][value=between]")
    record(page)
    page.set_input_files("#person-b .speech-file", sound)
    page.check("#permission")
    page.click("#go")
    expect(page.locator("#status")).to_have_text("33 faces are drawn.")
    screenshot(page, "between")
    record(page)
    expect(page.locator("#permission")).not_to_be_checked()  # it was given for another voice


def test_pictures_are_ranked_and_one_alone_is_refused(page: Any, sound: Path, tmp_path: Path) -> None:
    from PIL import Image
    from playwright.sync_api import expect

    pictures = [tmp_path / f"{colour}.png" for colour in ("red", "green", "blue")]
    for path in pictures:
        Image.new("RGB", (64, 64), path.stem).save(path)
    page.check("[name=mode][value=match]")
    page.set_input_files("#person-a .speech-file", sound)
    page.set_input_files("#pictures-input", pictures[:1])
    page.check("#permission")
    page.click("#go")
    expect(page.locator("#error")).to_contain_text("Choose two pictures or more")
    page.set_input_files("#pictures-input", pictures)
    page.click("#go")
    expect(page.locator("#error")).to_contain_text("no face from the front was found")
    page.uncheck("#detect")
    page.check("#permission")
    page.click("#go")
    expect(page.locator("#candidates li")).to_have_count(3)
    screenshot(page, "match")


def test_every_input_has_a_name(page: Any) -> None:
    """Names that a screen reader reads, of everything that can be operated in every mode."""
    for mode in ("faces", "between", "match"):
        page.check(f"[name=mode][value={mode}]")
        for element in page.locator("button:visible, input:visible, select:visible, textarea:visible, a:visible").all():
            snapshot = element.aria_snapshot()
            assert '"' in snapshot, f"{mode}: {snapshot} has no name"
