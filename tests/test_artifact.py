"""The artifact store: keys, kill safety, damage, references, lineage, pruning."""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from hwkit.artifact import Artifact, Store, problems
from hwkit.errors import ArtifactError, HwkitError, InputError
from hwkit.manifest import FORMAT_VERSION, canonical, file_digest, key_of


def writes(**files: str) -> Callable[[Path], dict[str, object]]:
    """A stage that writes text files and measures nothing but their number."""

    def make(folder: Path) -> dict[str, object]:
        for name, text in files.items():
            path = folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return {"files": len(files)}

    return make


def never(folder: Path) -> dict[str, object]:
    raise AssertionError("built again")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def names(store: Store) -> set[str]:
    return {path.relative_to(store.root).as_posix() for path in store.root.glob("*/*")}


# Keys and digests


def test_canonical_sorts_and_refuses() -> None:
    assert (
        canonical({"b": (1, 2.5), "a": {"10": None, 9: "é"}}) == '{"a":{"10":null,"9":"\\u00e9"},"b":[1,2.5]}'
    )
    for bad in (float("nan"), float("inf"), {1, 2}, Path("x"), {("a",): 1}):
        with pytest.raises(InputError, match="JSON"):
            canonical({"x": bad})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_canonical_survives_reading_back(value: object) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text
    assert text.isascii()


def test_key_is_the_sha256_of_the_literal_text() -> None:
    text = (
        b'{"format_version":1,"inputs":{"ink":"00ff"},"parameters":{"seed":3,"threshold":1000.0},'
        b'"stage":"preprocess","stage_version":2}'
    )
    key = key_of("preprocess", 2, {"threshold": 1000.0, "seed": 3}, {"ink": "00ff"})
    assert key == hashlib.sha256(text).hexdigest()
    # sha256sum of the same text, so that it stays what it is across versions.
    assert key == "7eb42a695c99a79b34aa5041cf39f2d9344b4bcc2d51fb40c6ae9947a1a2c5f9"


def test_key_depends_on_each_part() -> None:
    keys = {
        key_of("a", 1, {"x": 1}, {"in": "0"}),
        key_of("b", 1, {"x": 1}, {"in": "0"}),
        key_of("a", 2, {"x": 1}, {"in": "0"}),
        key_of("a", 1, {"x": 2}, {"in": "0"}),
        key_of("a", 1, {"x": 1}, {"in": "1"}),
        key_of("a", 1, {"x": 1}, {"on": "0"}),
    }
    assert len(keys) == 6


def test_file_digest(tmp_path: Path) -> None:
    (tmp_path / "in" / "b").mkdir(parents=True)
    (tmp_path / "in" / "b" / "one").write_bytes(b"1")
    (tmp_path / "in" / "a").write_bytes(b"2")
    one, two = hashlib.sha256(b"1").hexdigest(), hashlib.sha256(b"2").hexdigest()
    assert file_digest(tmp_path / "in" / "a") == two
    listing = f'[["a","{two}"],["b/one","{one}"]]'
    assert file_digest(tmp_path / "in") == hashlib.sha256(listing.encode()).hexdigest()
    with pytest.raises(InputError, match="cannot be read"):
        file_digest(tmp_path / "missing")


# Building


