//! Routes of an actor: lookup, body, authentication, authorization, handler.
//!
//! # Invariants
//! - Requests of one connection reach their handlers in their order: one whose body is still on its way holds up the
//!   later ones of its connection, and of no other.
//! - Else handlers start in the order in which the bodies of their requests were complete: one request at a time is
//!   being authenticated and authorized.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;

use super::Context;
use crate::future::{Future, Outcome};
use crate::http::pipe::{self, ReadAllError};
use crate::http::{
    self, Authentication, Exchange, Help, Incoming, Principal, Request, Response, authentication,
};
use crate::process::Process;
use crate::promise::Promise;

type Handler<P> = dyn Fn(&mut P, Request, &mut Context<P>) -> Future<Response>;

/// How a handler wants the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyMode {
    Whole,
    Stream,
}

struct Route<P: Process> {
    mode: BodyMode,
    realm: Option<String>,
    handler: Box<Handler<P>>,
}

/// A request whose body is settled, on its way to the handler.
struct Admitted {
    request: Request,
    route: String,
    promise: Promise<Response>,
}

/// The routes of one actor.
pub(super) struct Routes<P: Process> {
    routes: HashMap<String, Rc<Route<P>>>,
    assets: HashMap<String, PathBuf>,
    /// Requests behind one whose body is on its way, by connection.
    reading: HashMap<u64, VecDeque<(Admitted, Incoming)>>,
    waiting: VecDeque<Admitted>,
    busy: bool,
    /// The route `/` answers whatever no other route takes.
    catch_all: bool,
}

impl<P: Process> Default for Routes<P> {
    fn default() -> Self {
        Self {
            routes: HashMap::new(),
            assets: HashMap::new(),
            reading: HashMap::new(),
            waiting: VecDeque::new(),
            busy: false,
            catch_all: false,
        }
    }
}

impl<P: Process> Routes<P> {
    /// The route with the longest matching prefix. The empty name finds only the route `/`.
    fn find(&self, name: &str) -> Option<(&str, Rc<Route<P>>)> {
        let mut prefix = name;
        loop {
            if let Some((name, route)) = self.routes.get_key_value(prefix) {
                return Some((name, Rc::clone(route)));
            }
            prefix = match prefix.rsplit_once('/') {
                Some((shorter, _)) => shorter,
                None if self.catch_all && !prefix.is_empty() => "",
                None => return None,
            };
        }
    }

    /// The file behind a path without a route: an asset, or something below it.
    fn asset(&self, path: &str) -> Option<Response> {
        let mut tokens = path.split('/').filter(|token| !token.is_empty()).skip(1);
        let name = tokens.next().unwrap_or("");
        let mut file = self.assets.get(name)?.clone();
        for token in tokens {
            file.push(token);
        }
        let last = path
            .rsplit('/')
            .find(|token| !token.is_empty())
            .unwrap_or_default();
        let content_type =
            http::content_type(last).or_else(|| http::content_type(file.file_name()?.to_str()?));
        let response = Response::file(file);
        Some(match content_type {
            Some(content_type) => response.with_header("content-type", content_type),
            None => response,
        })
    }
}

/// What of a path follows the first segment, without slashes around it.
fn route_name(path: &str) -> &str {
    let token = path
        .split('/')
        .find(|token| !token.is_empty())
        .unwrap_or_default();
    path.strip_prefix('/')
        .and_then(|path| path.strip_prefix(token))
        .unwrap_or(path)
        .trim_matches('/')
}

impl<P: Process> Context<P> {
    /// Answers requests to `/<id><path>`, and to what lies below it, with `handler`.
    ///
    /// The handler gets the whole body. The path starts with `/`; the last registration counts.
    pub fn route(
        &mut self,
        path: &str,
        help: Help,
        handler: impl Fn(&mut P, Request, &mut Self) -> Future<Response> + Send + 'static,
    ) {
        self.add_route(path, None, BodyMode::Whole, help, Box::new(handler));
    }

    /// As [`Context::route`], for principals that the realm's authenticator lets in.
    ///
    /// A realm without an authenticator lets everybody in, without a principal.
    pub fn route_in_realm(
        &mut self,
        path: &str,
        realm: &str,
        help: Help,
        handler: impl Fn(&mut P, Request, &mut Self) -> Future<Response> + Send + 'static,
    ) {
        self.add_route(path, Some(realm), BodyMode::Whole, help, Box::new(handler));
    }

