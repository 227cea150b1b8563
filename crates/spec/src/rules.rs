//! Rules between fields, in CEL: the API server evaluates them on an `AnomalyJob`, `anomal validate` on
//! a file, by the same expressions.

use serde_json::{Value, json};

use crate::{label_rules, role_rules};

/// A rule on the part of `spec` that its JSON pointer names (`items` is each item of a list).
struct Rule {
    schema: &'static str,
    expression: &'static str,
    message: &'static str,
}

const fn rule(schema: &'static str, expression: &'static str, message: &'static str) -> Rule {
    Rule { schema, expression, message }
}

/// `size() == 1` would take a letter of any script.
const SEPARATOR: &str = r#"self.matches('^[\\x00-\\x7F]$') && !(self in ['"', '\n', '\r'])"#;
const INPUT_SEPARATOR: &str = r#"self in ['auto', 'tab', 'pipe', 'whitespace'] || (self.matches('^[\\x00-\\x7F]$') && !(self in ['"', '\n', '\r']))"#;
const MARK: &str = r"self in ['auto', 'none'] || (self.matches('^[\\x00-\\x7F]$') && !self.matches('^[A-Za-z0-9\\s\\\\]$'))";
const LISTEN: &str = r"self.matches('^([^ /@:]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$')";
const LISTEN_MESSAGE: &str =
    "an address to listen on is host:port, such as 0.0.0.0:8088 or [::]:8088";
/// No user, path or query; a port that is absent is that of the scheme.
const ENDPOINT: &str =
    r"self.matches('^https?://([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?$')";
/// Names of nested members, up to 16; none is the top.
const NAMES: &str = r"self.matches('^([^.]+([.][^.]+){0,15})?$')";
const NAMES_MESSAGE: &str =
    "a path has up to 16 names with dots between, such as Records or hits.hits";
const BOTH: &str = "has(self.cert) == has(self.key)";
const BOTH_MESSAGE: &str = "a client certificate has both `cert` and `key`";
const CRON: &str = r"self.matches('^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[^ @]+( +[^ ]+){4})$')";
/// As `is_url` has it, then what is known.
const READABLE: &str = "!self.matches('^[A-Za-z][A-Za-z0-9+.-]+://') || \
    self.matches('^((s3|gs|az)://[A-Za-z0-9._-]+(/|$)|https?://[^/?#@]+([/?#]|$))')";
const READABLE_MESSAGE: &str = "a URL to read from is s3://bucket/key, gs://bucket/key, az://container/key, http:// or \
    https://, without credentials in it";
const WRITABLE: &str = "!self.matches('^[A-Za-z][A-Za-z0-9+.-]+://') || \
    self.matches('^(s3|gs|az)://[A-Za-z0-9._-]+/.*[^/]$')";
/// As those, and the folder into which a stream writes objects.
const DEAD_LETTER: &str = "!self.matches('^[A-Za-z][A-Za-z0-9+.-]+://') || \
    self.matches('^(s3|gs|az)://[A-Za-z0-9._-]+/.+$')";
const WRITABLE_MESSAGE: &str = "a URL to write to is s3://bucket/key, gs://bucket/key or az://container/key, without \
    credentials in it";
const AUTH: &str = "!has(self.auth) || self.path.matches('^[A-Za-z][A-Za-z0-9+.-]+://')";
const AUTH_MESSAGE: &str = "`auth` goes with a URL, such as s3://bucket/key; a file needs none";
/// A path may follow, that of a proxy; no user, query or fragment.
const NODE: &str = r"self.matches('^https?://([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$')";
const NODE_MESSAGE: &str = "a node looks like https://host:9200, without credentials in it; those stand in the secret \
    that auth.secretRef names";
