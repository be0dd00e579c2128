"""A server of its own, with default settings, and the environment in which clients find it.

    python3 served.py COMMAND ...

runs a command against such a server, ends the server and reads everything it holds. The path of `portcullis` is the
environment variable PORTCULLIS.
"""

import configparser
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

REGION = "us-east-1"


def portcullis():
    """The program under test."""
    return os.environ["PORTCULLIS"]


def clean_environment(**more):
    """This process's environment without what would lead clients elsewhere, and with these variables."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("AWS_") and not n.lower().endswith("_proxy")}
    return kept | more


class Server:
    """`portcullis serve` over a data directory; ends, and is scrubbed, with its `with` block."""

    def __init__(self, folder, *arguments):
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.arguments = arguments
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None:
            self.scrub()

    def start(self):
        """Starts it and waits until it accepts requests."""
        self.log = self.folder / "log"
        command = [portcullis(), "serve", "--data", self.data, "--listen", "127.0.0.1:0", *self.arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=clean_environment(PORTCULLIS_LOG="warn"), text=True
            )
        line = self.process.stdout.readline()
        assert line.startswith("ready http://"), f"not ready: {line!r} {self.log.read_text()}"
        self.url = line.removeprefix("ready ").strip()
        secure = re.search(r"listening on (https://\S+)", self.log.read_text())
        self.tls_url = secure[1] if secure else None
        keys = configparser.ConfigParser()
        keys.read(self.data / "credentials")
        self.access_key = keys["default"]["aws_access_key_id"]
        self.secret_key = keys["default"]["aws_secret_access_key"]

    def stop(self):
        """Tells it to end, as an operator does, and checks that it ended in order."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log.read_text()
        self.process.stdout.close()

    def scrub(self):
        """Everything it holds is well."""
        done = subprocess.run([portcullis(), "scrub", "--data", self.data], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def certificate(self):
        """The self-made certificate, for clients to trust."""
        return self.data / "tls" / "cert.pem"

    @property
    def host(self):
        """Host and port of the plain listener."""
        return self.url.removeprefix("http://")

    def environment(self, **more):
        """What clients read: keys, region and the server's address, and nothing of this machine."""
        own = {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CONFIG_FILE": str(self.folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }
        return clean_environment(**own | more)


def main():
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        status = subprocess.run(sys.argv[1:], env=server.environment()).returncode
        if status:
            print(server.log.read_text(), file=sys.stderr)
            sys.exit(status)


if __name__ == "__main__":
    main()
