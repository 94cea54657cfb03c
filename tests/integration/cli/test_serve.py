"""`drawbridge serve`: the folder that the laptop example ships, in front of the cloud stand-in."""

import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
import yaml
from drawbridge_gateway.cli.main import main

from tests.integration.cli.processes import WAIT_S, Process, drawbridge
from tests.standin import Standin

EXAMPLE = Path(__file__).parents[3] / "examples" / "laptop"
MESSAGES: Any = [{"role": "user", "content": "a-secret-prompt-3141"}]
CLOUD_TASK = {"x-drawbridge-task": "complex-reasoning"}
ANSWER = "stand-in cloud answer to: a-secret-prompt-3141"


@pytest.fixture(scope="module")
def folder(cloud_standin: Standin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, with its cloud at the stand-in's address and nobody at the engine's."""
    folder = tmp_path_factory.mktemp("laptop") / "folder"
    folder.mkdir()
    for name in ("pool.yaml", "policy.yaml", "endpoints.yaml"):
        shutil.copy(EXAMPLE / name, folder / name)
    policy = (folder / "policy.yaml").read_text()
    (folder / "policy.yaml").write_text(policy.replace("https://127.0.0.1:8443", cloud_standin.url))
    ca = {
        "kind": "ConfigMap",
        "metadata": {"name": "cloud-ca"},
        "data": {"ca.crt": cloud_standin.ca_file.read_text()},
    }
    (folder / "cloud-ca.yaml").write_text(yaml.safe_dump(ca))
    return folder


@pytest.fixture(scope="module")
def key(folder: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words))))
        assert main(["keys", "create", "test", "--file", str(folder / "keys.yaml")]) == 0
    return next(line for line in printed if line.startswith("dbk_"))


@pytest.fixture(scope="module")
def serving(folder: Path, key: str, cloud_standin: Standin) -> Iterator[Process]:
    assert key, "made before the folder is read"
    loud = {"CLOUD_API_KEY": cloud_standin.api_key, "OPENAI_LOG": "debug", "ANTHROPIC_LOG": "debug"}
    environment = {**loud, "DRAWBRIDGE_LOG_LEVEL": "debug"}
    with drawbridge(folder.parent, "serve", str(folder), environment=environment) as process:
        process.wait_ready()
        yield process


def test_official_sdks_are_answered_by_the_cloud(serving: Process, key: str) -> None:
    with openai.OpenAI(base_url=f"{serving.url}/v1", api_key=key, max_retries=0) as gpt:
        answer = gpt.chat.completions.with_raw_response.create(model="auto", messages=MESSAGES)
        stream = gpt.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        streamed = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    assert answer.parse().choices[0].message.content == ANSWER
    assert answer.headers["x-drawbridge-backend"] == "cloud/gpt", "nobody is at the engine's address"
    assert streamed == ANSWER

    with (
        anthropic.Anthropic(base_url=serving.url, api_key=key, max_retries=0) as claude,
        claude.messages.stream(
            model="auto", max_tokens=50, messages=MESSAGES, extra_headers=CLOUD_TASK
        ) as messages,
    ):
        assert messages.get_final_text() == ANSWER


def test_status_and_metrics(serving: Process) -> None:
    snapshots = f"http://127.0.0.1:{serving.admin_port}/status/snapshots"
    [status] = httpx.get(snapshots).json()
    metrics = httpx.get(f"http://127.0.0.1:{serving.admin_port}/metrics").text

    assert (status["tenant"], len(status["hash"])) == ("default", 64)
    assert httpx.get(f"{snapshots}/default").json() == status
    assert httpx.get(f"{snapshots}/nobody").status_code == 404
    assert "\ndrawbridge_snapshots_loaded 1.0\n" in metrics
    assert "\nprocess_resident_memory_bytes " in metrics
    assert serving.status("/metrics") == 404, "clients do not see it"


def test_change_of_the_folder_reaches_the_next_request(serving: Process, folder: Path, key: str) -> None:
    def models() -> str:
        return httpx.get(f"{serving.url}/v1/models", headers={"authorization": f"Bearer {key}"}).text

    path = folder / "policy.yaml"
    before = path.read_text()
    try:
        path.write_text(before.replace("gpt-4o-mini]", "gpt-4o-mini, new-alias]"))
        serving.wait("the new name", lambda: "new-alias" in models())
        path.write_text("kind: [")
        serving.wait("the error", lambda: "error: policy.yaml: not YAML" in serving.log())
        assert "new-alias" in models()
    finally:
        path.write_text(before)
    serving.wait("the old names", lambda: "new-alias" not in models())


def test_neither_prompts_nor_answers_nor_keys_are_logged(
    serving: Process, key: str, standin: Standin
) -> None:
    with anthropic.Anthropic(base_url=serving.url, api_key=key, max_retries=0) as claude:
        claude.messages.create(model="auto", max_tokens=50, messages=MESSAGES, extra_headers=CLOUD_TASK)
    serving.wait("the account", lambda: "cloud_asked" in serving.log())

    for secret in ("a-secret-prompt-3141", "stand-in cloud answer", key, standin.api_key):
        assert secret not in serving.log()


def test_local_only_never_leaves_the_machine(
    folder: Path, key: str, standin: Standin, tmp_path: Path
) -> None:
    environment = {"CLOUD_API_KEY": standin.api_key}
    with drawbridge(tmp_path, "serve", str(folder), "--local-only", environment=environment) as process:
        process.wait_ready()
        with (
            anthropic.Anthropic(base_url=process.url, api_key=key, max_retries=0) as claude,
            pytest.raises(anthropic.InternalServerError),
        ):
            claude.messages.create(model="auto", max_tokens=50, messages=MESSAGES, extra_headers=CLOUD_TASK)
        assert "nothing leaves this machine" in process.log()

    assert standin.total() == 0


def ask_slowly(process: Process, key: str, answers: list[int]) -> None:
    headers = {"authorization": f"Bearer {key}", **CLOUD_TASK}
    body = {"model": "auto", "max_tokens": 50, "messages": MESSAGES}
    answers.append(
        httpx.post(f"{process.url}/v1/messages", json=body, headers=headers, timeout=30).status_code
    )


@pytest.fixture
def slow_folder(folder: Path, tmp_path: Path) -> Path:
    """The folder, with a cloud that takes 3 s to answer."""
    slow = shutil.copytree(folder, tmp_path / "folder")
    policy = (slow / "policy.yaml").read_text()
    (slow / "policy.yaml").write_text(policy.replace("claude-sonnet-4-5", "standin-slow-3s"))
    return slow


def test_sigterm_ends_after_the_requests_in_progress(
    slow_folder: Path, key: str, standin: Standin, tmp_path: Path
) -> None:
    answers: list[int] = []
    environment = {"CLOUD_API_KEY": standin.api_key}
    with drawbridge(tmp_path, "serve", str(slow_folder), environment=environment) as process:
        process.wait_ready()
        asking = threading.Thread(target=ask_slowly, args=(process, key, answers))
        asking.start()
        process.wait("the request at the cloud", lambda: standin.total() == 1)

        process.popen.send_signal(signal.SIGTERM)
        process.wait("readiness to fail while it still listens", lambda: process.status("/readyz") == 503)
        process.wait("the listening socket to close", lambda: process.status("/readyz") is None)
        assert process.popen.wait(WAIT_S) == 0
        asking.join()

    assert answers == [200]
    assert "Traceback" not in process.log()


def test_second_signal_ends_at_once(slow_folder: Path, key: str, standin: Standin, tmp_path: Path) -> None:
    policy = (slow_folder / "policy.yaml").read_text()
    (slow_folder / "policy.yaml").write_text(policy.replace("slow-3s", "slow-3600s"))
    with drawbridge(
        tmp_path, "serve", str(slow_folder), environment={"CLOUD_API_KEY": standin.api_key}
    ) as process:
        process.wait_ready()
        asking = threading.Thread(target=ask_and_forget, args=(process, key))
        asking.start()
        process.wait("the request at the cloud", lambda: standin.total() == 1)
        process.popen.send_signal(signal.SIGINT)
        process.wait("the end of listening", lambda: process.status("/readyz") is None)
        assert process.popen.poll() is None, "the request is still in progress"
        assert process.end(signal.SIGINT) == 0
        asking.join()


def ask_and_forget(process: Process, key: str) -> None:
    with suppress(httpx.TransportError):  # an error's answer and a broken connection are both an end
        ask_slowly(process, key, [])


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({}, "there is neither an InferencePool nor a RoutingPolicy here", id="an empty folder"),
        pytest.param({"pool.yaml": "kind: ["}, "pool.yaml: not YAML", id="a broken file"),
        pytest.param(None, "No such file or directory", id="no folder"),
    ],
)
def test_folder_that_cannot_be_served(tmp_path: Path, files: dict[str, str] | None, words: str) -> None:
    folder = tmp_path / "folder"
    if files is not None:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    with drawbridge(tmp_path, "serve", str(folder)) as process:
        assert process.popen.wait(WAIT_S) == 1
    assert process.log().startswith("error: ")
    assert words in process.log()
    assert "Traceback" not in process.log()


def test_address_that_cannot_be_listened_on(folder: Path, tmp_path: Path) -> None:
    with drawbridge(tmp_path, "serve", str(folder), host="192.0.2.1") as process:
        assert process.popen.wait(WAIT_S) == 1

    assert "error: cannot listen on 192.0.2.1 port" in process.log()
    assert "Traceback" not in process.log()
