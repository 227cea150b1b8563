//! A real broker of Kafka on a folder of its own, and clients that are not ours.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::{Workspace, skip, tls::Authority, tool};

const CLIENT: &str = include_str!("kafka/client.py");
const CLASSIC: &str = "group.coordinator.rebalance.protocols=classic\n";
/// Members that are killed are forgotten soon.
const SHORT_SESSIONS: &str =
    "group.consumer.min.session.timeout.ms=1000\ngroup.consumer.session.timeout.ms=6000\n";
const LOOPBACK: &str = "127.0.0.1";
/// Any UUID in base64.
const CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qk";
/// The user of the listener with SASL, and its password; `SCRAM` and `PLAIN` know it.
pub const USER: &str = "anomal";
pub const PASSWORD: &str = "a secret of the tests";

/// `$1` is the folder, the rest the server's command. Nothing of it outlives this process.
const GUARD: &str = r#"
folder=$1
shift
cd "$folder" || exit 1
setsid "$@" >>log 2>&1 &
server=$!
echo "$server"
word=
read -r word
kill -s KILL "$server" 2>/dev/null
wait
[ "$word" = keep ] || rm -rf "$folder"
"#;

/// A broker that is its own controller, and perhaps more of them; they end with the tests.
pub struct Kafka {
    host: String,
    authority: Authority,
    brokers: Vec<Broker>,
    /// Settings of groups.
    groups: &'static str,
}

struct Broker {
    folder: PathBuf,
    ports: [u16; 4],
    /// The guard, and the number of the server's process.
    running: Option<(Child, u32)>,
}

impl Kafka {
    /// Starts an empty broker; reports the test as skipped and returns `None` if there is none.
    pub fn start() -> Option<Self> {
        Self::start_many(LOOPBACK, 1, "")
    }

    /// Starts it as brokers before Kafka 4 are: without the newer protocol of groups.
    pub fn start_classic() -> Option<Self> {
        Self::start_many(LOOPBACK, 1, CLASSIC)
    }

    /// Starts it on another address of this machine; it forgets members that are killed soon.
    pub fn start_at(host: &str) -> Option<Self> {
        Self::start_many(host, 1, SHORT_SESSIONS)
    }

    /// Starts two brokers, of which the first is the controller. Topics with the setting `replicas=2` are on both.
    pub fn start_two() -> Option<Self> {
        Self::start_many(LOOPBACK, 2, "")
    }

    fn start_many(host: &str, count: usize, groups: &'static str) -> Option<Self> {
        if let Ok(reason) = std::env::var("ANOMAL_TEST_KAFKA_MISSING") {
            skip(&reason);
            return None;
        }
        let broker = |_| {
            let folder = TempDir::with_prefix("anomal-kafka-").expect("a temporary folder").keep();
            Broker { folder, ports: free_ports(host), running: None }
        };
        let brokers = (0..count).map(broker).collect();
        let (host, authority) = (host.to_owned(), Authority::new());
        let mut kafka = Self { host, authority, brokers, groups };
        for number in 0..count {
            kafka.configure(number);
            kafka.restart_broker(number);
        }
        Some(kafka)
    }

