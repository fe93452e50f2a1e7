"""What the server says of itself."""

import json
import urllib.request

import openai
import pytest

from conftest import MODELS


def test_models_are_listed_and_found_by_name(client):
    listed = [model.id for model in client.models.list()]
    assert set(MODELS) <= set(listed)
    model = client.models.retrieve("tiny-preset")
    assert model.id == "tiny-preset" and model.object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


def get(server, path, **headers):
    return urllib.request.urlopen(urllib.request.Request(server.url + path, headers=headers), timeout=10)


def test_health_and_metrics_are_answered(server):
    assert get(server, "/health").status == 200
    assert get(server, "/ready").status == 200
    answer = get(server, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE mynah_" in answer.read().decode()


def test_a_request_id_comes_back(server):
    assert get(server, "/health", **{"X-Request-Id": "abc-123"}).headers["x-request-id"] == "abc-123"
    assert get(server, "/health").headers["x-request-id"]


def test_another_host_name_is_refused(server):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(server, "/v1/models", Host="evil.example")
    assert caught.value.code in (403, 421)
    assert json.load(caught.value)["error"]["message"]


def test_a_page_of_another_origin_is_refused(server):
    request = urllib.request.Request(
        server.url + "/v1/audio/speech", method="POST", data=b"{}",
        headers={"Origin": "https://evil.example", "Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 403
    assert "access-control-allow-origin" not in {name.lower() for name in caught.value.headers}
