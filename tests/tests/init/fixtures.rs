//! Small made-up tables with the columns of records that are known by name.

/// What a column holds.
#[derive(Clone, Copy)]
pub enum Values {
    /// Times a minute apart.
    Time,
    /// The same as seconds since the epoch.
    Epoch,
    /// Milliseconds since the epoch.
    EpochMillis,
    /// One of so many addresses of a network, such as `10.0.0.`.
    Address(&'static str, usize),
    /// One of these texts, the first in most rows.
    Pick(&'static [&'static str]),
    /// One of so many texts with this beginning.
    Name(&'static str, usize),
    /// A number below this one.
    Number(usize),
    /// A text of its own in each row.
    Id,
    ClientPort,
    HostName,
    Path,
    Command,
    Sentence,
}

use Values::*;

/// The names of the schemas, with the columns of a table for each.
pub const TABLES: &[(&str, &[(&str, Values)])] = &[
    (
        "ecs-dns",
        &[
            ("@timestamp", Time),
            ("source.ip", Address("10.0.0.", 12)),
            ("source.port", ClientPort),
            ("destination.ip", Address("192.0.2.", 2)),
            ("dns.id", Number(60_000)),
            ("dns.question.name", HostName),
            ("dns.question.type", Pick(&["A", "AAAA", "TXT"])),
            ("dns.response_code", Pick(&["NOERROR", "NXDOMAIN"])),
            ("network.bytes", Number(900)),
            ("my.own", Pick(&["x", "y"])),
        ],
    ),
    (
        "w3c",
        &[
            ("@timestamp", Time),
            ("date", Pick(&["2026-03-02"])),
            ("c-ip", Address("203.0.113.", 20)),
            ("cs-method", Pick(&["GET", "POST"])),
            ("cs-uri-stem", Path),
            ("cs-uri-query", Pick(&["", "q=a", "id=7"])),
            ("s-port", Pick(&["443", "80"])),
            ("sc-status", Pick(&["200", "404", "500"])),
            ("sc-substatus", Pick(&["0", "4"])),
            ("sc-bytes", Number(90_000)),
            ("time-taken", Number(900)),
            ("cs(User-Agent)", Pick(&["Mozilla/5.0", "curl/8.5", "sqlmap/1.8"])),
        ],
    ),
    (
        "ecs-http",
        &[
            ("@timestamp", Time),
            ("source.address", Address("203.0.113.", 20)),
            ("http.request.method", Pick(&["GET", "POST"])),
            ("url.original", Path),
            ("http.response.status_code", Pick(&["200", "404", "500"])),
            ("http.response.body.bytes", Number(90_000)),
            ("http.request.referrer", Pick(&["-", "https://a.example/"])),
            ("user_agent.original", Pick(&["Mozilla/5.0", "curl/8.5", "sqlmap/1.8"])),
        ],
    ),
    (
        "ecs-authentication",
        &[
            ("@timestamp", Time),
            ("event.action", Pick(&["ssh_login", "sudo"])),
            ("event.outcome", Pick(&["success", "failure"])),
            ("user.name", Name("user", 15)),
            ("source.ip", Address("198.51.100.", 14)),
            ("source.geo.country_iso_code", Pick(&["DE", "AT", "BR"])),
            ("event.id", Id),
        ],
    ),
    (
        "windows-logons",
        &[
            ("@timestamp", Time),
            ("event.code", Pick(&["4624", "4625"])),
            ("winlog.computer_name", Name("PC", 5)),
            ("winlog.event_data.TargetUserName", Name("user", 15)),
            ("winlog.event_data.IpAddress", Address("10.1.0.", 9)),
            ("winlog.event_data.IpPort", ClientPort),
            ("winlog.event_data.LogonType", Pick(&["3", "10", "2"])),
            ("winlog.record_id", Number(1_000_000)),
        ],
    ),
    (
        "ecs-process",
        &[
            ("@timestamp", Time),
            ("host.name", Name("ws", 6)),
            ("user.name", Name("user", 9)),
            ("process.executable", Pick(&["/usr/bin/bash", "/usr/bin/ls", "/tmp/x"])),
            ("process.parent.executable", Pick(&["/usr/sbin/sshd", "/usr/bin/bash"])),
            ("process.command_line", Command),
            ("process.pid", Number(30_000)),
            ("process.hash.sha256", Id),
        ],
    ),
    (
        "sysmon",
        &[
            ("UtcTime", Time),
            ("EventID", Pick(&["1", "3", "11"])),
            ("Hostname", Name("WS", 6)),
            ("User", Name("CORP\\user", 9)),
            ("Image", Pick(&["C:\\Windows\\explorer.exe", "C:\\Windows\\cmd.exe"])),
            ("ParentImage", Pick(&["C:\\Windows\\services.exe", "C:\\Windows\\explorer.exe"])),
            ("CommandLine", Command),
            ("ProcessGuid", Id),
            ("ProcessId", Number(30_000)),
        ],
    ),
    (
        "zeek-conn",
        &[
            ("ts", Epoch),
            ("uid", Id),
            ("id.orig_h", Address("10.0.0.", 12)),
            ("id.orig_p", ClientPort),
            ("id.resp_h", Address("192.0.2.", 9)),
            ("id.resp_p", Pick(&["443", "53", "22"])),
            ("proto", Pick(&["tcp", "udp"])),
            ("service", Pick(&["ssl", "dns", "ssh"])),
            ("duration", Number(300)),
            ("orig_bytes", Number(9_000)),
            ("resp_bytes", Number(90_000)),
            ("conn_state", Pick(&["SF", "S0", "REJ"])),
            ("history", Pick(&["ShADadFf", "S", "Sr"])),
            ("orig_pkts", Number(90)),
            ("tunnel_parents", Pick(&["(empty)", "C1"])),
        ],
    ),
    (
        "zeek-dns",
        &[
            ("ts", Epoch),
            ("uid", Id),
            ("id.orig_h", Address("10.0.0.", 12)),
            ("id.orig_p", ClientPort),
            ("id.resp_h", Address("192.0.2.", 2)),
            ("id.resp_p", Pick(&["53", "5353"])),
            ("proto", Pick(&["udp", "tcp"])),
            ("trans_id", Number(60_000)),
            ("rtt", Number(90)),
            ("query", HostName),
            ("qclass", Pick(&["1", "3"])),
            ("qclass_name", Pick(&["C_INTERNET", "C_CHAOS"])),
            ("qtype", Pick(&["1", "28"])),
            ("qtype_name", Pick(&["A", "AAAA"])),
            ("rcode", Pick(&["0", "3"])),
            ("rcode_name", Pick(&["NOERROR", "NXDOMAIN"])),
            ("answers", Address("198.51.100.", 90)),
        ],
    ),
    (
        "zeek-http",
        &[
            ("ts", Epoch),
            ("uid", Id),
            ("id.orig_h", Address("10.0.0.", 12)),
            ("id.orig_p", ClientPort),
            ("id.resp_h", Address("192.0.2.", 4)),
            ("id.resp_p", Pick(&["80", "8080"])),
            ("method", Pick(&["GET", "POST"])),
            ("host", Pick(&["www.example.com", "api.example.com"])),
            ("uri", Path),
            ("user_agent", Pick(&["Mozilla/5.0", "curl/8.5"])),
            ("response_body_len", Number(90_000)),
            ("status_code", Pick(&["200", "404"])),
            ("status_msg", Pick(&["OK", "Not Found"])),
        ],
    ),
    (
        "zeek-ssl",
        &[
            ("ts", Epoch),
            ("uid", Id),
            ("id.orig_h", Address("10.0.0.", 12)),
            ("id.orig_p", ClientPort),
            ("id.resp_h", Address("192.0.2.", 4)),
            ("id.resp_p", Pick(&["443", "8443"])),
            ("version", Pick(&["TLSv13", "TLSv12"])),
            ("cipher", Pick(&["TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_RC4_128_MD5"])),
            ("curve", Pick(&["x25519", "secp256r1"])),
            ("server_name", HostName),
            ("established", Pick(&["true", "false"])),
            ("validation_status", Pick(&["ok", "self signed certificate"])),
            ("cert_chain_fuids", Id),
        ],
    ),
    (
        "zeek-files",
        &[
            ("ts", Epoch),
            ("fuid", Id),
            ("tx_hosts", Address("192.0.2.", 9)),
            ("rx_hosts", Address("10.0.0.", 12)),
            ("source", Pick(&["HTTP", "SMTP"])),
            ("mime_type", Pick(&["text/html", "application/x-dosexec"])),
            ("filename", Pick(&["index.html", "setup.exe"])),
            ("seen_bytes", Number(90_000)),
            ("sha1", Id),
        ],
    ),
    (
        "suricata",
        &[
            ("timestamp", Time),
            ("flow_id", Id),
            ("event_type", Pick(&["dns", "alert", "tls"])),
            ("src_ip", Address("10.0.0.", 12)),
            ("src_port", ClientPort),
            ("dest_ip", Address("192.0.2.", 9)),
            ("dest_port", Pick(&["53", "443"])),
            ("proto", Pick(&["UDP", "TCP"])),
            ("dns.rrname", HostName),
            ("dns.rrtype", Pick(&["A", "TXT"])),
            ("alert.severity", Pick(&["3", "1"])),
        ],
    ),
    (
        "cloudtrail",
        &[
            ("eventTime", Time),
            ("eventID", Id),
            ("eventName", Pick(&["DescribeInstances", "GetObject", "CreateUser"])),
            ("eventSource", Pick(&["ec2.amazonaws.com", "s3.amazonaws.com"])),
            ("awsRegion", Pick(&["eu-central-1", "us-east-1"])),
            ("sourceIPAddress", Address("203.0.113.", 9)),
            ("userAgent", Pick(&["aws-cli/2.15", "Boto3/1.34"])),
            ("userIdentity.type", Pick(&["IAMUser", "AssumedRole"])),
            ("userIdentity.arn", Name("arn:aws:iam::1:user/u", 9)),
            ("userIdentity.accessKeyId", Name("AKIA", 9)),
            ("errorCode", Pick(&["", "AccessDenied"])),
            ("requestParameters.bucketName", Name("bucket", 30)),
        ],
    ),
    (
        "vpc-flow",
        &[
            ("srcaddr", Address("10.0.0.", 12)),
            ("dstaddr", Address("192.0.2.", 60)),
            ("srcport", ClientPort),
            ("dstport", Pick(&["443", "22"])),
            ("protocol", Pick(&["6", "17"])),
            ("packets", Number(90)),
            ("bytes", Number(90_000)),
            ("start", Epoch),
            ("end", Epoch),
            ("action", Pick(&["ACCEPT", "REJECT"])),
        ],
    ),
    (
        "paysim",
        &[
            ("step", Number(700)),
            ("type", Pick(&["PAYMENT", "CASH_OUT", "TRANSFER"])),
            ("amount", Number(90_000)),
            ("nameOrig", Id),
            ("oldbalanceOrg", Number(90_000)),
            ("newbalanceOrig", Number(90_000)),
            ("nameDest", Name("M", 40)),
            ("oldbalanceDest", Number(90_000)),
            ("newbalanceDest", Number(90_000)),
            ("isFraud", Pick(&["0", "1"])),
            ("isFlaggedFraud", Pick(&["0", "1"])),
        ],
    ),
    (
        "ocsf",
        &[
            ("time", EpochMillis),
            ("class_uid", Pick(&["3002", "4001"])),
            ("category_uid", Pick(&["3", "4"])),
            ("activity_id", Pick(&["1", "2"])),
            ("type_uid", Pick(&["300201", "400102"])),
            ("severity_id", Pick(&["1", "4"])),
            ("status_id", Pick(&["1", "2"])),
            ("status", Pick(&["Success", "Failure"])),
            ("actor.user.name", Name("user", 12)),
            ("src_endpoint.ip", Address("10.0.0.", 12)),
            ("metadata.version", Pick(&["1.1.0", "1.0.0"])),
        ],
    ),
    (
        "otel-logs",
        &[
            ("timeUnixNano", EpochMillis),
            ("severityNumber", Pick(&["9", "17"])),
            ("severityText", Pick(&["INFO", "ERROR"])),
            ("body.stringValue", Sentence),
            ("traceId", Id),
            ("spanId", Id),
        ],
    ),
    (
        "kubernetes-audit",
        &[
            ("requestReceivedTimestamp", Time),
            ("auditID", Id),
            ("verb", Pick(&["get", "list", "delete"])),
            ("requestURI", Path),
            ("user.username", Name("system:serviceaccount:a", 9)),
            ("objectRef.resource", Pick(&["pods", "secrets"])),
            ("objectRef.namespace", Pick(&["default", "kube-system"])),
            ("responseStatus.code", Pick(&["200", "403"])),
            ("userAgent", Pick(&["kubectl/v1.35", "helm/4.0"])),
            ("stage", Pick(&["ResponseComplete", "Panic"])),
        ],
    ),
];

/// Rows of a table.
const ROWS: usize = 300;

/// The table as CSV. The values are the same in every run.
pub fn csv(columns: &[(&str, Values)]) -> String {
    let mut csv: String = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",");
    for row in 0..ROWS {
        let cells =
            columns.iter().enumerate().map(|(place, (_, values))| cell(*values, row, place));
        csv.push('\n');
        csv.push_str(&cells.collect::<Vec<_>>().join(","));
    }
    csv + "\n"
}

