//! Checks that the variables, files, arguments, ports and metrics named in `deploy/` exist. `make lint` checks the
//! formats of these files with validators (`scripts/shipped.sh`).

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FILES: [&str; 6] = [
    "deploy/Dockerfile",
    "deploy/compose.yaml",
    "deploy/env.example",
    "deploy/kubernetes.yaml",
    "deploy/sidetone.service",
    "deploy/prometheus.yml",
];

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The words of a text that consist of these characters and have this prefix.
fn words(text: &str, prefix: &str, is_sign: impl Fn(char) -> bool) -> BTreeSet<String> {
    text.split(|sign: char| !is_sign(sign))
        .filter(|word| word.starts_with(prefix))
        .map(str::to_owned)
        .collect()
}

#[test]
fn variables_are_those_of_the_documentation() {
    let known = read("docs/configure.md");
    let is_sign = |sign: char| sign.is_ascii_uppercase() || sign.is_ascii_digit() || sign == '_';
    let mut seen = 0;
    for file in FILES {
        for prefix in ["SIDETONE_", "LIVEKIT_", "OPENAI_", "DATABASE_"] {
            for variable in words(&read(file), prefix, is_sign) {
                // livekit-server's own variable.
                if variable != "LIVEKIT_KEYS" {
                    seen += 1;
                    let quoted = format!("`{variable}`");
                    assert!(known.contains(&quoted), "{file}: {variable}");
                }
            }
        }
    }
    assert!(seen > 20, "{seen} variables were found");
}

#[test]
fn commands_ports_and_grace_periods_are_those_of_the_program() {
    let help = |command: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_sidetone"))
            .args([command, "--help"])
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{command}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(help("serve").contains("--no-worker"));
    help("worker");
    let compose = read("deploy/compose.yaml");
    assert!(compose.contains("command: [serve, --no-worker]"));
    assert!(compose.contains("command: [worker]"));
    let kubernetes = read("deploy/kubernetes.yaml");
    assert!(kubernetes.contains("args: [serve, --no-worker]"));
    // A drain of 600 s plus a minute, in each format's own unit.
    assert!(compose.contains("stop_grace_period: 11m"));
    assert!(kubernetes.contains("terminationGracePeriodSeconds: 660"));
    assert!(read("deploy/sidetone.service").contains("TimeoutStopSec=660"));
    for path in ["/healthz", "/readyz"] {
        assert!(kubernetes.contains(&format!("path: {path}, port: http")));
        assert!(kubernetes.contains(&format!("path: {path}, port: health")));
    }
}

#[test]
fn named_files_and_metrics_exist() {
    let compose = read("deploy/compose.yaml");
    let mounted = compose.lines().filter_map(|line| {
        let mount = line.trim().strip_prefix("- ")?;
        let (file, _) = mount.split_once(':')?;
        (file.starts_with('.') && file != "./secrets").then_some(file)
    });
    let mut seen = 0;
    for file in mounted {
        seen += 1;
        let path = Path::new(ROOT).join("deploy").join(file);
        assert!(path.exists(), "{file}");
    }
    assert!(seen >= 4, "{seen} mounts were found");
    for part in ["agent-config", "prompts", "NOTICE"] {
        assert!(Path::new(ROOT).join(part).exists());
        assert!(read("deploy/Dockerfile").contains(&format!("COPY {part} ")));
    }
    let documented = read("docs/metrics.md");
    let is_sign = |sign: char| sign.is_ascii_lowercase() || sign == '_';
    for metric in words(&read("deploy/kubernetes.yaml"), "sidetone_worker_", is_sign) {
        assert!(documented.contains(&format!("`{metric}`")), "{metric}");
    }
}
