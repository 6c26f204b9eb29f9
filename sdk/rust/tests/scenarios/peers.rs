//! What is different with servers of other makes: real time, and real pages for the person.

use super::world::{Process, World};
use mandate_session::{Clock as _, Error, SystemClock};
use serde_json::{Value as Json, json};
use std::process::Stdio;

impl World {
    /// By the clock of this world.
    pub(crate) fn now(&self) -> i64 {
        if self.peer.is_some() { SystemClock.now() } else { self.clock.now() }
    }

    /// The path of a call: a peer has one of its own.
    pub(crate) fn path(&self, given: &str) -> String {
        let own = self.peer.as_ref().and_then(|peer| peer["path"].as_str());
        own.unwrap_or(given).to_owned()
    }

    /// Moves the peer's clock.
    pub(crate) async fn peer_advance(&self, seconds: &Json) -> Result<(), String> {
        let peer = self.peer.as_ref().ok_or("there is no peer")?;
        let response = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(peer["clock"].as_str().ok_or("its clock cannot be moved")?)
            .bearer_auth(peer["clock_token"].as_str().unwrap())
            .header("content-type", "application/json")
            .body(json!({"advance_s": seconds}).to_string())
            .send()
            .await
            .map_err(|e| e.to_string())?;
        if response.status().is_success() { Ok(()) } else { Err(response.text().await.unwrap_or_default()) }
    }

    /// Signs in on the peer's own pages.
    pub(crate) async fn browser(&self, process: &Process) -> Result<(), Error> {
        let session = &process.session;
        if self.settings["grant"] == json!("device") {
            let login = session.login_by_device().await?;
            let address = login.verification_uri_complete().unwrap_or(login.verification_uri()).to_owned();
            self.browse(&[&address, "--device"]).await;
            return login.finish().await;
        }
        let callback = self.settings["redirect_uri"].as_str().unwrap_or("http://127.0.0.1:9/callback");
        let login = session.login_by_code(callback).await?;
        let back = self.browse(&[login.address().as_str(), callback]).await;
        login.finish(&back.parse().unwrap()).await
    }

    async fn browse(&self, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::new("python3");
        command.arg(super::folder().join("peers/browser.py")).args(arguments).stderr(Stdio::inherit());
        let user = &self.peer.as_ref().unwrap()["user"];
        if let (Some(name), Some(password)) = (user["name"].as_str(), user["password"].as_str()) {
            command.args(["--name", name, "--password", password]);
        }
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "the browser failed");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}