fn cell(values: Values, row: usize, place: usize) -> String {
    // A number that is the same in every run, and another in each cell.
    let mixed = (row + 1).wrapping_mul(2_654_435_761).wrapping_add(place * 40_503) >> 7;
    let some = |count: usize| mixed % count;
    let start = 1_772_445_600 + row * 60;
    match values {
        Time => format!("2026-03-0{}T{:02}:{:02}:00Z", 2 + row / 1440, 10 + row / 60, row % 60),
        Epoch => format!("{start}.{:03}", some(1_000)),
        EpochMillis => format!("{start}{:03}", some(1_000)),
        Address(network, count) => format!("{network}{}", 1 + some(count)),
        Pick(texts) => {
            let text = if some(5) < 3 { 0 } else { some(97) % texts.len() };
            texts[text].to_owned()
        }
        Name(start, count) => format!("{start}{}", some(count)),
        Number(limit) => some(limit).to_string(),
        Id => format!("{:08x}-{place:04x}-4c43-9f3d-{:012x}", row * 7_919 + 77, mixed),
        ClientPort => (32_768 + some(28_000)).to_string(),
        HostName => format!("h{}.{}.example.com", some(90), ["mail", "www", "cdn"][some(3)]),
        Path => format!("/{}/p{}?q={}", ["shop", "news"][some(2)], some(80), some(9)),
        Command => format!("tool{} --user {} -f /tmp/{}", some(9), some(80), some(70)),
        Sentence => format!("request {} took {} ms in all", row, some(900)),
    }
}
