//! A week of calls against an issuer that fails in all the ways that pass.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod model;

use mandate_session::{Next, Session};
use model::{Dice, Model, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const WEEK_MS: i64 = 7 * 86_400_000;
const CALLS: u64 = 110_000;

/// One call as an integration makes it. Whether the program sees anything but success.
async fn call(session: &Session, model: &Model, refused: &AtomicU64) -> Result<(), String> {
    let url = "https://api.example/data".parse().unwrap();
    let mut call = session.authorize(&http::Method::GET, &url).await.map_err(|e| e.to_string())?;
    loop {
        let value = call.headers()["authorization"].to_str().unwrap().to_owned();
        if model.admits(value.trim_start_matches("Bearer ")) {
            return Ok(());
        }
        refused.fetch_add(1, Ordering::Relaxed);
        let body = br#"{"cause": "token.expired", "error": "invalid_token"}"#;
        let status = http::StatusCode::UNAUTHORIZED;
        match session.answered(&call, status, &http::HeaderMap::new(), body, true).await {
            Ok(Next::Again(again)) => call = *again,
            Ok(Next::Return) => return Err("token expired".to_owned()),
            Err(e) => return Err(e.to_string()),
        }
    }
}

/// `MANDATE_SEED=N` repeats a week.
#[test]
fn no_expired_token_reaches_the_program_in_a_week() {
    let by_chance = u64::from(std::process::id()) * 7_919;
    let seed = std::env::var("MANDATE_SEED").map_or(by_chance, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let time = Time::new(95_000);
    let model = Model::new(&time, seed, 2, 5);
    let session = model.session();
    let dice = Dice::new(seed ^ 0xabcd);
    let (refused, calls) = (Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut corrections =
            [(WEEK_MS / 2, -95_000), (WEEK_MS * 3 / 4, 700_000), (WEEK_MS * 7 / 8, -700_000)]
                .iter()
                .peekable();
        while calls.load(Ordering::Relaxed) < CALLS || time.now() < model::START + WEEK_MS {
            // Evenly over the week, some at once, and now and then a long silence.
            time.pass(i64::try_from(dice.below(2 * 60_480 / 11)).unwrap());
            if dice.below(500) == 0 {
                time.pass(i64::try_from(dice.below(900_000)).unwrap());
            }
            if let Some((_, by)) = corrections.next_if(|(at, _)| time.now() > model::START + at) {
                time.off.fetch_add(*by, Ordering::SeqCst);
            }
            let together: Vec<_> = (0..if dice.below(50) == 0 { 8 } else { 1 })
                .map(|_| {
                    let (session, model, refused) =
                        (session.clone(), Arc::clone(&model), Arc::clone(&refused));
                    tokio::spawn(async move { call(&session, &model, &refused).await })
                })
                .collect();
            for each in together {
                let n = calls.fetch_add(1, Ordering::Relaxed);
                let done = each.await.unwrap();
                assert_eq!(
                    done,
                    Ok(()),
                    "call {n}, seed {seed}, {} s into the week",
                    (time.now() - model::START) / 1_000
                );
            }
        }
        assert!(corrections.peek().is_none(), "the clock was corrected");
    });
    let (calls, served) = (calls.into_inner(), model.served.load(Ordering::Relaxed));
    println!("{calls} calls, {served} tokens, {} calls sent twice", refused.load(Ordering::Relaxed));
    assert!(calls >= 100_000);
    // A week of 300 s tokens; renewed at the latest a minute early, and lost ones again.
    assert!((1_500..4_000).contains(&served), "{served} tokens");
}
