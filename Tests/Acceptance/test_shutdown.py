"""How the server ends: what streams is heard to its end, within a time of grace."""

import http.client
import json
import os
import signal
import socket
import time

import pytest

from conftest import Server

TEXT = " ".join(["The birch canoe slid on the smooth planks."] * 90)


class Listener:
    """A client that asks for a long speech and takes it as slowly as it likes."""

    def __init__(self, server: Server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        sock = socket.socket()
        # Small, so that most of the speech waits at the server until it is taken.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(60)
        sock.connect(("127.0.0.1", server.port))
        self.connection.sock = sock
        self.connection.request(
            "POST", "/v1/audio/speech", json.dumps({
                "model": "tiny-preset", "voice": "vivian", "input": TEXT, "seed": 3,
                # More than the system's own buffers hold.
                "response_format": "wav-float", "speed": 0.25}),
            {"Content-Type": "application/json"})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        self.sound = self.answer.read(4000)

    def rest(self) -> bytes:
        """All that is left, as fast as it comes."""
        self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        return self.answer.read()


def is_refused(server: Server) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/v1/models")
        return connection.getresponse().status == 503
    except (ConnectionError, http.client.HTTPException):
        return True


def wait_until(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The speech as a server gives it that nobody ends."""
    server = Server(tmp_path_factory.mktemp("undisturbed"))
    listener = Listener(server)
    yield listener.sound + listener.rest()
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("reach", ["server", "group"])
def test_a_stream_is_heard_to_its_end(tmp_path, whole, number, reach):
    server = Server(tmp_path)
    try:
        idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        idle.request("GET", "/health")
        idle.getresponse().read()
        listener = Listener(server)
        workers = server.workers()
        assert workers
        (os.kill if reach == "server" else os.killpg)(server.process.pid, number)
        wait_until(lambda: is_refused(server), 5)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            idle.sock.settimeout(5)
            idle.request("GET", "/v1/models")
            idle.getresponse()
        time.sleep(1)
        assert server.process.poll() is None and server.workers() == workers
        assert listener.sound + listener.rest() == whole
        assert server.process.wait(5) == 0, server.log.read_text()
        assert not any(os.path.exists(f"/proc/{worker}") for worker in workers)
    finally:
        server.stop()


def test_a_stream_is_cut_off_when_the_time_of_grace_is_over(tmp_path, whole):
    server = Server(tmp_path, config={"server": {"grace_seconds": 1}})
    try:
        listener = Listener(server)
        workers = server.workers()
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0, server.log.read_text()
        assert 0.9 < time.monotonic() - started < 6
        # It is no short success.
        with pytest.raises(http.client.IncompleteRead) as caught:
            listener.rest()
        heard = listener.sound + caught.value.partial
        assert len(heard) < len(whole) and whole.startswith(heard)
        assert not any(os.path.exists(f"/proc/{worker}") for worker in workers)
    finally:
        server.stop()
