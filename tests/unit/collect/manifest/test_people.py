from facegen.collect.manifest import people as manifest_people
from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.sources.source_list import Person, Source, SourceList


def test_a_manifest_keeps_the_spelling_that_it_has(tmp_path):
    composed, decomposed = "Jos\u00e9", "Jose\u0301"
    old = Source(decomposed, "url", "https://x.org/0.mp4", "https://x.org/0.mp4")
    new = Source(composed, "url", "https://x.org/0.mp4", "https://x.org/0.mp4")
    listed = SourceList(tmp_path / "a.toml", {composed: Person(composed, consent="yes")}, {new.id: new})
    with CollectionManifest(tmp_path / "manifest.sqlite") as manifest:
        manifest_people.add_sources(manifest, [Person(decomposed)], [old])
        spelled = manifest_people.match_stored_spellings(manifest, listed)
        assert manifest_people.add_sources(manifest, [*spelled.people.values()], [*spelled.sources.values()]) == []
        assert manifest.query("SELECT name, consent FROM people") == [(decomposed, "yes")]
        assert manifest.query("SELECT id, person FROM videos") == [(old.id, decomposed)]
        assert manifest_people.count_unlisted(manifest, spelled.sources) == 0
        manifest_people.delete_person(manifest, decomposed)
        assert manifest_people.add_sources(manifest, [Person(composed)], [new]) == [composed]