    /// The broker that tests share which do not break it.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Kafka>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start_many(LOOPBACK, 1, SHORT_SESSIONS)).as_ref()
    }

    /// The address of the listener without encryption.
    pub fn broker(&self) -> String {
        self.address(0)
    }

    /// The address of the listener with TLS and SASL.
    pub fn sasl_broker(&self) -> String {
        self.address(2)
    }

    /// The address of the listener with TLS that asks for a certificate of the client.
    pub fn mutual_tls_broker(&self) -> String {
        self.address(3)
    }

    /// The address of a listener of the first broker.
    fn address(&self, listener: usize) -> String {
        format!("{}:{}", self.host, self.brokers[0].ports[listener])
    }

    /// The certificate authority of its listeners with TLS, as PEM.
    pub fn ca(&self) -> &str {
        self.authority.pem()
    }

    /// Writes the secrets `scram`, `plain`, `wrong`, `certificate` and `authority` to `secrets` of a workspace.
    pub fn secrets(&self, workspace: &Workspace) {
        let (certificate, key) = self.authority.certificate("client");
        let ca = ("ca.crt", self.authority.pem());
        let user = [("username", USER), ("password", PASSWORD), ca];
        let write = |secret: &str, values: &[(&str, &str)]| {
            for (name, value) in values {
                workspace.write(&format!("secrets/{secret}/{name}"), value.as_bytes());
            }
        };
        write("scram", &[&user[..], &[("mechanism", "SCRAM-SHA-512")]].concat());
        write("plain", &user);
        write("wrong", &[("username", USER), ("password", "wrong"), ca]);
        write("certificate", &[ca, ("tls.crt", &certificate), ("tls.key", &key)]);
        write("authority", &[ca]);
    }

    /// Runs a command of the clients that are not ours, with text on standard input; returns its output.
    #[track_caller]
    pub fn client(&self, arguments: &[&str], input: &str) -> String {
        let mut command = Command::new(tool("ANOMAL_TEST_KAFKA_PYTHON"));
        command.arg(self.brokers[0].folder.join("client.py")).arg(self.broker()).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("Python");
        let mut pipe = child.stdin.take().expect("its input");
        // It may end before it has read all.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        let output = child.wait_with_output().expect("its output");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}\n{}", self.log());
        String::from_utf8(output.stdout).expect("text")
    }

    /// Creates a topic, with settings such as `retention.ms=1000`, or with `replicas=2`.
    pub fn topic(&self, name: &str, partitions: u32, settings: &[&str]) {
        let count = partitions.to_string();
        self.client(&[&["topic", name, &count], settings].concat(), "");
    }

    /// Produces records with these values.
    pub fn produce(&self, topic: &str, values: impl Iterator<Item = String>) {
        let records = values.map(|value| {
            let key = value.len() % 7;
            serde_json::json!({"value": value, "key": key.to_string()}).to_string() + "\n"
        });
        self.client(&["produce", topic], &records.collect::<String>());
    }

    /// Sends the server a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let server = self.brokers[0].running.as_ref().map_or(0, |(_, server)| *server);
        let sent = Command::new("kill").args(["-s", name, &server.to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Kills it at once, as the loss of its machine would; its files stay.
    pub fn kill(&mut self) {
        self.kill_broker(0);
    }

    /// As [`Kafka::kill`], one of several by its number from 0.
    pub fn kill_broker(&mut self, number: usize) {
        self.brokers[number].end(b"keep\n");
    }

    /// Starts it again after [`Kafka::kill`], at the same address and with the same files.
    pub fn restart(&mut self) {
        self.restart_broker(0);
    }

    /// As [`Kafka::restart`], one of several.
    pub fn restart_broker(&mut self, number: usize) {
        let folder = &self.brokers[number].folder;
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(folder).args(java());
        command.args(["-Xms128m", "-Xmx384m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]);
        command.arg("-cp").arg(jars()).args(["kafka.Kafka", "server.properties"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Signals from the terminal must not end it before it has cleaned up.
        let mut guard = command.process_group(0).spawn().expect("a shell");
        let mut line = String::new();
        let output = guard.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("the server's number");
        self.brokers[number].running = Some((guard, line.trim().parse().expect("a number")));
        self.client(
            &["ready", &self.brokers.iter().filter(|it| it.running.is_some()).count().to_string()],
            "",
        );
    }

    fn configure(&self, number: usize) {
        let Broker { folder, ports, .. } = &self.brokers[number];
        let [plain, controller, sasl, mutual] = *ports;
        let host = &self.host;
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), text).expect("file written");
        };
        let (certificate, key) = self.authority.certificate(host);
        write("client.py", CLIENT);
        write("authority.pem", self.authority.pem());
        write("server.pem", &format!("{key}{certificate}{}", self.authority.pem()));
        let listeners = [("PLAINTEXT", plain), ("SASL_SSL", sasl), ("SSL", mutual)]
            .map(|(name, port)| format!("{name}://{host}:{port}"))
            .join(",");
        let (place, voter) = (folder.display(), self.brokers[0].ports[1]);
        let (roles, more) = match number {
            0 => ("broker,controller", format!(",CONTROLLER://{host}:{controller}")),
            _ => ("broker", String::new()),
        };
        let id = number + 1;
        let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
        let users = format!(
            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"broker\" password=\"broker\" \
             user_broker=\"broker\" user_{USER}=\"{PASSWORD}\";"
        );
        let settings = format!(
            "process.roles={roles}\nnode.id={id}\n\
             controller.quorum.voters=1@{host}:{voter}\n\
             broker.heartbeat.interval.ms=500\nbroker.session.timeout.ms=3000\n\
             listeners={listeners}{more}\n\
             advertised.listeners={listeners}\n\
             controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL\n\
             ssl.keystore.type=PEM\nssl.keystore.location={place}/server.pem\n\
             ssl.truststore.type=PEM\nssl.truststore.location={place}/authority.pem\n\
             listener.name.ssl.ssl.client.auth=required\n\
             sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n\
             listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram}\n\
             listener.name.sasl_ssl.plain.sasl.jaas.config={users}\n\
             log.dirs={place}/logs\nauto.create.topics.enable=false\n\
             offsets.topic.num.partitions=1\noffsets.topic.replication.factor=1\n\
             transaction.state.log.num.partitions=1\ntransaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\nmessage.max.bytes=33554432\n\
             log.retention.check.interval.ms=1000\nlog.initial.task.delay.ms=100\n\
             group.initial.rebalance.delay.ms=0\n{}\
             group.consumer.min.heartbeat.interval.ms=500\ngroup.consumer.heartbeat.interval.ms=1000\n",
            self.groups
        );
        write("server.properties", &settings);
        let mut format = java();
        format.extend(["-cp".into(), jars(), "kafka.tools.StorageTool".into(), "format".into()]);
        let mut command = Command::new(&format[0]);
        command.args(&format[1..]).args(["-t", CLUSTER, "-c", "server.properties", "--add-scram"]);
        command.arg(format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]"));
        let log = File::create(folder.join("log")).expect("its log");
        let errors = log.try_clone().expect("its log");
        let formatted = command.current_dir(folder).stdout(log).stderr(errors).status();
        assert!(formatted.expect("Java").success(), "{}", self.log());
    }

    fn log(&self) -> String {
        let logs = self.brokers.iter().map(|broker| fs::read_to_string(broker.folder.join("log")));
        logs.map(Result::unwrap_or_default).collect()
    }
}

impl Broker {
    fn end(&mut self, word: &[u8]) {
        let Some((mut guard, _)) = self.running.take() else { return };
        if let Some(mut pipe) = guard.stdin.take() {
            let _ = pipe.write_all(word);
        }
        let _ = guard.wait();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.end(b"");
    }
}

fn java() -> Vec<String> {
    let java = tool("ANOMAL_TEST_KAFKA_JAVA").join("bin/java");
    let options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"].map(str::to_owned);
    [java.to_string_lossy().into_owned()].into_iter().chain(options).collect()
}

fn jars() -> String {
    tool("ANOMAL_TEST_KAFKA").join("lib/*").to_string_lossy().into_owned()
}

fn free_ports(host: &str) -> [u16; 4] {
    let listeners = [(); 4].map(|()| TcpListener::bind((host, 0)).expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("its number").port())
}
