use super::*;
use mandate_core::model::{ClientOwner, Status};
use mandate_core::{ClientSettings, Offset, ScopeSet};
use mandate_wire::jose::SigningKey;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A host whose answer is set from outside.
#[derive(Debug)]
struct Host {
    asked: AtomicUsize,
    answer: Mutex<Result<String, &'static str>>,
}

impl Fetch for Host {
    fn policy(&self) -> OutboundPolicy {
        OutboundPolicy::default()
    }
    fn get<'a>(&'a self, _: &'a str) -> Fetching<'a> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            let text = self.answer.lock().unwrap().clone()?;
            Ok(Document { text, max_age_s: Some(600) })
        })
    }
}

fn set() -> String {
    let pkcs8 = SigningKey::generate(Alg::EdDsa).unwrap();
    let key = SigningKey::from_pkcs8(Alg::EdDsa, &pkcs8, None).unwrap();
    json!({"keys": [key.public().to_json()]}).to_string()
}

pub(in crate::rfc) fn client(uri: &str) -> Client {
    let now = Timestamp::from_seconds(0);
    Client {
        platform: "p".into(),
        id: "app".into(),
        name: "".into(),
        description: "".into(),
        url: "".into(),
        terms_of_use: "".into(),
        privacy_policy: "".into(),
        owner: ClientOwner::Operator,
        status: Status::Active,
        status_since: now,
        live_trading_approved: false,
        redirect_uris: Vec::new(),
        scopes: ScopeSet::default(),
        licences: Vec::new(),
        visible_to: Vec::new(),
        secrets: Vec::new(),
        created_at: now,
        active_from: None,
        expires_at: None,
        settings: ClientSettings { jwks_uri: Some(uri.into()), ..ClientSettings::default() },
        kill: Offset(0),
    }
}

fn scene(answer: Result<String, &'static str>) -> (Arc<Host>, ClientKeys) {
    let host = Arc::new(Host { asked: AtomicUsize::new(0), answer: Mutex::new(answer) });
    (host.clone(), ClientKeys::new(host))
}

async fn published(
    keys: &ClientKeys,
    client: &Client,
    again: bool,
    now: i64,
) -> Result<Arc<Jwks>, KeysFault> {
    let uri = client.settings.jwks_uri.clone().unwrap();
    keys.published(client, &uri, again, Timestamp::from_seconds(now)).await
}

#[tokio::test]
async fn r18_a_set_is_fetched_once_for_a_client_and_address_whatever_kid_is_asked_for() {
    let (host, keys) = scene(Ok(set()));
    let app = client("https://app.example/jwks");
    let all = (0..64).map(|_| published(&keys, &app, false, 100));
    for found in futures_util::future::join_all(all).await {
        assert_eq!(found.unwrap().keys().len(), 1);
    }
    for now in 100..160 {
        published(&keys, &app, true, now).await.unwrap();
    }
    assert_eq!(host.asked.load(Ordering::Relaxed), 1, "unknown names of keys fetch nothing for a minute");
    published(&keys, &app, true, 160).await.unwrap();
    assert_eq!(host.asked.load(Ordering::Relaxed), 2);
    published(&keys, &client("https://app.example/elsewhere"), false, 161).await.unwrap();
    assert_eq!(host.asked.load(Ordering::Relaxed), 3, "the registration says another address now");
}

#[tokio::test]
async fn what_cannot_be_read_says_so_and_is_tried_again_after_a_pause() {
    let (host, keys) = scene(Err("no answer"));
    let app = client("https://app.example/jwks");
    for now in [100, 105, 109] {
        let Err(KeysFault::Unread(why)) = published(&keys, &app, false, now).await else { panic!("unread") };
        assert_eq!(why, "no answer");
    }
    assert_eq!(host.asked.load(Ordering::Relaxed), 1);
    for (text, says) in [("{}", "no key set"), (r#"{"keys":[]}"#, "no key that can be used")] {
        *host.answer.lock().unwrap() = Ok(text.into());
        let now = 120 + 20 * i64::try_from(host.asked.load(Ordering::Relaxed)).unwrap();
        let Err(KeysFault::Unread(why)) = published(&keys, &app, false, now).await else { panic!("unread") };
        assert!(why.contains(says), "{why}");
    }
    *host.answer.lock().unwrap() = Ok(set());
    assert!(published(&keys, &app, false, 300).await.is_ok());
    // a host that is down does no harm to what is known, for a day
    *host.answer.lock().unwrap() = Err("no answer");
    assert!(published(&keys, &app, false, 2000).await.is_ok());
    assert!(published(&keys, &app, false, 300 + 86_399).await.is_ok());
    assert!(published(&keys, &app, false, 300 + 86_400 + 20).await.is_err());
}

#[test]
fn registered_keys_are_parsed_when_they_change() {
    let (_, keys) = scene(Err("never asked"));
    let app = client("");
    let (one, two) = (set(), set());
    let first = keys.registered(&app, &one).unwrap();
    assert!(Arc::ptr_eq(&first, &keys.registered(&app, &one).unwrap()));
    let second = keys.registered(&app, &two).unwrap();
    assert_ne!(first.keys(), second.keys());
    assert!(keys.registered(&app, "{}").is_err());
}
