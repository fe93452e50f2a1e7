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
    "missing_required_parameter",
}
#: The same, under the code of values that are wrong in themselves: these fields only.
PARAMS = {"ref_audio", "ref_text", "speakers", "prompt", "audio_sample", "recording", "file", "after", "language"}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code != 400:
        return True
    error = response.json()["error"]
    return error["code"] not in UNTOLD and not (error["code"] == "invalid_value" and error["param"] in PARAMS)
