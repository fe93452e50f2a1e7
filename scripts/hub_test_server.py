#!/usr/bin/env python3
"""A model hub for tests: the routes that Mynah uses, on two loopback ports, the second being the "CDN".

Reads a scenario as JSON from standard input up to its end, prints one line of JSON with the two ports, and
serves until it is killed or its parent goes away.

The scenario:
    files      path -> {"text": ...} or {"bytes": count, "seed": n}, each with optional "large": true (redirected
               to the CDN and named by SHA-256), "lie": true (the bytes served are not those hashed),
               "claims": n (a size in the listing that is not the file's)
    repository "organisation/name"; renamed: {"old": "new"}
    token      required on the hub's port when given; refusal: the X-Error-Code sent without it
    bare       true: the listing has neither sizes nor hashes, so that HEAD must be asked
    faults     a list, each used up in order by requests whose path ends in "path":
               {"path", "kind": "cut", "after": n} | {"kind": "status", "status": n, "retry_after": s}
               | {"kind": "ignore_range"} | {"kind": "slow", "seconds": s} | {"kind": "redirect", "to": url}
    listing    names to add to the listing that no file has

GET /_log on either port answers with the requests so far.
"""

import hashlib
import json
import os
import random
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = hashlib.sha1(b"a commit").hexdigest()


class Content:
    def __init__(self, spec):
        self.large = spec.get("large", False)
        if "text" in spec:
            data = spec["text"].encode()
        else:
            generator, piece = random.Random(spec.get("seed", 0)), 1 << 20
            whole, rest = divmod(spec["bytes"], piece)
            data = b"".join(generator.randbytes(count) for count in [piece] * whole + [rest])
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.sha1 = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        self.size = spec.get("claims", len(data))
        self.data = bytes(byte ^ 1 for byte in data) if spec.get("lie") else data

    @property
    def etag(self):
        return self.sha256 if self.large else self.sha1


class Hub:
    def __init__(self, scenario):
        self.scenario = scenario
        self.files = {path: Content(spec) for path, spec in scenario.get("files", {}).items()}
        self.faults = list(scenario.get("faults", []))
        self.log = []
        self.lock = threading.Lock()

    def fault(self, path):
        with self.lock:
            for index, fault in enumerate(self.faults):
                if path.endswith(fault["path"]):
                    return self.faults.pop(index)
        return None

    def listing(self):
        siblings = []
        for path, content in self.files.items():
            entry = {"rfilename": path}
            if not self.scenario.get("bare"):
                entry.update(size=content.size, blobId=content.sha1)
                if content.large:
                    entry["lfs"] = {"sha256": content.sha256, "size": content.size, "pointerSize": 135}
            siblings.append(entry)
        for name in self.scenario.get("listing", []):
            siblings.append({"rfilename": name, "size": 1, "blobId": "0" * 40})
        repository = self.scenario["repository"]
        return {"id": repository, "sha": COMMIT, "siblings": siblings}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        hub, path = self.server.hub, unquote(urlsplit(self.path).path)
        if path == "/_log":
            return self.reply(200, json.dumps(hub.log).encode())
        with hub.lock:
            hub.log.append(
                {
                    "server": self.server.role,
                    "method": self.command,
                    "path": path,
                    "range": self.headers.get("Range"),
                    "authorization": self.headers.get("Authorization"),
                }
            )
        fault = hub.fault(path)
        if fault and fault["kind"] == "status":
            headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            return self.reply(fault["status"], b"{}", headers)
        if fault and fault["kind"] == "redirect":
            return self.reply(302, b"", {"Location": fault["to"]})
        if fault and fault["kind"] == "slow":
            time.sleep(fault["seconds"])
        if self.server.role == "cdn":
            return self.body(hub.files[path.removeprefix("/cdn/")], fault)
        self.hub_route(hub, path, fault)

    def hub_route(self, hub, path, fault):
        for old, new in hub.scenario.get("renamed", {}).items():
            if f"/{old}/" in path:
                return self.reply(307, b"", {"Location": self.path.replace(old, new)})
        token = hub.scenario.get("token")
        if token and self.headers.get("Authorization") != f"Bearer {token}":
            code = hub.scenario.get("refusal")
            return self.reply(401, b"{}", {"X-Error-Code": code} if code else {})
        repository = hub.scenario["repository"]
        if path == f"/api/models/{repository}/revision/main":
            return self.reply(200, json.dumps(hub.listing()).encode())
        prefix = f"/{repository}/resolve/{COMMIT}/"
        content = hub.files.get(path.removeprefix(prefix)) if path.startswith(prefix) else None
        if content is None:
            return self.reply(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        named = {"X-Repo-Commit": COMMIT, "ETag": f'"{content.etag}"'}
        if content.large:
            named.update({"X-Linked-Etag": f'"{content.etag}"', "X-Linked-Size": str(content.size)})
            named["Location"] = f"http://127.0.0.1:{hub.cdn_port}/cdn/{path.removeprefix(prefix)}"
            return self.reply(302, b"", named)
        self.body(content, fault, named)

    def body(self, content, fault, headers=None):
        data, status, headers = content.data, 200, dict(headers or {})
        wanted = self.headers.get("Range")
        if wanted and not (fault and fault["kind"] == "ignore_range"):
            first, last = wanted.removeprefix("bytes=").split("-")
            start, end = int(first), min(int(last or len(data)) + 1, len(data))
            if start >= len(data):
                return self.reply(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
            data, status = data[start:end], 206
        if fault and fault["kind"] == "cut":
            self.reply(status, data, headers, cut=fault["after"])
            self.close_connection = True
            return
        self.reply(status, data, headers)

    def reply(self, status, data, headers=None, cut=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data if cut is None else data[:cut])
        self.wfile.flush()


def serve(hub, role):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.hub, server.role = hub, role
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    # Started from a thread that blocks signals, we would be deaf to the request to end.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    hub = Hub(json.load(sys.stdin))
    hub.cdn_port = serve(hub, "cdn")
    print(json.dumps({"hub": serve(hub, "hub"), "cdn": hub.cdn_port}), flush=True)
    parent = os.getppid()
    while os.getppid() == parent:  # a test run that was killed leaves no server behind
        time.sleep(0.5)


main()
