"""From the moment a record is sent to Kafka to the moment its document is in Elasticsearch.

python3 xtask/bench/stream_latency.py PATH/TO/anomal BROKER URL [RATE SECONDS]: a broker without security, an Elasticsearch without
security, records a second, and for how long. Needs confluent-kafka. The job is "HBOS and profiles" of stream_speed.py over four
partitions. A final pipeline of the index stamps each document; both clocks are those of this machine. Without RATE, 300,000 records are
sent at once first, and half of the rate at which these become documents is taken.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

import stream_speed

WARM, BURST, INDEX = 8_000, 300_000, "anomal-latency"


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
    """Sends them at a rate, none: at once; each with the time at which it is sent."""
    start = time.time()
    for place, line in enumerate(lines):
        if rate:
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


def documents(url):
    """The milliseconds from sending to the document, of the stamped ones."""
    found, after = [], None
    while True:
        body = {"size": 10_000, "sort": ["anomal.partition", "anomal.row"], "_source": ["sent", "stamped"], "query": {"match_all": {}}}
        if after:
            body["search_after"] = after
        hits = call(f"{url}/{INDEX}/_search", "POST", body)["hits"]["hits"]
        if not hits:
            return found
        after = hits[-1]["sort"]
        for hit in hits:
            source = hit["_source"]
            if "stamped" in source:
                found.append(int(source["stamped"]) - int(source["sent"]))


def main():
    anomal, broker, url = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]
    rate = float(sys.argv[4]) if len(sys.argv) > 4 else None
    seconds = int(sys.argv[5]) if len(sys.argv) > 5 else 60
    stamp = "ctx.stamped = System.currentTimeMillis()"
    call(f"{url}/_ingest/pipeline/latency", "PUT", {"processors": [{"script": {"source": stamp}}]})
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
        job = job[: job.index("outputs:")] + f"outputs: [{{elasticsearch: {{url: '{url}', index: {INDEX}}}}}]\n"
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
            call(f"{url}/{INDEX}/_settings", "PUT", {"index.final_pipeline": "latency"})
            paced = lines[sent : sent + int(rate * seconds)]
            send(producer, paced, rate)
            wait_for(url, sent + len(paced), "paced records")
            took = sorted(documents(url))
            at = [took[min(int(len(took) * share), len(took) - 1)] for share in (0.5, 0.9, 0.99, 0.999)]
            print(f"{rate:,.0f} records a second for {seconds} s: {len(took):,} documents; median {at[0]} ms, 90 % {at[1]} ms, 99 % {at[2]} ms, 99.9 % {at[3]} ms, most {took[-1]} ms")
        finally:
            running.send_signal(signal.SIGTERM)
            if running.wait(60) != 0:
                print((folder / "log").read_text(encoding="utf-8")[-2000:], file=sys.stderr)


if __name__ == "__main__":
    main()
