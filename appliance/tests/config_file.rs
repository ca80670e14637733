//! Configuration files as operators write them: what holds, and what each mistake is answered with.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use assay_appliance::config::error::Fault;
use assay_appliance::config::{Config, ConfigError, DEFAULT, LogFormat};
use assay_scheme::Priority;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/assay/assay.toml"))
}

/// What the operator is told.
fn told(text: &str) -> String {
    parse(text).expect_err("the configuration is wrong").to_string()
}

fn leaves(value: &toml::Value, prefix: &str, into: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                leaves(value, &key, into);
            }
        }
        _ => {
            into.insert(prefix.to_owned());
        }
    }
}

fn keys(value: &toml::Value) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    leaves(value, "", &mut keys);
    keys
}

fn defaults_as_read() -> toml::Value {
    let config = Config::load(None).expect("the reference holds");
    toml::Value::try_from(&config).expect("a configuration can be written")
}

#[test]
fn every_key_of_the_reference_is_read_and_every_key_read_is_in_the_reference() {
    let reference: toml::Value = DEFAULT.parse::<toml::Table>().expect("the reference is TOML").into();
    let read = defaults_as_read();
    assert_eq!(keys(&read), keys(&reference));
    // Not only read into a field: the field's value is the file's.
    for (name, section) in reference.as_table().expect("a table") {
        if name != "tls" {
            assert_eq!(read.get(name), Some(section), "[{name}]");
        }
    }
}

#[test]
fn every_key_of_the_reference_is_explained_above_it() {
    let mut section = "";
    let mut explained = false;
    let mut count = 0;
    for line in DEFAULT.lines() {
        if line.starts_with('#') {
            explained = true;
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            explained = false;
        } else if let Some((key, _)) = line.split_once(" = ") {
            // The four queues share one explanation, which names each key.
            let shared = section.starts_with("queues.") && DEFAULT.contains(&format!("`{key}`:"));
            assert!(explained || shared, "{section}.{key} is not explained");
            explained = false;
            count += 1;
        }
    }
    assert_eq!(count, keys(&defaults_as_read()).len(), "each key was looked at");
}

#[test]
fn the_node_uses_every_key() {
    // A key that is read into a field and never looked at again would be a promise nobody keeps. The fields have no other
    // readers than the node's sources, and few enough share a name that a mention is a use.
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    for key in keys(&defaults_as_read()) {
        let field = key.rsplit('.').next().expect("a name");
        let method = match key.as_str() {
            "drain.timeout_ms" => "drain.timeout()",
            "tenant_defaults.priorities" => ".permits(",
            _ => "",
        };
        let used = sources.contains(&format!(".{field}")) || (!method.is_empty() && sources.contains(method));
        assert!(used, "{key} is used nowhere");
    }
}

/// The package's sources but for the module that reads the configuration, without white space, so that a line break in a
/// chain of calls hides nothing.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "config") {
                folders.push(path);
            } else if path.is_file() {
                let source = std::fs::read_to_string(&path).expect("a source file");
                text.extend(source.chars().filter(|char| !char.is_whitespace()));
            }
        }
    }
    text
}

#[test]
fn a_file_names_only_what_differs() {
    let config = parse(
        "[listen]\nsockets = [\"[::]:4464\", \"10.0.0.1:4464\"]\n[queues.bulk]\nbatch_items_max = 2048\n\
         [log]\nformat = \"json\"\n",
    )
    .expect("it holds");
    assert_eq!(config.listen.sockets.len(), 2);
    assert_eq!(config.queues.of(Priority::Bulk).batch_items_max, 2048);
    assert_eq!(config.log.format, LogFormat::Json);
    let default = Config::load(None).expect("the reference holds");
    assert_eq!(config.queues.consensus, default.queues.consensus);
    assert_eq!(config.queues.bulk.items_max, default.queues.bulk.items_max);
}

