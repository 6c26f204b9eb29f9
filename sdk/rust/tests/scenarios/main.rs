//! Runs the scenarios that bind three languages (`sdk/scenarios`), each as a test of its own, over real sockets.
//!
//! `cargo test -p mandate-session --all-features --test scenarios [-- FILTER ...]`. With `MANDATE_BIN` set, those that
//! are marked `real` run a second time against the real server, as `FILE/NAME@real`. With `MANDATE_PEERS` set to a file with
//! the line of `peers/start.py`, those of `peers/` run too, against servers of other makes and in real time.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "it says which tests passed")]

mod expect;
mod peers;
mod server;
mod steps;
mod store;
mod world;

use serde_json::Value as Json;
use server::Server;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One scenario as a test.
struct Test {
    name: String,
    scenario: Json,
    real: bool,
    /// A server of another make: where it is.
    peer: Option<Json>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

fn tests() -> Vec<Test> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "json"));
    files.sort();
    let mut tests = Vec::new();
    for file in files {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let all: Json = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for scenario in all["scenarios"].as_array().unwrap() {
            let only = scenario["only"].as_array();
            if only.is_some_and(|only| !only.contains(&"rust".into())) {
                continue;
            }
            let name = format!("{stem}/{}", scenario["name"].as_str().unwrap());
            if scenario["real"].is_object() && std::env::var_os("MANDATE_BIN").is_some() {
                tests.push(Test {
                    name: format!("{name}@real"),
                    scenario: scenario.clone(),
                    real: true,
                    peer: None,
                });
            }
            tests.push(Test { name, scenario: scenario.clone(), real: false, peer: None });
        }
    }
    tests.extend(peers());
    tests
}

/// Those against servers of other makes, if these run.
fn peers() -> Vec<Test> {
    let Some(file) = std::env::var_os("MANDATE_PEERS") else { return Vec::new() };
    let read =
        |path: PathBuf| -> Json { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let (running, all) = (read(file.into()), read(folder().join("peers/scenarios.json")));
    let scenarios = all["scenarios"].as_array().unwrap().iter();
    let there = scenarios.filter(|scenario| running.get(scenario["peer"].as_str().unwrap()).is_some());
    there
        .map(|scenario| Test {
            name: format!("peers/{}", scenario["name"].as_str().unwrap()),
            scenario: scenario.clone(),
            real: false,
            peer: Some(running[scenario["peer"].as_str().unwrap()].clone()),
        })
        .collect()
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let filters: Vec<&String> = given.iter().filter(|a| !a.starts_with('-')).collect();
    let exact = given.iter().any(|a| a == "--exact");
    let fits = |name: &str| {
        filters.is_empty()
            || filters.iter().any(|f| if exact { name == *f } else { name.contains(f.as_str()) })
    };
    let tests: Vec<Test> = tests().into_iter().filter(|test| fits(&test.name)).collect();
    if given.iter().any(|a| a == "--list") {
        for test in &tests {
            println!("{}: test", test.name);
        }
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("\nrunning {} tests", tests.len());
    let failures = runtime.block_on(run(&tests));
    for (name, why) in &failures {
        println!("\n---- {name}\n{why}");
    }
    let (passed, failed) = (tests.len() - failures.len(), failures.len());
    let result = if failures.is_empty() { "ok" } else { "FAILED" };
    println!("\ntest result: {result}. {passed} passed; {failed} failed; 0 ignored\n");
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(tests: &[Test]) -> Vec<(String, String)> {
    let played = Server::start(None);
    let real = tests.iter().any(|test| test.real).then(server::real);
    let mut failures = Vec::new();
    for test in tests {
        let server = if test.real { real.as_ref().unwrap() } else { &played };
        // A task of its own: a panic is a failure of this test alone.
        let (server, scenario, real) = (server.clone(), test.scenario.clone(), test.real);
        let peer = test.peer.clone();
        let done = tokio::spawn(async move { steps::scenario(&server, &scenario, real, peer).await }).await;
        let failure = match done {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            Err(panic) => Some(panic_text(panic)),
        };
        println!("test {} ... {}", test.name, if failure.is_some() { "FAILED" } else { "ok" });
        failures.extend(failure.map(|why| (test.name.clone(), why)));
    }
    failures
}

fn panic_text(panic: tokio::task::JoinError) -> String {
    let what = panic.into_panic();
    let text = what.downcast_ref::<String>().cloned();
    text.or_else(|| what.downcast_ref::<&str>().map(|t| (*t).to_owned())).unwrap_or_default()
}
