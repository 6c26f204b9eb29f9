//! The server that plays issuer and API, and the orders it takes.

use serde_json::{Value as Json, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// A running `server.py`, ended with the last clone.
#[derive(Clone)]
pub(crate) struct Server {
    base: String,
    http: reqwest::Client,
    _processes: Arc<Processes>,
}

struct Processes(Mutex<Vec<Child>>);

impl Drop for Processes {
    fn drop(&mut self) {
        for child in self.0.lock().unwrap().iter_mut() {
            // In good order: the demo removes its folder.
            drop(child.stdin.take());
            let _asked = Command::new("kill").arg(child.id().to_string()).status();
            let _gone = child.wait();
        }
    }
}

impl Server {
    /// `real`: the sheet of `mandate demo --json`, and its process.
    pub(crate) fn start(real: Option<(String, Child)>) -> Self {
        let mut command = Command::new("python3");
        command.arg(super::folder().join("server.py"));
        let mut processes = Vec::new();
        if let Some((sheet, demo)) = real {
            command.args(["--real", &sheet]);
            processes.push(demo);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 runs");
        let said: Json = first_line(&mut child);
        processes.push(child);
        Self {
            base: format!("http://127.0.0.1:{}/control", said["port"]),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            _processes: Arc::new(Processes(Mutex::new(processes))),
        }
    }

    /// An order; an answer other than 200 is a failure of the test.
    pub(crate) async fn order(&self, to: &str, order: &Json) -> Json {
        let request = self.http.post(format!("{}/{to}", self.base)).body(order.to_string());
        let response =
            request.header("content-type", "application/json").send().await.expect("the server answers");
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "the server refused {order}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn first_line(child: &mut Child) -> Json {
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    // Whatever it prints later must not fill its pipe.
    std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}"))
}

/// The real server behind the faults.
pub(crate) fn real() -> Server {
    let binary = std::env::var_os("MANDATE_BIN").unwrap();
    let mut demo = Command::new(binary)
        .args(["demo", "--json", "--port-base", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("MANDATE_BIN runs");
    let sheet: Json = first_line(&mut demo);
    let path = std::env::temp_dir().join(format!("mandate-sheet-{}.json", std::process::id()));
    std::fs::write(&path, sheet.to_string()).unwrap();
    let server = Server::start(Some((path.display().to_string(), demo)));
    let _read_by_now = std::fs::remove_file(path);
    server
}

/// The order that makes a scenario.
pub(crate) fn new_order(scenario: &Json, now: i64, real: bool) -> Json {
    if real {
        return json!({"now_ms": now, "as": scenario["real"]["as"]});
    }
    let issuer = scenario.get("issuer").cloned().unwrap_or_else(|| json!({}));
    json!({"issuer": issuer, "now_ms": now})
}