const NODES: &str = "has(self.url) != has(self.urls)";
const NODES_MESSAGE: &str = "name one node by `url`, or several by `urls`, and not both";
const INDEX: &str = "self.matches('^[a-z0-9][a-z0-9._-]*$')";
/// Also what a pattern and a list of them have, names of hidden indices, and remote clusters.
const INDICES: &str = r"self.matches('^[-a-z0-9.*][a-z0-9._*:-]*(,[-a-z0-9.*][a-z0-9._*:-]*)*$')";
const MOUNT: &str = concat!(
    r"self.matches('^/[^:]+$') && !self.matches('(^|/)\\.\\.(/|$)') && ",
    r"!self.matches('^/+(etc/+anomal|tmp|var/+run/+secrets|run/+secrets)(/|$)')",
);
const OWN_KEYS: &str =
    "self.all(key, !key.startsWith('anomal.dev/') && !key.startsWith('app.kubernetes.io/'))";
const OWN_KEYS_MESSAGE: &str =
    "keys that begin with anomal.dev/ or app.kubernetes.io/ are those of the operator";

const ATTACHED: &str = "[has(self.key) ? self.key : 'kafka.key', has(self.topic) ? self.topic : 'kafka.topic']\
    .all(name, !(name in ['kafka.partition', 'kafka.offset', 'kafka.timestamp']) && !name.startsWith('kafka.headers.')) && \
    (has(self.key) ? self.key : 'kafka.key') != (has(self.topic) ? self.topic : 'kafka.topic')";
const ATTACHED_MESSAGE: &str = "key and topic have columns of their own, which are not kafka.partition, kafka.offset, \
    kafka.timestamp or kafka.headers.<name>";

/// On the whole manifest, since a CRD can't have rules on metadata. A DNS label, not a subdomain: it
/// becomes part of the names of Services.
const NAME: &str = "self.metadata.name.size() <= 52 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')";

const PRELOAD: &str = "/properties/stream/properties/warmUp/properties/preload";
const ONE_HISTORY: &str = "[has(self.csv), has(self.log), has(self.parquet), has(self.ndjson), has(self.json), \
    has(self.elasticsearch)].filter(x, x).size() == 1";
const ONE_HISTORY_MESSAGE: &str = "what is read before a stream has exactly one driver: csv, log, parquet, ndjson, json or elasticsearch";

