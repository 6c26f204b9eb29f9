//! What happens to the store behind the session's back.

use super::world::World;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

const DEAD: &str = "00112233445566778899aabbccddeeff";

impl World {
    pub(crate) fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("main{ending}"))
    }

    /// What is stored; null if nothing is.
    pub(crate) fn stored(&self) -> Json {
        std::fs::read(self.file(".json"))
            .ok()
            .and_then(|t| serde_json::from_slice(&t).ok())
            .unwrap_or(Json::Null)
    }

    pub(crate) async fn store_step(&mut self, what: &str) {
        self.make_folder();
        match what {
            "corrupt" => {
                let text = std::fs::read(self.file(".json")).unwrap();
                self.put(".json", &text[..text.len() / 2]);
            }
            "empty" => self.put(".json", b""),
            "remove" => std::fs::remove_file(self.file(".json")).unwrap(),
            "dead_lock" => self.dead_lock(),
            "dead_claim" => {
                self.dead_lock();
                self.put(&format!(".lock.{DEAD}.1"), b"");
            }
            "remove_lock" => std::fs::remove_file(self.file(".lock")).unwrap(),
            "foreign" => {
                let foreign =
                    json!({"version": 1, "owner": "00".repeat(32), "generation": 3, "access_token": "x"});
                self.put(".json", foreign.to_string().as_bytes());
            }
            "full" | "free" => {
                for process in self.processes.values() {
                    process.store.as_ref().unwrap().pretend_full(what == "full");
                }
            }
            "other_process_renewed" => self.other_process_renewed().await,
            other => panic!("unknown store step {other}"),
        }
    }

    fn make_folder(&self) {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).unwrap();
    }

    fn put(&self, ending: &str, text: &[u8]) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(self.file(ending), text).unwrap();
        std::fs::set_permissions(self.file(ending), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn dead_lock(&mut self) {
        let text = format!(
            r#"{{"version":1,"id":"{DEAD}","pid":1,"beat_ms":50,"stale_ms":300,"beat":"0000000000000007"}}"#
        );
        self.put(".lock", format!("{text:<255}\n").as_bytes());
    }

    /// A program that knows no lock renews and writes.
    async fn other_process_renewed(&self) {
        let mut record = self.stored();
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", record["refresh_token"].as_str().unwrap())];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let response = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(format!("{}/token", self.issuer))
            .basic_auth(self.settings["client_id"].as_str().unwrap(), self.settings["client_secret"].as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap();
        let answer: Json = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let now = self.clock.now();
        let life = answer["expires_in"].as_i64().unwrap() * 1_000;
        record["generation"] = json!(record["generation"].as_u64().unwrap() + 1);
        for name in ["access_token", "refresh_token"] {
            record[name] = answer[name].clone();
        }
        record["sent_at"] = json!(now);
        record["ends_at"] = json!(now + life);
        record["usable_until"] = json!(now + life - 5_000);
        record["renew_at"] = json!(now + life * 9 / 10);
        self.put(".json", record.to_string().as_bytes());
    }
}
