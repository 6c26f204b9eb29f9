use super::super::client_keys;
use super::*;
use mandate_core::grant::GrantSpec;
use mandate_core::model::GrantedBy;
use mandate_core::succession::{Schedule, Turn};
use mandate_core::{Clock, OperationId, Timestamp};
use mandate_store::{Audit, Changed, Feed, IssueToken, NewToken, SigningKeyRow, Store, token_handle};
use mandate_wire::jose::{Nonces, SigningKey};
use mandate_wire::refresh_token::RefreshKeys;
use serde_json::json;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

#[derive(Debug)]
struct Still;
impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(1)
    }
}

fn audit(operation: &str) -> Audit {
    Audit {
        operation: OperationId::new(operation),
        platform: Some("p".into()),
        actor: "test".into(),
        action: "test",
        subject: String::new(),
        detail: String::new(),
        at: NOW,
    }
}

async fn turn(store: &dyn Store, kid: &str, act: Turn) -> Changed {
    let offered = SigningKeyRow {
        platform: "p".into(),
        kid: kid.into(),
        alg: "ES256".into(),
        wrapped: Vec::new(),
        public: "".into(),
        created_at: NOW,
        active_from: NOW,
        retires_at: None,
        gone_at: None,
    };
    store.turn_signing_keys(&offered, &act, Some(1000), &audit(kid)).await.unwrap()
}

/// A node hears that a key is no longer believed before it has read the keys anew: the log alone must do.
#[tokio::test]
async fn r10_a_key_that_is_not_believed_vouches_for_nothing() {
    let feed = Feed::new();
    let store = mandate_store::open("sqlite::memory:", feed.clone()).await.unwrap();
    let cache = Cached::new(store.clone(), feed, Arc::new(Still), true);
    cache.load_kills(Timestamp::from_seconds(0)).await.unwrap();
    let platform = PlatformId::new("p");
    assert_eq!(
        store.create_client(&client_keys::tests::client(""), &audit("client")).await.unwrap(),
        Changed::Done
    );
    let digest = Digest::of(b"t");
    let issue = IssueToken {
        grant: GrantSpec {
            platform: platform.clone(),
            new_id: "g".into(),
            client: "app".into(),
            user: None,
            accounts: Vec::new(),
            scopes: ScopeSet::parse("a").unwrap(),
            granted_by: GrantedBy::Client,
        },
        known_grant: None,
        scopes: ScopeSet::parse("a").unwrap(),
        partner: None,
        token: NewToken {
            digest,
            handle: token_handle(&digest),
            issued_at: NOW,
            expires_at: None,
            offset: Offset(0),
            chain: None,
        },
        stored: true,
        chain: None,
        marks: Vec::new(),
    };
    store.issue_token(&issue).await.unwrap();

    let pkcs8 = SigningKey::generate(Alg::Es256).unwrap();
    let key = Arc::new(SigningKey::from_pkcs8(Alg::Es256, &pkcs8, Some("k1")).unwrap());
    let definition = mandate_wire::platform_file::read(
        include_str!("../../../../../platforms/rfc.toml"),
        mandate_wire::dialect::Dialects::shipped(),
    )
    .unwrap();
    let refresh = RefreshKeys::new(1, Vec::new());
    let keys = Keys::new(
        vec![key.clone()],
        Vec::new(),
        refresh,
        Nonces::new(&[0; 32]),
        &definition,
        crate::rfc::MutualTls::default(),
    );
    let never = Turn::Due(Schedule { rotate_ms: None, publish_ms: 0 });
    assert_eq!(turn(&*store, "k1", never).await, Changed::Done);

    // whoever has the key writes what he likes into his tokens
    let offsets = [cache.feed().applied().0, u64::MAX];
    let texts = offsets.map(|off| {
        let claims = json!({
            "iss": "https://p", "aud": "x", "jti": "j", "grant": "g", "scope": "a", "client_id": "app",
            "iat": NOW.seconds(), "exp": NOW.seconds() + 600, "off": off,
        });
        key.sign("at+jwt", &claims).unwrap()
    });
    let found = async |text: &str| {
        let digest = Digest::of(text.as_bytes());
        facts(&cache, &keys, (&platform, "https://p"), text, digest).await.unwrap()
    };
    for text in &texts {
        let facts = found(text).await.expect("it is believed");
        assert_eq!(facts.token.signed_by.as_deref(), Some("k1"));
        cache.keep_token(&facts, cache.feed().applied());
        assert!(cache.peek_token(&platform, &facts.token.digest).is_some());
    }
    assert_eq!(turn(&*store, "k2", Turn::Distrust { kid: "k1".into() }).await, Changed::Done);
    for text in &texts {
        assert!(cache.peek_token(&platform, &Digest::of(text.as_bytes())).is_none(), "it was remembered");
        assert!(found(text).await.is_none(), "its key is still in the node's set");
    }
}
