//! TLS as programs use it: the port, links and the clients of HTTP and gRPC, with certificates made for the test.

mod certificates;
mod connections;
mod downgrade;
mod grpc;
mod links;
mod needs_openssl;
mod protocols;
mod settings;
mod support;