#[test]
fn a_tenant_has_what_the_defaults_and_its_own_section_say() {
    let config = parse(
        "[tenants.a]\n[tenant_defaults]\nitems_per_second = 1000\n[tenants.exchange-7]\nburst_items = 70000\n\
         priorities = [\"bulk\"]\n",
    )
    .expect("it holds");
    assert_eq!(config.tenants["a"], config.tenant_defaults);
    let own = &config.tenants["exchange-7"];
    assert_eq!((own.items_per_second, own.burst_items), (1000, 70_000));
    assert!(own.permits(Priority::Bulk) && !own.permits(Priority::Consensus));
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let config =
        parse("[tls]\nca = \"pki/ca.pem\"\nkey = \"/run/key.pem\"\ncrls = [\"pki/crl.pem\"]\n").expect("holds");
    assert_eq!(config.tls.ca, Path::new("/etc/assay/pki/ca.pem"));
    assert_eq!(config.tls.key, Path::new("/run/key.pem"));
    assert_eq!(config.tls.crls, [Path::new("/etc/assay/pki/crl.pem")]);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    let cases = [
        ("[listen]\n\nsocket = []\n", ":3: unknown key listen.socket; the nearest known one is listen.sockets"),
        ("[lisen]\nsockets = []\n", ":1: unknown key lisen; the nearest known one is listen"),
        ("mtu_bytes_max = 5\n", ":1: unknown key mtu_bytes_max; the nearest known one is listen.mtu_bytes_max"),
        ("[tls]\nidle_timeout_ms = 5\n", "tls.idle_timeout_ms; the nearest known one is listen.idle_timeout_ms"),
        (
            "[queues.consensu]\nitems_max = 1\n",
            ":1: unknown key queues.consensu; the nearest known one is queues.consensus",
        ),
        (
            "[tenants.a]\nburst_item = 1\n",
            ":2: unknown key tenants.a.burst_item; the nearest known one is tenants.a.burst_items",
        ),
        ("\"listen.sockets\" = []\n", ":1: unknown key listen.sockets; the nearest known one is listen.sockets"),
    ];
    for (text, wanted) in cases {
        let told = told(text);
        assert!(told.contains(wanted), "{text:?}: {told}");
        assert!(told.starts_with("/etc/assay/assay.toml:"), "{told}");
    }
}

#[test]
fn every_mistake_is_told_at_once_in_the_order_of_the_file() {
    let told = told("[listen]\nmtu_bytes_max = 10\nsockts = []\n[log]\nlevel = \"loud\"\n");
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(
        lines,
        [
            "/etc/assay/assay.toml:2: listen.mtu_bytes_max = 10 is outside of 1200 to 65527",
            "/etc/assay/assay.toml:3: unknown key listen.sockts; the nearest known one is listen.sockets",
            "/etc/assay/assay.toml:5: log.level = \"loud\" is not one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"",
        ]
    );
}

#[test]
fn a_wrong_value_is_named_with_what_would_be_right() {
    let cases = [
        ("[listen]\nconnections_max = \"many\"\n", "listen.connections_max must be an integer, not a text"),
        ("[listen]\nconnections_max = 1.5\n", "must be an integer, not a number with a fraction"),
        ("[listen]\nconnections_max = -1\n", "listen.connections_max = -1 is outside of 1 to 1000000"),
        ("[listen]\nsockets = \"[::]:1\"\n", "listen.sockets must be a list of texts, not a text"),
        ("[listen]\nsockets = [\"localhost:1\"]\n", "\"localhost:1\" is not an address and port"),
        ("[listen]\nsockets = []\n", "listen.sockets must have 1 to 64 addresses, each once"),
        ("[listen]\nsockets = [\"[::]:1\", \"[::]:1\"]\n", "each once"),
        ("[listen.sockets]\n", "listen.sockets must be a list of texts, not a section"),
        ("listen = 5\n", "listen must be a section, not an integer"),
        ("[tls]\nca = \"\"\n", "tls.ca must be the name of a file"),
        ("[tls]\ncrls = [5]\n", "tls.crls must be a list of texts, not an integer"),
        ("[engine]\nbackend = \"cpu\"\n", "\"auto\", \"reference\", \"lanes\", \"gpu\""),
        ("[engine]\nnice = 20\n", "engine.nice = 20 is outside of 0 to 19"),
        ("[queues.block]\nitems_max = 65535\n", "queues.block.items_max = 65535 is outside of 65536 to"),
        ("[tenants.UPPER]\n", "tenants.UPPER: a tenant's name is 1 to 32 of a-z, 0-9 and -"),
        ("[tenants]\na = 5\n", "tenants.a must be a section, not an integer"),
        ("[tenants.a]\npriorities = []\n", "tenants.a.priorities must have at least one entry, each once"),
        ("[tenants.a]\npriorities = [\"bulk\", \"bulk\"]\n", "each once"),
        ("[tenants.a]\npriorities = [\"urgent\"]\n", "tenants.a.priorities = \"urgent\" is not one of"),
        ("[node]\nzone = \"a\\nb\"\n", "node.zone must be at most 64 bytes, without control characters"),
        ("[admin]\nlisten = \"9464\"\n", "admin.listen = \"9464\" is not an address and port"),
    ];
    for (text, wanted) in cases {
        let told = told(text);
        assert!(told.contains(wanted), "{text:?}: {told}");
    }
    let thousands: String = (0..1025).map(|number| format!("[tenants.t{number}]\n")).collect();
    assert!(told(&thousands).contains("tenants must have at most 1024 sections"));
}

