"""The page at `/`, in Chromium, as a reader uses it."""

import os
import pathlib
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from browser import Browser
from selenium.webdriver.common.keys import Keys
from sound import as_wav, decoded, voice_like

TEXT = "The mynah learns a phrase by hearing it again and again, and says it when nobody expects it."
OUTPUT = pathlib.Path(os.environ.get("MYNAH_TEST_OUTPUT", ".build/test-output"))


@pytest.fixture()
def open_page(server, tmp_path):
    """Opens the page in a browser; afterwards nothing may have been complained of, or asked of another host."""
    opened = []

    def open(**window):
        browser = Browser(tmp_path / f"browser-{len(opened)}", **window)
        opened.append(browser)
        browser.driver.get(server.url + "/")
        browser.until(lambda: browser["model"].get_property("value"), "no model was offered")
        return browser

    yield open
    for browser in opened:
        complaints, addresses = browser.complaints(), browser.addresses()
        browser.close()
        assert not complaints
        hosts = {urlsplit(address).netloc for address in addresses if address.startswith(("http", "ws"))}
        assert hosts == {urlsplit(server.url).netloc}


@pytest.fixture()
def page(open_page):
    return open_page()


@pytest.fixture()
def recording(tmp_path):
    path = tmp_path / "reference.wav"
    path.write_bytes(as_wav(voice_like(5)))
    return path


def speak(page, text=TEXT):
    page["text"].clear()
    page["text"].send_keys(text)
    page["speak-button"].click()