/// CEL reserves `as`: it is spelt `__as__` there, as Kubernetes escapes it.
const RULES: &[Rule] = &[
    rule(
        "/properties/input",
        "[has(self.csv), has(self.log), has(self.parquet), has(self.ndjson), has(self.json), has(self.elasticsearch), \
         has(self.kafka), has(self.http), has(self.tcp), has(self.syslog)].filter(x, x).size() == 1",
        "an input has exactly one driver: csv, log, parquet, ndjson, json, elasticsearch, kafka, http, tcp or syslog",
    ),
    rule(
        "/properties/input/properties/csv/properties/separator",
        INPUT_SEPARATOR,
        "a separator is one ASCII character, and no quote or line end; or auto, tab, pipe or whitespace",
    ),
    rule(
        "/properties/input/properties/csv/properties/quote",
        MARK,
        "a quote is one ASCII character, and no letter, digit, blank or backslash; or auto or none",
    ),
    rule(
        "/properties/input/properties/csv/properties/comment",
        MARK,
        "lines to skip begin with one ASCII character that is no letter, digit, blank or backslash; or auto or none",
    ),
    rule(
        "/properties/input/properties/csv",
        "!has(self.quote) || !has(self.separator) || self.quote == 'auto' || self.quote != self.separator",
        "the quote and the separator differ",
    ),
    rule(
        "/properties/input/properties/csv/properties/numbers",
        "!has(self.decimal) || !has(self.thousands) || self.decimal == 'auto' || self.decimal != self.thousands",
        "the decimal mark and the mark between thousands differ",
    ),
    rule(
        "/properties/input/properties/parquet",
        "self.path != '-'",
        "a Parquet file is read from its end, which standard input has not; name a file",
    ),
    rule(
        "/properties/suppressions",
        "has(self.path) || (has(self.report) && self.report)",
        "suppressions come from a file (`path`), from the store of reports (`report: true`), or from both",
    ),
    rule(
        "/properties/outputs/items",
        "[has(self.csv), has(self.parquet), has(self.ndjson), has(self.elasticsearch), has(self.terminal)]\
         .filter(x, x).size() == 1",
        "an output has exactly one driver: csv, parquet, ndjson, elasticsearch or terminal",
    ),
    rule(
        "/properties/outputs/items/properties/csv/properties/separator",
        SEPARATOR,
        "a separator is one ASCII character, and no quote or line end",
    ),
    rule(
        "/properties/outputs/items/properties/parquet",
        "self.path != '-'",
        "a Parquet file is not for standard output; name a file, or write csv or ndjson",
    ),
    rule(
        "/properties/deadLetter",
        "self.path != '-'",
        "rejected records go to a file; standard output is for results",
    ),
    rule("/properties/input/properties/csv/properties/path", READABLE, READABLE_MESSAGE),
    rule("/properties/input/properties/csv", AUTH, AUTH_MESSAGE),
    rule("/properties/input/properties/log/properties/path", READABLE, READABLE_MESSAGE),
    rule("/properties/input/properties/log", AUTH, AUTH_MESSAGE),
    rule(
        "/properties/input/properties/log",
        "(has(self.format) && self.format == 'regex') == has(self.pattern)",
        "`pattern` belongs to `format: regex`, which must have it",
    ),
    rule(
        "/properties/input/properties/log",
        "!has(self.extra) || (has(self.format) && self.format in ['common', 'combined', 'vhostCombined'])",
        "`extra` names the fields behind those of `format: common`, `combined` or `vhostCombined`",
    ),
    rule(
        "/properties/input/properties/log",
        "!has(self.columns) || self.columns == 'same' || (has(self.format) && self.format in ['auto', 'zeek', 'w3c'])",
        "`columns` is for formats with header lines: `format: zeek` or `w3c`",
    ),
    rule("/properties/input/properties/parquet/properties/path", READABLE, READABLE_MESSAGE),
    rule("/properties/input/properties/parquet", AUTH, AUTH_MESSAGE),
    rule("/properties/input/properties/ndjson/properties/path", READABLE, READABLE_MESSAGE),
    rule("/properties/input/properties/ndjson", AUTH, AUTH_MESSAGE),
    rule("/properties/input/properties/json/properties/path", READABLE, READABLE_MESSAGE),
    rule("/properties/input/properties/json", AUTH, AUTH_MESSAGE),
    rule("/properties/input/properties/json/properties/records", NAMES, NAMES_MESSAGE),
    rule("/properties/input/properties/json/properties/attach/items", NAMES, NAMES_MESSAGE),
    rule("/properties/outputs/items/properties/csv/properties/path", WRITABLE, WRITABLE_MESSAGE),
    rule("/properties/outputs/items/properties/csv", AUTH, AUTH_MESSAGE),
    rule(
        "/properties/outputs/items/properties/parquet/properties/path",
        WRITABLE,
        WRITABLE_MESSAGE,
    ),
    rule("/properties/outputs/items/properties/parquet", AUTH, AUTH_MESSAGE),
    rule("/properties/outputs/items/properties/ndjson/properties/path", WRITABLE, WRITABLE_MESSAGE),
    rule("/properties/outputs/items/properties/ndjson", AUTH, AUTH_MESSAGE),
    rule("/properties/deadLetter/properties/path", DEAD_LETTER, WRITABLE_MESSAGE),
    rule("/properties/deadLetter", AUTH, AUTH_MESSAGE),
    rule("/properties/input/properties/elasticsearch", NODES, NODES_MESSAGE),
    rule("/properties/input/properties/elasticsearch/properties/url", NODE, NODE_MESSAGE),
    rule("/properties/input/properties/elasticsearch/properties/urls/items", NODE, NODE_MESSAGE),
    rule(
        "/properties/input/properties/elasticsearch/properties/index",
        INDICES,
        "`index` names indices, data streams, aliases or patterns in lower case, with commas between them: logs-dns-*",
    ),
    rule(
        "/properties/input/properties/elasticsearch",
        "!has(self.query) || !has(self.queryString)",
        "`query` and `queryString` both say which documents; name one of them",
    ),
    rule(
        "/properties/input/properties/kafka/properties/brokers/items",
        "self.matches('^[^ /@]+:[1-9][0-9]{0,4}$')",
        "a broker is host:port, such as kafka-0.kafka:9092",
    ),
    rule(
        "/properties/input/properties/kafka/properties/start",
        "self.matches('^(earliest|latest|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))$')",
        "`start` is earliest, latest, or a time such as 2026-01-31T06:00:00Z",
    ),
    rule(
        "/properties/input/properties/kafka/properties/separator",
        r#"self == 'tab' || (self.matches('^[\\x00-\\x7F]$') && !(self in ['"', '\n', '\r']))"#,
        "a separator is one ASCII character, and no quote or line end; or tab",
    ),
    rule(
        "/properties/input/properties/kafka",
        "(has(self.topics) && self.topics.size() > 0) != has(self.topicPattern)",
        "name topics by `topics`, or by `topicPattern`, and not both",
    ),
    rule("/properties/input/properties/kafka/properties/attach", ATTACHED, ATTACHED_MESSAGE),
    rule(
        "/properties/input/properties/kafka",
        "(has(self.format) && self.format == 'regex') == has(self.pattern)",
        "`pattern` belongs to `format: regex`, which must have it",
    ),
    rule(
        "/properties/input/properties/kafka",
        "(has(self.format) && self.format == 'csv') == (has(self.names) && self.names.size() > 0)",
        "`names` belongs to `format: csv`, whose records have no header",
    ),
    rule(
        "/properties/input/properties/kafka",
        "!has(self.separator) || self.separator == ',' || (has(self.format) && self.format == 'csv')",
        "`separator` belongs to `format: csv`",
    ),
    rule("/properties/input/properties/http/properties/listen", LISTEN, LISTEN_MESSAGE),
    rule("/properties/input/properties/http/properties/grpc", LISTEN, LISTEN_MESSAGE),
    rule(
        "/properties/input/properties/http",
        "!has(self.grpc) || !has(self.doors) || self.doors.exists(x, x == 'otlp')",
        "`grpc` is for logs of OpenTelemetry: add `otlp` to `doors`",
    ),
    rule(
        "/properties/input/properties/http/properties/dedupe",
        "has(self.field) != has(self.header)",
        "`dedupe` has either `field`, a member of each record, or `header`, a header of each request",
    ),
    rule(
        "/properties/input/properties/syslog/properties/listen/items/properties/udp",
        LISTEN,
        LISTEN_MESSAGE,
    ),
    rule(
        "/properties/input/properties/syslog/properties/listen/items/properties/tcp",
        LISTEN,
        LISTEN_MESSAGE,
    ),
    rule(
        "/properties/input/properties/syslog/properties/listen/items",
        "has(self.udp) != has(self.tcp) && (has(self.tcp) || !has(self.tls))",
        "an address for syslog has either `udp` or `tcp`, and `tls` only with `tcp`",
    ),
    rule("/properties/outputs/items/properties/elasticsearch", NODES, NODES_MESSAGE),
    rule("/properties/outputs/items/properties/elasticsearch/properties/url", NODE, NODE_MESSAGE),
    rule(
        "/properties/outputs/items/properties/elasticsearch/properties/urls/items",
        NODE,
        NODE_MESSAGE,
    ),
    rule(
        "/properties/outputs/items/properties/elasticsearch/properties/index",
        INDEX,
        "an index has lower-case letters, digits, `.`, `_` and `-`, and begins with a letter or digit",
    ),
    rule(
        "/properties/outputs/items/properties/elasticsearch/properties/deadLetter",
        "self.path != '-'",
        "refused documents go to a file; standard output is for results",
    ),
    rule(
        "/properties/outputs/items/properties/elasticsearch/properties/deadLetter/properties/path",
        DEAD_LETTER,
        WRITABLE_MESSAGE,
    ),
    rule(
        "/properties/outputs/items/properties/elasticsearch/properties/deadLetter",
        AUTH,
        AUTH_MESSAGE,
    ),
    rule(
        "/properties/classification/properties/model",
        "[has(self.save) ? self.save : '', has(self.load) ? self.load : ''].all(f, \
          !f.matches('^[A-Za-z][A-Za-z0-9+.-]+://'))",
        "a model is kept in a file; object stores are for inputs, outputs and deadLetter",
    ),
    rule(
        "/properties/filters/items",
        "!has(self.remove) || (!has(self.params) && !has(self.dataNeeded))",
        "a filter has `remove` (an SQL predicate), or names a component with `dataNeeded` and `params`",
    ),
    rule(
        "/properties/features/items",
        "self.type != 'field' || has(self.name) != has(self.match)",
        "a field has `name` (a column) or `match` (a pattern of columns), and not both",
    ),
    rule(
        "/properties/features/items",
        "self.type == 'field' || !has(self.match)",
        "only a field has `match`",
    ),
    rule(
        "/properties/features/items",
        "self.type != 'field' || !has(self.dataNeeded) || self.dataNeeded.size() == 1",
        "a field is one column: `dataNeeded` holds one name, or none where `name` is the column",
    ),
    rule(
        "/properties/features/items",
        "!has(self.except) || has(self.match)",
        "`except` goes with `match`",
    ),
    rule(
        "/properties/features/items",
        "!has(self.match) || (!has(self.__as__) && !has(self.dataNeeded))",
        "`match` stands for several columns, which `as` and `dataNeeded` can't name",
    ),
    rule(
        "/properties/features/items",
        "(self.type == 'expression') == has(self.expression)",
        "`expression` belongs to a feature of type expression, which must have it",
    ),
    rule(
        "/properties/features/items",
        "self.type != 'metric' || (has(self.name) && has(self.dataNeeded))",
        "a metric has `name` (the component) and `dataNeeded` (its columns)",
    ),
    rule(
        "/properties/features/items",
        "self.type == 'metric' || !has(self.params)",
        "only a metric has `params`",
    ),
    rule(
        "/properties/features/items",
        "self.type != 'expression' || has(self.name) || has(self.__as__)",
        "an expression has a `name`",
    ),
    rule(
        "/properties/features/items",
        "self.type != 'expression' || !has(self.dataNeeded)",
        "an expression names its columns itself, without `dataNeeded`",
    ),
    rule(
        "/properties/features/items",
        "self.type == 'aggregate' || !(has(self.__function__) || has(self.of) || has(self.where) || has(self.by) || \
         has(self.window))",
        "`function`, `of`, `where`, `by` and `window` belong to a feature of type aggregate",
    ),
    rule(
        "/properties/features/items",
        "self.type != 'aggregate' || (has(self.__function__) && (has(self.name) || has(self.__as__)))",
        "an aggregate has a `name` and a `function`",
    ),
    rule(
        "/properties/features/items",
        "self.type != 'aggregate' || !has(self.dataNeeded)",
        "an aggregate names its columns in `of`, `by` and `where`, without `dataNeeded`",
    ),
    rule(
        "/properties/features/items",
        "!has(self.__function__) || !(self.__function__ in ['distinct', 'sum', 'min', 'max', 'stddev', 'exceedance']) || has(self.of)",
        "distinct, sum, min, max, stddev and exceedance need `of`: the column with the values",
    ),
    rule(
        "/properties/features/items",
        "!has(self.__function__) || !(self.__function__ in ['mean', 'share']) || has(self.of) || has(self.where)",
        "mean and share need `of`, a column with values, or `where`, a condition of rows",
    ),
    rule(
        "/properties/features/items",
        "!has(self.__function__) || self.__function__ != 'sinceLast' || !has(self.of)",
        "sinceLast is about rows, not values: use `where` in place of `of`",
    ),
    rule(
        "/properties/features/items",
        "!has(self.__function__) || self.__function__ != 'rate' || has(self.window)",
        "a rate needs a `window`, such as 5m",
    ),
    rule(
        "/properties/features/items/properties/window",
        "self.matches('^[1-9][0-9]{0,8}[smhdw]$')",
        "a window is a whole number and a unit: 30s, 5m, 1h, 7d or 2w",
    ),
    rule(
        "",
        "!has(self.features) || has(self.timeColumn) || \
         (has(self.roles) && has(self.roles.time) && !has(self.roles.timeUnit)) || !self.features.exists(f, f.type == 'aggregate')",
        "a feature of type aggregate needs `timeColumn`, the column with the times of the rows",
    ),
    rule(
        "/properties/flags/items",
        "!has(self.expression) || (self.type == 'direct' && !has(self.params) && !has(self.dataNeeded))",
        "`expression` makes a direct flag by itself, without `dataNeeded` and `params`",
    ),
    rule(
        "/properties/flags/items",
        "!has(self.window) || self.type == 'aggregation'",
        "`window` belongs to a flag of type aggregation",
    ),
    rule(
        "",
        "!has(self.flags) || has(self.timeColumn) || \
         (has(self.roles) && has(self.roles.time) && !has(self.roles.timeUnit)) || !self.flags.exists(f, has(f.window))",
        "a flag with a `window` needs `timeColumn`, the column with the times of the rows",
    ),
    rule(
        "/properties/classification",
        "(has(self.engine) && self.engine == 'External') == has(self.endpoint)",
        "`endpoint` is where the server of `engine: External` listens, which must have it; replicas of \
         Anomal's own engine go to engines.classification",
    ),
    rule(
        "/properties/classification",
        "!has(self.tls) || has(self.endpoint)",
        "`tls` goes with `endpoint`",
    ),
    rule(
        "/properties/classification/properties/endpoint",
        ENDPOINT,
        "an endpoint looks like http://host:7412 or https://host:7412",
    ),
    rule(
        "/properties/classification/properties/model",
        "has(self.save) != has(self.load)",
        "a model has `save` (a file to write after fitting) or `load` (one to score by)",
    ),
    rule(
        "/properties/classification/properties/threshold",
        "!(self.method in ['smallestCluster', 'auto']) || !has(self.value)",
        "smallestCluster and auto have no `value`",
    ),
    rule(
        "/properties/classification/properties/threshold",
        "self.method != 'score' || has(self.value)",
        "score needs a `value`: the score from which rows are suspicious",
    ),
    rule(
        "/properties/classification/properties/threshold",
        "self.method != 'contamination' || !has(self.value) || (self.value > 0.0 && self.value <= 0.5)",
        "contamination is a share of the rows: above 0, at most 0.5",
    ),
    rule(
        "/properties/classification/properties/threshold",
        "!(self.method in ['quantile', 'pot', 'risk', 'fdr', 'spot', 'dspot']) || !has(self.value) || (self.value > 0.0 && self.value < 1.0)",
        "quantile, pot, risk, fdr, spot and dspot take a value between 0 and 1",
    ),
    rule(
        "/properties/classification/properties/threshold",
        "!(self.method in ['mad', 'iqr', 'zscore', 'budget']) || !has(self.value) || self.value > 0.0",
        "mad, iqr, zscore and budget take a value above 0",
    ),
    rule(
        "/properties/engines/properties/feature/properties/endpoints/items",
        ENDPOINT,
        "an endpoint looks like http://host:7401 or https://host:7401",
    ),
    rule(
        "/properties/engines/properties/classification/properties/endpoints/items",
        ENDPOINT,
        "an endpoint looks like http://host:7402 or https://host:7402",
    ),
    rule(
        "/properties/engines/properties/report/properties/endpoints/items",
        ENDPOINT,
        "an endpoint looks like http://host:7403 or https://host:7403",
    ),
    rule("/properties/classification/properties/tls", BOTH, BOTH_MESSAGE),
    rule("/properties/engines/properties/feature/properties/tls", BOTH, BOTH_MESSAGE),
    rule("/properties/engines/properties/classification/properties/tls", BOTH, BOTH_MESSAGE),
    rule("/properties/engines/properties/report/properties/tls", BOTH, BOTH_MESSAGE),
    rule(
        "/properties/schedule/properties/cron",
        CRON,
        "a schedule has five parts (minute, hour, day, month, day of the week), such as `0 * * * *`, or is one of \
         @hourly, @daily, @weekly, @monthly, @yearly",
    ),
    rule(
        "",
        "!has(self.schedule) || !has(self.ttlSecondsAfterFinished)",
        "a job with a `schedule` never ends, so `ttlSecondsAfterFinished` says nothing about it",
    ),
    rule(
        "/properties/runner/properties/volumes/items",
        "[has(self.persistentVolumeClaim), has(self.configMap), has(self.secret), has(self.emptyDir)]\
         .filter(x, x).size() == 1",
        "a volume has exactly one source: persistentVolumeClaim, configMap, secret or emptyDir",
    ),
    rule(
        "/properties/runner",
        "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && \
         self.volumes.exists(v, v.name == m.name))",
        "each of `volumeMounts` names one of `volumes`",
    ),
    rule(
        "/properties/runner/properties/volumeMounts/items/properties/mountPath",
        MOUNT,
        "a volume is mounted at an absolute path without `..` and `:`, and not at `/`, /etc/anomal, /tmp or \
         /var/run/secrets, which are the runner's own",
    ),
    rule(
        "/properties/runner/properties/env/items",
        "has(self.value) != has(self.valueFrom)",
        "a variable has a `value` or `valueFrom`",
    ),
    rule(
        "/properties/runner/properties/env/items/properties/valueFrom",
        "has(self.secretKeyRef) != has(self.configMapKeyRef)",
        "`valueFrom` has `secretKeyRef` or `configMapKeyRef`",
    ),
    rule("/properties/runner/properties/labels", OWN_KEYS, OWN_KEYS_MESSAGE),
    rule("/properties/runner/properties/annotations", OWN_KEYS, OWN_KEYS_MESSAGE),
    rule(
        "",
        "!has(self.outputs) || self.outputs.filter(o, (has(o.csv) && o.csv.path == '-') || \
         (has(o.ndjson) && o.ndjson.path == '-') || has(o.terminal)).size() <= 1",
        "only one output can have standard output (a path `-`, or terminal)",
    ),
];