    /// As [`Context::route`]; the handler starts at once and reads the body from `request.reader`.
    pub fn route_streaming(
        &mut self,
        path: &str,
        help: Help,
        handler: impl Fn(&mut P, Request, &mut Self) -> Future<Response> + Send + 'static,
    ) {
        self.add_route(path, None, BodyMode::Stream, help, Box::new(handler));
    }

    /// Both of [`Context::route_streaming`] and [`Context::route_in_realm`].
    pub fn route_streaming_in_realm(
        &mut self,
        path: &str,
        realm: &str,
        help: Help,
        handler: impl Fn(&mut P, Request, &mut Self) -> Future<Response> + Send + 'static,
    ) {
        self.add_route(path, Some(realm), BodyMode::Stream, help, Box::new(handler));
    }

    /// As [`Context::route`], also for every path below that no other route takes; `/` takes all.
    ///
    /// Unlike C++, where the route `/` answers for itself only.
    pub fn route_below(
        &mut self,
        path: &str,
        help: Help,
        handler: impl Fn(&mut P, Request, &mut Self) -> Future<Response> + Send + 'static,
    ) {
        self.route(path, help, handler);
        if path == "/" {
            self.http.catch_all = true;
        }
    }

    /// Serves a file or a directory at `/<id>/<name>`; the empty name is `/<id>` itself.
    pub fn provide(&mut self, name: &str, path: impl Into<PathBuf>) {
        self.http.assets.insert(name.to_owned(), path.into());
    }

    fn add_route(
        &mut self,
        path: &str,
        realm: Option<&str>,
        mode: BodyMode,
        help: Help,
        handler: Box<Handler<P>>,
    ) {
        let name = path.trim_matches('/').to_owned();
        self.runtime.help_pages().add(&self.upid().id, &name, help);
        let realm = realm.map(str::to_owned);
        self.http.routes.insert(
            name,
            Rc::new(Route {
                mode,
                realm,
                handler,
            }),
        );
    }

    /// Looks up the route and sees to the body.
    pub(crate) fn serve_http(&mut self, process: &mut P, exchange: Exchange) {
        let Exchange {
            mut request,
            body,
            promise,
        } = exchange;
        let found = self.http.find(route_name(&request.path)).or_else(|| {
            let plain = self.runtime.inner().json_aliases.plain(&request.path)?;
            self.http.find(route_name(plain))
        });
        let Some((name, route)) = found else {
            let response = self.http.asset(&request.path);
            promise.set(response.unwrap_or_else(Response::not_found));
            return;
        };
        request.set_route(name);
        let mut admitted = Admitted {
            route: name.to_owned(),
            request,
            promise,
        };
        match (route.mode, body) {
            (BodyMode::Whole, body) => {
                let connection = admitted.request.connection;
                match self.http.reading.get_mut(&connection) {
                    Some(later) if connection != 0 => later.push_back((admitted, body)),
                    Some(_) | None => self.settle_body(process, admitted, body),
                }
                return;
            }
            (BodyMode::Stream, Incoming::Stream(reader)) => {
                admitted.request.reader = Some(reader);
            }
            (BodyMode::Stream, Incoming::Whole(bytes)) => {
                let (writer, reader) = pipe::pipe();
                writer.write(bytes);
                writer.close();
                admitted.request.reader = Some(reader);
            }
        }
        self.queue_up(process, admitted);
    }

    fn settle_body(&mut self, process: &mut P, mut admitted: Admitted, body: Incoming) {
        match body {
            Incoming::Whole(bytes) => {
                admitted.request.body = bytes;
                self.queue_up(process, admitted);
            }
            Incoming::Stream(reader) => {
                let connection = admitted.request.connection;
                self.http.reading.entry(connection).or_default();
                self.read_body(reader, admitted);
            }
        }
    }