def test_the_browser_is_told_what_it_may_load(server):
    answer = urllib.request.urlopen(server.url + "/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    html = answer.read().decode()
    assert "<style" not in html and " style=" not in html and " onclick=" not in html
    tagged = urllib.request.Request(server.url + "/page/app.js")
    tag = urllib.request.urlopen(tagged).headers["ETag"]
    tagged.add_header("If-None-Match", tag)
    with pytest.raises(urllib.error.HTTPError) as same:
        urllib.request.urlopen(tagged)
    assert same.value.code == 304


def test_speech_is_heard_and_drawn_before_its_end(page):
    page.script("""
        // Notes how much of the speech was there at each change of its length, and what was said of the work.
        window.seen = [];
        new MutationObserver(() => window.seen.push([
          parseFloat(document.getElementById('fact-length').textContent),
          document.getElementById('speak-status').textContent,
        ])).observe(document.getElementById('fact-length'), { childList: true });
    """)
    # Random weights fall silent when they please: enough of it that some of them go on for a while.
    speak(page, " ".join([TEXT] * 40))
    page.status("speak-status", "Done")
    seen = page.script("return window.seen")
    growing = [length for length, status in seen if length > 0 and status.startswith("Speaking")]
    assert len(growing) > 2 and growing == sorted(growing) and growing[0] < growing[-1]
    assert float(page["fact-rtf"].text) > 0 and page["fact-first"].text.endswith(" s")
    drawn = page.script("""
        const canvas = document.getElementById('wave');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const columns = new Set();
        for (let i = 3; i < data.length; i += 4) if (data[i] && Math.floor(i / 4 / canvas.width) !== canvas.height >> 1)
          columns.add(Math.floor(i / 4) % canvas.width);
        return columns.size / canvas.width;
    """)
    assert drawn > 0.4, "the waveform fills its width at the end"


def test_it_plays_again_from_where_it_is_told(page):
    speak(page)
    page.status("speak-status", "Done")
    page.until(lambda: page["replay"].text == "Play", "the speech never ended")
    page["replay"].click()
    page.until(lambda: float(page["position"].get_property("value")) > 0.1, "nothing moved")
    page["stop"].click()
    assert page["replay"].text == "Play"


@pytest.mark.parametrize("form", ["wav", "mp3", "opus", "flac", "aac"])
def test_speech_is_saved_in_a_chosen_form(page, form):
    speak(page, "A short one.")
    page.status("speak-status", "Done")
    length = page.script("return Number(document.getElementById('position').max)")
    page.choose("format", form)
    page["download"].click()
    sound = decoded(page.download(f"mynah.{'ogg' if form == 'opus' else form}"))
    assert abs(len(sound) / 24_000 - length) < 0.15


def test_speech_stops_when_told(page):
    speak(page, " ".join([TEXT] * 40))
    page.until(lambda: float(page["fact-length"].text.split()[0]) > 0, "nothing came")
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.status("speak-status", "Stopped")
    length = page["fact-length"].text
    page.until(lambda: page["speak-button"].is_enabled(), "it may not speak again")
    time.sleep(0.5)
    assert page["fact-length"].text == length


def test_a_voice_is_cloned_from_a_file_with_consent_used_and_removed(page, recording):
    page.driver.get(page.driver.current_url.split("#")[0] + "#voices")
    page["reference"].send_keys(str(recording))
    page.status("voice-status", "The recording")
    assert any("seconds" in item.text for item in page.all("#checks li"))
    page["voice-name"].send_keys("page-clone")
    page["keep"].click()
    assert page["voice-status"].text.startswith("The recording"), "without consent nothing is kept"
    page["consent"].click()
    page["keep"].click()
    page.status("voice-status", "page-clone is kept")
    assert [name.text.split("\n")[0] for name in page.all("#voice-list .name")] == ["page-clone"]
    page.all("#voice-list button")[0].click()
    page.until(lambda: page["voice"].is_displayed(), "the voice was not taken to the text")
    assert page["voice"].get_property("value").endswith("page-clone")
    speak(page, "In a voice that was kept.")
    page.status("speak-status", "Done")
    page.driver.get(page.driver.current_url.split("#")[0] + "#voices")
    for _ in range(2):
        page.all("#voice-list button")[1].click()
    page.status("voice-status", "page-clone is removed")
    assert not page.all("#voice-list button")


def test_a_recording_that_will_not_do_is_refused_in_words(page, tmp_path):
    path = tmp_path / "silence.wav"
    path.write_bytes(as_wav(0 * voice_like(2)))
    page.driver.get(page.driver.current_url.split("#")[0] + "#voices")
    page["reference"].send_keys(str(path))
    page.until(lambda: page["trouble"].is_displayed(), "nothing was said of it")
    assert "silent" in page["trouble"].text
    # The refusal is an answer of the server, which the browser writes to its console.
    assert [entry for entry in page.complaints() if "400" in entry["message"]]


def test_the_microphone_records_a_reference(page):
    page.driver.get(page.driver.current_url.split("#")[0] + "#voices")
    page["record"].click()
    page.until(lambda: page["record"].text == "Stop 4 s", "the microphone never ran")
    page["record"].click()
    page.status("voice-status", "The recording")
    assert page["record"].text == "Record" and page["reference-sound"].is_displayed()


def test_a_recording_is_written_down_heard_and_exported(page, recording):
    page.driver.get(page.driver.current_url.split("#")[0] + "#transcribe")
    page["recording"].send_keys(str(recording))
    page["write"].click()
    done = page.status("transcribe-status", "Done")
    segments = page.all("#segments button")
    assert segments, done
    segments[0].click()
    page.until(lambda: page.script("return !document.getElementById('playback').paused"), "nothing plays")
    page["export-srt"].click()
    page["export-vtt"].click()
    srt, vtt = page.download("reference.srt").decode(), page.download("reference.vtt").decode()
    assert srt.startswith("1\n00:00:0") and " --> " in srt
    assert vtt.startswith("WEBVTT\n\n00:00:0") and vtt.count(" --> ") == len(segments)


def test_a_file_may_be_dropped(page, recording):
    page.driver.get(page.driver.current_url.split("#")[0] + "#transcribe")
    page.script("""
        const carried = new DataTransfer();
        carried.items.add(new File([new Uint8Array(44)], 'dropped.wav', { type: 'audio/wav' }));
        document.getElementById('drop').dispatchEvent(
          new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true }));
    """)
    assert "dropped.wav" in page["drop"].text and page["write"].is_enabled()


def test_everything_is_reached_and_done_by_keyboard(page):
    """From the top of the page by Tab: every control has a name and a place that shows; Enter speaks."""
    page.script("document.body.focus()")
    names = []
    for _ in range(40):
        focused = page.driver.switch_to.active_element
        focused.send_keys(Keys.TAB)
        focused = page.driver.switch_to.active_element
        if focused.tag_name == "body":
            break
        name = focused.accessible_name
        assert name, f"<{focused.tag_name} id={focused.get_attribute('id')}> has no name"
        shown = page.script(
            "const s = getComputedStyle(arguments[0]); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0",
            focused)
        assert shown, f"nobody sees that '{name}' is focused"
        names.append(name)
        if name == "Text to speak":
            focused.send_keys("By keyboard alone.")
        if name == "Speak" and focused.tag_name == "button":
            focused.send_keys(Keys.ENTER)
            break
    for name in ["Speak", "Voices", "Transcribe", "Text to speak", "Voice", "Model"]:
        assert name in names
    page.status("speak-status", "Done")


def test_a_server_with_keys_asks_for_one(guarded, tmp_path):
    browser = Browser(tmp_path / "guarded")
    try:
        browser.driver.get(guarded.url + "/")
        browser.until(lambda: browser["key-form"].is_displayed(), "no key was asked for")
        browser["key"].send_keys("first-key-0123456789" + Keys.ENTER)
        browser.until(lambda: browser["model"].get_property("value"), "the key did not open anything")
        assert not browser["key-form"].is_displayed()
    finally:
        browser.close()


@pytest.mark.parametrize("look", [
    {"name": "light"}, {"name": "dark", "dark": True}, {"name": "phone", "width": 360, "height": 760},
], ids=lambda look: look["name"])
def test_it_looks_right(open_page, recording, look):
    look = dict(look)
    name = look.pop("name")
    page = open_page(**look)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    home = page.driver.current_url.split("#")[0]
    speak(page)
    page.status("speak-status", "Done")
    page.picture(OUTPUT / f"page-speak-{name}.png")
    page.driver.get(home + "#voices")
    page["reference"].send_keys(str(recording))
    page.status("voice-status", "The recording")
    page.picture(OUTPUT / f"page-voices-{name}.png")
    page.driver.get(home + "#transcribe")
    page["recording"].send_keys(str(recording))
    page["write"].click()
    page.status("transcribe-status", "Done")
    page.picture(OUTPUT / f"page-transcribe-{name}.png")
    for section in ["speak", "voices", "transcribe"]:
        page.driver.get(f"{home}#{section}")
        assert page.script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
            f"{section} is wider than the window")
