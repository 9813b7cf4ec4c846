//! TLS as programs use it: the port, links and the client of HTTP, with certificates made for the test.

mod certificates;
mod connections;
mod downgrade;
mod links;
mod needs_openssl;
mod protocols;
mod settings;
mod support;