    fn read_body(&self, mut reader: pipe::Reader, mut admitted: Admitted) {
        let limit = self.runtime.limits().http_body;
        let connection = admitted.request.connection;
        self.perform(
            async move { reader.read_all(limit).await },
            move |process, outcome, ctx| {
                match outcome {
                    Ok(body) => {
                        admitted.request.body = body;
                        ctx.queue_up(process, admitted);
                    }
                    Err(ReadAllError::TooLong { .. }) => {
                        admitted
                            .promise
                            .set(Response::default_text(413).with_header("connection", "close"));
                    }
                    Err(ReadAllError::Pipe(error)) => {
                        admitted
                            .promise
                            .set(Response::internal_server_error(error.to_string()));
                    }
                }
                ctx.next_of_connection(process, connection);
            },
        );
    }

    /// Goes on with the requests that came behind one whose body is complete now.
    fn next_of_connection(&mut self, process: &mut P, connection: u64) {
        let mut later = self.http.reading.remove(&connection).unwrap_or_default();
        while let Some((admitted, body)) = later.pop_front() {
            let is_stream = matches!(body, Incoming::Stream(_));
            self.settle_body(process, admitted, body);
            if is_stream {
                self.http.reading.insert(connection, later);
                return;
            }
        }
    }

    fn queue_up(&mut self, process: &mut P, admitted: Admitted) {
        if self.http.busy {
            self.http.waiting.push_back(admitted);
        } else {
            self.authenticate(process, admitted);
        }
    }

    fn authenticate(&mut self, process: &mut P, admitted: Admitted) {
        let realm = self
            .http
            .routes
            .get(&admitted.route)
            .and_then(|route| route.realm.clone());
        let authenticator =
            realm.and_then(|realm| self.runtime.authentication().authenticator(&realm));
        let Some(authenticator) = authenticator else {
            self.authorize(process, admitted);
            return;
        };
        self.http.busy = true;
        let found = authenticator.authenticate(&admitted.request);
        self.on_any(found, move |process, outcome, ctx| {
            ctx.http.busy = false;
            ctx.on_authenticated(process, outcome, admitted);
            ctx.next_waiting(process);
        });
    }

    fn on_authenticated(
        &mut self,
        process: &mut P,
        outcome: Outcome<Authentication>,
        mut admitted: Admitted,
    ) {
        match outcome.map(authentication::judge) {
            Outcome::Ready(Ok(principal)) => {
                admitted.request.principal = Some(principal);
                self.authorize(process, admitted);
            }
            Outcome::Ready(Err(response)) => admitted.promise.set(*response),
            Outcome::Failed(text) => admitted.promise.set(Response::internal_server_error(text)),
            Outcome::Discarded | Outcome::Abandoned => {
                admitted.promise.set(Response::default_text(500));
            }
        }
    }

    fn authorize(&mut self, process: &mut P, admitted: Admitted) {
        let path = format!("/{}/{}", self.upid().id, admitted.route);
        let Some(callback) = self.runtime.authentication().callback(&path) else {
            self.handle(process, admitted);
            return;
        };
        self.http.busy = true;
        let principal: Option<&Principal> = admitted.request.principal.as_ref();
        let allowed = callback(&admitted.request, principal);
        self.on_any(allowed, move |process, outcome, ctx| {
            ctx.http.busy = false;
            match outcome {
                Outcome::Ready(true) => ctx.handle(process, admitted),
                Outcome::Ready(false) => admitted.promise.set(Response::default_text(403)),
                Outcome::Failed(text) => {
                    admitted.promise.set(Response::internal_server_error(text));
                }
                Outcome::Discarded | Outcome::Abandoned => {
                    admitted.promise.set(Response::default_text(500));
                }
            }
            ctx.next_waiting(process);
        });
    }

    fn handle(&mut self, process: &mut P, admitted: Admitted) {
        match self.http.routes.get(&admitted.route).cloned() {
            Some(route) => {
                let response = (route.handler)(process, admitted.request, self);
                admitted.promise.associate(response);
            }
            None => admitted.promise.set(Response::not_found()),
        }
    }

    fn next_waiting(&mut self, process: &mut P) {
        while !self.http.busy {
            let Some(next) = self.http.waiting.pop_front() else {
                return;
            };
            self.authenticate(process, next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_follows_exactly_the_first_segment() {
        assert_eq!(route_name("/master/state/"), "state");
        assert_eq!(route_name("/master"), "");
        assert_eq!(route_name("/a/b/c"), "b/c");
        // As in Mesos: with two slashes the first segment is not taken off.
        assert_eq!(route_name("//master/state"), "master/state");
    }
}
