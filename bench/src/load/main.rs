//! The load generator: a closed loop over a number of keep-alive connections, on one thread.
//!
//! It reads a plan as JSON on standard input, sends what the plan says, checks every answer, and prints what came of it
//! as one line of JSON. See [`plan::Plan`] for the fields.
//!
//! Latencies are those of a closed loop: a slow answer delays the next question, so the tail looks better than it
//! would to clients that do not wait for each other.

mod connection;
mod plan;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::{LocalSet, spawn_local};

use crate::connection::{Answer, Connection};
use crate::plan::Plan;

/// After so many answers that are not as expected there is nothing to measure.
const ERRORS_BORNE: u64 = 100;

/// What all connections share.
struct Run {
    plan: Plan,
    requests: Vec<Vec<u8>>,
    sent: Cell<usize>,
    answered: Cell<u64>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
    latencies: RefCell<Histogram<u64>>,
    captured: RefCell<Vec<String>>,
    /// In chains: each connection's row as it stands.
    standing: RefCell<Vec<Vec<String>>>,
    deadline: Instant,
}

/// What is printed in the end.
#[derive(Serialize)]
struct Outcome {
    requests: u64,
    errors: u64,
    first_error: Option<String>,
    seconds: f64,
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    captured: Vec<String>,
    /// In chains: what the next run has to begin with.
    rows: Vec<Vec<String>>,
}

fn main() -> Result<()> {
    let plan: Plan =
        serde_json::from_reader(std::io::stdin().lock()).context("the plan on standard input")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let began = Instant::now();
    let run = Rc::new(Run {
        requests: if plan.chain.is_some() { Vec::new() } else { plan.requests() },
        sent: Cell::default(),
        answered: Cell::default(),
        errors: Cell::default(),
        first_error: RefCell::default(),
        latencies: RefCell::new(Histogram::new_with_bounds(1, 60_000_000_000, 3)?),
        captured: RefCell::default(),
        standing: RefCell::new(if plan.chain.is_some() { plan.rows.clone() } else { Vec::new() }),
        deadline: began + Duration::from_secs_f64(plan.seconds),
        plan,
    });
    LocalSet::new().block_on(&runtime, drive(&run))?;
    report(&run, began.elapsed())
}

/// Runs all connections to their end; a server that stops answering does not hold it for ever.
async fn drive(run: &Rc<Run>) -> Result<()> {
    let connections: Vec<_> =
        (0..run.plan.width()).map(|number| spawn_local(one(Rc::clone(run), number))).collect();
    let patience = Duration::from_secs_f64(run.plan.seconds + 20.0);
    tokio::time::timeout(patience, async {
        for connection in connections {
            connection.await??;
        }
        Ok(())
    })
    .await
    .context("the server stopped answering")?
}

/// One connection: question, answer, next question; a lost connection is an error and is opened again.
async fn one(run: Rc<Run>, number: usize) -> Result<()> {
    let mut connection = Connection::open(run.plan.address).await?;
    let mut own;
    while let Some(turn) = run.next() {
        let request = if run.plan.chain.is_some() {
            own = run.plan.template.fill(&run.standing.borrow()[number]);
            &own
        } else {
            &run.requests[turn % run.requests.len()]
        };
        let asked = Instant::now();
        let outcome = connection.ask(request).await;
        let took = asked.elapsed();
        let reopen = match &outcome {
            Ok(answer) => answer.closes,
            Err(_) => true,
        };
        run.record(outcome, took, number);
        if reopen {
            connection = Connection::open(run.plan.address).await?;
        }
    }
    Ok(())
}

impl Run {
    /// The number of the next request; none when the time, the number or the requests are used up.
    fn next(&self) -> Option<usize> {
        let sent = self.sent.get();
        let over = Instant::now() >= self.deadline
            || self.errors.get() >= ERRORS_BORNE
            || self.plan.count.is_some_and(|count| sent >= count)
            || self.plan.once && sent >= self.requests.len();
        self.sent.set(sent + 1);
        (!over).then_some(sent)
    }

    fn record(&self, outcome: Result<Answer<'_>>, took: Duration, number: usize) {
        let checked = outcome.and_then(|answer| {
            self.plan.expect.check(answer.status, answer.body)?;
            if let Some(field) = &self.plan.chain {
                self.standing.borrow_mut()[number][0] = plan::field(answer.body, field)?;
            }
            match &self.plan.capture {
                Some(field) => Ok(Some(plan::field(answer.body, field)?)),
                None => Ok(None),
            }
        });
        match checked {
            Ok(captured) => {
                self.answered.set(self.answered.get() + 1);
                self.captured.borrow_mut().extend(captured);
                let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                self.latencies.borrow_mut().saturating_record(nanoseconds);
            }
            Err(error) => {
                self.errors.set(self.errors.get() + 1);
                self.first_error.borrow_mut().get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no count or duration here reaches 2^52")]
fn report(run: &Run, took: Duration) -> Result<()> {
    let latencies = run.latencies.borrow();
    let microseconds = |quantile| latencies.value_at_quantile(quantile) as f64 / 1000.0;
    let outcome = Outcome {
        requests: run.answered.get(),
        errors: run.errors.get(),
        first_error: run.first_error.take(),
        seconds: took.as_secs_f64(),
        per_second: run.answered.get() as f64 / took.as_secs_f64(),
        p50_us: microseconds(0.5),
        p99_us: microseconds(0.99),
        max_us: microseconds(1.0),
        captured: run.captured.take(),
        rows: run.standing.take(),
    };
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, &outcome)?;
    writeln!(output)?;
    Ok(())
}
