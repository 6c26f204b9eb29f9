//! How this program talks with the test that started it, a JSON value per line, as `clients/rfc/talk.mjs` does.

use openidconnect::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::error::Error;
use std::io;

/// The next line from the test.
pub fn heard() -> Result<String, Box<dyn Error>> {
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        return Err("the test has gone".into());
    }
    Ok(line.trim_end().to_owned())
}

/// Asks the test to do something that this program cannot, and gives what it answers.
pub fn asked(what: &Value) -> Result<String, Box<dyn Error>> {
    println!("{what}");
    heard()
}

/// The crate's way to bring an HTTP client of one's own. Keeps the last exchange for the message of a flow that fails.
pub struct Http {
    agent: ureq::Agent,
    last: RefCell<String>,
}

impl Http {
    pub fn new() -> Self {
        let config = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).proxy(None);
        Self { agent: config.build().into(), last: RefCell::new("no request".into()) }
    }

    /// Sends to the same address without TLS.
    pub fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
        let plain = request.uri().to_string().replacen("https://", "http://", 1);
        *request.uri_mut() = plain.parse().map_err(|_| ureq::Error::BadUri(plain))?;
        let sent = format!(
            "> {} {}\n{:?}\n{}",
            request.method(),
            request.uri(),
            request.headers(),
            String::from_utf8_lossy(request.body())
        );
        self.last.replace(sent.clone());
        let (parts, mut body) = self.agent.run(request)?.into_parts();
        let body = body.read_to_vec()?;
        let got = format!("< {}\n{:?}\n{}", parts.status, parts.headers, String::from_utf8_lossy(&body));
        self.last.replace(format!("{sent}\n\n{got}"));
        Ok(HttpResponse::from_parts(parts, body))
    }

    /// A request with a bearer token: status and body.
    pub fn get(&self, url: &str, token: &str) -> Result<Value, Box<dyn Error>> {
        let mut answer = self.agent.get(url).header("authorization", format!("Bearer {token}")).call()?;
        Ok(json!({"status": answer.status().as_u16(), "body": answer.body_mut().read_to_string()?}))
    }

    /// How a flow ended: the last line of this program.
    pub fn ended(&self, result: Result<Value, Box<dyn Error>>) {
        match result {
            Ok(result) => println!("{}", json!({ "result": result })),
            Err(error) => {
                let mut causes = vec![error.to_string()];
                let mut next = error.source();
                while let Some(cause) = next {
                    causes.push(cause.to_string());
                    next = cause.source();
                }
                println!("{}", json!({"error": causes, "last": *self.last.borrow()}));
            }
        }
    }
}
