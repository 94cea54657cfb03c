"""The cluster's keys and certificates, kept between runs and re-made before they run out.

Two authorities: what one of them signs is nothing to the other, so no certificate of the cluster opens etcd.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.cluster.source.settings import API_SERVICE_ADDRESS, LOOPBACK, NODE_ADDRESS, NODE_NAME

AUTHORITY_LIFETIME = timedelta(days=3650)
CERTIFICATE_LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
"""How long a certificate must still hold for a cluster to be used as it is."""

CLUSTER_AUTHORITY = "ca"
ETCD_AUTHORITY = "etcd-ca"
AUTHORITIES = (CLUSTER_AUTHORITY, ETCD_AUTHORITY)

SERVICE_ACCOUNT_KEY = "service-account"


@dataclass(frozen=True, slots=True)
class Subject:
    """One certificate: who holds it (`user`, `groups`) and, where it serves, under which `names`."""

    file: str
    user: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    authority: str = CLUSTER_AUTHORITY


SUBJECTS = (
    Subject("etcd", "etcd", names=(LOOPBACK,), authority=ETCD_AUTHORITY),
    Subject("etcd-client", "kube-apiserver", authority=ETCD_AUTHORITY),
    Subject(
        "kube-apiserver",
        "kube-apiserver",
        names=(
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            API_SERVICE_ADDRESS,
            NODE_ADDRESS,
        ),
    ),
    Subject("kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",)),
    Subject("kubelet", f"system:node:{NODE_NAME}", ("system:nodes",), names=(NODE_NAME, NODE_ADDRESS)),
    Subject("kube-controller-manager", "system:kube-controller-manager"),
    Subject("kube-scheduler", "system:kube-scheduler"),
    Subject("kube-proxy", "system:kube-proxy"),
    Subject("kube-router", "kube-router"),
    Subject("admin", "admin", ("system:masters",)),
)
"""All certificates. Kubernetes' own roles are bound to these users and groups; only kube-router's is ours."""


def stale(folder: Path, now: datetime) -> list[str]:
    """Return the names of what is missing in `folder`, runs out within RENEW_BEFORE, or is not as wanted."""
    wrong = [name for name in AUTHORITIES if not _holds(_read(folder, name), now)]
    for subject in SUBJECTS:
        certificate, authority = _read(folder, subject.file), _read(folder, subject.authority)
        kept = (
            certificate is not None
            and authority is not None
            and subject.authority not in wrong
            and _holds(certificate, now)
            and _is_for(certificate, subject)
            and _signed(certificate, authority)
        )
        if not kept:
            wrong.append(subject.file)
    if not (folder / f"{SERVICE_ACCOUNT_KEY}.key").exists():
        wrong.append(SERVICE_ACCOUNT_KEY)
    return wrong


def renew(folder: Path, now: datetime) -> None:
    """Make what is stale, and nothing else, so that a copied kubeconfig keeps working."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wrong = stale(folder, now)
    for name in AUTHORITIES:
        if name in wrong:
            _write_authority(folder, name, now)
    for subject in SUBJECTS:
        if subject.file in wrong:
            _write_certificate(folder, subject, now)
    if SERVICE_ACCOUNT_KEY in wrong:
        # RSA as kubeadm makes it: its tokens are then verified as those of most clusters are.
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        _write_key(folder, SERVICE_ACCOUNT_KEY, key)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{SERVICE_ACCOUNT_KEY}.pub").write_bytes(public)


def _holds(certificate: x509.Certificate | None, now: datetime) -> bool:
    if certificate is None:
        return False
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - RENEW_BEFORE


def _is_for(certificate: x509.Certificate, subject: Subject) -> bool:
    extensions = certificate.extensions
    try:
        names = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        names = []
    return certificate.subject == _distinguished_name(subject) and names == _general_names(subject)


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError):
        return False
    return True


def _write_authority(folder: Path, name: str, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"drawbridge-{name}")])
    builder = _builder(issuer, issuer, key, now, AUTHORITY_LIFETIME)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs=True), critical=True)
    _write_key(folder, name, key)
    _write_pem(folder, name, builder.sign(key, hashes.SHA256()))


def _write_certificate(folder: Path, subject: Subject, now: datetime) -> None:
    authority_key = load_pem_private_key((folder / f"{subject.authority}.key").read_bytes(), password=None)
    authority = _read(folder, subject.authority)
    if authority is None or not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"authority {subject.authority} in {folder} is not ours: delete the folder")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_distinguished_name(subject), authority.subject, key, now, CERTIFICATE_LIFETIME)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs=False), critical=True)
    purposes = [
        ExtendedKeyUsageOID.CLIENT_AUTH,
        *([ExtendedKeyUsageOID.SERVER_AUTH] if subject.names else []),
    ]
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if subject.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(_general_names(subject)), critical=False)
    _write_key(folder, subject.file, key)
    _write_pem(folder, subject.file, builder.sign(authority_key, hashes.SHA256()))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # a clock set back a little must not break the cluster
        .not_valid_after(now + lifetime)
    )


def _distinguished_name(subject: Subject) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in subject.groups]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, subject.user)])


def _general_names(subject: Subject) -> list[x509.GeneralName]:
    def general(name: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    return [general(name) for name in subject.names]


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _read(folder: Path, name: str) -> x509.Certificate | None:
    file = folder / f"{name}.crt"
    if not file.exists() or not (folder / f"{name}.key").exists():
        return None
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError:  # cut short by a crash
        return None


def _write_pem(folder: Path, name: str, certificate: x509.Certificate) -> None:
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))


def _write_key(folder: Path, name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    file = folder / f"{name}.key"
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