def test_build_once(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_text("ink")
    assert store.all() == []
    assert not store.root.exists()
    first = store.build("ingest", 1, {"x": 1}, {"source": source}, writes(a="A", sub__b="B"))
    again = store.build("ingest", 1, {"x": 1}, {"source": source}, never)
    assert again == first == Artifact.open(first.path) == store.find("ingest", first.key)
    assert first.path == store.root / "ingest" / first.key[:16]
    assert names(store) == {first.name}
    assert first.metrics == {"files": 2}
    assert first.file("sub/b").read_text() == "B"
    assert first.manifest.inputs["source"].digest == hashlib.sha256(b"ink").hexdigest()
    assert store.verify(first) == []
    with pytest.raises(ArtifactError, match="no file 'c'"):
        first.file("c")
    source.write_text("other ink")
    assert store.build("ingest", 1, {"x": 1}, {"source": source}, writes(a="A")).key != first.key


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("resumable", [False, True])
def test_a_stopped_stage_leaves_no_artifact(store: Store, fault: type[BaseException], resumable: bool) -> None:
    def stops(folder: Path) -> dict[str, object]:
        (folder / "half").write_text("half")
        raise fault

    with pytest.raises(fault):
        store.build("train", 1, {}, {}, stops, resumable=resumable)
    assert store.all() == []
    assert bool(list(store.root.glob("*/*.partial"))) is resumable

    def goes_on(folder: Path) -> dict[str, object]:
        there = (folder / "half").exists()
        (folder / "whole").write_text("whole")
        (folder / "half").unlink(missing_ok=True)
        return {"resumed": there}

    artifact = store.build("train", 1, {}, {}, goes_on, resumable=resumable)
    assert artifact.metrics == {"resumed": resumable}
    assert list(artifact.manifest.files) == ["whole"]
    assert names(store) == {artifact.name}


def test_a_manifest_without_its_rename_is_written_anew(store: Store) -> None:
    def stops(folder: Path) -> dict[str, object]:
        (folder / "manifest.json").write_text("of a process that was killed before its rename")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.build("train", 1, {}, {}, stops, resumable=True)
    made = store.build("train", 1, {}, {}, writes(a="A"), resumable=True)
    assert list(made.manifest.files) == ["a"]
    assert store.verify(made) == []


def test_metrics_that_are_no_json_make_no_artifact(store: Store) -> None:
    with pytest.raises(InputError, match="JSON"):
        store.build("train", 1, {}, {}, lambda folder: {"nats": float("nan")})
    assert store.all() == []


def test_a_folder_without_manifest_is_no_artifact(store: Store) -> None:
    made = store.build("ingest", 1, {}, {}, writes(a="A"))
    (made.path / "manifest.json").unlink()
    assert store.find("ingest", made.key) is None
    assert store.all() == []
    with pytest.raises(ArtifactError, match="no manifest"):
        Artifact.open(made.path)
    again = store.build("ingest", 1, {}, {}, writes(b="B"))
    assert list(again.manifest.files) == ["b"]
    assert store.verify(again) == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (
            OSError("unable to write (errno = 28, error message = 'No space left on device')"),
            "the disk is full",
        ),
        (OSError(errno.EIO, "Input/output error", "/x/y"), r"Input/output error \(/x/y\)"),
    ],
)
def test_os_errors_name_the_folder(store: Store, fault: OSError, said: str) -> None:
    def fails(folder: Path) -> dict[str, object]:
        raise fault

    with pytest.raises(HwkitError, match=said) as caught:
        store.build("ingest", 1, {}, {}, fails)
    assert caught.value.exit_code == 1
    assert caught.value.do
    assert ".partial" in str(caught.value)
    assert store.all() == []


def test_a_store_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    store = Store(tmp_path / "store")
    assert store.all() == []
    with pytest.raises(HwkitError, match="cannot be worked in"):
        store.build("ingest", 1, {}, {}, never)


# Processes


def _builder(root: Path, pipe: Connection) -> None:
    def make(folder: Path) -> dict[str, object]:
        (folder / "half").write_text("half")
        pipe.send("making")
        assert pipe.recv() == "go"
        return {"by": os.getpid()}

    def progress(done: int, total: int, note: str) -> None:
        pipe.send(note)

    artifact = Store(root).build("train", 1, {}, {}, make, resumable=True, progress=progress)
    pipe.send(artifact.metrics["by"])


def _start(root: Path) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_builder, args=(root, theirs))
    process.start()
    theirs.close()  # so that a process that dies is an EOFError here, not a wait without end
    return process, ours


