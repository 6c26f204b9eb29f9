//! Goes through the steps of one scenario.

use super::expect::{self, Answer};
use super::server::Server;
use super::world::{Process, World};
use mandate_session::{CallError, Error};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use url::Url;

type Done = Result<(), String>;

pub(crate) async fn scenario(server: &Server, scenario: &Json, real: bool, peer: Option<Json>) -> Done {
    expect::known(
        scenario,
        &["name", "about", "real", "only", "because", "issuer", "session", "steps", "peer", "use"],
    )?;
    let mut world = World::new(server, scenario, real, peer).await;
    let mut done: Done = Ok(());
    for (n, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
        done = world.step(step).await.map_err(|why| format!("step {}, {step}:\n{why}", n + 1));
        if let Err(why) = &mut done {
            let log = world.order(&json!({"op": "log"})).await;
            let lines: Vec<String> = log["requests"].as_array().unwrap().iter().map(expect::line).collect();
            *why = format!("{why}\nrequests since:\n  {}", lines.join("\n  "));
            break;
        }
    }
    if done.is_ok() {
        done = world.end().await.map_err(|why| format!("at the end: {why}"));
    }
    world.order(&json!({"op": "end"})).await;
    done
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a test")]
fn ms(seconds: &Json) -> i64 {
    (seconds.as_f64().unwrap() * 1_000.0).round() as i64
}

impl World {
    async fn step(&mut self, step: &Json) -> Done {
        let words = ["session", "with", "expect", "as", "after", "plus"];
        let verbs: Vec<&String> =
            step.as_object().unwrap().keys().filter(|k| !words.contains(&k.as_str())).collect();
        let [verb] = verbs[..] else { return Err(format!("not one verb: {verbs:?}")) };
        let what = &step[verb];
        match verb.as_str() {
            "call" => self.call(step, what).await,
            "token" => {
                let came = match self.process(step) {
                    Ok(process) => {
                        let token = process.session.token().await;
                        process.say(&token);
                        token.map(|_| Answer {
                            status: 200,
                            headers: http::HeaderMap::new(),
                            body: Vec::new(),
                        })
                    }
                    Err(e) => Err(e),
                };
                expect::outcome(&came, &step["expect"])
            }
            "state" => {
                let process = self.process(step).map_err(|e| e.to_string())?;
                let state = process.session.state();
                process.say(&state);
                process.say(&process.session);
                expect::has(&expect::state(&state, self.now()), what)
            }
            "advance" => {
                self.clock.advance(ms(what)).await;
                Ok(())
            }
            "advance_to" => {
                let process = self.process(step).map_err(|e| e.to_string())?;
                let token = process.session.token().await.map_err(|e| e.to_string())?;
                let at = match what.as_str().unwrap() {
                    "renew_at" => token.renew_at(),
                    "usable_until" => token.usable_until(),
                    "end" => token.ends_at(),
                    other => return Err(format!("unknown moment {other}")),
                };
                let plus = step.get("plus").map_or(0, ms);
                self.clock.advance(at.ok_or("the token has no end")? + plus - self.clock.now()).await;
                Ok(())
            }
            "fault" => {
                let mut order = what.clone();
                order["op"] = json!("fault");
                self.order(&order).await;
                Ok(())
            }
            "issuer" => {
                self.order(what).await;
                Ok(())
            }
            "store" => {
                self.store_step(what.as_str().unwrap()).await;
                Ok(())
            }
            "store_has" => expect::has(&self.stored(), what),
            "store_lacks" => {
                for thing in what.as_array().unwrap() {
                    let path = match thing.as_str().unwrap() {
                        "lock" => self.file(".lock"),
                        "file" => self.file(".json"),
                        other => return Err(format!("unknown thing {other}")),
                    };
                    if path.exists() {
                        return Err(format!("{} is there", path.display()));
                    }
                }
                Ok(())
            }
            "login" => self.login(step, what.as_str().unwrap()).await,
            "close" => {
                self.process(step).map_err(|e| e.to_string())?.session.close().await;
                Ok(())
            }
            "logout" => {
                self.process(step).map_err(|e| e.to_string())?.session.logout().await;
                Ok(())
            }
            "wait" => {
                tokio::time::sleep(std::time::Duration::from_secs_f64(what.as_f64().unwrap())).await;
                Ok(())
            }
            "peer_advance" => self.peer_advance(what).await,
            "watch" => self.watch(step, what).await,
            "refusal" => {
                let refusal = self.last.as_ref().ok_or("there was no answer")?.refusal();
                expect::has(&expect::as_json(&refusal), what)
            }
            "requests" => {
                let log = self.order(&json!({"op": "log"})).await;
                expect::requests(log["requests"].as_array().unwrap(), what.as_array().unwrap())
            }
            "count" => {
                let log = self.order(&json!({"op": "log"})).await;
                for (to, wanted) in what.as_object().unwrap() {
                    let came = log["requests"].as_array().unwrap().iter().filter(|r| r["to"] == **to).count();
                    if wanted.as_u64() != Some(came as u64) {
                        return Err(format!("{came} requests to {to}, expected {wanted}"));
                    }
                }
                Ok(())
            }
            "slept" => {
                let slept = expect::seconds(self.clock.take_slept());
                let low_high = (what[0].as_f64().unwrap(), what[1].as_f64().unwrap());
                let fits = slept.as_f64().is_some_and(|s| s >= low_high.0 && s <= low_high.1);
                if fits { Ok(()) } else { Err(format!("slept {slept} s")) }
            }
            "events" | "events_have" => {
                let process = self.process(step).map_err(|e| e.to_string())?;
                let came = json!(std::mem::take(&mut *process.events.lock().unwrap()));
                let all = what.as_array().unwrap();
                let fits = if verb == "events" {
                    &came == what
                } else {
                    all.iter().all(|name| came.as_array().unwrap().contains(name))
                };
                if fits { Ok(()) } else { Err(format!("events: {came}")) }
            }
            other => Err(format!("unknown step `{other}`")),
        }
    }

    async fn call(&mut self, step: &Json, call: &Json) -> Done {
        expect::known(
            call,
            &["path", "method", "body", "times", "parallel", "stream_body", "sessions", "late"],
        )?;
        let names = call["sessions"].as_array().cloned().unwrap_or_default();
        let mut processes = Vec::new();
        for step in if names.is_empty() {
            vec![step.clone()]
        } else {
            names.iter().map(|n| json!({"session": n})).collect()
        } {
            match self.process(&step) {
                Ok(process) => processes.push(process),
                Err(e) => return expect::outcome(&Err(e), &json!({"error": step["expect"]["error"]})),
            }
        }
        let one = |n: usize| {
            let process = Arc::clone(&processes[n % processes.len()]);
            let (url, call) =
                (format!("{}{}", self.api, self.path(call["path"].as_str().unwrap())), call.clone());
            async move { send(&process, &url, &call).await }
        };
        let mut answers = Vec::new();
        if let Some(parallel) = call["parallel"].as_u64() {
            let all: Vec<_> = (0..usize::try_from(parallel).unwrap()).map(|n| tokio::spawn(one(n))).collect();
            for each in all {
                answers.push(each.await.map_err(|e| e.to_string())?);
            }
        } else if let Some(times) = call["late"].as_array() {
            let (answer, passed) = tokio::join!(one(0), self.pass_time(times));
            passed?;
            answers.push(answer);
        } else {
            for n in 0..usize::try_from(call["times"].as_u64().unwrap_or(1)).unwrap() {
                answers.push(one(n).await);
            }
        }
        for answer in &answers {
            processes[0].say(&answer.as_ref().err());
            expect::outcome(answer, &step["expect"])?;
        }
        self.last = answers.pop().and_then(Result::ok);
        Ok(())
    }

    /// Lets time pass while requests of a call are on the way.
    async fn pass_time(&self, times: &[Json]) -> Done {
        for time in times {
            if self.server.order(&self.id, &json!({"op": "held"})).await["held"] != true {
                return Err("fewer requests were sent than time was to pass for".into());
            }
            self.clock.advance(ms(time)).await;
            self.server.order(&self.id, &json!({"op": "let_go"})).await;
        }
        Ok(())
    }

    async fn login(&mut self, step: &Json, how: &str) -> Done {
        let process = self.process(step).map_err(|e| e.to_string())?;
        let as_ = step["as"].as_str().unwrap_or("allow").to_owned();
        let session = &process.session;
        let done: Result<(), Error> = match how {
            "code" => match session.login_by_code("http://127.0.0.1:9/callback").await {
                Ok(login) => {
                    process.say(&login);
                    let back = browse(login.address(), &as_, "http://127.0.0.1:9/").await?;
                    login.finish(&back).await
                }
                Err(e) => Err(e),
            },
            "loopback" => {
                let mut browser = None;
                let done = session
                    .login_by_loopback(|address| {
                        let address = address.clone();
                        browser = Some(tokio::spawn(async move {
                            let back = browse(&address, &as_, "http://127.0.0.1").await.unwrap();
                            let elsewhere = back.join("/favicon.ico").unwrap();
                            assert_eq!(get(&elsewhere).await.status().as_u16(), 404);
                            assert_eq!(get(&back).await.status().as_u16(), 200);
                        }));
                    })
                    .await;
                browser.unwrap().await.map_err(|e| e.to_string())?;
                done
            }
            "device" => match session.login_by_device().await {
                Ok(login) => {
                    process.say(&login);
                    let order = match as_.as_str() {
                        "allow" => Some("approve"),
                        "deny" => Some("deny"),
                        "nobody" => None,
                        other => return Err(format!("unknown person {other}")),
                    };
                    if let Some(order) = order {
                        self.clock.order_after(step.get("after").map_or(0, ms), json!({"op": order}));
                    }
                    login.finish().await
                }
                Err(e) => Err(e),
            },
            "browser" => self.browser(&process).await,
            other => return Err(format!("unknown login {other}")),
        };
        process.say(&done);
        let came = done.map(|()| Answer { status: 200, headers: http::HeaderMap::new(), body: Vec::new() });
        expect::outcome(&came, &step["expect"])
    }

    async fn watch(&mut self, step: &Json, what: &Json) -> Done {
        let process = self.process(step).map_err(|e| e.to_string())?;
        let mut renewals = process.session.renewals();
        self.clock.by_hand(true);
        let tokens = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counter = Arc::clone(&tokens);
        let watching = tokio::spawn(async move {
            while renewals.next().await.is_some() {
                counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        });
        for _ in 0..what["during"].as_u64().unwrap() {
            self.settled().await;
            self.clock.advance(1_000).await;
        }
        self.settled().await;
        watching.abort();
        self.clock.by_hand(false);
        let came = tokens.load(std::sync::atomic::Ordering::SeqCst);
        if Some(came) == what["expect_tokens"].as_u64() { Ok(()) } else { Err(format!("{came} tokens")) }
    }

    /// Lets requests under way come to their end: real time, for real sockets.
    async fn settled(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(8)).await;
    }
}

/// One authorized call by the library's client.
async fn send(process: &Process, url: &str, call: &Json) -> Result<Answer, Error> {
    let method = call["method"].as_str().unwrap_or("GET").parse().unwrap();
    let mut request = process.client.request(method, url);
    if let Some(body) = call["body"].as_str() {
        let body = body.to_owned();
        request = if call["stream_body"] == json!(true) {
            let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(body)]);
            request.body(reqwest::Body::wrap_stream(stream))
        } else {
            request.body(body)
        };
    }
    let response = process.client.send(request).await.map_err(|e| match e {
        CallError::Session(e) => e,
        other => panic!("the API cannot be reached: {other}"),
    })?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.unwrap().to_vec();
    Ok(Answer { status, headers, body })
}

async fn get(url: &Url) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.build().unwrap().get(url.clone()).send().await.unwrap()
}

/// The browser: opens the address as somebody who answers in this way, and follows up to where it is sent back.
async fn browse(address: &Url, as_: &str, back: &str) -> Result<Url, String> {
    let mut url = address.clone();
    url.query_pairs_mut().append_pair("as", as_);
    for _ in 0..5 {
        let response = get(&url).await;
        let Some(place) = response.headers().get("location") else {
            return Err(format!("the issuer answered {} without a way back", response.status()));
        };
        url = url.join(place.to_str().unwrap()).unwrap();
        if url.as_str().starts_with(back) && url.path() == "/callback" {
            return Ok(url);
        }
    }
    Err("too many redirects".to_owned())
}
