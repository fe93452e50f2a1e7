"""Debian's Chromium, driven by its own driver."""

import base64
import json
import pathlib
import shutil

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = [
    "--headless=new", "--disable-gpu", "--no-sandbox", "--no-first-run", "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    # A microphone that hums, and nobody to ask whether it may be used.
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]


class Browser:
    """A page in a window of its own."""

    def __init__(self, folder: pathlib.Path, width: int = 1100, height: int = 1000, dark: bool = False):
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True, exist_ok=True)
        options = Options()
        options.binary_location = shutil.which("chromium") or ""
        for flag in [*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={folder / 'profile'}"]:
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"download.default_directory": str(self.downloads)})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=width < 500)
        if dark:
            self.command("Emulation.setEmulatedMedia",
                         features=[{"name": "prefers-color-scheme", "value": "dark"}])
        self.requests: list[str] = []

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def __getitem__(self, name):
        return self.driver.find_element(By.ID, name)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def script(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def until(self, condition, what, seconds=60):
        """Waits until something is so, and gives it."""
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: condition(), what)

    def status(self, name, start):
        """Waits until a line of state begins with some words, and gives it. What is wrong ends the wait."""
        def told():
            assert not self["trouble"].is_displayed(), self["trouble"].text
            text = self[name].text
            return text if text.startswith(start) else None
        return self.until(told, f"{name} never said {start!r}")

    def choose(self, name, value):
        """Chooses from a list, as the reader's hand does."""
        self.script(
            "const s = document.getElementById(arguments[0]); s.value = arguments[1];"
            "s.dispatchEvent(new Event('change', { bubbles: true }))", name, value)
        assert self[name].get_property("value") == value, f"{name} offers no {value!r}"

    def download(self, name):
        """A file that the page handed over, once it is whole."""
        path = self.downloads / name
        self.until(path.exists, f"{name} was never saved")
        return path.read_bytes()

    def complaints(self):
        """What the console says is wrong."""
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def addresses(self):
        """Every address that the page asked for."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
        return self.requests

    def picture(self, path):
        """The whole page, however long."""
        height = self.script("return document.documentElement.scrollHeight")
        width = self.script("return document.documentElement.clientWidth")
        image = self.command("Page.captureScreenshot", captureBeyondViewport=True,
                             clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        path.write_bytes(base64.b64decode(image["data"]))

    def close(self):
        self.driver.quit()
