import json

from facegen.cli.main import main


def test_exported_shards_pack_to_the_same_corpus(pairs, tmp_path, capsys):
    assert main(["pack", str(pairs(6)), "--out", str(tmp_path / "out"), "--image-pixels", "32"]) == 0
    capsys.readouterr()
    assert main(["export-shards", str(tmp_path / "out"), "--out", str(tmp_path / "[shards]")]) == 0
    printed = capsys.readouterr().out
    assert "[shards]: 6 clips, 6 faces, 1 shards" in printed
    assert main(["pack", str(tmp_path / "[shards]"), "--out", str(tmp_path / "again"), "--json"]) == 0
    packed = json.loads(capsys.readouterr().out)
    assert (packed["people"], packed["clips"], packed["rejected"], packed["ignored_columns"]) == (3, 6, {}, [])
    files = ["faces-00000.safetensors", "speech-00000.safetensors", "index.safetensors"]
    for name in files:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_export_prints_json_and_refuses_to_overwrite(pairs, tmp_path, capsys):
    assert main(["pack", str(pairs(3)), "--out", str(tmp_path / "out"), "--image-pixels", "32"]) == 0
    capsys.readouterr()
    call = ["export-shards", str(tmp_path / "out"), "--out", str(tmp_path / "s"), "--speech", "wav", "--json"]
    assert main(call) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["num_clips"], [shard["file"] for shard in printed["shards"]]) == (3, ["shard-00000.tar"])
    assert main(call) == 1
    assert "holds tar shards already" in capsys.readouterr().err
    assert main(["export-shards", str(tmp_path / "nowhere"), "--out", str(tmp_path / "t")]) == 1
    assert "does not exist; give a packed corpus" in capsys.readouterr().err
