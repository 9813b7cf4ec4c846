//! `/metrics/snapshot`, and `/metrics` in the text form of Prometheus.
//!
//! Mirrors `MetricsProcess` in `3rdparty/libprocess/src/metrics/metrics.cpp`.

use std::collections::BTreeMap;

use mesos_proto_codec::json::write_double;

use crate::context::Context;
use crate::duration_text;
use crate::future::Future;
use crate::http::{Help, Needed, Request, Response};
use crate::id::ProcessId;
use crate::limiter::RateLimiter;
use crate::metrics::RateLimit;
use crate::process::Process;

/// How many lines the Prometheus text has at most: scrapers must not drown in names that tasks invent.
const PROMETHEUS_LINES: usize = 20_000;

/// Serves the values of all metrics.
pub(super) struct MetricsProcess {
    realm: Option<String>,
    limit: Option<RateLimit>,
    limiter: Option<RateLimiter>,
}

impl MetricsProcess {
    pub(super) const fn new(realm: Option<String>, limit: Option<RateLimit>) -> Self {
        Self {
            realm,
            limit,
            limiter: None,
        }
    }

    fn snapshot(&self, request: &Request, ctx: &Context<Self>) -> Future<Response> {
        let timeout = match request
            .query
            .get("timeout")
            .map(|text| (text, duration_text::parse(text)))
        {
            None => None,
            Some((_, Ok(timeout))) => Some(timeout),
            Some((text, Err(why))) => {
                return Response::bad_request(format!("Invalid timeout '{text}': {why}.\n")).into();
            }
        };
        let jsonp = request.query.get("jsonp").map(str::to_owned);
        let metrics = ctx.runtime().metrics().clone();
        self.permit()
            .then(move |()| metrics.snapshot(timeout))
            .map(move |values| Response::ok_json(to_json(&values), jsonp.as_deref()))
    }

    fn prometheus(&self, ctx: &Context<Self>) -> Future<Response> {
        let metrics = ctx.runtime().metrics().clone();
        self.permit()
            .then(move |()| metrics.snapshot(None))
            .map(|values| {
                Response::ok_text(to_prometheus(&values))
                    .with_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
            })
    }

    fn permit(&self) -> Future<()> {
        self.limiter
            .as_ref()
            .map_or_else(|| Future::ready(()), RateLimiter::acquire)
    }
}

impl Process for MetricsProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("metrics")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let clock = ctx.runtime().clock().clone();
        self.limiter = self
            .limit
            .map(|limit| RateLimiter::new(clock, limit.requests, limit.interval));
        let help = Help::new(
            "Provides a snapshot of the current metrics.",
            &[
                "This endpoint provides information regarding the current metrics",
                "tracked by the system.",
                "",
                "The optional query parameter 'timeout' determines the maximum",
                "amount of time the endpoint will take to respond. If the timeout",
                "is exceeded, some metrics may not be included in the response.",
                "",
                "The key is the metric name, and the value is a double-type.",
            ],
        )
        .authentication(Needed::Yes);
        let realm = self.realm.clone().unwrap_or_default();
        ctx.route_in_realm("/snapshot", &realm, help, |process, request, ctx| {
            process.snapshot(&request, ctx)
        });
        let help = Help::new("Provides all metrics in the text form of Prometheus.", &[])
            .authentication(Needed::Yes);
        ctx.route_in_realm("/", &realm, help, |process, _, ctx| process.prometheus(ctx));
    }
}

/// A flat object, keys sorted, values always doubles.
fn to_json(values: &BTreeMap<String, f64>) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (key, value) in values {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(serde_json::Value::from(key.as_str()).to_string().as_bytes());
        out.push(b':');
        write_double(*value, &mut out);
    }
    out.push(b'}');
    out
}

fn to_prometheus(values: &BTreeMap<String, f64>) -> String {
    let mut text = String::new();
    let mut last = String::new();
    for (key, value) in values.iter().take(PROMETHEUS_LINES) {
        let name: String = key
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == ':' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        // Two keys may become one name; the first stays.
        if name == last {
            continue;
        }
        let name = if name.starts_with(|c: char| c.is_ascii_digit()) {
            format!("_{name}")
        } else {
            name
        };
        text.push_str(&format!("# TYPE {name} untyped\n{name} {value}\n"));
        last = name;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_doubles_under_sorted_keys() {
        let values = BTreeMap::from([("b/x".to_owned(), 1.0), ("a\"".to_owned(), 0.25)]);

        assert_eq!(to_json(&values), br#"{"a\"":0.25,"b/x":1.0}"#);
        assert_eq!(to_json(&BTreeMap::new()), b"{}");
    }

    #[test]
    fn prometheus_names_have_no_slashes() {
        let values = BTreeMap::from([("master/tasks_lost".to_owned(), 2.0)]);

        assert_eq!(
            to_prometheus(&values),
            "# TYPE master_tasks_lost untyped\nmaster_tasks_lost 2\n"
        );
    }
}
