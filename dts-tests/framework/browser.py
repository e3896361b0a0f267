# SPDX-License-Identifier: BSD-3-Clause
"""A headless Chromium that opens one file and tells what it saw."""
import shutil
import subprocess
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage"]

# Tables as lists of rows of cell texts, by id; the texts of everything that has an id.
TABLES = """
const out = {};
for (const t of document.querySelectorAll('table[id]'))
  out[t.id] = [...t.rows].map(r => [...r.cells].map(c => c.textContent.trim()));
return out;
"""


class Browser:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="teiten-chromium-")
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for flag in [*FLAGS, f"--user-data-dir={self.profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, path):
        """Opens a file; returns what the console logged meanwhile."""
        self.driver.get_log("browser")
        self.driver.get(f"file://{path}")
        return [e["message"] for e in self.driver.get_log("browser")]

    def run(self, script):
        return self.driver.execute_script(script)

    def overflow(self, width, media="screen"):
        """By how many pixels what is open runs out of a window, or sheet, of that width."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False})
        over = self.run("const d = document.documentElement; return d.scrollWidth - d.clientWidth")
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        return over

    def tables(self):
        return self.run(TABLES)

    def loaded(self):
        """What the page loaded besides itself."""
        return self.run("return performance.getEntriesByType('resource').map(e => e.name)")

    def pdf(self, path):
        """Prints what is open as a person would, on the paper that the page asks for."""
        import base64
        result = self.driver.execute_cdp_cmd(
            "Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
        path.write_bytes(base64.b64decode(result["data"]))
        return path


def pdf_pages(path):
    """The text of each page of a PDF, and its size in points."""
    text = subprocess.run(["pdftotext", "-layout", path, "-"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    info = subprocess.run(["pdfinfo", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    size = next(line.split(":")[1].split("pts")[0].split("x") for line in info.splitlines()
                if line.startswith("Page size"))
    return text.split("\f")[:-1], tuple(round(float(x)) for x in size)
