#!/usr/bin/env python3
"""Many clients at once against a server of its own, on loopback, and what became of them as a table.

    scripts/load_test.py [--program P] [--model FOLDER] [--clients 64] [--seconds 60] [--kills 20]

First a minute of clients of which some leave in the middle: every answer is whole and the same as that request
gets alone, or 429 or 503. Then the worker is killed again and again while requests run: the server goes on
answering, and refuses nobody for it. Exit status 1 when any of that does not hold.
"""

import argparse
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEXTS = [f"Sentence {n}: {'rain on the roof, ' * (1 + n % 5)}and then quiet." for n in range(24)]


class Server:
    def __init__(self, program: str, model: str, home: pathlib.Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (home / "models").mkdir(parents=True)
        (home / "models/tiny").symlink_to(model)
        self.log = home / "log"
        self.process = subprocess.Popen(
            [program, "serve", "--port", str(self.port)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=self.log.open("wb"), env={**os.environ, "MYNAH_HOME": str(home), "HF_HOME": str(home / "hf")})
        for _ in range(600):
            with contextlib.suppress(OSError):
                if self.get("/health")[0] == 200:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"the server does not answer:\n{self.log.read_text()}")

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def speak(self, text: str, leave_after: int | None = None) -> tuple[str, bytes]:
        """What became of a request (`whole`, `left`, a status, or what broke), and its sound."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        body = json.dumps({
            "model": "tiny", "voice": "vivian", "input": text, "response_format": "pcm", "seed": 11})
        try:
            connection.request("POST", "/v1/audio/speech", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                told = answer.read()
                wait = answer.headers.get("Retry-After")
                known = json.loads(told)["error"]["message"]
                if answer.status in (429, 503) and wait and known:
                    return str(answer.status), b""
                return f"{answer.status} {known}", b""
            sound = b""
            while chunk := answer.read1(8192):
                sound += chunk
                if leave_after is not None and len(sound) > leave_after:
                    return "left", b""
            return "whole", sound
        except (OSError, http.client.HTTPException) as error:
            return f"broke: {type(error).__name__}", b""
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """Processes that the server started, by /proc."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rsplit(")", 1)[1].split()
                if int(fields[1]) == self.process.pid and fields[0] != "Z":
                    found.append(int(stat.parent.name))
        return found

    def memory(self) -> tuple[float, float]:
        """MiB of their own memory that the server and its workers hold."""
        def own(pid: int) -> float:
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("RssAnon"):
                        return int(line.split()[1]) / 1024
            return 0
        return own(self.process.pid), sum(map(own, self.workers()))


class Crowd:
    """Clients that ask again and again until told to stop."""

    def __init__(self, server: Server, count: int, leavers: float):
        self.server, self.leavers = server, leavers
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.sounds: dict[str, set[bytes]] = collections.defaultdict(set)
        self.first: list[float] = []
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.ask, args=(n,)) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def ask(self, number: int) -> None:
        dice = random.Random(number)
        while not self.stop.is_set():
            text = dice.choice(TEXTS)
            leave = dice.randrange(60_000) if dice.random() < self.leavers else None
            outcome, sound = self.server.speak(text, leave)
            with self.lock:
                self.outcomes[outcome] += 1
                if outcome == "whole":
                    self.sounds[text].add(sound)
            if outcome in ("429", "503"):
                self.stop.wait(dice.uniform(0.1, 0.5))

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


def print_table(title: str, rows: list[tuple[str, object]]) -> None:
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<44} {value}")


def crowd_part(server: Server, alone: dict[str, bytes], count: int, seconds: float) -> bool:
    # A few rounds first: what is allocated once is not counted as growth.
    warm = Crowd(server, count, 0.3)
    time.sleep(min(10, seconds / 3))
    warm.end()
    before = server.memory()
    crowd = Crowd(server, count, 0.3)
    time.sleep(seconds)
    crowd.end()
    time.sleep(2)
    after = server.memory()
    strange = sum(n for kind, n in crowd.outcomes.items() if kind not in ("whole", "left", "429", "503"))
    differing = sum(sounds != {alone[text]} for text, sounds in crowd.sounds.items())
    print_table(f"{count} clients for {seconds:g} s", [
        *sorted(crowd.outcomes.items()), ("texts whose sound differs from alone", differing),
        ("the server's memory before and after, MiB", f"{before[0]:.0f} {after[0]:.0f}"),
        ("the workers' memory before and after, MiB", f"{before[1]:.0f} {after[1]:.0f}"),
    ])
    # What each request left behind would be tens of thousands of times as much by now.
    is_flat = all(now < then * 1.1 + 4 for then, now in zip(before, after))
    return strange == 0 and differing == 0 and crowd.outcomes["whole"] > 0 and is_flat


def kill_part(server: Server, alone: dict[str, bytes], kills: int) -> bool:
    crowd = Crowd(server, 4, 0)
    done = unanswered = 0
    while done < kills:
        workers = server.workers()
        if workers:
            os.kill(random.choice(workers), signal.SIGKILL)
            done += 1
        time.sleep(random.uniform(0.3, 0.9))
        with contextlib.suppress(OSError):
            if server.get("/health")[0] == 200:
                continue
        unanswered += 1
    crowd.end()
    differing = sum(sounds != {alone[text]} for text, sounds in crowd.sounds.items())
    # Who was inside a worker that was killed is told so, in the answer's status or by its breaking off.
    known = ("whole", "503", "broke: IncompleteRead")
    strange = sum(n for kind, n in crowd.outcomes.items() if kind not in known and "ended while it worked" not in kind)
    for _ in range(60):
        outcome, sound = server.speak(TEXTS[0])
        if outcome == "whole":
            break
        time.sleep(0.5)
    recovered = outcome == "whole" and sound == alone[TEXTS[0]]
    print_table(f"worker killed {done} times", [
        *sorted(crowd.outcomes.items()), ("health checks without an answer", unanswered),
        ("texts whose whole sound differs from alone", differing), ("speaks afterwards", recovered),
    ])
    return strange == 0 and unanswered == 0 and differing == 0 and recovered and server.process.poll() is None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / ".build/release/mynah"))
    parser.add_argument("--model", default=str(ROOT / "Tests/Fixtures/qwen3-tts/tiny-custom_voice"))
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        server = Server(options.program, options.model, pathlib.Path(home))
        try:
            alone = {}
            for text in TEXTS:
                while (answer := server.speak(text))[0] == "503":
                    time.sleep(0.2)
                assert answer[0] == "whole", answer[0]
                alone[text] = answer[1]
            fine = crowd_part(server, alone, options.clients, options.seconds)
            fine = kill_part(server, alone, options.kills) and fine
        finally:
            server.process.terminate()
            status = server.process.wait(60)
        print_table("end", [("the server's exit status", status), ("all holds", fine and status == 0)])
        return 0 if fine and status == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
