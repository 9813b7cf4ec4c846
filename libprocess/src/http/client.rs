//! A client: kept-alive connections with requests in call order, and one-shot requests.
//!
//! Mirrors `http::Connection` in `3rdparty/libprocess/src/http.cpp`.