def test_two_processes_make_one_artifact(store: Store) -> None:
    first, to_first = _start(store.root)
    assert to_first.recv() == "making"
    assert store.prune(dry_run=False) == []  # a live process holds it
    second, to_second = _start(store.root)
    assert "waiting for another process" in to_second.recv()
    to_first.send("go")
    assert to_first.recv() == to_second.recv() == first.pid
    first.join()
    second.join()
    assert len(store.all()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_process_leaves_what_the_next_goes_on_from(store: Store) -> None:
    process, pipe = _start(store.root)
    assert pipe.recv() == "making"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert store.all() == []

    def make(folder: Path) -> dict[str, object]:
        return {"found": (folder / "half").read_text()}

    assert store.build("train", 1, {}, {}, make, resumable=True).metrics == {"found": "half"}


# Damage


def test_every_flipped_bit_is_found(store: Store) -> None:
    source = store.build("ingest", 1, {}, {}, writes(ink="i"))
    made = store.build(
        "train", 1, {"rate": 0.5, "café": [1, "\n"]}, {"ink": source}, writes(a="ab", sub__b="c")
    )
    assert problems(made.path) == []
    for name in ["manifest.json", *made.manifest.files]:
        path = made.path / name
        whole = path.read_bytes()
        for place in range(len(whole)):
            for bit in range(8):
                broken = bytearray(whole)
                broken[place] ^= 1 << bit
                path.write_bytes(broken)
                assert problems(made.path), (name, place, bit)
        path.write_bytes(whole)
    assert problems(made.path) == []


def test_other_damage_is_found(store: Store) -> None:
    made = store.build("train", 1, {}, {}, writes(a="ab", b="c"))
    (made.path / "extra").write_text("")
    (made.path / "a").write_text("abc")
    (made.path / "b").unlink()
    assert store.verify(made) == ["a: 3 bytes, expected 2", "b: missing", "extra: not in the manifest"]
    with pytest.raises(ArtifactError, match="missing"):
        made.file("b")


def _rewrite(artifact: Artifact, change: Callable[[dict[str, object]], object], seal: bool = False) -> None:
    """Change a manifest's fields by hand, and seal it anew as someone who forges it would."""
    path = artifact.path / "manifest.json"
    fields = json.loads(path.read_bytes())
    change(fields)
    if seal:
        del fields["seal"]
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        fields["seal"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(fields, indent=2) + "\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda fields: fields.update(parameters={"seed": 1}), "the key"),
        (lambda fields: fields.update(digest="0" * 64), "the digest"),
        (lambda fields: fields.update(surprise=1), "surprise"),
        (lambda fields: fields.pop("metrics"), "metrics"),
        (lambda fields: fields["files"].update({"../a": fields["files"].pop("a")}), "outside"),
        (lambda fields: fields.update(metrics={"nats": float("nan")}), "damaged"),
    ],
)
def test_a_forged_manifest_is_refused(
    store: Store, change: Callable[[dict[str, object]], object], said: str
) -> None:
    made = store.build("train", 1, {}, {}, writes(a="a"))
    _rewrite(made, lambda fields: None, seal=True)
    assert problems(made.path) == []  # the forger here knows how to seal
    _rewrite(made, change, seal=True)
    with pytest.raises(ArtifactError, match=said):
        store.find("train", made.key)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "{}", "\udcff", "[" * 100_000, '{"format_version": 1}']
)
def test_a_broken_manifest_stops_neither_list_nor_prune(store: Store, text: str) -> None:
    made = store.build("train", 1, {}, {}, writes(a="a"))
    sound = store.build("train", 1, {"seed": 2}, {}, writes(a="a"))
    (made.path / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    assert store.all() == [sound]
    assert [folder for folder, _ in store.damaged()] == [made.path]
    assert store.prune(dry_run=False) == []
    with pytest.raises(ArtifactError, match="remove the folder"):
        store.build("train", 1, {}, {}, never)


def test_another_format_version_is_refused(store: Store) -> None:
    made = store.build("train", 1, {}, {}, writes(a="a"))
    _rewrite(made, lambda fields: fields.update(format_version=FORMAT_VERSION + 1, news={}))
    for refuse in (lambda: store.find("train", made.key), lambda: store.resolve(made.key[:8])):
        with pytest.raises(ArtifactError, match="format version 2, but this hwkit reads version 1") as caught:
            refuse()
        assert caught.value.exit_code == 2
        assert "use the hwkit that made it" in str(caught.value)
    assert store.all() == []


def test_a_folder_in_the_wrong_place_is_damage(store: Store) -> None:
    made = store.build("train", 1, {}, {}, writes(a="a"))
    made.path.rename(made.path.with_name("0" * 16))
    [(folder, fault)] = store.damaged()
    assert folder.name == "0" * 16
    assert made.name in fault


# References


def test_resolve(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [store.build("sample", 1, {"seed": seed}, {}, writes(a="a")) for seed in range(3)]
    for artifact in made:
        for reference in (artifact.key, artifact.key[:16], artifact.key[:4], artifact.name, str(artifact.path)):
            assert store.resolve(reference) == artifact
    monkeypatch.chdir(made[0].path.parent)
    assert store.resolve(f"./{made[0].path.name}").key == made[0].key
    for wrong in ("", "abc", "ffff0000", "train/" + made[0].key[:8], str(tmp_path), "../..", "*", "no/where"):
        with pytest.raises(ArtifactError, match="no artifact") as caught:
            store.resolve(wrong)
        assert made[-1].name in str(caught.value)


def test_resolve_ambiguous(store: Store) -> None:
    made = store.build("sample", 1, {}, {}, writes(a="a"))
    twin = made.path.with_name(made.key[:8] + "0" * 8)
    made.path.with_name(twin.name).mkdir()
    with pytest.raises(ArtifactError, match="means several") as caught:
        store.resolve(made.key[:6])
    assert made.name in str(caught.value)
    assert f"sample/{twin.name}" in str(caught.value)
    assert store.resolve(made.key[:16]) == made


def test_newest(store: Store) -> None:
    made = [store.build("sample", 1, {"seed": seed}, {}, writes(a="a")) for seed in range(3)]
    other = store.build("train", 1, {}, {}, writes(a="a"))
    assert store.all() == [*made, other]
    assert store.newest("sample") == made[2]
    assert store.newest("sample", accept=lambda a: a.parameters["seed"] < 2) == made[1]
    assert store.newest("render") is None


# Lineage and pruning


def test_lineage(store: Store, tmp_path: Path) -> None:
    (tmp_path / "source").write_text("s")
    ingest = store.build("ingest", 1, {}, {"archive": tmp_path / "source"}, writes(a="a"))
    clean = store.build("preprocess", 1, {}, {"ink": ingest}, writes(a="b"))
    model = store.build("train", 1, {}, {"ink": clean, "raw": ingest}, writes(a="c"))
    shape = [(up.depth, up.role, up.record.name, up.artifact) for up in store.lineage(model)]
    assert shape == [
        (1, "ink", clean.name, clean),
        (2, "ink", ingest.name, ingest),
        (3, "archive", "source", None),
        (1, "raw", ingest.name, ingest),
    ]
    os.replace(ingest.path, tmp_path / "away")
    gone = store.lineage(model)[1]
    assert (gone.artifact, gone.record.digest, gone.record.key) == (None, ingest.digest, ingest.key)


def test_prune_keeps_the_newest_and_their_lineage(store: Store) -> None:
    old = store.build("ingest", 1, {"n": 0}, {}, writes(a="0"))
    upstream = store.build("ingest", 1, {"n": 1}, {}, writes(a="1"))
    new = store.build("ingest", 1, {"n": 2}, {}, writes(a="2"))
    spare = store.build("train", 1, {}, {"ink": old}, writes(a="3"))
    model = store.build("train", 1, {}, {"ink": upstream}, writes(a="4"))
    partial, lock = old.path.with_name("0" * 16 + ".partial"), old.path.with_name("2" * 16 + ".lock")
    partial.mkdir()
    lock.touch()
    (bare := old.path.with_name("1" * 16)).mkdir()
    others = {"ingest/notes.txt", "ingest/my.partial"}
    for other in others:
        (store.root / other).touch()
    before = names(store)
    gone = {old.path, spare.path, partial, lock, bare}
    assert set(store.prune(dry_run=True)) == gone
    assert names(store) == before
    assert set(store.prune(dry_run=False)) == gone
    assert names(store) == {upstream.name, new.name, model.name, *others}
    assert store.prune(dry_run=False) == []


def test_prune_leaves_what_a_process_holds(store: Store) -> None:
    old = store.build("ingest", 1, {"n": 0}, {}, writes(a="0"))
    store.build("ingest", 1, {"n": 1}, {}, writes(a="1"))
    (held := old.path.with_name("0" * 16 + ".partial")).mkdir()
    before = names(store)
    with FileLock(held.with_suffix(".lock")):
        assert store.prune(dry_run=False) == []
        assert names(store) == {*before, f"ingest/{held.stem}.lock"}
    assert held in store.prune(dry_run=False)
    assert not old.path.exists()
