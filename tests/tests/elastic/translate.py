"""What pybana, which renders what Kibana saves, makes of visualizations: from saved objects on standard input, a line for
each with its id, its index and the search that it stands for."""

import datetime
import json
import sys

from elasticsearch_dsl.utils import AttrDict
from pybana.translators.elastic import ElasticTranslator
from pybana.translators.scope import Scope

objects = [json.loads(line) for line in sys.stdin]
by_key = {(one["type"], one["id"]): one for one in objects}


class Visualization:
    """A saved object as pybana knows one that it got from Kibana's index."""

    def __init__(self, saved):
        self.saved = saved
        self.visualization = AttrDict(saved["attributes"])
        self.visState = json.loads(saved["attributes"]["visState"])

    def index(self):
        source = json.loads(self.visualization.kibanaSavedObjectMeta.searchSourceJSON)
        [reference] = [one for one in self.saved["references"] if one["name"] == source["indexRefName"]]
        return {"index-pattern": by_key[reference["type"], reference["id"]]["attributes"]}

    def filters(self):
        from pybana import FilterTranslator

        source = json.loads(self.visualization.kibanaSavedObjectMeta.searchSourceJSON)
        return FilterTranslator().translate(source["filter"])


scope = Scope(
    datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc),
    datetime.datetime(2026, 3, 3, tzinfo=datetime.timezone.utc),
    datetime.timezone.utc,
    None,
)
for saved in objects:
    if saved["type"] != "visualization":
        continue
    visualization = Visualization(saved)
    if visualization.visState["type"] == "markdown":
        continue
    search = ElasticTranslator().translate(visualization, scope)
    print(json.dumps({"id": saved["id"], "index": search._index, "aggs": search.to_dict()["aggs"]}))
