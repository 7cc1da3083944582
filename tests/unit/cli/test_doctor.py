"""`facegen doctor`."""

import json

import pytest

from facegen.cli import doctor
from facegen.cli.doctor import Finding
from facegen.cli.main import main


def test_doctor_reports_every_dependency(output):
    shown = output("doctor")
    for name in ("python", "facegen", "torch", "torchaudio", "torchvision", "torch-fidelity", "av", "opencv", "disk"):
        assert any(line.split()[1] == name for line in shown.splitlines())
    findings = json.loads(output("doctor", "--json"))
    assert {finding["state"] for finding in findings} <= {"ok", "warn"}
    assert "haarcascade_frontalface_default.xml" in next(f["detail"] for f in findings if f["name"] == "opencv")


def test_doctor_fails_when_a_dependency_is_missing(monkeypatch, capsys):
    ill = [Finding("torch", "missing", "ImportError: no", "install torch"), Finding("gpu", "warn", "none", "")]
    monkeypatch.setattr(doctor, "findings", lambda: ill)
    assert main(["doctor"]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["missing", "torch", "ImportError:", "no;", "install", "torch"]
    assert second.split() == ["warn", "gpu", "none"]


@pytest.mark.parametrize(
    ("examine", "module", "name", "state"),
    [
        (doctor._torch, "torch", "torch", "missing"),
        (doctor._av, "av", "av", "missing"),
        (doctor._cv2, "cv2", "opencv", "missing"),
        (doctor._optional, "yt_dlp", "yt-dlp", "warn"),
    ],
)
def test_doctor_advises_on_a_missing_package(examine, module, name, state, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    finding = next(finding for finding in examine() if finding.name == name)
    assert finding.state == state and finding.advice and module in finding.detail


def test_doctor_reports_missing_cascades_of_opencv(monkeypatch, tmp_path):
    import cv2

    monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    (finding,) = doctor._cv2()
    assert finding.state == "missing" and "opencv-python-headless>=4.10,<5" in finding.advice


def test_doctor_warns_of_a_full_disk_and_of_missing_codecs(monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE_GIB", 1e9)
    assert [finding.state for finding in doctor._disk()] == ["warn"]
    monkeypatch.setattr(doctor, "CODECS", ("aac", "nonsense"))
    (finding,) = doctor._av()
    assert finding.state == "warn" and "no nonsense" in finding.advice


def test_doctor_names_packages_that_overwrite_each_other(monkeypatch):
    monkeypatch.setattr(doctor, "packages_distributions", lambda: {"cv2": ["opencv-python", "opencv-python-headless"]})
    monkeypatch.setattr(doctor, "version", {"opencv-python": "4.1", "opencv-python-headless": "4.2"}.get)
    first = next(iter(doctor._cv2()))
    assert first.state == "warn" and "opencv-python 4.1, opencv-python-headless 4.2" in first.detail
    assert "pip uninstall opencv-python opencv-python-headless" in first.advice


def test_doctor_names_the_javascript_runtime(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda program: "/bin/qjs" if program == "qjs" else None)
    (finding,) = doctor._javascript()
    assert (finding.state, finding.detail, finding.advice) == ("ok", "quickjs", "")
    monkeypatch.setattr(doctor.shutil, "which", lambda program: None)
    (finding,) = doctor._javascript()
    assert finding.state == "warn" and "Deno" in finding.advice