/// Puts each rule on its part of the schema of `spec`.
pub(crate) fn attach(schema: &mut Value) {
    for rule in RULES {
        // A test shows that every rule has its place.
        if let Some(part) = schema.pointer_mut(rule.schema) {
            put(part, json!({"rule": rule.expression, "message": rule.message}));
        }
        // An input that ends has the same rules.
        let of_driver = rule.schema.strip_prefix("/properties/input/");
        let history = of_driver.map(|below| format!("{PRELOAD}/{below}"));
        if let Some(part) = history.and_then(|place| schema.pointer_mut(&place)) {
            put(part, json!({"rule": rule.expression, "message": rule.message}));
        }
    }
    if let Some(part) = schema.pointer_mut(PRELOAD) {
        put(part, json!({"rule": ONE_HISTORY, "message": ONE_HISTORY_MESSAGE}));
    }
}

/// Puts the rule about the labels on the schema of a `spec` in the API server.
pub(crate) fn attach_labels(spec: &mut Value) {
    put(spec, label_rules::rule());
    for rule in role_rules::rules() {
        put(spec, rule);
    }
}

/// Puts the rule about the job's name on the schema of a manifest.
pub(crate) fn attach_name(schema: &mut Value) {
    let message = "a name has at most 52 lower-case letters, digits and `-`, and begins and ends with one of the first two";
    put(schema, json!({"rule": NAME, "message": message, "fieldPath": ".metadata.name"}));
}

fn put(part: &mut Value, rule: Value) {
    let Some(part) = part.as_object_mut() else { return };
    match part.get_mut("x-kubernetes-validations").and_then(Value::as_array_mut) {
        Some(rules) => rules.push(rule),
        None => {
            part.insert("x-kubernetes-validations".into(), json!([rule]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_place_and_compiles() {
        let mut schema = crate::schema::spec_schema();
        for rule in RULES {
            let part = schema.pointer(rule.schema).unwrap_or_else(|| panic!("{}", rule.schema));
            assert!(part["x-kubernetes-validations"].is_array(), "{}", rule.schema);
        }
        attach_labels(&mut schema);
        let compiled = kube_cel::compile_schema(&schema);
        assert!(!compiled.has_errors(), "{:?}", compiled.compilation_errors());
        // The check itself would see a rule that does not compile.
        put(&mut schema, json!({"rule": "self.(", "message": "m"}));
        assert!(kube_cel::compile_schema(&schema).has_errors());
    }
}
