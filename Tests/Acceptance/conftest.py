"""A running `mynah serve`, on the tiny checkpoints of the repository, for clients as they are published."""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

import openai
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "Tests/Fixtures"
PROGRAM = os.environ.get("MYNAH_PROGRAM", str(ROOT / ".build/release/mynah"))

#: Folder of fixtures by the name the server lists them under.
MODELS = {
    "tiny-base": FIXTURES / "qwen3-tts/tiny-base",
    "tiny-preset": FIXTURES / "qwen3-tts/tiny-custom_voice",
    "tiny-design": FIXTURES / "qwen3-tts/tiny-voice_design",
    "tiny-dialogue": FIXTURES / "vibevoice/1.5b-tiny",
    "tiny-listener": FIXTURES / "vibevoice/asr-tiny",
    "tiny-realtime": FIXTURES / "vibevoice/realtime-tiny",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server of its own, with a home of its own."""

    def __init__(self, home: pathlib.Path, *flags: str, config: dict | None = None, **environment: str):
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        models = home / "mynah/models"
        models.mkdir(parents=True, exist_ok=True)
        for name, folder in MODELS.items():
            if not (models / name).exists():
                (models / name).symlink_to(folder)
        arguments = [PROGRAM, "serve", "--port", str(self.port), *flags]
        if config is not None:
            (home / "config.json").write_text(json.dumps(config))
            arguments += ["--config", str(home / "config.json")]
        self.log = home / "server.log"
        variables = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("MYNAH_", "HF_", "OPENAI_"))},
            "MYNAH_HOME": str(home / "mynah"), "HF_HOME": str(home / "hf"), "HF_HUB_OFFLINE": "1",
            **environment,
        }
        self.process = subprocess.Popen(
            arguments, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=self.log.open("wb"), start_new_session=True)
        self.wait()

    def wait(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log.read_text()}")
            try:
                urllib.request.urlopen(self.url + "/health", timeout=2)
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"the server did not answer:\n{self.log.read_text()}")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over those of its labels that are not given."""
        text = urllib.request.urlopen(self.url + "/metrics", timeout=10).read().decode()
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        values = [
            float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
            if line.split("{")[0].split(" ")[0] == name and all(label in line for label in wanted)
        ]
        return sum(values)

    def workers(self) -> list[int]:
        """Processes that the server started, by /proc."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
        return found

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    port = free_port()
    server = Server(tmp_path_factory.mktemp("server"), "--wyoming-port", str(port))
    server.wyoming_port = port
    os.environ["MYNAH_WYOMING_PORT"] = str(port)
    os.environ["MYNAH_URL"] = server.url
    yield server
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture(scope="session")
def guarded(tmp_path_factory):
    """A server that asks for a key."""
    server = Server(tmp_path_factory.mktemp("guarded"), MYNAH_API_KEYS="first-key-0123456789,second-key-0123456789")
    yield server
    server.stop()


@pytest.fixture()
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key="unused", timeout=60)
