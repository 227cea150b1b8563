"""Loads a CSV export into an index: python3 load.py https://localhost:9200 logs-dns-example ../dns/dns.csv

ELASTIC_USER, ELASTIC_PASSWORD: who asks; ELASTIC_CA: the file with the authority of the server's certificate.
Needs nothing but Python. A second run loads nothing twice.
"""

import base64
import csv
import json
import os
import ssl
import sys
import urllib.error
import urllib.request

ROWS = 2_000


def send(url, method, path, body, kind="application/json"):
    request = urllib.request.Request(url.rstrip("/") + path, data=body.encode(), method=method)
    request.add_header("content-type", kind)
    if "ELASTIC_USER" in os.environ:
        who = os.environ["ELASTIC_USER"] + ":" + os.environ.get("ELASTIC_PASSWORD", "")
        request.add_header("authorization", "Basic " + base64.b64encode(who.encode()).decode())
    trusted = ssl.create_default_context(cafile=os.environ.get("ELASTIC_CA"))
    context = trusted if url.startswith("https:") else None
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)


def types(mapping, parent=""):
    """The type of each field by its full name."""
    for name, field in mapping["properties"].items():
        if "properties" in field:
            yield from types(field, f"{parent}{name}.")
        else:
            yield parent + name, field["type"]


def document(row, known):
    """The document as a log shipper writes it: nested objects, numbers as numbers, no field for a blank cell."""
    made = {}
    for name, value in row.items():
        if value == "":
            continue
        *parents, last = name.split(".")
        place = made
        for parent in parents:
            place = place.setdefault(parent, {})
        kind = known.get(name)
        place[last] = int(value) if kind == "long" else value == "true" if kind == "boolean" else value
    return made


def load(url, index, file):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "index.json")) as settings:
        settings = settings.read()
    known = dict(types(json.loads(settings)["mappings"]))
    try:
        send(url, "PUT", f"/{index}", settings)
    except urllib.error.HTTPError as error:
        # An earlier run created it.
        if error.code != 400:
            raise
    count = 0
    with open(file, newline="", encoding="utf-8") as records:
        lines = []
        for number, row in enumerate(csv.DictReader(records)):
            action = {"index": {"_id": row.get("id") or str(number)}}
            lines += [json.dumps(action), json.dumps(document(row, known))]
            count += 1
            if len(lines) >= 2 * ROWS:
                bulk(url, index, lines)
                lines = []
        if lines:
            bulk(url, index, lines)
    send(url, "POST", f"/{index}/_refresh", "")
    return count


def bulk(url, index, lines):
    answer = send(url, "POST", f"/{index}/_bulk", "\n".join(lines) + "\n", "application/x-ndjson")
    for item in answer["items"] if answer["errors"] else []:
        if "error" in item["index"]:
            sys.exit(f"{index}: {item['index']['error']}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    print(f"{load(*sys.argv[1:])} documents are in {sys.argv[2]}")
