from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.cluster.source import certificates
from tests.cluster.source.certificates import SUBJECTS, Subject

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    certificates.renew(tmp_path / "keys", NOW)
    return tmp_path / "keys"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def load(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def test_an_empty_folder_lacks_everything(tmp_path: Path) -> None:
    assert set(certificates.stale(tmp_path, NOW)) == {
        *certificates.AUTHORITIES,
        certificates.SERVICE_ACCOUNT_KEY,
        *(subject.file for subject in SUBJECTS),
    }


def test_what_was_made_is_kept(folder: Path) -> None:
    before = contents(folder)
    assert certificates.stale(folder, NOW) == []
    certificates.renew(folder, NOW + timedelta(days=300))
    assert contents(folder) == before


def cut_short(folder: Path) -> None:
    (folder / "admin.crt").write_bytes((folder / "admin.crt").read_bytes()[:100])


@pytest.mark.parametrize(
    ("change", "days_later", "expected"),
    [
        pytest.param(lambda _: None, 336, {s.file for s in SUBJECTS}, id="certificates near their end"),
        pytest.param(lambda folder: (folder / "admin.key").unlink(), 0, {"admin"}, id="a lost key"),
        pytest.param(cut_short, 0, {"admin"}, id="a certificate cut short by a crash"),
        pytest.param(
            lambda folder: (folder / "etcd-ca.crt").unlink(),
            0,
            {"etcd-ca", "etcd", "etcd-client"},
            id="a lost authority takes along what it signed, and nothing else",
        ),
        pytest.param(
            lambda folder: (folder / "service-account.key").unlink(), 0, {"service-account"}, id="tokens' key"
        ),
    ],
)
def test_only_what_is_stale_is_made_anew(
    change: Callable[[Path], None], days_later: int, expected: set[str], folder: Path
) -> None:
    change(folder)
    now = NOW + timedelta(days=days_later)
    before = contents(folder)
    assert set(certificates.stale(folder, now)) == expected
    certificates.renew(folder, now)
    assert certificates.stale(folder, now) == []
    unchanged = {name for name, content in contents(folder).items() if before.get(name) == content}
    assert {Path(name).stem for name in unchanged}.isdisjoint(expected)
    assert {Path(name).stem for name in contents(folder)} - expected == {
        Path(name).stem for name in unchanged
    }


def test_another_address_makes_the_certificate_stale(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = [
        Subject("kubelet", subject.user, subject.groups, ("node-1", "198.18.255.9"))
        if subject.file == "kubelet"
        else subject
        for subject in SUBJECTS
    ]
    monkeypatch.setattr(certificates, "SUBJECTS", moved)
    assert certificates.stale(folder, NOW) == ["kubelet"]


def test_a_certificate_of_another_authority_is_stale(folder: Path, tmp_path: Path) -> None:
    certificates.renew(tmp_path / "other", NOW)
    for name in ("admin.crt", "admin.key"):
        (folder / name).write_bytes((tmp_path / "other" / name).read_bytes())
    assert certificates.stale(folder, NOW) == ["admin"]


def test_no_certificate_of_the_cluster_opens_etcd(folder: Path) -> None:
    etcd_authority, cluster_authority = load(folder, "etcd-ca"), load(folder, "ca")
    for subject in SUBJECTS:
        certificate = load(folder, subject.file)
        of_etcd = subject.file in {"etcd", "etcd-client"}
        certificate.verify_directly_issued_by(etcd_authority if of_etcd else cluster_authority)
        assert certificate.issuer == (etcd_authority if of_etcd else cluster_authority).subject


def test_only_what_has_names_may_serve_and_no_leaf_may_sign(folder: Path) -> None:
    for subject in SUBJECTS:
        extensions = load(folder, subject.file).extensions
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert (ExtendedKeyUsageOID.SERVER_AUTH in purposes) is bool(subject.names)
        assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_keys_are_readable_by_their_owner_only(folder: Path) -> None:
    assert {file.stat().st_mode & 0o777 for file in folder.glob("*.key")} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
