"""Real clients trust the server by its authority's certificate alone."""

import re
import shutil
import signal
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import openai
import pytest
from cryptography import x509

from tests.standin import Standin, running_standin
from tests.standin.tls import LIFETIME, TlsFiles, ensure_tls

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TIMEOUT_S = 30.0


def contents(files: TlsFiles) -> list[bytes]:
    return [path.read_bytes() for path in (files.ca, files.certificate, files.key)]


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.standin", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_strictest_verification_passes(standin: Standin) -> None:
    context = standin.ssl_context()
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with httpx.Client(verify=context) as client:
        assert client.get(f"{standin.url}/healthz").status_code == 200
        assert client.get(f"{standin.url.replace('127.0.0.1', 'localhost')}/healthz").status_code == 200


def test_a_client_without_the_authority_refuses(standin: Standin) -> None:
    with httpx.Client() as client, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        client.get(f"{standin.url}/healthz")


def test_a_client_with_another_authority_refuses(standin: Standin, tmp_path: Path) -> None:
    another = Standin(standin.url, ensure_tls(tmp_path, [], now=datetime.now(UTC)).ca)
    with pytest.raises(ssl.SSLCertVerificationError):
        another.total()


@pytest.mark.parametrize(
    ("host", "verdict"),
    [
        pytest.param("localhost", "OK", id="localhost is always served"),
        pytest.param("cloud.example", "OK", id="a name that was given"),
        pytest.param("other.example", "hostname mismatch", id="another name"),
    ],
)
def test_openssl_checks_purpose_and_name(tmp_path: Path, host: str, verdict: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on PATH")
    files = ensure_tls(tmp_path, ["cloud.example"], now=datetime.now(UTC))
    checked = subprocess.run(
        [
            *("openssl", "verify", "-x509_strict", "-purpose", "sslserver"),
            *("-verify_hostname", host, "-CAfile", str(files.ca), str(files.certificate)),
        ],
        check=False,
        capture_output=True,
        text=True,
    )

    assert verdict in checked.stdout + checked.stderr


def test_the_authority_signs_certificates_and_nothing_else(tmp_path: Path) -> None:
    ca = x509.load_pem_x509_certificate(ensure_tls(tmp_path, [], now=NOW).ca.read_bytes())

    usage = ca.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.digital_signature
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(
        ca=True, path_length=0
    )
    assert ca.not_valid_after_utc == NOW + LIFETIME


def test_the_key_is_its_owners_alone_and_the_authoritys_key_is_nowhere(tmp_path: Path) -> None:
    files = ensure_tls(tmp_path / "new", [], now=NOW)

    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert sorted(path.name for path in files.directory.iterdir()) == ["ca.crt", "tls.crt", "tls.key"]


@pytest.mark.parametrize(
    ("names", "later", "kept"),
    [
        pytest.param([], timedelta(0), True, id="for the same names it is kept"),
        pytest.param(
            ["cloud.example", "10.0.0.1"], timedelta(days=363), True, id="for names it has it is kept"
        ),
        pytest.param(["new.example"], timedelta(0), False, id="for a further name it is made anew"),
        pytest.param(["10.0.0.2"], timedelta(0), False, id="for a further address too"),
        pytest.param([], timedelta(days=364, hours=1), False, id="before it expires it is made anew"),
    ],
)
def test_a_certificate_is_kept_while_it_serves(
    tmp_path: Path, names: list[str], later: timedelta, *, kept: bool
) -> None:
    before = contents(ensure_tls(tmp_path, ["cloud.example", "10.0.0.1"], now=NOW))
    after = contents(ensure_tls(tmp_path, names, now=NOW + later))

    assert [old == new for old, new in zip(before, after, strict=True)] == [kept] * 3


@pytest.mark.parametrize("spoiled", ["ca.crt", "tls.crt", "tls.key"])
@pytest.mark.parametrize("how", ["missing", "another's", "garbage"])
def test_files_that_do_not_fit_together_are_made_anew(tmp_path: Path, spoiled: str, how: str) -> None:
    files, others = ensure_tls(tmp_path / "ours", [], now=NOW), ensure_tls(tmp_path / "theirs", [], now=NOW)
    path = files.directory / spoiled
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes((others.directory / spoiled).read_bytes() if how == "another's" else b"garbage")
    before = path.read_bytes() if path.exists() else None

    ensure_tls(files.directory, [], now=NOW)

    assert path.read_bytes() != before
    issuer = x509.load_pem_x509_certificate(files.ca.read_bytes())
    x509.load_pem_x509_certificate(files.certificate.read_bytes()).verify_directly_issued_by(issuer)


def test_a_server_needs_no_authority_beside_its_pair(tmp_path: Path) -> None:
    files = ensure_tls(tmp_path, [], now=NOW)
    pair = files.certificate.read_bytes(), files.key.read_bytes()
    files.ca.unlink()
    ensure_tls(tmp_path, [], now=NOW, ca_needed=False)

    assert (files.certificate.read_bytes(), files.key.read_bytes()) == pair
    assert not files.ca.exists()


def test_the_command_serves_what_ca_made(tmp_path: Path) -> None:
    with command("ca", "--tls-dir", str(tmp_path), "--name", "cloud.example") as made:
        assert made.wait(TIMEOUT_S) == 0
    before = contents(TlsFiles(tmp_path))

    arguments = ("--tls-dir", str(tmp_path), "--host", "127.0.0.1", "--port", "0", "--api-key", "chosen")
    with command(*arguments) as serving:
        assert serving.stderr is not None
        announced = (re.search(r"running on (https://\S+)", line) for line in serving.stderr)
        url = next(match[1] for match in announced if match)
        standin = Standin(url, TlsFiles(tmp_path).ca, "chosen")
        with openai.OpenAI(
            base_url=standin.openai_base_url,
            api_key="chosen",
            max_retries=0,
            http_client=openai.DefaultHttpxClient(verify=standin.ssl_context()),
        ) as client:
            assert client.models.retrieve("m").id == "m"
            with pytest.raises(openai.AuthenticationError):
                client.with_options(api_key="standin-test-key").models.list()
        assert standin.total() == 2
        serving.send_signal(signal.SIGTERM)
        serving.wait(TIMEOUT_S)
        log = serving.stderr.read()

    assert contents(TlsFiles(tmp_path)) == before
    assert "chosen" not in log


def test_the_command_says_what_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with command("ca", "--tls-dir", str(tmp_path / "file")) as failed:
        _, errors = failed.communicate(timeout=TIMEOUT_S)

    assert failed.returncode == 1
    assert errors.startswith(
        f"standin: {tmp_path / 'file'} holds no usable certificate, and none can be written: "
    )


async def test_async_tests_have_a_stand_in_of_their_own(tmp_path: Path) -> None:
    async with running_standin(tmp_path, api_key="own") as standin:
        async with openai.AsyncOpenAI(
            base_url=standin.openai_base_url,
            api_key="own",
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(verify=standin.ssl_context()),
        ) as client:
            assert (await client.models.retrieve("m")).id == "m"
        assert standin.total() == 1
    with pytest.raises(ConnectionRefusedError):
        standin.total()
