"""For schemathesis: refusals of well-formed requests for what a schema does not say."""

import schemathesis

UNTOLD = {
    # What is installed or kept here.
    "voice_not_found", "consent_not_found", "unknown_language", "unknown_voice",
    # What the model that is asked can do.
    "unsupported", "unsupported_model", "unsupported_value", "invalid_input",
    # What is in a file.
    "wrong_format", "corrupt_data",
    # Which field goes with which.
    "missing_required_parameter", "conflicting_parameters",
}
#: The same, under the code of values that are wrong in themselves: these fields only.
PARAMS = {"ref_audio", "ref_text", "speakers", "prompt", "audio_sample", "recording", "file", "after", "language"}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code != 400:
        return True
    error = response.json()["error"]
    return error["code"] not in UNTOLD and not (error["code"] == "invalid_value" and error["param"] in PARAMS)


@schemathesis.hook
def map_body(context, body):
    """Of a field and its other names one is sent: nearly every body would be refused for two otherwise."""
    if not isinstance(body, dict):
        return body
    content = context.operation.definition.raw["requestBody"]["content"]
    fields = next(iter(content.values()))["schema"]["properties"]
    seen, kept = set(), {}
    for name, value in body.items():
        meaning = fields.get(name, {}).get("description", "")
        plain = meaning.split("`")[1] if meaning.startswith("Another name for `") else name
        if plain not in seen:
            kept[name] = value
        seen.add(plain)
    return kept
