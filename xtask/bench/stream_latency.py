"""From the moment a record is sent to Kafka to the moment its document is in Elasticsearch.

python3 xtask/bench/stream_latency.py PATH/TO/anomal BROKER URL [RATE SECONDS]: a broker without security, an Elasticsearch without
security, records a second, and for how long. Needs confluent-kafka. The job is "HBOS and profiles" of stream_speed.py over four
partitions. Documents pass a proxy, which takes the time when Elasticsearch has answered a bulk request, and is part of what is measured.
Without RATE, 300,000 records are sent at once first, and half of the rate at which these become documents is taken.
"""

import gzip
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

import stream_speed

WARM, BURST, INDEX = 8_000, 300_000, "anomal-latency"
# Seconds between two turns of the producer.
TURN = 0.004


def call(url, method="GET", body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return {}
        raise SystemExit(f"{method} {url}: {error.read().decode()}") from error


def count(url):
    call(f"{url}/{INDEX}/_refresh", "POST")
    return call(f"{url}/{INDEX}/_count").get("count", 0)


def wait_for(url, documents, why):
    until = time.time() + 300
    while count(url) < documents:
        if time.time() > until:
            raise SystemExit(f"{why}: {count(url)} of {documents} documents")
        time.sleep(0.5)


def send(producer, lines, rate):
    """Sends them at a rate, in turns of some milliseconds, none: at once; each with the time at which it is sent."""
    start, turn = time.time(), max(int((rate or 0) * TURN), 1)
    for place, line in enumerate(lines):
        if rate and place % turn == 0:
            ahead = start + place / rate - time.time()
            if ahead > 0:
                producer.poll(0)
                time.sleep(ahead)
        value = line[:-1] + f',"sent":{int(time.time() * 1000)}}}'
        while True:
            try:
                producer.produce("latency", value, line[40:60])
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on to Elasticsearch."""

    daemon_threads = True

    def __init__(self, url):
        super().__init__(("127.0.0.1", 0), Connection)
        self.target = urllib.parse.urlsplit(url).netloc
        # The answered bulk requests and when they were, in milliseconds, once it is a list.
        self.answered = None
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.target = http.client.HTTPConnection(self.server.target)

    def log_message(self, *_):
        pass

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        begun = time.time() * 1000
        self.target.request(self.command, self.path, body, {name: value for name, value in self.headers.items() if name.lower() != "host"})
        answer = self.target.getresponse()
        content = answer.read()
        now = time.time() * 1000
        if self.server.answered is not None and "_bulk" in self.path:
            self.server.answered.append((begun, now, self.headers.get("Content-Encoding"), body))
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", answer.headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on


def milliseconds(answered):
    """From sending to the answer, and of these in Elasticsearch, of each document."""
    for begun, now, coding, body in answered:
        text = gzip.decompress(body) if coding == "gzip" else body
        yield from ((now - int(sent), now - begun) for sent in re.findall(rb'"sent":(\d+)', text))


def line(took):
    took = sorted(took)
    at = [took[min(int(len(took) * share), len(took) - 1)] for share in (0.5, 0.9, 0.99, 0.999)]
    return f"median {at[0]:.0f} ms, 90 % {at[1]:.0f} ms, 99 % {at[2]:.0f} ms, 99.9 % {at[3]:.0f} ms, most {took[-1]:.0f} ms"


def main():
    anomal, broker, url = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]
    rate = float(sys.argv[4]) if len(sys.argv) > 4 else None
    seconds = int(sys.argv[5]) if len(sys.argv) > 5 else 60
    proxy = Proxy(url)
    call(f"{url}/{INDEX}", "DELETE")
    admin = AdminClient({"bootstrap.servers": broker})
    for future in admin.delete_topics(["latency"]).values():
        future.exception()
    time.sleep(2)
    for future in admin.create_topics([NewTopic("latency", 4, 1)]).values():
        future.result()
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 5, "acks": 1, "queue.buffering.max.messages": 1_000_000})
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rows = WARM + (0 if rate else BURST) + int((rate or 10_000) * seconds)
        stream_speed.records(folder / "dns.ndjson", rows)
        lines = [line.rstrip("\n") for line in (folder / "dns.ndjson").open(encoding="ascii")]
        job = stream_speed.HEAD.replace(
            "input: {ndjson: {path: dns.ndjson, badLines: skip}}",
            f"input: {{kafka: {{brokers: ['{broker}'], topics: [latency]}}}}",
        )
        job = job[: job.index("outputs:")] + f"outputs: [{{elasticsearch: {{url: 'http://127.0.0.1:{proxy.server_port}', index: {INDEX}, rows: all}}}}]\n"
        job += stream_speed.KINDS["HBOS and profiles"].replace("stream: {", "stream: {state: {checkpoint: {to: state}}, ")
        (folder / "job.yaml").write_text(job, encoding="utf-8")
        send(producer, lines[:WARM], None)
        log = (folder / "log").open("wb")
        running = subprocess.Popen([anomal, "run", "job.yaml"], cwd=folder, stdout=log, stderr=log)
        try:
            wait_for(url, WARM, "the warm-up")
            sent = WARM
            if not rate:
                begun = time.time()
                sender = threading.Thread(target=send, args=(producer, lines[sent : sent + BURST], None))
                sender.start()
                sent += BURST
                wait_for(url, sent, "the burst")
                sender.join()
                reached = BURST / (time.time() - begun)
                rate = reached / 2
                print(f"at once: {reached:,.0f} documents a second")
            proxy.answered = []
            paced = lines[sent : sent + int(rate * seconds)]
            send(producer, paced, rate)
            wait_for(url, sent + len(paced), "paced records")
            took = list(milliseconds(proxy.answered))
            print(f"{rate:,.0f} records a second for {seconds} s: {len(took):,} documents; {line(all for all, _ in took)}")
            print(f"of these in Elasticsearch: {line(there for _, there in took)}; {len(proxy.answered):,} requests")
        finally:
            running.send_signal(signal.SIGTERM)
            if running.wait(60) != 0:
                print((folder / "log").read_text(encoding="utf-8")[-2000:], file=sys.stderr)


if __name__ == "__main__":
    main()