#[test]
fn keys_that_contradict_each_other_are_named_with_both_values() {
    let cases = [
        (
            "[listen]\nconnections_max = 10\n",
            "listen.connections_per_tenant_max = 1024 must be at most listen.connections_max = 10",
        ),
        (
            "[listen]\nhandshakes_max = 32\n",
            "listen.retry_handshakes_min = 32 must be less than listen.handshakes_max = 32",
        ),
        (
            "[listen]\nreceive_window_bytes = 65536\n",
            "listen.stream_receive_window_bytes = 4194304 must be at most listen.receive_window_bytes = 65536",
        ),
        (
            "[queues.consensus]\nbatch_items_max = 200000\n",
            "queues.consensus.batch_items_max = 200000 must be at most queues.consensus.items_max = 131072",
        ),
        (
            "[tenants.a]\nbytes_in_flight_max = 2147483648\n",
            "tenants.a.bytes_in_flight_max = 2147483648 must be at most listen.bytes_in_flight_max = 1073741824",
        ),
        (
            "[admin]\nready_age_ms_max = 5000\n",
            "engine.self_test_interval_ms = 5000 must be less than admin.ready_age_ms_max = 5000",
        ),
    ];
    for (text, wanted) in cases {
        let told = told(text);
        assert!(told.contains(wanted), "{text:?}: {told}");
    }
}

#[test]
fn what_is_not_toml_is_told_with_line_and_column() {
    match parse("[listen]\nsockets = [\n") {
        Err(ConfigError::Syntax { line, .. }) => assert!(line >= 2),
        other => panic!("{other:?}"),
    }
    let told = told("[listen]\nconnections_max 5\n");
    assert!(told.starts_with("/etc/assay/assay.toml:2:"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn a_missing_file_is_told_with_the_way_to_one() {
    let error = Config::load(Some(Path::new("/nowhere/assay.toml"))).expect_err("there is none");
    assert!(matches!(error, ConfigError::Read { .. }));
    let told = error.to_string();
    assert!(told.contains("/nowhere/assay.toml") && told.contains("assay config default"), "{told}");
}

#[test]
fn the_faults_are_typed() {
    let Err(ConfigError::Invalid { problems, .. }) = parse("[listen]\nmtu_bytes_max = 10\n") else { panic!("invalid") };
    assert_eq!(problems[0].key, "listen.mtu_bytes_max");
    assert_eq!(problems[0].line, Some(2));
    assert_eq!(problems[0].fault, Fault::Range { value: 10, min: 1200, max: 65527 });
}

mod command {
    use assert_cmd::Command;

    fn assay() -> Command {
        Command::new(env!("CARGO_BIN_EXE_assay"))
    }

    #[test]
    fn default_prints_what_check_accepts() {
        let folder = tempfile::tempdir().expect("a folder");
        let printed = assay().args(["config", "default"]).assert().success().get_output().stdout.clone();
        let file = folder.path().join("assay.toml");
        std::fs::write(&file, printed).expect("a file");
        let said = assay().args(["config", "check"]).arg(&file).assert().success().get_output().stdout.clone();
        let said = String::from_utf8(said).expect("text");
        assert!(said.contains("holds") && said.contains("127.0.0.1:4464") && said.contains("nobody"), "{said}");
    }

    #[test]
    fn check_says_the_values_in_force_as_json() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("assay.toml");
        std::fs::write(&file, "[tenants.a]\nitems_per_second = 7\n").expect("a file");
        let said =
            assay().args(["config", "check", "--json"]).arg(&file).assert().success().get_output().stdout.clone();
        let values: serde_json::Value = serde_json::from_slice(&said).expect("JSON");
        assert_eq!(values["tenants"]["a"]["items_per_second"], 7);
        assert_eq!(values["engine"]["backend"], "auto");
        assert_eq!(values["tenants"]["a"]["priorities"][0], "consensus");
    }

    #[test]
    fn check_exits_2_and_says_why_on_standard_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("assay.toml");
        std::fs::write(&file, "[tenants.a]\nburst = 7\n").expect("a file");
        let out = assay().args(["config", "check"]).arg(&file).assert().code(2).get_output().clone();
        assert!(out.stdout.is_empty());
        let told = String::from_utf8(out.stderr).expect("text");
        assert!(told.contains("assay.toml:2: unknown key tenants.a.burst"), "{told}");
    }

    #[test]
    fn help_shows_an_example() {
        for args in [&["config", "--help"][..], &["config", "check", "--help"], &["config", "default", "--help"]] {
            let said = assay().args(args).assert().success().get_output().stdout.clone();
            assert!(String::from_utf8(said).expect("text").contains("Example"), "{args:?}");
        }
    }
}
